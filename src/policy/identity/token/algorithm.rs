//! The signature algorithms that a token may use. Settings list them, headers name them, keys are
//! bound to them.
//!
//! Invariant: only asymmetric algorithms have a name here, so that no public key can ever serve
//! as the secret of an HMAC, and `none` cannot be said.

use std::fmt;

macro_rules! algorithms {
    ($($(#[$doc:meta])* $algorithm:ident = $name:literal $family:ident;)*) => {
        /// An algorithm by which a token may be signed (RFC 7518 section 3.1, RFC 8037).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Algorithm { $($(#[$doc])* $algorithm,)* }

        impl Algorithm {
            /// Every algorithm.
            pub const ALL: &'static [Algorithm] = &[$(Algorithm::$algorithm,)*];
            /// Its registered name, in its exact case.
            pub const fn name(self) -> &'static str {
                match self { $(Algorithm::$algorithm => $name,)* }
            }
            /// The kind of key that it needs.
            pub const fn family(self) -> Family {
                match self { $(Algorithm::$algorithm => Family::$family,)* }
            }
            /// The same in the terms of the crate that dispatches the cryptography.
            pub(super) const fn foreign(self) -> jsonwebtoken::Algorithm {
                match self { $(Algorithm::$algorithm => jsonwebtoken::Algorithm::$algorithm,)* }
            }
        }
    };
}

algorithms! {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256 = "RS256" Rsa;
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384 = "RS384" Rsa;
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512 = "RS512" Rsa;
    /// RSASSA-PSS with SHA-256.
    PS256 = "PS256" Rsa;
    /// RSASSA-PSS with SHA-384.
    PS384 = "PS384" Rsa;
    /// RSASSA-PSS with SHA-512.
    PS512 = "PS512" Rsa;
    /// ECDSA on P-256 with SHA-256.
    ES256 = "ES256" P256;
    /// ECDSA on P-384 with SHA-384.
    ES384 = "ES384" P384;
    /// Ed25519.
    EdDSA = "EdDSA" Ed25519;
}

/// A kind of key. A key of one family never verifies for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// RSA of 2,048 bits or more.
    Rsa,
    /// The curve P-256.
    P256,
    /// The curve P-384.
    P384,
    /// The curve Ed25519.
    Ed25519,
}

impl Algorithm {
    /// The algorithm of this name, by exact case (RFC 7515 section 4.1.1).
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of algorithms.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Algorithms(u16);

impl Algorithms {
    /// Whether `algorithm` is in it.
    pub const fn has(self, algorithm: Algorithm) -> bool {
        self.0 & (1 << algorithm as u16) != 0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in either.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The algorithms in it, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.iter().copied().filter(move |algorithm| self.has(*algorithm))
    }

    /// All that a key of this family can do.
    pub fn of(family: Family) -> Self {
        Algorithm::ALL.iter().copied().filter(|algorithm| algorithm.family() == family).collect()
    }
}

impl FromIterator<Algorithm> for Algorithms {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        Self(algorithms.into_iter().fold(0, |set, algorithm| set | 1 << algorithm as u16))
    }
}

impl fmt::Debug for Algorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Algorithm::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_algorithm_is_read_by_its_exact_name_and_no_symmetric_one_has_a_name() {
        for algorithm in Algorithm::ALL.iter().copied() {
            assert_eq!(Algorithm::parse(algorithm.name()), Some(algorithm));
            assert_eq!(Algorithm::parse(&algorithm.name().to_lowercase()), None);
        }
        for name in ["none", "None", "nOnE", "HS256", "HS384", "HS512", "ES512", "ES256K", ""] {
            assert_eq!(Algorithm::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_set_holds_what_was_put_into_it() {
        let rsa = Algorithms::of(Family::Rsa);
        assert_eq!(rsa.iter().count(), 6);
        assert!(rsa.has(Algorithm::PS512) && !rsa.has(Algorithm::ES256));
        let both = rsa.with(Algorithms::of(Family::Ed25519));
        assert!(both.has(Algorithm::EdDSA) && both.has(Algorithm::RS256));
        assert!(Algorithms::default().is_empty() && !both.is_empty());
    }
}
