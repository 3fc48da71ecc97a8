//! Who is calling: a key, a token of a configured issuer, or a signed webhook. The EDGE layer asks
//! [`Identity`] for each request that needs a caller.
//!
//! Invariant: nobody is somebody by default. What cannot be read, is not known or cannot be asked
//! is refused.

pub mod credential;
pub mod issuer;
pub mod key;
pub mod layer;
pub mod token;
pub mod webhook;

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderMap;

use self::credential::Credential;
use self::issuer::Issuers;
use self::key::KeyRing;
use self::webhook::{Claim, DEFAULT_WINDOW, Seen, SigningSecret, Verifier};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::model::principal::Principal;
use crate::telemetry::metrics::PolicyMetrics;

/// How callers are known.
pub struct Identity {
    /// Keys.
    pub keys: Arc<KeyRing>,
    /// Tokens.
    pub issuers: Issuers,
    /// Signed webhooks, by hook.
    pub hooks: HashMap<String, SignedHook>,
    /// Stands for every hook that is not signed or not there, so that a signed request to one is
    /// refused like any with a wrong signature. Nobody knows its secret.
    pub no_hook: SignedHook,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: PolicyMetrics,
}

/// A hook whose caller signs its requests.
pub struct SignedHook {
    /// Checks a signature.
    pub verifier: Verifier,
    /// What has come already.
    pub seen: Seen,
    /// The caller.
    pub principal: Principal,
}

impl SignedHook {
    /// One that nobody can sign for.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub fn unknown() -> Result<Self, ring::error::Unspecified> {
        let verifier = Verifier::new(vec![SigningSecret::unknown()?], DEFAULT_WINDOW);
        Ok(Self { verifier, seen: Seen::new(1), principal: Principal::anonymous() })
    }
}

impl Identity {
    /// The caller of a credential.
    async fn of(&self, credential: Credential<'_>) -> Result<Principal> {
        match credential {
            Credential::Key(text) => self.of_key(text),
            Credential::Token(text) => self.of_token(text).await,
        }
    }

    fn of_key(&self, text: &str) -> Result<Principal> {
        match self.keys.find(text, self.clock.now()) {
            Ok(found) => {
                self.metrics.identified("key");
                Ok(found.principal.clone())
            }
            Err(refused) => {
                self.metrics.identified(refused.name());
                Err(refused.error())
            }
        }
    }

    async fn of_token(&self, text: &str) -> Result<Principal> {
        if let Some(verified) = self.issuers.cached(text) {
            self.metrics.identified("token");
            return Ok(verified.principal.clone());
        }
        // Refusals are counted by the issuers themselves, who know the reason.
        let verified = self.issuers.verify(text).await?;
        self.metrics.identified("token");
        Ok(verified.principal.clone())
    }

    fn hook(&self, agent: Option<&String>) -> &SignedHook {
        agent.and_then(|agent| self.hooks.get(agent)).unwrap_or(&self.no_hook)
    }

    /// Refuses what need not be read to be refused.
    fn expects(&self, hook: &SignedHook, head: &HeaderMap) -> Result<()> {
        hook.verifier.check_head(head, self.clock.now()).map_err(|refused| {
            self.metrics.identified(refused.name());
            refused.error()
        })
    }

    /// The caller of a signed webhook, and its claim to be the first with this message: kept when
    /// the run is accepted, given back where it is refused, so that the sender may try again. None
    /// where it is an honest second attempt.
    fn of_webhook(
        &self,
        hook: &SignedHook,
        head: &HeaderMap,
        body: &[u8],
    ) -> Result<(Principal, Option<Claim>)> {
        let now = self.clock.now();
        let refused = |refused: webhook::Refused| {
            self.metrics.identified(refused.name());
            refused.error()
        };
        let message = hook.verifier.verify(head, body, now).map_err(refused)?;
        let claim = match hook.seen.claim(&message, now) {
            Ok(claim) => Some(claim),
            // Its sender asks what became of the first attempt: the message's id is the key of
            // its run.
            Err(webhook::Refused::Retried) => None,
            Err(other) => return Err(refused(other)),
        };
        self.metrics.identified("webhook");
        Ok((hook.principal.clone(), claim))
    }
}

/// 401, with a sentence that is the same whether something of the kind exists or not.
fn unauthenticated(said: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Kind::Unauthenticated, said)
}
