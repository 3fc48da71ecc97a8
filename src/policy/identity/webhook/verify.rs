//! Judges a signed webhook: headers, body and the hour in, a verdict out. Identity calls it for
//! the hooks that have secrets.
//!
//! Invariant: each signature is compared with each secret's in constant time, and none is left out
//! because another was right.

use std::time::Duration;

use http::HeaderMap;
use subtle::{Choice, ConstantTimeEq};

use super::headers::Head;
use super::refused::Refused;
use crate::clock::Timestamp;
use crate::wire::webhook::MAX_SECRETS;
use crate::wire::webhook::secret::SigningSecret;

/// How far a sender's clock and ours may differ, either way, where nothing else is said: what the
/// reference libraries of Standard Webhooks take.
pub const DEFAULT_WINDOW: Duration = Duration::from_secs(300);
/// Verifies the requests of one hook.
#[derive(Clone, Debug)]
pub struct Verifier {
    secrets: Vec<SigningSecret>,
    window: Duration,
}

/// A request that was signed by the sender, lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The message's id, the same in every attempt to deliver it: the key of idempotency.
    pub id: String,
    /// When this attempt was signed.
    pub signed_at: Timestamp,
    /// After this it is too old, and need not be remembered.
    pub(super) forget_after: Timestamp,
}

impl Verifier {
    /// A verifier that takes any of these secrets. Without any, it takes nothing; those beyond
    /// [`MAX_SECRETS`] are not looked at.
    pub fn new(mut secrets: Vec<SigningSecret>, window: Duration) -> Self {
        secrets.truncate(MAX_SECRETS);
        Self { secrets, window }
    }

