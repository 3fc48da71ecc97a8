//! Signs a callback: id, second and body in, the three headers of Standard Webhooks out. It is
//! done anew for each try, since the receiver refuses what was signed long ago.
//!
//! Invariant: what comes out is accepted by our own verifier of hooks, which shares its secret and
//! the form of its id with this.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};

use crate::wire::webhook::secret::SigningSecret;
use crate::wire::webhook::{ID, MAX_ID, MAX_SECRETS, SIGNATURE, TIMESTAMP, is_id};

/// Signs callbacks with one secret or, while a secret is changed, with several.
#[derive(Clone)]
pub struct Signer {
    secrets: Vec<SigningSecret>,
}

/// Why nothing is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// There is no secret, or more than [`MAX_SECRETS`].
    #[error("has {0} secrets, not 1 to 4")]
    Secrets(usize),
    /// The id is empty, too long, or has a full stop or what is not visible ASCII.
    #[error("has an id that cannot be signed")]
    Id,
    /// The time is before 1970.
    #[error("has a time before 1970")]
    Time,
}

impl Signer {
    /// A signer with these secrets. Receivers compare the signatures in their order: the newest
    /// secret stands first.
    ///
    /// # Errors
    ///
    /// There is none of them, or there are more than [`MAX_SECRETS`].
    pub fn new(secrets: Vec<SigningSecret>) -> Result<Self, SignError> {
        if secrets.is_empty() || secrets.len() > MAX_SECRETS {
            return Err(SignError::Secrets(secrets.len()));
        }
        Ok(Self { secrets })
    }

