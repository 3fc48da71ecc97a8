//! One public key of an issuer, read from its JWK (RFC 7517). [`super::key_set`] holds them;
//! [`super::unverified`] checks signatures with them.
//!
//! Invariant: a key exists only where it is sound, public and for signatures, and it verifies
//! only algorithms of its own family that its `alg` does not rule out.

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{DecodingKey, DecodingKeyKind};
use ring::digest;
use serde_json::Value;

use super::algorithm::{Algorithm, Algorithms, Family};
use super::header::is_key_id;
use super::{provider, weak};

/// What names a key with all that matters of it; equal for equal keys only.
pub type Fingerprint = [u8; 32];

/// A key by which signatures are checked.
#[derive(Clone)]
pub struct Key {
    /// Its name; none where the issuer gives it none.
    pub(super) id: Option<Box<str>>,
    /// What it may verify.
    pub(super) algorithms: Algorithms,
    material: DecodingKey,
}

impl Key {
    /// Reads a JWK; none where the key cannot or must not be used.
    pub fn read(jwk: &Value) -> Option<Self> {
        // A private key that is published is nobody's proof any more; `k` is a shared secret.
        if jwk.get("d").is_some() || jwk.get("k").is_some() {
            return None;
        }
        let jwk = <Jwk as serde::Deserialize>::deserialize(jwk).ok()?;
        if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return None;
        }
        if jwk.common.key_operations.is_some_and(|list| !list.contains(&KeyOperations::Verify)) {
            return None;
        }
        if jwk.common.key_id.as_deref().is_some_and(|id| !is_key_id(id)) {
            return None;
        }
        let (family, material) = material(&jwk.algorithm)?;
        let algorithms = match jwk.common.key_algorithm {
            None => Algorithms::of(family),
            Some(name) => Algorithms::from_iter([named(family, name)?]),
        };
        Some(Self { id: jwk.common.key_id.map(String::into_boxed_str), algorithms, material })
    }

    /// Whether `signature` was made over `message` with this key's private part.
    pub(super) fn holds(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.algorithms.has(algorithm)
            && provider::holds(algorithm.foreign(), &self.material, message, signature)
    }

    /// Whether both are the same numbers, whatever they are called and allowed to do.
    pub(super) fn is_same_material(&self, other: &Self) -> bool {
        self.digest_of_material().as_ref() == other.digest_of_material().as_ref()
    }

    /// What names this key, its name and its algorithms.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(self.digest_of_material().as_ref());
        for algorithm in self.algorithms.iter() {
            context.update(algorithm.name().as_bytes());
        }
        context.update(b".");
        context.update(self.id.as_deref().unwrap_or_default().as_bytes());
        let mut print = [0; 32];
        print.copy_from_slice(context.finish().as_ref());
        print
    }

    fn digest_of_material(&self) -> digest::Digest {
        let mut context = digest::Context::new(&digest::SHA256);
        match self.material.kind() {
            DecodingKeyKind::SecretOrDer(point) => context.update(point),
            DecodingKeyKind::RsaModulusExponent { n, e } => {
                context.update(e);
                context.update(b".");
                context.update(n);
            }
        }
        context.finish()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("algorithms", &self.algorithms).finish()
    }
}

/// The algorithm that a key's `alg` says, where it is one of the family's.
fn named(family: Family, name: KeyAlgorithm) -> Option<Algorithm> {
    let algorithm = Algorithm::parse(&name.to_string())?;
    (algorithm.family() == family).then_some(algorithm)
}

fn material(parameters: &AlgorithmParameters) -> Option<(Family, DecodingKey)> {
    match parameters {
        AlgorithmParameters::RSA(numbers) => {
            let key = DecodingKey::from_rsa_components(&numbers.n, &numbers.e).ok()?;
            let DecodingKeyKind::RsaModulusExponent { n, e } = key.kind() else { return None };
            let (n, e) = (without_zeros(n), without_zeros(e));
            weak::rsa_is_sound(n, e)
                .then(|| (Family::Rsa, DecodingKey::from_rsa_raw_components(n, e)))
        }
        AlgorithmParameters::EllipticCurve(point) => {
            let key = DecodingKey::from_ec_components(&point.x, &point.y).ok()?;
            // Each coordinate has the curve's full length (RFC 7518 section 6.2.1.2), and a byte
            // stands before both.
            let length = key.try_get_as_bytes().ok()?.len();
            match (&point.curve, length, point.x.len() == point.y.len()) {
                (EllipticCurve::P256, 65, true) => Some((Family::P256, key)),
                (EllipticCurve::P384, 97, true) => Some((Family::P384, key)),
                _ => None,
            }
        }
        AlgorithmParameters::OctetKeyPair(point) if point.curve == EllipticCurve::Ed25519 => {
            let key = DecodingKey::from_ed_components(&point.x).ok()?;
            let sound = weak::ed25519_is_sound(key.try_get_as_bytes().ok()?.try_into().ok()?);
            sound.then_some((Family::Ed25519, key))
        }
        AlgorithmParameters::OctetKeyPair(_)
        | AlgorithmParameters::OctetKey(_)
        | AlgorithmParameters::Other(_)
        // What a later version of the crate may add.
        | _ => None,
    }
}

