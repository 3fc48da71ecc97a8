//! Wires the audit: who signs the log, the task that draws the tree each second, and what answers
//! auditors. `app` and the commands call it.
//!
//! Invariant: everything that signs for one configuration signs by one key.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Failure, Surrounding, sealing};
use crate::config::Config;
use crate::error::Result;
use crate::gateway::audit::{AuditAdmin, Proves};
use crate::policy::audit::committer::Committer;
use crate::policy::audit::export::Export;
use crate::policy::audit::log::{SigningKey, Verified, verify};
use crate::policy::audit::prove;
use crate::policy::audit::targets::Targets;
use crate::store::Store;
use crate::store::log::Log;
use crate::telemetry::metrics::AuditMetrics;

/// How often the end is tried again where another process is faster: it draws our records too.
const TRIES: usize = 8;

/// What is wrong with the configured key of the log, with its path.
pub(super) fn faults(config: &Config) -> Vec<(String, String)> {
    let fault = configured(config).and_then(std::result::Result::err);
    fault.into_iter().map(|said| ("audit.checkpoint.key".to_owned(), said)).collect()
}

fn configured(config: &Config) -> Option<std::result::Result<SigningKey, String>> {
    let key = SigningKey::parse(config.audit.key.as_ref()?.reveal().trim());
    Some(key.map_err(|error| error.to_string()).and_then(|key| {
        let origin = &config.audit.origin;
        let is_named = key.verifier().name() == origin;
        if is_named { Ok(key) } else { Err(format!("must be a key of the name {origin}")) }
    }))
}

/// The key that signs the log of a configuration.
pub(super) fn signing_key(config: &Config) -> std::result::Result<SigningKey, Failure> {
    if let Some(key) = configured(config) {
        return key.map_err(|said| Failure::Start(format!("audit.checkpoint.key: {said}")));
    }
    let seed = sealing::sealer(config)?.derive("checkpoint");
    SigningKey::from_seed(&config.audit.origin, &seed).map_err(Failure::start)
}

/// What draws the tree of a store.
pub(super) fn committer(
    config: &Config,
    surrounding: &Surrounding,
    store: &Store,
    metrics: &AuditMetrics,
) -> std::result::Result<Committer, Failure> {
    let (log, clock) = (Arc::clone(&store.log), Arc::clone(&surrounding.clock));
    let key = signing_key(config)?;
    Ok(Committer::new(log, clock, &config.audit.origin, key, metrics.clone()))
}

/// What answers auditors.
pub(super) fn admin(config: &Config, store: &Store) -> std::result::Result<AuditAdmin, Failure> {
    let log = Arc::clone(&store.log);
    let verifier = signing_key(config)?.verifier().to_string();
    Ok(AuditAdmin::new(Arc::clone(&log), Arc::new(Proving { log, verifier })))
}

struct Proving {
    log: Arc<dyn Log>,
    verifier: String,
}

#[async_trait]
impl Proves for Proving {
    async fn prove(&self, seq: u64) -> Result<Option<String>> {
        let receipt = prove::receipt(&*self.log, seq).await?;
        Ok(receipt.map(|receipt| receipt.to_string()))
    }

    fn verifier(&self) -> String {
        self.verifier.clone()
    }
}

/// The tree, drawn as long as the gateway serves. Cheap to clone.
#[derive(Clone)]
pub(super) struct Auditing {
    committer: Arc<Committer>,
    targets: Arc<Targets>,
    metrics: AuditMetrics,
}

impl Auditing {
    /// Gets ready to draw.
    pub(super) async fn start(
        config: &Config,
        surrounding: &Surrounding,
        store: &Store,
        metrics: &AuditMetrics,
    ) -> std::result::Result<Self, Failure> {
        let committer = committer(config, surrounding, store, metrics)?;
        let targets = Targets::start(&config.audit.to, &store.log).await.map_err(Failure::start)?;
        let (committer, targets) = (Arc::new(committer), Arc::new(targets));
        Ok(Self { committer, targets, metrics: metrics.clone() })
    }

    /// Draws what is new; whether nothing is left to do.
    pub(super) async fn commit(&self) -> bool {
        match self.committer.commit().await {
            Ok(done) => {
                if let Some(checkpoint) = &done.checkpoint {
                    self.targets.send(checkpoint);
                }
                !done.was_outrun
            }
            Err(error) => {
                self.metrics.tree_failed();
                tracing::error!(?error, "the tree over the audit cannot be drawn now");
                true
            }
        }
    }

    /// Draws what is new, and verifies the whole log as somebody else would: by an export and the
    /// log's key alone.
    pub(super) async fn verified(
        &self,
        config: &Config,
        log: Arc<dyn Log>,
    ) -> std::result::Result<Verified, Failure> {
        self.commit().await;
        let size = log.head().await.map_err(Failure::start)?.size;
        let begun = Export::begin(log, &config.audit.origin, 0, Vec::new()).await;
        let mut export = begun.map_err(Failure::start)?;
        export.go_on(size).await.map_err(Failure::start)?;
        let written = export.finish().map_err(Failure::start)?;
        let keys = [signing_key(config)?.verifier().clone()];
        verify(&written[..], &keys, &[]).map_err(Failure::start)
    }

    /// Draws the last records, and lets the targets have the last checkpoint.
    pub(super) async fn end(&self) {
        for _ in 0..TRIES {
            if self.commit().await {
                break;
            }
        }
        self.targets.end().await;
    }
}