    /// The headers for one try. `id` is the message's, the same in every try; `seconds` is now,
    /// since 1970; `body` is what goes over the wire, byte by byte.
    ///
    /// # Errors
    ///
    /// [`SignError::Id`] and [`SignError::Time`].
    pub fn headers(
        &self,
        id: &str,
        seconds: i64,
        body: &[u8],
    ) -> Result<[(HeaderName, HeaderValue); 3], SignError> {
        if !is_id(id) || id.len() > MAX_ID {
            return Err(SignError::Id);
        }
        if seconds < 0 {
            return Err(SignError::Time);
        }
        let timestamp = seconds.to_string();
        let sign = |secret: &SigningSecret| {
            format!("v1,{}", STANDARD.encode(secret.sign(id, &timestamp, body)))
        };
        let signatures = self.secrets.iter().map(sign).collect::<Vec<_>>().join(" ");
        let value = |text: &str| HeaderValue::try_from(text).map_err(|_| SignError::Id);
        Ok([
            (ID, value(id)?),
            (TIMESTAMP, HeaderValue::from(seconds)),
            (SIGNATURE, value(&signatures)?),
        ])
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[signer with {} secrets]", self.secrets.len())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::clock::{Clock, SystemClock};
    use proptest::prelude::*;
    use ring::hmac;
    use serde_json::json;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn signer(secrets: &[&str]) -> Signer {
        let secrets = secrets.iter().map(|text| SigningSecret::parse(text).unwrap());
        Signer::new(secrets.collect()).unwrap()
    }

    fn signature(signer: &Signer, id: &str, seconds: i64, body: &[u8]) -> String {
        let [_, _, (_, value)] = signer.headers(id, seconds, body).unwrap();
        value.to_str().unwrap().to_owned()
    }

    #[test]
    fn the_vector_of_the_reference_libraries_comes_out() {
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signature =
            signature(&signer(&[SECRET]), id, 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn the_three_headers_say_what_was_signed() {
        let headers = signer(&[SECRET]).headers("evt_1", 1_700_000_000, b"{}").unwrap();
        let names = headers.each_ref().map(|(name, _)| name.as_str());
        assert_eq!(names, ["webhook-id", "webhook-timestamp", "webhook-signature"]);
        assert_eq!(headers[0].1, "evt_1");
        assert_eq!(headers[1].1, "1700000000");
    }

    #[test]
    fn each_secret_of_a_rotation_signs_for_itself() {
        let other = format!("whsec_{}", STANDARD.encode([7u8; 64]));
        let one = |secret: &str| signature(&signer(&[secret]), "evt_1", 5, b"body");
        let both = signature(&signer(&[&other, SECRET]), "evt_1", 5, b"body");
        assert_eq!(both, format!("{} {}", one(&other), one(SECRET)));
    }

    #[test]
    fn what_cannot_be_taken_apart_again_is_not_signed() {
        let signer = signer(&[SECRET]);
        let long = "a".repeat(MAX_ID + 1);
        for id in ["", "evt.1", "evt 1", "evt\n1", "evté", &long] {
            assert_eq!(signer.headers(id, 5, b"").unwrap_err(), SignError::Id, "{id}");
        }
        assert_eq!(signer.headers("evt_1", -1, b"").unwrap_err(), SignError::Time);
        assert_eq!(Signer::new(Vec::new()).unwrap_err(), SignError::Secrets(0));
        let many = vec![SigningSecret::parse(SECRET).unwrap(); MAX_SECRETS + 1];
        assert_eq!(Signer::new(many).unwrap_err(), SignError::Secrets(5));
    }

    #[test]
    fn no_secret_is_printed() {
        assert_eq!(format!("{:?}", signer(&[SECRET])), "[signer with 1 secrets]");
    }

    proptest! {
        /// Against ring's own verification, over the content put together by hand.
        #[test]
        fn any_body_is_signed_as_the_specification_says(
            key in proptest::collection::vec(any::<u8>(), 24..=64),
            id in "[!-\\-/-~]{1,40}", seconds in 0..i64::MAX,
            body in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let signer = signer(&[&format!("whsec_{}", STANDARD.encode(&key))]);
            let signature = signature(&signer, &id, seconds, &body);
            let tag = STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
            let mut content = format!("{id}.{seconds}.").into_bytes();
            content.extend_from_slice(&body);
            let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
            prop_assert!(hmac::verify(&key, &content, &tag).is_ok());
        }
    }

    /// Lines for `tests/callbacks/libraries.sh`: every length of a secret, bodies of several kinds,
    /// one secret and two. They are signed now, since the libraries have a window around their now.
    fn lines() -> String {
        let seconds = SystemClock::new().now().0 / 1_000_000;
        let bodies =
            ["{}", r#"{"type":"run.completed","data":{"output":"Grüße, 世界 🚂"}}"#, "[1, 2.50]\n"];
        let mut lines = String::new();
        for length in 24..=64u8 {
            let newer = format!("whsec_{}", STANDARD.encode(vec![length; length.into()]));
            for (place, body) in bodies.iter().enumerate() {
                for secrets in [&[newer.as_str()][..], &[newer.as_str(), SECRET]] {
                    let id = format!("evt_{length}-{place}");
                    let headers = signer(secrets).headers(&id, seconds, body.as_bytes()).unwrap();
                    let headers: serde_json::Map<_, _> = headers
                        .iter()
                        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
                        .collect();
                    for secret in secrets {
                        let line = json!({"secret": secret, "headers": headers, "body": body});
                        lines.push_str(&format!("{line}\n"));
                    }
                }
            }
        }
        lines
    }

    /// What the script ends with where a library cannot be had, which it has then said.
    const SKIPPED: i32 = 77;

    #[test]
    fn the_reference_libraries_accept_what_is_signed() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/callbacks/libraries.sh");
        let mut libraries = Command::new(script).stdin(Stdio::piped()).spawn().unwrap();
        libraries.stdin.take().unwrap().write_all(lines().as_bytes()).unwrap();
        let code = libraries.wait().unwrap().code();
        assert!(matches!(code, Some(0 | SKIPPED)), "{code:?}");
    }
}
