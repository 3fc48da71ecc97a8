//! Tokens of configured issuers (JWT, RFC 7519, by the advice of RFC 8725): whether one holds,
//! and who its bearer is. [`super::issuer`] calls it, with the issuer's keys in hand.
//!
//! Invariant: pure and synchronous, told the time. The order is form, header, claims, key,
//! signature, bearer: what is cheap refuses first, and nothing is believed before the signature.

pub mod algorithm;
pub mod cache;
pub mod claim_path;
pub mod claims;
pub mod compact;
pub mod header;
pub mod key;
pub mod key_set;
pub mod mapping;
mod provider;
pub mod refusal;
pub mod rules;
mod strict;
pub mod unverified;
pub mod verified;
mod weak;

use std::sync::Arc;

use serde_json::{Map, Value};

pub use self::algorithm::{Algorithm, Algorithms};
pub use self::claim_path::ClaimPath;
pub use self::key_set::KeySet;
pub use self::refusal::Refusal;
pub use self::rules::{Required, Rules, Workspace};
pub use self::unverified::Unverified;
pub use self::verified::{NoRevocations, Revocations, Verified};
use crate::model::principal::Principal;

/// Verifies a token whose claims were [checked](claims::check), and reads its bearer.
pub fn verify(
    token: &Unverified<'_>,
    claims: &Map<String, Value>,
    checked: claims::Checked,
    rules: &Rules,
    keys: &KeySet,
) -> Result<Verified, Refusal> {
    let key = token.check_signature(keys, rules.algorithms)?;
    let bearer = Principal::new(mapping::identity(claims, rules)?);
    Ok(Verified::new(bearer, Arc::clone(&rules.name), checked, key.fingerprint()))
}
