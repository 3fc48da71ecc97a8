//! Starts the policy engines and keeps them in step: keys are read anew several times a second,
//! policies when their files change, counters are swept, overdue reservations charged.
//!
//! Invariant: the tasks started here end when they are told to, and hold up no drain.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::auditing::Auditing;
use super::{Failure, Surrounding, policies, storekeeping};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::error::Result;
use crate::gateway::Gateway;
use crate::gateway::keys::{KeyAdmin, Mint, NewKey};
use crate::model::key::{Key, KeySecret};
use crate::model::scribe::Scribe;
use crate::policy::access::judge::Decider;
use crate::policy::access::{Access, Reload};
use crate::policy::audit::recorder::Recorder;
use crate::policy::budget::Budgets;
use crate::policy::identity::issuer::{self, HttpFetch, Issuers};
use crate::policy::identity::key::{
    Backing, Foreign, HashText, Hasher, KeyRequest, KeyRing, new_key, register, rotate,
};
use crate::policy::identity::token::{Refusal, Revocations};
use crate::policy::identity::{Identity, SignedHook};
use crate::policy::limits::{Absence, Limits, Watch, Why};
use crate::store::health::Health;
use crate::store::{self, Store};
use crate::tasks::Tasks;
use crate::telemetry::metrics::{Metrics, PolicyMetrics};

/// A revoked key must be refused within a second on every node; the store answers in
/// milliseconds.
const KEYS_EVERY: Duration = Duration::from_millis(250);
/// A policy that was just written should be tried at once.
const POLICIES_EVERY: Duration = Duration::from_secs(1);
/// Counters that are full again are only memory.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// Overdue reservations are rare: a process has died.
const TEND_EVERY: Duration = Duration::from_secs(60);
/// A run whose process is gone is closed soon, and a cancel from another node is heard soon.
const LIVES_EVERY: Duration = Duration::from_millis(500);
/// What is old is forgotten in small parts, and often enough to keep the store within its bound.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// A callback is sent as soon as its run has ended.
const CALLBACKS_EVERY: Duration = Duration::from_millis(250);
/// Records of reads wait in memory for no longer.
const RECORDS_EVERY: Duration = Duration::from_millis(200);
/// A record is under a checkpoint a second later at most.
const TREE_EVERY: Duration = Duration::from_secs(1);
/// Verified tokens that are kept.
const TOKENS: u64 = 100_000;
/// How long the tasks get to end.
const GOODBYE: Duration = Duration::from_secs(2);

/// The engines, at work.
pub(super) struct Guard {
    pub(super) identity: Arc<Identity>,
    pub(super) keyring: Arc<KeyRing>,
    pub(super) access: Arc<Access>,
    pub(super) judge: Arc<Decider>,
    pub(super) limits: Arc<Limits>,
    pub(super) budgets: Arc<Budgets>,
    pub(super) keys: KeyAdmin,
    pub(super) recorder: Arc<Recorder>,
    upkeep: Upkeep,
}

/// What ends last.
pub(super) struct Upkeep {
    store: Store,
    recorder: Arc<Recorder>,
    tasks: Tasks,
    stop: CancellationToken,
    /// What draws the tree of the audit a last time.
    audit: Option<Auditing>,
}

impl Guard {
    /// Starts the engines; `tasks` is where runs are driven, and what settles them.
    pub(super) async fn start(
        config: &Config,
        surrounding: &Surrounding,
        metrics: &Metrics,
        tasks: &Tasks,
    ) -> Result<Self, Failure> {
        let Surrounding { clock, ids } = surrounding;
        let upkeep = Tasks::default();
        let store = open_store(config, surrounding, &upkeep).await?;
        let recorder = Recorder::new(
            Arc::clone(&store.log),
            Scribe::new(Arc::clone(clock), Arc::clone(ids)),
            Health::new(metrics.audit().clone()),
        );
        let (metrics, recorder) = (metrics.policy(), Arc::new(recorder));
        let hasher = policies::hasher(config).map_err(wrong)?;
        let backing = Backing::Store { stale: config.identity.stale };
        let keyring = Arc::new(KeyRing::new(hasher, Arc::clone(clock), backing));
        let configured = policies::keys(config).map_err(all_wrong)?;
        keyring.configure(configured).map_err(Failure::start)?;
        keyring.refresh(&*store.keys).await.map_err(Failure::start)?;
        let issuers = policies::issuers(config).map_err(all_wrong)?;
        let observer = Arc::new(Observed(metrics.clone()));
        let issuers = Issuers::new(
            issuers,
            issuer::Surroundings {
                fetch: Arc::new(HttpFetch::new().map_err(Failure::start)?),
                clock: Arc::clone(clock),
                tasks: upkeep.clone(),
                revocations: Arc::new(Revoked(Arc::clone(&keyring))),
                observer: observer.clone(),
                capacity: TOKENS,
            },
        );
        let identity = Identity {
            keys: Arc::clone(&keyring),
            issuers: issuers.map_err(Failure::start)?,
            hooks: policies::hooks(config).map_err(all_wrong)?,
            no_hook: SignedHook::unknown().map_err(Failure::start)?,
            clock: Arc::clone(clock),
            metrics: metrics.clone(),
        };
        let access = Arc::new(policies::access(config).map_err(all_wrong)?);
        let rules = policies::limit_rules(config);
        let limits = match policies::shared_counters(config) {
            None => Limits::local(rules, clock, observer),
            Some(settings) => Limits::shared(rules, settings, clock, &**ids, &upkeep, observer),
        };
        let budgets = Budgets::new(
            policies::budget_rules(config),
            Arc::clone(&store.ledger),
            Arc::clone(clock),
            Arc::clone(ids),
            tasks.clone(),
        );
        let guard = Self {
            identity: Arc::new(identity),
            judge: Arc::new(Decider { access: Arc::clone(&access), metrics: metrics.clone() }),
            keys: key_admin(config, surrounding, &store)?,
            keyring,
            access,
            limits: Arc::new(limits.map_err(Failure::start)?),
            budgets: Arc::new(budgets),
            upkeep: Upkeep {
                store,
                recorder: Arc::clone(&recorder),
                tasks: upkeep,
                stop: CancellationToken::new(),
                audit: None,
            },
            recorder,
        };
        guard.keep_up();
        Ok(guard)
    }

