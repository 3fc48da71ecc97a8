//! Exact decimals with six places: money in micro-dollars, credits in micro-credits. Integers
//! inside, decimal strings outside, so that sums never round.

use std::fmt;
use std::ops::{Add, AddAssign};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A decimal number with six places.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micro(pub i64);

impl Micro {
    /// Reads a decimal such as `12`, `0.0245`, `-1.5` or `2.1e-3`; digits beyond the sixth place
    /// are rounded half up. None for anything else or what does not fit.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() || whole.len() + fraction.len() > 36 {
            return None;
        }
        let mut value: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            value = value * 10 + i128::from(byte.is_ascii_digit().then(|| byte - b'0')?);
        }
        let shift = 6 + exponent - i32::try_from(fraction.len()).ok()?;
        let value = scale(value, shift)?;
        i64::try_from(if negative { -value } else { value }).ok().map(Self)
    }
}

fn scale(value: i128, shift: i32) -> Option<i128> {
    if value == 0 {
        return Some(0);
    }
    if shift >= 0 {
        return value.checked_mul(10_i128.checked_pow(u32::try_from(shift).ok()?)?);
    }
    match 10_i128.checked_pow(shift.unsigned_abs()) {
        Some(divisor) => Some((value + divisor / 2) / divisor),
        None => Some(0),
    }
}

impl Add for Micro {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Micro {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl fmt::Display for Micro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let value = self.0.unsigned_abs();
        let text = format!("{sign}{}.{:06}", value / 1_000_000, value % 1_000_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl fmt::Debug for Micro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Micro {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Micro {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a decimal number"))
    }
}

impl JsonSchema for Micro {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Decimal".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^-?\d+(\.\d{1,6})?$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        for (text, micro, shown) in [
            ("0.0245", 24_500, "0.0245"),
            ("12", 12_000_000, "12"),
            (".5", 500_000, "0.5"),
            ("-1.50", -1_500_000, "-1.5"),
            ("2.1e-3", 2_100, "0.0021"),
            ("0.0000005", 1, "0.000001"),
            ("1E2", 100_000_000, "100"),
            ("0", 0, "0"),
        ] {
            assert_eq!(Micro::parse(text), Some(Micro(micro)), "{text}");
            assert_eq!(Micro(micro).to_string(), shown);
        }
        for wrong in ["", ".", "a", "1.2.3", "1e", "99999999999999999999", "--1", "1e400"] {
            assert_eq!(Micro::parse(wrong), None, "{wrong}");
        }
        let tenth = Micro::parse("0.1").unwrap();
        assert_eq!((0..10).fold(Micro(0), |sum, _| sum + tenth).to_string(), "1");
    }
}
