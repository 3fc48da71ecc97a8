//! A token that was read and is not yet believed. [`crate::policy::identity::issuer`] finds by it
//! whose it says it is; [`super::verify`] then finds out whether that is so.
//!
//! Invariant: nothing of it is believed but what [`Unverified::check_signature`] has let pass.

use serde_json::{Map, Value};

use super::algorithm::Algorithms;
use super::compact::Compact;
use super::header::Header;
use super::key::Key;
use super::key_set::KeySet;
use super::refusal::Refusal;
use super::strict;

/// A token whose form is right.
pub struct Unverified<'t> {
    header: Header,
    parts: Compact<'t>,
}

impl<'t> Unverified<'t> {
    /// Reads form and header of a token. No cryptography.
    pub fn read(token: &'t str) -> Result<Self, Refusal> {
        let parts = Compact::read(token)?;
        Ok(Self { header: Header::read(&parts.header)?, parts })
    }

    /// Its header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Its claims, not yet believed.
    pub fn claims(&self) -> Result<Map<String, Value>, Refusal> {
        strict::object(&self.parts.payload).ok_or(Refusal::Claims)
    }

    /// Whether one of `allowed` signed it with the key that its header means; which key that is.
    pub fn check_signature<'k>(
        &self,
        keys: &'k KeySet,
        allowed: Algorithms,
    ) -> Result<&'k Key, Refusal> {
        let algorithm = self.header.algorithm;
        if !allowed.has(algorithm) {
            return Err(Refusal::Algorithm);
        }
        let key = keys.find(&self.header)?;
        let held = key.holds(algorithm, self.parts.signed.as_bytes(), &self.parts.signature);
        if held { Ok(key) } else { Err(Refusal::Signature) }
    }
}

impl std::fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unverified").field("algorithm", &self.header.algorithm).finish()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
    use serde_json::json;

    use super::*;
    use crate::clock::Timestamp;
    use crate::policy::identity::token::mapping::is_workspace;
    use crate::policy::identity::token::{ClaimPath, Rules, Workspace, claims, mapping};

    fn token(header: &[u8], payload: &[u8]) -> String {
        [header, payload, &[1, 2, 3]].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
    }

    /// JSON of any shape, with what the verifier looks for in it more often than chance has it.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            prop_oneof![".{0,8}", "us|acme|https://id/|RS256"].prop_map(Value::from),
            (0_u64..4_000_000_000).prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map("[a-z]{1,4}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(header in any::<Vec<u8>>(), payload in any::<Vec<u8>>()) {
            if let Ok(read) = Unverified::read(&token(&header, &payload)) {
                proptest::prop_assert!(read.claims().is_ok() || !payload.is_empty());
            }
        }

        #[test]
        fn no_claims_make_it_panic_or_give_a_bearer_without_clean_names(
            sub in json(), org in json(), groups in json(), scope in json(), exp in json(),
            iat in json(), aud in prop_oneof![json(), Just(json!("us"))],
        ) {
            let payload = json!({
                "iss": "https://id/", "sub": sub, "org": org, "groups": groups, "scope": scope,
                "exp": exp, "iat": iat, "aud": aud,
            });
            let token = token(br#"{"alg":"RS256"}"#, payload.to_string().as_bytes());
            let read = Unverified::read(&token).unwrap();
            let read = read.claims().unwrap();
            let org = Workspace::Claim(ClaimPath::top("org"));
            let mut rules = Rules::new("corp", "https://id/", "us", org);
            rules.groups = Some(ClaimPath::top("groups"));
            let _any = claims::check(&read, &rules, Timestamp(1_800_000_000_000_000));
            if let Ok(bearer) = mapping::identity(&read, &rules) {
                proptest::prop_assert!(is_workspace(&bearer.workspace));
                let name = bearer.subject.strip_prefix("corp|").unwrap();
                proptest::prop_assert!(!name.is_empty() && !name.contains(char::is_control));
            }
        }
    }
}
