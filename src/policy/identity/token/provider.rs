//! The cryptography behind `jsonwebtoken`, over ring, which TLS brings anyway. [`super::key`]
//! asks it to check a signature.
//!
//! Invariant: it verifies and never signs, and it knows no symmetric algorithm. It is used
//! directly and not through the crate's process-wide setting, so that nothing else in the process
//! can put another in its place.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::Verifier;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind};
use ring::signature;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: verifier,
    // Only for what signs or thumbprints, which the gateway does not.
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(unsupported()),
        rsa_pub_components_from_public_key: |_| Err(unsupported()),
        ec_pub_components_from_private_key: |_, _| Err(unsupported()),
        ed_pub_components_from_private_key: |_, _| Err(unsupported()),
        compute_digest: |_, _| Err(unsupported()),
    },
};

/// Whether `signature` was made over `message` with the private part of `key`.
pub(super) fn holds(
    algorithm: Algorithm,
    key: &DecodingKey,
    message: &[u8],
    signature: &[u8],
) -> bool {
    // The trait of the crate wants a vector.
    let signature = signature.to_vec();
    (PROVIDER.verifier_factory)(&algorithm, key)
        .is_ok_and(|verifier| verifier.verify(message, &signature).is_ok())
}

fn unsupported() -> Error {
    ErrorKind::UnsupportedAlgorithm.into()
}

/// How ring checks one algorithm.
enum Check {
    Rsa(&'static signature::RsaParameters),
    Other(&'static dyn signature::VerificationAlgorithm),
}

struct RingVerifier {
    algorithm: Algorithm,
    check: Check,
    key: DecodingKey,
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let (family, check) = match algorithm {
        Algorithm::RS256 => {
            (AlgorithmFamily::Rsa, Check::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256))
        }
        Algorithm::RS384 => {
            (AlgorithmFamily::Rsa, Check::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384))
        }
        Algorithm::RS512 => {
            (AlgorithmFamily::Rsa, Check::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512))
        }
        Algorithm::PS256 => {
            (AlgorithmFamily::Rsa, Check::Rsa(&signature::RSA_PSS_2048_8192_SHA256))
        }
        Algorithm::PS384 => {
            (AlgorithmFamily::Rsa, Check::Rsa(&signature::RSA_PSS_2048_8192_SHA384))
        }
        Algorithm::PS512 => {
            (AlgorithmFamily::Rsa, Check::Rsa(&signature::RSA_PSS_2048_8192_SHA512))
        }
        Algorithm::ES256 => {
            (AlgorithmFamily::Ec, Check::Other(&signature::ECDSA_P256_SHA256_FIXED))
        }
        Algorithm::ES384 => {
            (AlgorithmFamily::Ec, Check::Other(&signature::ECDSA_P384_SHA384_FIXED))
        }
        Algorithm::EdDSA => (AlgorithmFamily::Ed, Check::Other(&signature::ED25519)),
        // Symmetric ones, and what a later version of the crate may add.
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 | _ => return Err(unsupported()),
    };
    if key.family() != family {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    Ok(Box::new(RingVerifier { algorithm: *algorithm, check, key: key.clone() }))
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(
        &self,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> Result<(), jsonwebtoken::signature::Error> {
        let checked = match (&self.check, self.key.kind()) {
            (Check::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                signature::RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            (Check::Other(algorithm), DecodingKeyKind::SecretOrDer(point)) => {
                signature::UnparsedPublicKey::new(*algorithm, point).verify(message, signature)
            }
            (Check::Rsa(_), DecodingKeyKind::SecretOrDer(_))
            | (Check::Other(_), DecodingKeyKind::RsaModulusExponent { .. }) => {
                Err(ring::error::Unspecified)
            }
        };
        checked.map_err(|_| jsonwebtoken::signature::Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symmetric_algorithm_is_refused_whatever_the_key() {
        for key in [DecodingKey::from_secret(b"secret"), DecodingKey::from_ed_der(&[1; 32])] {
            for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                assert!(verifier(&algorithm, &key).is_err());
                assert!(!holds(algorithm, &key, b"message", b"signature"));
            }
        }
    }

    #[test]
    fn a_key_of_another_family_is_refused() {
        let rsa = DecodingKey::from_rsa_raw_components(&[0xff; 256], &[1, 0, 1]);
        let ed = DecodingKey::from_ed_der(&[1; 32]);
        assert!(verifier(&Algorithm::ES256, &rsa).is_err());
        assert!(verifier(&Algorithm::RS256, &ed).is_err());
        assert!(verifier(&Algorithm::PS512, &rsa).is_ok());
    }
}
