//! Treats names and values as queries and forms have them. A pair in which nothing is found stays
//! byte for byte as it came.

use percent_encoding::percent_decode_str;

use super::super::json::JsonTreatment;
use super::super::scan::Failure;

/// Pairs of one query or form; far more than any of these APIs takes.
const PAIRS: usize = 10_000;

/// The pairs, treated.
///
/// # Errors
/// What a rule blocks, or what is no text.
pub(super) fn treat(by: &mut JsonTreatment, pairs: &str) -> Result<String, Failure> {
    let mut out = String::with_capacity(pairs.len());
    for (at, pair) in pairs.split('&').enumerate() {
        if at >= PAIRS {
            return Err(Failure::Exhausted { what: "pairs" });
        }
        if at > 0 {
            out.push('&');
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (plain_name, plain_value) = (decoded(name)?, decoded(value)?);
        let (mut new_name, mut new_value) = (plain_name.clone(), plain_value.clone());
        by.text(&plain_name, &mut new_value)?;
        by.text("", &mut new_name)?;
        if (&new_name, &new_value) == (&plain_name, &plain_value) {
            out.push_str(pair);
            continue;
        }
        out.extend(form_urlencoded::byte_serialize(new_name.as_bytes()));
        out.push('=');
        out.extend(form_urlencoded::byte_serialize(new_value.as_bytes()));
    }
    Ok(out)
}

fn decoded(text: &str) -> Result<String, Failure> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    decoded.map(String::from).map_err(|_| Failure::Unreadable { what: "it is not UTF-8" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::pii::Direction;
    use crate::policy::pii::testing;

    fn treated(action: &str, pairs: &str) -> Result<String, Failure> {
        let plan = testing::plan(action, Direction::ToUpstream);
        treat(&mut JsonTreatment::new(plan, Some(testing::vault())), pairs)
    }

    #[test]
    fn only_pairs_with_findings_change() {
        let pairs = "a=1&mail=jane%40example.com&b=%7E+x&&c";
        assert_eq!(treated("redact", pairs).unwrap(), "a=1&mail=%5BEMAIL%5D&b=%7E+x&&c");
        assert_eq!(treated("redact", "jane@example.com").unwrap(), "%5BEMAIL%5D=");
        assert_eq!(treated("report", pairs).unwrap(), pairs);
        assert!(treated("block", pairs).is_err());
        assert!(treated("redact", "a=%ff").is_err());
    }
}
