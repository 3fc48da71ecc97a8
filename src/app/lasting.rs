//! What outlives the versions of a configuration: the store, the keys of callers, what records,
//! what is remembered of runs, and the tasks that look after them.
//!
//! Invariant: what stands here is made of settings that [`super::reload`] refuses to change.

use std::sync::Arc;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use tokio_util::sync::CancellationToken;

use super::auditing::Auditing;
use super::{Failure, Surrounding, guard, policies, sealing};
use crate::config::Config;
use crate::error::Result as Outcome;
use crate::gateway::memory::Memory;
use crate::http::edge::drain::Drain;
use crate::model::scribe::Scribe;
use crate::outbound::pause::Pauses;
use crate::policy::audit::recorder::Recorder;
use crate::policy::identity::key::{Backing, KeyRing};
use crate::store::health::Health;
use crate::store::seal::Sealer;
use crate::store::{self, Store};
use crate::tasks::Tasks;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::traces::Traces;

/// How long the tasks get to end.
const GOODBYE: Duration = Duration::from_secs(2);

/// What outlives the versions of a configuration.
pub(super) struct Lasting {
    pub(super) surrounding: Surrounding,
    pub(super) metrics: Arc<Metrics>,
    /// Where runs are driven, and what settles them.
    pub(super) tasks: Tasks,
    pub(super) store: Store,
    pub(super) sealer: Sealer,
    pub(super) keyring: Arc<KeyRing>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) memory: Memory,
    pub(super) pauses: Pauses,
    pub(super) drain: Drain,
    /// What hashes and tokens are made with where no key is configured.
    pub(super) pii_key: [u8; 32],
    pub(super) upkeep: Upkeep,
}

/// The tasks that go on and on, ended last.
#[derive(Clone)]
pub(super) struct Upkeep {
    pub(super) tasks: Tasks,
    stop: CancellationToken,
}

impl Lasting {
    /// Opens the store of a configuration, and reads its keys.
    pub(super) async fn open(config: &Config, surrounding: Surrounding) -> Result<Self, Failure> {
        let Surrounding { clock, ids, store } = surrounding.clone();
        let metrics = Arc::new(Metrics::new(clock.now()).map_err(Failure::start)?);
        let upkeep = Upkeep { tasks: Tasks::default(), stop: CancellationToken::new() };
        let sealer = sealing::sealer(config)?;
        let (url, told) = (config.store.url.reveal(), metrics.store().clone());
        let store = match store {
            Some(open) => open,
            None => store::open_measured(url, Arc::clone(&clock), &upkeep.tasks, told)
                .await
                .map_err(Failure::start)?,
        };
        let recorder = Recorder::new(
            Arc::clone(&store.log),
            Scribe::new(Arc::clone(&clock), ids),
            Health::new(metrics.audit().clone(), Arc::clone(&clock)),
        );
        let hasher = policies::hasher(config).map_err(guard::wrong)?;
        let backing = Backing::Store { stale: config.identity.stale };
        let keyring = Arc::new(KeyRing::new(hasher, Arc::clone(&clock), backing));
        keyring.refresh(&*store.keys).await.map_err(Failure::start)?;
        let mut pii_key = [0; 32];
        let filled = SystemRandom::new().fill(&mut pii_key);
        filled.map_err(|_| Failure::start("the machine gives no random bytes"))?;
        Ok(Self {
            sealer,
            memory: Memory::new(&config.runs),
            pauses: Pauses::new(clock),
            surrounding,
            metrics,
            tasks: Tasks::default(),
            store,
            keyring,
            recorder: Arc::new(recorder),
            drain: Drain::default(),
            pii_key,
            upkeep,
        })
    }

    /// Reads the keys of the store now.
    pub(super) async fn refresh_keys(&self) -> Outcome<()> {
        self.keyring.refresh(&*self.store.keys).await.map(drop)
    }

    /// Ends the tasks, has the tree of the audit drawn a last time, and lets go of the store.
    pub(super) async fn end(&self, auditing: Option<&Auditing>) {
        self.upkeep.stop.cancel();
        self.recorder.flush(true).await;
        if let Some(auditing) = auditing {
            auditing.end().await;
        }
        self.store.close().await;
        let tasks = &self.upkeep.tasks;
        if !tasks.drained(GOODBYE).await {
            tracing::warn!(tasks = tasks.len(), "upkeep did not end in time");
        }
    }
}

impl Upkeep {
    /// Has traces sent, to the end.
    pub(super) fn send(&self, traces: Traces, metrics: Arc<Metrics>) {
        self.tasks.spawn("traces", traces.send(metrics, self.stop.clone()));
    }

    /// Does something again and again until the end.
    pub(super) fn every<F: Future<Output = ()> + Send>(
        &self,
        name: &'static str,
        period: Duration,
        mut work: impl FnMut() -> F + Send + 'static,
    ) {
        let stop = self.stop.clone();
        self.tasks.spawn(name, async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(period) => {}
                }
                work().await;
            }
        });
    }
}