    /// Judges a request whose headers are these. The body is the one that came over the wire,
    /// byte by byte.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Verified, Refused> {
        let (head, forget_after) = self.timely(headers, now)?;
        let mut is_right = Choice::from(0);
        for secret in &self.secrets {
            let tag = secret.sign(head.id, head.timestamp, body);
            for signature in &head.signatures {
                is_right |= tag.as_ref().ct_eq(signature);
            }
        }
        if !bool::from(is_right) {
            return Err(Refused::WrongSignature);
        }
        let signed_at = Timestamp(head.seconds.saturating_mul(1_000_000));
        Ok(Verified { id: head.id.to_owned(), signed_at, forget_after })
    }

    /// Judges what can be judged before the body is there, so that it need not be read for
    /// nothing. Says nothing of the signature.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn check_head(&self, headers: &HeaderMap, now: Timestamp) -> Result<(), Refused> {
        self.timely(headers, now).map(|_| ())
    }

    fn timely<'a>(
        &self,
        headers: &'a HeaderMap,
        now: Timestamp,
    ) -> Result<(Head<'a>, Timestamp), Refused> {
        let head = Head::read(headers)?;
        let signed_at = head.seconds.saturating_mul(1_000_000);
        let window = i64::try_from(self.window.as_micros()).unwrap_or(i64::MAX);
        let forget_after = signed_at.saturating_add(window);
        if forget_after < now.0 {
            return Err(Refused::TooOld);
        }
        if signed_at > now.0.saturating_add(window) {
            return Err(Refused::TooNew);
        }
        Ok((head, Timestamp(forget_after)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::webhook::{ID, SIGNATURE, TIMESTAMP};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    const SECONDS: i64 = 1_674_087_231;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn secret(byte: u8) -> SigningSecret {
        SigningSecret::parse(&format!("whsec_{}", STANDARD.encode([byte; 32]))).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    fn headers(id: &str, timestamp: &str, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [(ID, id), (TIMESTAMP, timestamp), (SIGNATURE, signature)] {
            headers.insert(name, value.parse().unwrap());
        }
        headers
    }

    fn signed(by: &SigningSecret, body: &[u8]) -> HeaderMap {
        let timestamp = SECONDS.to_string();
        let tag = by.sign("msg_1", &timestamp, body);
        headers("msg_1", &timestamp, &format!("v1,{}", STANDARD.encode(tag)))
    }

    fn verifier(secrets: &[u8]) -> Verifier {
        Verifier::new(secrets.iter().map(|byte| secret(*byte)).collect(), DEFAULT_WINDOW)
    }

    #[test]
    fn the_example_of_the_reference_libraries_is_right() {
        // standard-webhooks/libraries: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw.
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let headers = headers(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        );
        let verifier = Verifier::new(vec![secret], DEFAULT_WINDOW);
        let verified = verifier.verify(&headers, BODY, at(1_614_265_330)).unwrap();
        assert_eq!(verified.id, "msg_p5jXN8AQM9LWM0D4loKWxJek");
        assert_eq!(verified.signed_at, at(1_614_265_330));
    }

    #[test]
    fn any_of_several_secrets_and_any_of_several_signatures_will_do() {
        let now = at(SECONDS);
        for by in [1, 2] {
            let headers = signed(&secret(by), BODY);
            assert!(verifier(&[1, 2]).verify(&headers, BODY, now).is_ok());
            assert_eq!(verifier(&[3]).verify(&headers, BODY, now), Err(Refused::WrongSignature));
        }
        let mut both = signed(&secret(1), BODY);
        let old = both.get(SIGNATURE).unwrap().to_str().unwrap().to_owned();
        let wrong = format!("v1,{}", STANDARD.encode([0; 32]));
        both.insert(SIGNATURE, format!("v1a,abc {wrong} {old}").parse().unwrap());
        assert!(verifier(&[1]).verify(&both, BODY, now).is_ok());
        let none = verifier(&[]).verify(&both, BODY, now);
        assert_eq!(none, Err(Refused::WrongSignature));
        let fifth = verifier(&[5, 4, 3, 2, 1]).verify(&both, BODY, now);
        assert_eq!(fifth, Err(Refused::WrongSignature));
    }

    #[test]
    fn the_window_is_as_wide_on_both_sides() {
        let (headers, verifier) = (signed(&secret(1), BODY), verifier(&[1]));
        let verify = |micros: i64| {
            let now = Timestamp(SECONDS * 1_000_000 + micros);
            let checked = verifier.check_head(&headers, now);
            let verified = verifier.verify(&headers, BODY, now).map(|_| ());
            assert_eq!(checked, verified);
            verified
        };
        assert_eq!(verify(300_000_000), Ok(()));
        assert_eq!(verify(300_000_001), Err(Refused::TooOld));
        assert_eq!(verify(-300_000_000), Ok(()));
        assert_eq!(verify(-300_000_001), Err(Refused::TooNew));
    }

    #[test]
    fn what_was_signed_cannot_be_taken_apart_in_another_way() {
        // The content `a.1.2.x` is signed with the id `a`, and would also be that of the id `a.1`.
        let secret = secret(1);
        let tag = secret.sign("a", "1", b"2.x");
        assert_eq!(tag.as_ref(), secret.sign("a.1", "2", b"x").as_ref());
        let signature = format!("v1,{}", STANDARD.encode(tag));
        let verifier = verifier(&[1]);
        assert!(verifier.verify(&headers("a", "1", &signature), b"2.x", at(1)).is_ok());
        let taken_apart = verifier.verify(&headers("a.1", "2", &signature), b"x", at(1));
        assert_eq!(taken_apart, Err(Refused::MalformedId));
    }

    proptest! {
        #[test]
        fn a_change_of_any_byte_is_found(
            body in proptest::collection::vec(any::<u8>(), 1..200), place: usize, flip in 1..=255u8,
        ) {
            let (headers, verifier) = (signed(&secret(1), &body), verifier(&[1]));
            prop_assert!(verifier.verify(&headers, &body, at(SECONDS)).is_ok());
            let mut changed = body.clone();
            changed[place % body.len()] ^= flip;
            let verdict = verifier.verify(&headers, &changed, at(SECONDS));
            prop_assert_eq!(verdict, Err(Refused::WrongSignature));
            for (name, value) in [(ID, "msg_2"), (TIMESTAMP, "1674087232")] {
                let mut headers = headers.clone();
                headers.insert(name, value.parse().unwrap());
                let verdict = verifier.verify(&headers, &body, at(SECONDS));
                prop_assert_eq!(verdict, Err(Refused::WrongSignature));
            }
        }
    }
}
