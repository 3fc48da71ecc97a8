//! Keys and tokens of the tests' own making: signed with ring and spelled by hand, so that they
//! share no code with what is tested.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use serde_json::{Value, json};

/// When the tests take place, in seconds since 1970.
pub const NOW: i64 = 1_800_000_000;

/// A private key.
pub struct TestKey {
    /// Its name.
    pub id: String,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl TestKey {
    /// One of the two RSA keys that lie beside the tests.
    pub fn rsa(id: &str, number: usize) -> Self {
        let pem = [
            include_str!("../../jose/rsa-test-key-1.pem"),
            include_str!("../../jose/rsa-test-key-2.pem"),
        ][number - 1];
        let text: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
        let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(text).unwrap()).unwrap();
        Self { id: id.to_owned(), pair: Pair::Rsa(pair) }
    }

    /// A new key on P-256.
    pub fn p256(id: &str) -> Self {
        let pair = ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING);
        Self { id: id.to_owned(), pair: Pair::P256(pair) }
    }

    /// A new key on P-384.
    pub fn p384(id: &str) -> Self {
        let pair = ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING);
        Self { id: id.to_owned(), pair: Pair::P384(pair) }
    }

    /// A new Ed25519 key.
    pub fn ed25519(id: &str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        Self { id: id.to_owned(), pair: Pair::Ed25519(pair) }
    }

    /// The algorithm that it signs with, where nothing else is said.
    pub fn algorithm(&self) -> &'static str {
        match &self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
            Pair::P384(_) => "ES384",
            Pair::Ed25519(_) => "EdDSA",
        }
    }

    /// Its public part, as an issuer publishes it.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "n": spell(&public.n), "e": spell(&public.e)})
            }
            Pair::P256(pair) => point("P-256", pair.public_key().as_ref()),
            Pair::P384(pair) => point("P-384", pair.public_key().as_ref()),
            Pair::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": spell(pair.public_key().as_ref())})
            }
        };
        jwk["kid"] = self.id.clone().into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// A signature over any bytes.
    pub fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let encoding: &dyn signature::RsaEncoding = match algorithm {
                    "RS256" => &signature::RSA_PKCS1_SHA256,
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "PS384" => &signature::RSA_PSS_SHA384,
                    "PS512" => &signature::RSA_PSS_SHA512,
                    other => panic!("RSA does not sign {other}"),
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(encoding, &random, message, &mut signature).unwrap();
                signature
            }
            Pair::P256(pair) | Pair::P384(pair) => {
                pair.sign(&random, message).unwrap().as_ref().to_vec()
            }
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// The header of a usual token of this key.
    pub fn header(&self) -> Value {
        json!({"alg": self.algorithm(), "kid": self.id, "typ": "JWT"})
    }

    /// A token with this header and these claims, signed by what the header's `alg` says, or by
    /// the key's own algorithm where that is none of ours.
    pub fn token(&self, header: &Value, claims: &Value) -> String {
        self.token_of(&header.to_string(), &claims.to_string())
    }

    /// The same, of any two texts.
    pub fn token_of(&self, header: &str, claims: &str) -> String {
        let said: Option<Value> = serde_json::from_str(header).ok();
        let said = said.as_ref().and_then(|header| header["alg"].as_str()).unwrap_or_default();
        let rsa = matches!(self.pair, Pair::Rsa(_));
        let fits = rsa && (said.starts_with("RS") || said.starts_with("PS")) && said.len() == 5;
        let algorithm = if fits { said } else { self.algorithm() };
        let signed = format!("{}.{}", spell(header.as_bytes()), spell(claims.as_bytes()));
        let signature = self.sign(algorithm, signed.as_bytes());
        format!("{signed}.{}", spell(&signature))
    }
}

fn ecdsa(algorithm: &'static signature::EcdsaSigningAlgorithm) -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap()
}

fn point(curve: &str, uncompressed: &[u8]) -> Value {
    let (x, y) = uncompressed[1..].split_at((uncompressed.len() - 1) / 2);
    json!({"kty": "EC", "crv": curve, "x": spell(x), "y": spell(y)})
}

/// Base64url without padding.
pub fn spell(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The claims of a usual token of `issuer` for the audience `us`.
pub fn claims(issuer: &str) -> Value {
    json!({
        "iss": issuer, "aud": "us", "sub": "u1", "org": "acme",
        "iat": NOW - 10, "exp": NOW + 600,
    })
}

/// The same value with some members changed; null takes one away.
pub fn with(value: &Value, changes: &Value) -> Value {
    let mut changed = value.clone();
    for (name, member) in changes.as_object().unwrap() {
        if member.is_null() {
            changed.as_object_mut().unwrap().remove(name);
        } else {
            changed[name] = member.clone();
        }
    }
    changed
}