    /// The store.
    pub(super) fn store(&self) -> &Store {
        &self.upkeep.store
    }

    /// Has the gateway look after its own life and those of others.
    pub(super) fn look_after(&self, gateway: &Gateway) {
        let tended = gateway.clone();
        self.upkeep.every("lives", LIVES_EVERY, move || {
            let gateway = tended.clone();
            async move { gateway.tend().await }
        });
        let gateway = gateway.clone();
        self.upkeep.every("callbacks", CALLBACKS_EVERY, move || {
            let gateway = gateway.clone();
            async move { gateway.deliver().await }
        });
    }

    /// Has what is older than the configuration says forgotten.
    pub(super) fn forget_old(&self, config: &Config, surrounding: &Surrounding) {
        let (config, store) = (Arc::new(config.clone()), self.upkeep.store.clone());
        let clock = Arc::clone(&surrounding.clock);
        self.upkeep.every("retention", FORGET_EVERY, move || {
            let (config, store, now) = (Arc::clone(&config), store.clone(), clock.now());
            async move {
                if let Err(error) = storekeeping::prune(&config, &store, now).await {
                    tracing::warn!(?error, "what is old cannot be forgotten");
                }
            }
        });
    }

    /// Has the tree over the audit drawn, from now to the end.
    pub(super) fn draw(&mut self, auditing: Auditing) {
        self.upkeep.audit = Some(auditing.clone());
        self.upkeep.every("tree", TREE_EVERY, move || {
            let auditing = auditing.clone();
            async move {
                auditing.commit().await;
            }
        });
    }

    /// What draws the tree over the audit.
    pub(super) fn auditing(&self) -> Option<&Auditing> {
        self.upkeep.audit.as_ref()
    }

    /// Reads the keys of the store now.
    pub(super) async fn refresh_keys(&self) -> Result<()> {
        self.keyring.refresh(&*self.upkeep.store.keys).await.map(drop)
    }

    /// What is to be ended when everything else has.
    pub(super) fn into_upkeep(self) -> Upkeep {
        self.upkeep
    }

    fn keep_up(&self) {
        let (keyring, store) = (Arc::clone(&self.keyring), self.upkeep.store.clone());
        self.upkeep.every("keys", KEYS_EVERY, move || {
            let (keyring, store) = (Arc::clone(&keyring), store.clone());
            async move {
                if let Err(error) = keyring.refresh(&*store.keys).await {
                    tracing::warn!(?error, "the keys of the store cannot be read");
                }
            }
        });
        let recorder = Arc::clone(&self.recorder);
        self.upkeep.every("records", RECORDS_EVERY, move || {
            let recorder = Arc::clone(&recorder);
            async move { recorder.flush(false).await }
        });
        let access = Arc::clone(&self.access);
        self.upkeep.every("policies", POLICIES_EVERY, move || reload(Arc::clone(&access)));
        let limits = Arc::clone(&self.limits);
        self.upkeep.every("counters", SWEEP_EVERY, move || {
            limits.sweep();
            std::future::ready(())
        });
        let budgets = Arc::clone(&self.budgets);
        self.upkeep.every("budgets", TEND_EVERY, move || {
            let budgets = Arc::clone(&budgets);
            async move {
                if let Err(error) = budgets.tend().await {
                    tracing::warn!(?error, "the budgets cannot be tended");
                }
            }
        });
    }
}

