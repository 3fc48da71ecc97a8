//! The registered claims of a token (RFC 7519 section 4.1) and the required ones, held to the
//! issuer's rules. [`super::verify`] asks this before it looks for a key, since it is cheap and
//! spares the issuer requests for tokens that could not pass anyway.
//!
//! Invariant: a claim that is there has its type, whether it is needed or not.

use serde_json::{Map, Value};

use super::refusal::Refusal;
use super::rules::{Required, Rules};
use crate::clock::Timestamp;

/// The longest `jti`, in bytes: it is kept with the token and in the list of revoked ones.
const LONGEST_TOKEN_ID: usize = 256;

/// When a token holds, and which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// `exp`.
    pub expires: Timestamp,
    /// The first moment at which it holds, with the skew.
    pub from: Timestamp,
    /// The first moment at which it holds no more, with the skew.
    pub until: Timestamp,
    /// `jti`.
    pub token_id: Option<String>,
}

/// Holds a token's claims to the rules.
pub fn check(
    claims: &Map<String, Value>,
    rules: &Rules,
    now: Timestamp,
) -> Result<Checked, Refusal> {
    // The issuer's rules were found by it; nothing else may call this with another's.
    if text(claims, "iss")? != Some(&rules.issuer) {
        return Err(Refusal::UnknownIssuer);
    }
    audience(claims, rules)?;
    text(claims, "sub")?;
    let token_id = match text(claims, "jti")? {
        Some(id) if id.is_empty() || id.len() > LONGEST_TOKEN_ID => return Err(Refusal::Claims),
        id => id.map(str::to_owned),
    };
    let skew = micros(rules.skew);
    let expires = time(claims.get("exp"))?.ok_or(Refusal::MissingClaim)?;
    let not_before = time(claims.get("nbf"))?;
    let issued = time(claims.get("iat"))?;
    let starts = [not_before, issued].into_iter().flatten().max().unwrap_or(Timestamp(0));
    let until = Timestamp(expires.0.saturating_add(skew));
    let from = Timestamp(starts.0.saturating_sub(skew));
    if now >= until {
        return Err(Refusal::Expired);
    }
    if now < from {
        return Err(Refusal::NotYet);
    }
    if let Some(longest) = rules.longest_life {
        let issued = issued.ok_or(Refusal::MissingClaim)?;
        if expires.0.saturating_sub(issued.0) > micros(longest) {
            return Err(Refusal::Lifetime);
        }
    }
    for path in &rules.past {
        let passed = time(path.find(claims))?.ok_or(Refusal::MissingClaim)?;
        if passed.0.saturating_sub(skew) > now.0 {
            return Err(Refusal::NotYet);
        }
    }
    rules.required.iter().try_for_each(|required| require(claims, required))?;
    Ok(Checked { expires, from, until, token_id })
}

/// One of the configured audiences must be meant; `aud` is text or a list of texts.
fn audience(claims: &Map<String, Value>, rules: &Rules) -> Result<(), Refusal> {
    let ours = |audience: &str| rules.audiences.iter().any(|ours| ours == audience);
    let meant = match claims.get("aud") {
        None => return Err(Refusal::MissingClaim),
        Some(Value::String(one)) => ours(one),
        Some(Value::Array(list)) => {
            let list: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            list.ok_or(Refusal::Claims)?.into_iter().any(ours)
        }
        Some(_) => return Err(Refusal::Claims),
    };
    if meant { Ok(()) } else { Err(Refusal::Audience) }
}

fn require(claims: &Map<String, Value>, required: &Required) -> Result<(), Refusal> {
    let value = required.claim.find(claims).ok_or(Refusal::MissingClaim)?;
    let fits = |value: &Value| {
        let written = match value {
            Value::String(text) => return required.one_of.contains(text),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return false,
        };
        required.one_of.contains(&written)
    };
    let held = required.one_of.is_empty()
        || match value {
            Value::Array(items) => items.iter().any(fits),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => fits(value),
        };
    if held { Ok(()) } else { Err(Refusal::RequiredClaim) }
}

fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> Result<Option<&'c str>, Refusal> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(Refusal::Claims),
    }
}

/// A NumericDate: seconds since 1970 as a number that may have a fraction (RFC 7519 section 2).
/// What lies beyond the representable counts as its end.
fn time(value: Option<&Value>) -> Result<Option<Timestamp>, Refusal> {
    let Some(value) = value else { return Ok(None) };
    let Value::Number(number) = value else { return Err(Refusal::Claims) };
    if let Some(seconds) = number.as_u64() {
        let micros = seconds.saturating_mul(1_000_000);
        return Ok(Some(Timestamp(i64::try_from(micros).unwrap_or(i64::MAX))));
    }
    match number.as_f64() {
        // The conversion saturates.
        Some(seconds) if seconds >= 0.0 => Ok(Some(Timestamp((seconds * 1e6) as i64))),
        Some(_) | None => Err(Refusal::Claims),
    }
}

fn micros(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{any, proptest};
    use serde_json::json;

    use super::*;
    use crate::policy::identity::token::claim_path::ClaimPath;
    use crate::policy::identity::token::rules::Workspace;

    /// Seconds at which the tests take place.
    const NOW: i64 = 1_800_000_000;

    fn rules() -> Rules {
        Rules::new("corp", "https://id/", "us", Workspace::Fixed("acme".to_owned()))
    }

    fn with(changes: &Value) -> Map<String, Value> {
        let mut claims = json!({"iss": "https://id/", "aud": "us", "exp": NOW + 600});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object().unwrap().clone()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    fn refusal(changes: &Value) -> Option<Refusal> {
        check(&with(changes), &rules(), at(NOW)).err()
    }

    #[test]
    fn a_token_for_us_in_its_time_passes() {
        let checked = check(&with(&json!({"jti": "t1"})), &rules(), at(NOW)).unwrap();
        assert_eq!(checked.expires, at(NOW + 600));
        assert_eq!(checked.until, at(NOW + 660));
        assert_eq!(checked.token_id.as_deref(), Some("t1"));
        for good in [
            json!({"aud": ["them", "us"]}),
            json!({"exp": NOW as f64 + 0.5}),
            json!({"nbf": NOW + 60, "iat": NOW + 60}),
            json!({"exp": u64::MAX}),
            json!({"exp": 1e300}),
        ] {
            assert_eq!(refusal(&good), None, "{good}");
        }
    }

    #[test]
    fn every_claim_has_its_type() {
        for name in ["iss", "sub", "jti"] {
            for wrong in [json!(1), json!(["a"]), json!({}), json!(true), json!(null)] {
                assert_eq!(refusal(&json!({ name: wrong })), Some(Refusal::Claims), "{name}");
            }
        }
        for name in ["exp", "nbf", "iat"] {
            for wrong in [json!("1900000000"), json!([1]), json!(null), json!(true), json!(-1)] {
                assert_eq!(refusal(&json!({ name: wrong })), Some(Refusal::Claims), "{name}");
            }
        }
        for wrong in [json!(1), json!(["us", 1]), json!({"us": 1}), json!(null), json!([["us"]])] {
            assert_eq!(refusal(&json!({ "aud": wrong })), Some(Refusal::Claims));
        }
        assert_eq!(refusal(&json!({"jti": ""})), Some(Refusal::Claims));
        assert_eq!(refusal(&json!({"jti": "a".repeat(257)})), Some(Refusal::Claims));
    }

    #[test]
    fn audience_and_issuer_are_compared_whole() {
        for aud in [json!("them"), json!("us "), json!("US"), json!(""), json!([]), json!(["u"])] {
            assert_eq!(refusal(&json!({ "aud": aud })), Some(Refusal::Audience));
        }
        for iss in ["https://id", "https://ID/", "https://id//", ""] {
            assert_eq!(refusal(&json!({ "iss": iss })), Some(Refusal::UnknownIssuer));
        }
        let mut claims = with(&json!({}));
        claims.remove("aud");
        assert_eq!(check(&claims, &rules(), at(NOW)), Err(Refusal::MissingClaim));
        claims.remove("iss");
        assert_eq!(check(&claims, &rules(), at(NOW)), Err(Refusal::UnknownIssuer));
    }

    #[test]
    fn time_ends_and_begins_with_the_skew() {
        for (changes, expected) in [
            (json!({"exp": NOW - 59}), None),
            (json!({"exp": NOW - 60}), Some(Refusal::Expired)),
            (json!({"exp": 0}), Some(Refusal::Expired)),
            (json!({"nbf": NOW + 60}), None),
            (json!({"nbf": NOW + 61}), Some(Refusal::NotYet)),
            (json!({"iat": NOW + 61}), Some(Refusal::NotYet)),
            (json!({"iat": u64::MAX}), Some(Refusal::NotYet)),
        ] {
            assert_eq!(refusal(&changes), expected, "{changes}");
        }
        let mut claims = with(&json!({}));
        claims.remove("exp");
        assert_eq!(check(&claims, &rules(), at(NOW)), Err(Refusal::MissingClaim));
    }

    #[test]
    fn a_life_may_be_bounded() {
        let mut rules = rules();
        rules.longest_life = Some(Duration::from_secs(3600));
        let check = |changes: &Value| check(&with(changes), &rules, at(NOW)).err();
        assert_eq!(check(&json!({"iat": NOW - 3000})), None);
        assert_eq!(check(&json!({"iat": NOW - 3001})), Some(Refusal::Lifetime));
        assert_eq!(check(&json!({"iat": 0, "exp": u64::MAX})), Some(Refusal::Lifetime));
        assert_eq!(check(&json!({})), Some(Refusal::MissingClaim));
    }

    #[test]
    fn required_claims_have_one_of_their_values_and_past_ones_have_passed() {
        let mut rules = rules();
        let claim = |path: &str| ClaimPath::parse(path).unwrap();
        rules.required = vec![
            Required { claim: claim("email_verified"), one_of: vec!["true".to_owned()] },
            Required { claim: claim("amr"), one_of: vec!["mfa".to_owned(), "otp".to_owned()] },
            Required { claim: claim("any"), one_of: Vec::new() },
        ];
        rules.past = vec![claim("auth_time")];
        let check = |changes: &Value| {
            let mut claims = with(&json!({
                "email_verified": true, "amr": ["pwd", "mfa"], "any": {}, "auth_time": NOW,
            }));
            for (name, value) in changes.as_object().unwrap() {
                claims.insert(name.clone(), value.clone());
            }
            check(&claims, &rules, at(NOW)).err()
        };
        assert_eq!(check(&json!({})), None);
        assert_eq!(check(&json!({"amr": "otp", "email_verified": "true"})), None);
        assert_eq!(check(&json!({"email_verified": false})), Some(Refusal::RequiredClaim));
        assert_eq!(check(&json!({"amr": []})), Some(Refusal::RequiredClaim));
        assert_eq!(check(&json!({"amr": {"mfa": 1}})), Some(Refusal::RequiredClaim));
        assert_eq!(check(&json!({"any": null})), Some(Refusal::MissingClaim));
        assert_eq!(check(&json!({"auth_time": NOW + 61})), Some(Refusal::NotYet));
        assert_eq!(check(&json!({"auth_time": "1"})), Some(Refusal::Claims));
        assert_eq!(check(&json!({"auth_time": null})), Some(Refusal::MissingClaim));
    }

    proptest! {
        #[test]
        fn no_number_overflows(exp in any::<f64>(), nbf in any::<u64>(), now in any::<i64>()) {
            let claims = with(&json!({"exp": exp, "nbf": nbf}));
            let mut rules = rules();
            rules.longest_life = Some(Duration::MAX);
            let passed = check(&claims, &rules, Timestamp(now));
            proptest::prop_assert!(passed.is_err() || now >= 0 || nbf < 60);
        }
    }
}
