//! The header of a token (JOSE header, RFC 7515 section 4): which algorithm, which key, and what
//! it must not say. [`super::unverified`] calls it before any cryptography.
//!
//! Invariant: nothing in a header is ever used to find a key but `kid`, and `kid` is only
//! compared.

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::refusal::Refusal;
use super::strict;

/// The longest `kid`, in characters. Providers use thumbprints and UUIDs, below 64.
const LONGEST_KEY_ID: usize = 256;

/// Members by which a token would bring its own key (RFC 7515 sections 4.1.2, 4.1.3, 4.1.5,
/// 4.1.6).
const OWN_KEY: &[&str] = &["jku", "jwk", "x5u", "x5c"];
/// Members that say that more must be understood than is (RFC 7515 section 4.1.11, RFC 7797).
const EXTENSIONS: &[&str] = &["crit", "b64"];
/// Members of encrypted tokens (RFC 7516 section 4.1).
const ENCRYPTION: &[&str] = &["enc", "zip"];
/// What `typ` may be: JWT (RFC 7519 section 5.1), or an access token (RFC 9068 section 2.1).
const TYPES: &[&str] = &["jwt", "application/jwt", "at+jwt", "application/at+jwt"];

/// What the header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// How the token is signed.
    pub algorithm: Algorithm,
    /// The name of the key; none where the token leaves it out.
    pub key_id: Option<String>,
}

impl Header {
    /// Reads and checks it.
    pub fn read(text: &[u8]) -> Result<Self, Refusal> {
        let members = strict::object(text).ok_or(Refusal::Header)?;
        let has = |names: &[&str]| names.iter().any(|name| members.contains_key(*name));
        if has(ENCRYPTION) {
            return Err(Refusal::Encrypted);
        }
        if has(EXTENSIONS) {
            return Err(Refusal::Critical);
        }
        if has(OWN_KEY) {
            return Err(Refusal::EmbeddedKey);
        }
        let algorithm = text_of(&members, "alg")?.ok_or(Refusal::Header)?;
        let algorithm = Algorithm::parse(algorithm).ok_or(Refusal::Algorithm)?;
        if let Some(kind) = text_of(&members, "typ")?
            && !TYPES.iter().any(|known| known.eq_ignore_ascii_case(kind))
        {
            return Err(Refusal::Type);
        }
        let key_id = match members.get("kid") {
            None => None,
            Some(Value::String(id)) if is_key_id(id) => Some(id.clone()),
            Some(_) => return Err(Refusal::KeyId),
        };
        Ok(Self { algorithm, key_id })
    }
}

/// Whether a name can be that of a key: visible ASCII, not too long.
pub fn is_key_id(name: &str) -> bool {
    (1..=LONGEST_KEY_ID).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn text_of<'m>(members: &'m Map<String, Value>, name: &str) -> Result<Option<&'m str>, Refusal> {
    match members.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(Refusal::Header),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_algorithm_and_key() {
        let header = Header::read(br#"{"alg":"ES256","kid":"k1","typ":"JWT","x5t":"a"}"#).unwrap();
        assert_eq!(header.algorithm, Algorithm::ES256);
        assert_eq!(header.key_id.as_deref(), Some("k1"));
        for kind in ["jwt", "at+jwt", "application/AT+JWT"] {
            let text = format!(r#"{{"alg":"EdDSA","typ":"{kind}"}}"#);
            assert_eq!(Header::read(text.as_bytes()).unwrap().key_id, None);
        }
    }

    #[test]
    fn a_header_must_not_say_more() {
        for (text, refusal) in [
            (r#"{"alg":"RS256","jku":"https://a/"}"#, Refusal::EmbeddedKey),
            (r#"{"alg":"RS256","jwk":{}}"#, Refusal::EmbeddedKey),
            (r#"{"alg":"RS256","x5u":null}"#, Refusal::EmbeddedKey),
            (r#"{"alg":"RS256","x5c":[]}"#, Refusal::EmbeddedKey),
            (r#"{"alg":"RS256","crit":["exp"]}"#, Refusal::Critical),
            (r#"{"alg":"RS256","crit":[]}"#, Refusal::Critical),
            (r#"{"alg":"RS256","b64":false}"#, Refusal::Critical),
            (r#"{"alg":"RSA-OAEP","enc":"A128GCM"}"#, Refusal::Encrypted),
            (r#"{"alg":"RS256","zip":"DEF"}"#, Refusal::Encrypted),
            (r#"{"alg":"none"}"#, Refusal::Algorithm),
            (r#"{"alg":"HS256"}"#, Refusal::Algorithm),
            (r#"{"alg":"rs256"}"#, Refusal::Algorithm),
            (r#"{"alg":"RS256","typ":"secevent+jwt"}"#, Refusal::Type),
            (r#"{"alg":"RS256","typ":1}"#, Refusal::Header),
            (r#"{"alg":["RS256"]}"#, Refusal::Header),
            (r#"{"alg":null}"#, Refusal::Header),
            (r#"{}"#, Refusal::Header),
            (r#"{"alg":"RS256","alg":"RS256"}"#, Refusal::Header),
            (r#"[]"#, Refusal::Header),
            (r#"{"alg":"RS256","kid":""}"#, Refusal::KeyId),
            (r#"{"alg":"RS256","kid":null}"#, Refusal::KeyId),
            (r#"{"alg":"RS256","kid":1}"#, Refusal::KeyId),
            (r#"{"alg":"RS256","kid":["a"]}"#, Refusal::KeyId),
            (r#"{"alg":"RS256","kid":"a b"}"#, Refusal::KeyId),
            (r#"{"alg":"RS256","kid":"a\u0000"}"#, Refusal::KeyId),
            (r#"{"alg":"RS256","kid":"é"}"#, Refusal::KeyId),
        ] {
            assert_eq!(Header::read(text.as_bytes()), Err(refusal), "{text}");
        }
        let long = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "a".repeat(LONGEST_KEY_ID + 1));
        assert_eq!(Header::read(long.as_bytes()), Err(Refusal::KeyId));
    }
}