impl Upkeep {
    /// Does something again and again until the end.
    fn every<F: Future<Output = ()> + Send>(
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

    /// Ends the tasks and lets go of the store.
    pub(super) async fn end(self) {
        self.stop.cancel();
        self.recorder.flush(true).await;
        if let Some(audit) = &self.audit {
            audit.end().await;
        }
        self.store.close().await;
        if !self.tasks.drained(GOODBYE).await {
            tracing::warn!(tasks = self.tasks.len(), "upkeep did not end in time");
        }
    }
}

/// Looks at the policies' files, which may block.
async fn reload(access: Arc<Access>) {
    let looked = tokio::task::spawn_blocking(move || access.reload()).await;
    match looked {
        Ok(Reload::Changed(now)) => {
            tracing::info!(version = %now.version, policies = now.policies, "policies were read anew");
        }
        Ok(Reload::Failed { report, is_news: true }) => {
            tracing::error!(%report, "the policies' files are not valid; the last good ones stay");
        }
        Ok(Reload::Failed { is_news: false, .. } | Reload::Unchanged) => {}
        Err(error) => tracing::error!(%error, "the policies' files cannot be looked at"),
    }
}

/// The store of a configuration, open.
pub(super) async fn open_store(
    config: &Config,
    surrounding: &Surrounding,
    tasks: &Tasks,
) -> Result<Store, Failure> {
    let url = config.store.url.reveal();
    store::open(url, Arc::clone(&surrounding.clock), tasks).await.map_err(Failure::start)
}

/// What administers the keys of a store.
pub(super) fn key_admin(
    config: &Config,
    surrounding: &Surrounding,
    store: &Store,
) -> Result<KeyAdmin, Failure> {
    let hasher = policies::hasher(config).map_err(wrong)?;
    let mint = Arc::new(Minting { hasher, surrounding: surrounding.clone() });
    let (store, clock) = (Arc::clone(&store.keys), Arc::clone(&surrounding.clock));
    Ok(KeyAdmin { store, mint, clock })
}

/// Makes keys in the form that identity knows.
struct Minting {
    hasher: Hasher,
    surrounding: Surrounding,
}

impl Mint for Minting {
    fn make(&self, wanted: NewKey) -> Result<(Key, Option<String>)> {
        let NewKey { name, workspace, scopes, groups, agents, class, expires_at, hash } = wanted;
        let request = KeyRequest { name, workspace, scopes, groups, agents, class, expires_at };
        let (ids, now) = (&*self.surrounding.ids, self.surrounding.clock.now());
        let Some(text) = hash else {
            let made = new_key(request, &self.hasher, ids, now)?;
            return Ok((made.key, Some(made.secret.reveal().to_owned())));
        };
        let hash = HashText::parse(&text).and_then(|hash| hash.usable(self.hasher.has_pepper()));
        let hash = hash.map_err(|error| crate::error::Error::invalid("hash", error.to_string()))?;
        let key = register(request, Foreign::Hash(hash), &self.hasher, ids, now)?;
        Ok((key, None))
    }

    fn next_secret(&self, key: &Key, overlap: Duration) -> Result<(KeySecret, String, Timestamp)> {
        let next = rotate(key, overlap, &self.hasher, self.surrounding.clock.now())?;
        Ok((next.replacement, next.secret.reveal().to_owned(), next.old_until))
    }
}

/// The tokens that the key ring knows to be revoked.
struct Revoked(Arc<KeyRing>);

impl Revocations for Revoked {
    fn is_revoked(&self, issuer: &str, token_id: &str) -> bool {
        self.0.is_revoked(issuer, token_id)
    }
}

/// Counts what the engines tell.
#[derive(Clone, Debug)]
struct Observed(PolicyMetrics);

impl issuer::Observer for Observed {
    fn fetched(&self, issuer: &str, good: bool) {
        self.0.fetched(issuer, good);
    }
    fn refused(&self, _: Option<&str>, refusal: Refusal) {
        self.0.identified(refusal.name());
    }
}

impl Watch for Observed {
    fn refused(&self, rule: &str, _: Why) {
        self.0.limited(rule);
    }
    fn fell_back(&self, _: Absence) {
        self.0.counters_away();
    }
    fn counters(&self, there: bool) {
        if there {
            tracing::info!("the shared counters are there");
        } else {
            tracing::warn!("the shared counters are away");
        }
    }
}

fn wrong((path, message): (String, String)) -> Failure {
    Failure::Start(format!("{path}: {message}"))
}

pub(super) fn all_wrong(faults: policies::Faults) -> Failure {
    faults.into_iter().next().map_or_else(|| Failure::Start("not valid".to_owned()), wrong)
}
