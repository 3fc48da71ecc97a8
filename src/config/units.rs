//! Durations (`250ms`, `25s`, `5m`, `1h`) and sizes (`64KiB`, `8MiB`, plain bytes), read and
//! written. The reader and the descriptions of the keys call it.
//!
//! Invariant: what is written reads back as the same value.

use std::time::Duration;

/// How a duration is written.
pub(super) const DURATION_FORM: &str = "a whole number with `ms`, `s`, `m` or `h`, like `25s`";
/// How a size is written.
pub(super) const BYTES_FORM: &str = "a whole number of bytes, or with `KiB`, `MiB` or `GiB`";

/// 1024 bytes.
pub(super) const KIB: usize = 1024;
/// 1024 KiB.
pub(super) const MIB: usize = 1024 * KIB;
/// 1024 MiB.
pub(super) const GIB: usize = 1024 * MIB;

/// Units in milliseconds, the largest first.
const DURATION_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
/// Units in bytes, the largest first.
const BYTES_UNITS: [(&str, usize); 3] = [("GiB", GIB), ("MiB", MIB), ("KiB", KIB)];

/// Reads a duration.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, size) = DURATION_UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*size).map(Duration::from_millis)
}

/// Writes a duration in the largest unit that holds it whole.
pub(super) fn show_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let fits = |(_, size): &&(&str, u64)| millis != 0 && millis.is_multiple_of(*size);
    let (unit, size) = DURATION_UNITS.iter().find(fits).unwrap_or(&("ms", 1));
    format!("{}{unit}", millis / size)
}

/// Reads a size.
pub(super) fn bytes(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let size = match unit {
        "" => 1,
        _ => BYTES_UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    number.parse::<usize>().ok()?.checked_mul(size)
}

/// Writes a size in the largest unit that holds it whole.
pub(super) fn show_bytes(bytes: usize) -> String {
    let fits = |(_, size): &&(&str, usize)| bytes != 0 && bytes.is_multiple_of(*size);
    let (unit, size) = BYTES_UNITS.iter().find(fits).unwrap_or(&("", 1));
    format!("{}{unit}", bytes / size)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("25s"), Some(Duration::from_secs(25)));
        assert_eq!(duration("5m"), Some(Duration::from_secs(300)));
        assert_eq!(duration("1h"), Some(Duration::from_secs(3600)));
        for wrong in ["25", "s", "", "1.5s", "-1s", "1 s", "1d", "99999999999999999999h"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_may_have_a_unit() {
        assert_eq!(bytes("8MiB"), Some(8 * MIB));
        assert_eq!(bytes("64KiB"), Some(64 * KIB));
        assert_eq!(bytes("512"), Some(512));
        for wrong in ["", "MiB", "8MB", "8 MiB", "1.5KiB", "99999999999999999999GiB"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(millis in any::<u32>(), size in any::<u32>()) {
            let time = Duration::from_millis(u64::from(millis));
            prop_assert_eq!(duration(&show_duration(time)), Some(time));
            prop_assert_eq!(bytes(&show_bytes(size as usize)), Some(size as usize));
        }
    }
}
