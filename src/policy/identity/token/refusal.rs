//! Why a token is refused: a closed set with one name each, for the log and a metric, and one
//! sentence each, for the caller.
//!
//! Invariant: neither name nor sentence contains anything of the token.

use std::fmt;

use crate::error::{Error, Kind};

macro_rules! refusals {
    ($($(#[$doc:meta])* $refusal:ident = $name:literal $sentence:literal;)*) => {
        /// Why a token is refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Refusal { $($(#[$doc])* $refusal,)* }

        impl Refusal {
            /// Every reason.
            pub const ALL: &'static [Refusal] = &[$(Refusal::$refusal,)*];
            /// Its stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Refusal::$refusal => $name,)* }
            }
            /// What the caller is told.
            pub const fn sentence(self) -> &'static str {
                match self { $(Refusal::$refusal => $sentence,)* }
            }
        }
    };
}

refusals! {
    /// Longer than the gateway reads.
    TooLarge = "too_large" "the token is too large";
    /// Not three parts of base64url with JSON objects in the first two.
    Malformed = "malformed" "the token is not a signed JWT in compact form";
    /// The header has a member twice, or one of a wrong type.
    Header = "header" "the token's header is not valid";
    /// The header names no algorithm that the issuer's settings list.
    Algorithm = "algorithm" "the token's algorithm is not allowed";
    /// `typ` says that it is something else than an access or id token.
    Type = "type" "the token's typ is not that of a JWT";
    /// `crit` or `b64`: extensions that the gateway does not know.
    Critical = "critical" "the token needs an extension that is not supported";
    /// `jku`, `x5u`, `jwk` or `x5c`: the token brings its own key.
    EmbeddedKey = "embedded_key" "the token brings a key of its own";
    /// JWE, or compressed.
    Encrypted = "encrypted" "encrypted or compressed tokens are not supported";
    /// `kid` is empty, too long or not visible text.
    KeyId = "key_id" "the token's kid is not valid";
    /// No configured issuer has this `iss`.
    UnknownIssuer = "unknown_issuer" "the token's issuer is not known here";
    /// The issuer has no usable key of this name.
    UnknownKey = "unknown_key" "the token's key is not among the issuer's";
    /// Several keys of the issuer could be meant.
    AmbiguousKey = "ambiguous_key" "it is not clear by which key the token is signed";
    /// The key is not for this algorithm.
    KeyMismatch = "key_mismatch" "the token's key is not for its algorithm";
    /// The signature does not hold.
    Signature = "signature" "the token's signature does not hold";
    /// A claim is of a wrong type, or there twice.
    Claims = "claims" "a claim of the token is not valid";
    /// A needed claim is missing.
    MissingClaim = "missing_claim" "a claim that is needed is missing";
    /// `aud` names somebody else.
    Audience = "audience" "the token is for another audience";
    /// Its time is over.
    Expired = "expired" "the token has expired";
    /// Its time has not come, or it was issued in the future.
    NotYet = "not_yet" "the token is not valid yet";
    /// It is good for longer than the settings allow.
    Lifetime = "lifetime" "the token is valid for too long";
    /// A required claim has another value.
    RequiredClaim = "required_claim" "a required claim has another value";
    /// The workspace is missing or is no name.
    Workspace = "workspace" "the token names no valid workspace";
    /// It was revoked.
    Revoked = "revoked" "the token has been revoked";
}

impl Refusal {
    /// The reason that stands behind an error, where a token was refused.
    pub fn of(error: &Error) -> Option<Self> {
        std::error::Error::source(error)?.downcast_ref().copied()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::new(Kind::Unauthenticated, refusal.sentence()).caused_by(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own_and_can_be_told_from_the_error() {
        let mut names = std::collections::HashSet::new();
        for refusal in Refusal::ALL.iter().copied() {
            assert!(names.insert(refusal.name()), "{refusal} stands there twice");
            let error = Error::from(refusal);
            assert_eq!(error.kind(), Kind::Unauthenticated);
            assert_eq!(Refusal::of(&error), Some(refusal));
        }
        assert_eq!(Refusal::of(&Error::new(Kind::Internal, "other")), None);
    }
}
