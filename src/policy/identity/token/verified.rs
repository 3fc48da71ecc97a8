//! A token that holds, and what is kept of it.
//!
//! Invariant: the token's own text is not in it.

use std::sync::Arc;

use super::claims::Checked;
use super::key::Fingerprint;
use crate::clock::Timestamp;
use crate::model::principal::Principal;

/// A token that holds.
#[derive(Clone)]
pub struct Verified {
    /// Its bearer.
    pub principal: Principal,
    /// The name of the issuer in the configuration.
    pub issuer: Arc<str>,
    /// `jti`, by which it may be revoked.
    pub token_id: Option<String>,
    /// `exp`. A stream that runs longer than its token is the caller's to end.
    pub expires: Timestamp,
    from: Timestamp,
    until: Timestamp,
    key: Fingerprint,
}

impl Verified {
    pub(super) fn new(
        principal: Principal,
        issuer: Arc<str>,
        checked: Checked,
        key: Fingerprint,
    ) -> Self {
        let Checked { expires, from, until, token_id } = checked;
        Self { principal, issuer, token_id, expires, from, until, key }
    }

    /// Whether its time has come and not gone.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// The key that it was verified by.
    pub fn key(&self) -> &Fingerprint {
        &self.key
    }

    /// About how many bytes it takes, so that a cache of them is bounded.
    pub(super) fn size(&self) -> usize {
        let groups: usize = self.principal.groups.iter().map(|group| group.len() + 24).sum();
        let names = self.principal.name.len() + self.principal.subject.len();
        groups
            + names
            + self.principal.workspace.len()
            + self.token_id.as_ref().map_or(0, String::len)
    }
}

/// Says whose token it is only by the issuer: the bearer's names are personal.
impl std::fmt::Debug for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Verified");
        shown.field("issuer", &self.issuer).field("expires", &self.expires).finish()
    }
}

/// Which tokens were revoked. The store's side of it keeps the list; it is asked for every use of
/// a token, so it must answer from memory.
pub trait Revocations: Send + Sync + 'static {
    /// Whether the token with this `jti` of the issuer of this configured name was revoked.
    fn is_revoked(&self, issuer: &str, token_id: &str) -> bool;

    /// Whether this one was. Without a `jti` a token cannot be.
    fn has(&self, verified: &Verified) -> bool {
        verified.token_id.as_deref().is_some_and(|id| self.is_revoked(&verified.issuer, id))
    }
}

/// No token was revoked.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRevocations;

impl Revocations for NoRevocations {
    fn is_revoked(&self, _: &str, _: &str) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_within_its_time_also_when_the_clock_goes_back() {
        let checked = Checked {
            expires: Timestamp(90),
            from: Timestamp(10),
            until: Timestamp(100),
            token_id: None,
        };
        let verified = Verified::new(Principal::anonymous(), "corp".into(), checked, [0; 32]);
        let held: Vec<bool> =
            [9, 10, 99, 100].map(|at| verified.holds_at(Timestamp(at))).into_iter().collect();
        assert_eq!(held, [false, true, true, false]);
        assert!(!NoRevocations.has(&verified));
    }
}