/// Some issuers write numbers with a leading zero byte, which RFC 7518 section 2 forbids and
/// which changes nothing.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn ed(more: &Value) -> Option<Key> {
        let mut jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": X});
        for (name, value) in more.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        Key::read(&jwk)
    }

    #[test]
    fn a_key_says_what_it_is_for_or_may_do_all_that_its_family_can() {
        assert!(ed(&json!({})).unwrap().algorithms.has(Algorithm::EdDSA));
        let named = ed(&json!({"use": "sig", "alg": "EdDSA", "kid": "a", "key_ops": ["verify"]}));
        assert_eq!(named.unwrap().id.as_deref(), Some("a"));
    }

    #[test]
    fn what_is_no_key_for_signatures_is_left_out() {
        for more in [
            json!({"use": "enc"}),
            json!({"use": "other"}),
            json!({"key_ops": ["encrypt"]}),
            json!({"key_ops": []}),
            json!({"use": "sig", "key_ops": ["sign"]}),
            json!({"alg": "ES256"}),
            json!({"alg": "HS256"}),
            json!({"alg": "unknown"}),
            json!({"kty": "oct", "k": "AAAA"}),
            json!({"kty": "unknown"}),
            json!({"crv": "Ed448"}),
            json!({"crv": "P-256"}),
            json!({"x": "AAAA"}),
            json!({"x": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}),
            json!({"x": 1}),
            json!({"d": "AAAA"}),
            json!({"kid": ""}),
            json!({"kid": 1}),
        ] {
            assert!(ed(&more).is_none(), "{more}");
        }
        for other in [json!(null), json!([]), json!("key"), json!({})] {
            assert!(Key::read(&other).is_none(), "{other}");
        }
    }

    #[test]
    fn coordinates_have_the_length_of_their_curve() {
        let full = "A".repeat(43);
        let point = |curve: &str, x: &str, y: &str| {
            Key::read(&json!({"kty": "EC", "crv": curve, "x": x, "y": y}))
        };
        assert!(point("P-256", &full, &full).unwrap().algorithms.has(Algorithm::ES256));
        assert!(point("P-384", &full, &full).is_none());
        assert!(point("P-521", &full, &full).is_none());
        assert!(point("P-256", &full, &"A".repeat(42)).is_none());
        // Together the right length, one too short and one too long.
        assert!(point("P-256", &"A".repeat(42), &"A".repeat(44)).is_none());
    }

    #[test]
    fn a_fingerprint_is_that_of_name_algorithms_and_numbers() {
        let plain = ed(&json!({})).unwrap();
        let named = ed(&json!({"kid": "a"})).unwrap();
        assert_eq!(plain.fingerprint(), ed(&json!({"use": "sig"})).unwrap().fingerprint());
        assert_ne!(plain.fingerprint(), named.fingerprint());
        assert!(plain.is_same_material(&named));
        let other = ed(&json!({"x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"})).unwrap();
        assert!(!plain.is_same_material(&other));
        assert_ne!(plain.fingerprint(), other.fingerprint());
    }

    #[test]
    fn a_key_verifies_by_the_algorithm_that_it_is_for_and_by_no_other_of_its_family() {
        let text = include_str!("../../../../tests/jose/wycheproof_keys.json");
        let groups: Vec<Value> = serde_json::from_str(text).unwrap();
        let group = groups.iter().find(|group| group["comment"] == "rs256").unwrap();
        let token = group["tests"][0]["jws"].as_str().unwrap();
        let parts = super::super::compact::Compact::read(token).unwrap();
        let mut jwk = group["keys"][0].clone();
        let mut holds = |named: &str, algorithm| {
            jwk["alg"] = named.into();
            let key = Key::read(&jwk).unwrap();
            key.holds(algorithm, parts.signed.as_bytes(), &parts.signature)
        };
        assert!(holds("RS256", Algorithm::RS256));
        assert!(!holds("PS256", Algorithm::RS256));
        assert!(!holds("RS256", Algorithm::PS256));
    }
}
