//! Tokens that were revoked before they expired. The ring fills it from the store; whoever checks
//! tokens asks it through the ring.
//!
//! Invariant: a revoked token is known at least until [`crate::store::REVOKED_FOR`] after it has expired.

use std::collections::HashMap;

use parking_lot::RwLock;

use crate::clock::Timestamp;
use crate::store::{RevokedToken, forgotten};

/// Tokens by their `jti`, with their expiry, within their issuers.
type Issuers = HashMap<Box<str>, HashMap<Box<str>, Timestamp>>;

/// Revoked tokens. Some 100 bytes each, until they have expired.
#[derive(Default)]
pub(super) struct RevokedTokens(RwLock<Issuers>);

impl RevokedTokens {
    pub(super) fn holds(&self, issuer: &str, token_id: &str) -> bool {
        self.0.read().get(issuer).is_some_and(|tokens| tokens.contains_key(token_id))
    }

    pub(super) fn add(&self, token: RevokedToken) {
        let mut issuers = self.0.write();
        let tokens = issuers.entry(token.issuer.into()).or_default();
        let expires_at = tokens.entry(token.token_id.into()).or_insert(token.expires_at);
        *expires_at = token.expires_at.max(*expires_at);
    }

    /// Forgets those that nobody accepts any more. They are looked for while others read, and
    /// taken out one at a time.
    pub(super) fn sweep(&self, now: Timestamp) {
        let is_over = |expires_at: &Timestamp| *expires_at <= forgotten(now);
        let over: Vec<(Box<str>, Box<str>)> = {
            let issuers = self.0.read();
            let all = issuers.iter().flat_map(|(issuer, tokens)| {
                tokens.iter().map(move |(token, expires_at)| (issuer, token, expires_at))
            });
            let over = all.filter(|(.., expires_at)| is_over(expires_at));
            over.map(|(issuer, token, _)| (issuer.clone(), token.clone())).collect()
        };
        for (issuer, token) in over {
            let mut issuers = self.0.write();
            if let Some(tokens) = issuers.get_mut(&issuer)
                && tokens.get(&token).is_some_and(is_over)
            {
                tokens.remove(&token);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.read().values().map(HashMap::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(issuer: &str, token_id: &str, seconds: i64) -> RevokedToken {
        let expires_at = Timestamp(seconds * 1_000_000);
        RevokedToken { issuer: issuer.to_owned(), token_id: token_id.to_owned(), expires_at }
    }

    #[test]
    fn a_token_is_revoked_for_its_own_issuer_only() {
        let tokens = RevokedTokens::default();
        tokens.add(token("corp", "a", 100));
        assert!(tokens.holds("corp", "a"));
        assert!(!tokens.holds("other", "a") && !tokens.holds("corp", "b"));
    }

    #[test]
    fn tokens_are_forgotten_some_time_after_they_have_expired() {
        let tokens = RevokedTokens::default();
        tokens.add(token("corp", "early", 100));
        tokens.add(token("corp", "late", 101));
        tokens.add(token("corp", "late", 50));
        tokens.sweep(Timestamp(700_000_000 - 1));
        assert_eq!(tokens.len(), 2);
        tokens.sweep(Timestamp(700_000_000));
        assert!(!tokens.holds("corp", "early") && tokens.holds("corp", "late"));
    }
}
