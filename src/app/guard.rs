//! Builds the policy engines of a version of the configuration, and what administers keys.
//!
//! Invariant: a version whose settings for counting are those of the one before counts on.

use std::sync::Arc;
use std::time::Duration;

use super::lasting::Lasting;
use super::observed::Observed;
use super::{Failure, Surrounding, policies, sealing};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::error::Result;
use crate::gateway::keys::{KeyAdmin, Mint, NewKey};
use crate::model::key::{Key, KeySecret};
use crate::policy::access::Access;
use crate::policy::access::judge::Decider;
use crate::policy::budget::Budgets;
use crate::policy::identity::issuer::{self, HttpFetch, Issuers};
use crate::policy::identity::key::{
    Foreign, HashText, Hasher, KeyRequest, KeyRing, new_key, register, rotate,
};
use crate::policy::identity::token::Revocations;
use crate::policy::identity::{Identity, SignedHook};
use crate::policy::limits::Limits;
use crate::store::{self, Store};
use crate::tasks::Tasks;

/// Verified tokens that are kept.
const TOKENS: u64 = 100_000;
/// The engines of one version of the configuration.
pub(super) struct Guard {
    pub(super) identity: Arc<Identity>,
    pub(super) access: Arc<Access>,
    pub(super) judge: Arc<Decider>,
    pub(super) limits: Arc<Limits>,
    pub(super) budgets: Arc<Budgets>,
    pub(super) keys: KeyAdmin,
    /// Counts what the others tell.
    pub(super) observed: Arc<Observed>,
}

impl Guard {
    /// Builds the engines. Those that count or remember, and whose settings are those of the
    /// version before, are taken over from it, so that nobody gets a fresh start by a reload.
    pub(super) fn build(
        config: &Config,
        lasting: &Lasting,
        before: Option<(&Config, &Self)>,
    ) -> Result<Self, Failure> {
        let Lasting { surrounding, metrics, store, upkeep, .. } = lasting;
        let (clock, metrics) = (&surrounding.clock, metrics.policy());
        let same = |is_same: fn(&Config, &Config) -> bool| {
            before.filter(|(old, _)| is_same(old, config)).map(|(_, guard)| guard)
        };
        let counts = same(|old, new| old.limits == new.limits && old.counters == new.counters);
        let observed = match counts {
            Some(guard) => Arc::clone(&guard.observed),
            None => Arc::new(Observed::new(config, metrics)),
        };
        let known =
            same(|old, new| old.identity.issuers == new.identity.issuers && old.hooks == new.hooks);
        let identity = match known {
            Some(guard) => Arc::clone(&guard.identity),
            None => Arc::new(identity(config, lasting, &observed)?),
        };
        let counted = same(|old, new| {
            old.limits == new.limits
                && old.counters == new.counters
                && old.upstreams.keys().eq(new.upstreams.keys())
                && old.agents == new.agents
        });
        let limits = match counted {
            Some(guard) => Arc::clone(&guard.limits),
            None => {
                let (rules, told) = (policies::limit_rules(config), observed.clone());
                let (ids, tasks) = (&*surrounding.ids, &upkeep.tasks);
                let limits = match policies::shared_counters(config) {
                    None => Limits::local(rules, clock, told),
                    Some(settings) => Limits::shared(rules, settings, clock, ids, tasks, told),
                };
                Arc::new(limits.map_err(Failure::start)?)
            }
        };
        let reserved = same(|old, new| old.budgets == new.budgets && old.agents == new.agents);
        let budgets = match reserved {
            Some(guard) => Arc::clone(&guard.budgets),
            None => Arc::new(Budgets::new(
                policies::budget_rules(config),
                Arc::clone(&store.ledger),
                Arc::clone(clock),
                Arc::clone(&surrounding.ids),
                lasting.tasks.clone(),
            )),
        };
        let access = Arc::new(policies::access(config).map_err(all_wrong)?);
        Ok(Self {
            identity,
            judge: Arc::new(Decider { access: Arc::clone(&access), metrics: metrics.clone() }),
            keys: key_admin(config, surrounding, store)?,
            access,
            limits,
            observed,
            budgets,
        })
    }
}

fn identity(
    config: &Config,
    lasting: &Lasting,
    observer: &Arc<Observed>,
) -> Result<Identity, Failure> {
    let clock = &lasting.surrounding.clock;
    let issuers = Issuers::new(
        policies::issuers(config).map_err(all_wrong)?,
        issuer::Surroundings {
            fetch: Arc::new(HttpFetch::new().map_err(Failure::start)?),
            clock: Arc::clone(clock),
            tasks: lasting.upkeep.tasks.clone(),
            revocations: Arc::new(Revoked(Arc::clone(&lasting.keyring))),
            observer: Arc::clone(observer) as _,
            capacity: TOKENS,
        },
    );
    Ok(Identity {
        keys: Arc::clone(&lasting.keyring),
        issuers: issuers.map_err(Failure::start)?,
        hooks: policies::hooks(config).map_err(all_wrong)?,
        no_hook: SignedHook::unknown().map_err(Failure::start)?,
        clock: Arc::clone(clock),
        metrics: lasting.metrics.policy().clone(),
    })
}

/// The store of a configuration, open.
pub(super) async fn open_store(
    config: &Config,
    surrounding: &Surrounding,
    tasks: &Tasks,
) -> Result<Store, Failure> {
    // A store that is made here has its key from the first.
    sealing::sealer(config)?;
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

pub(super) fn wrong((path, message): (String, String)) -> Failure {
    Failure::Start(format!("{path}: {message}"))
}

pub(super) fn all_wrong(faults: policies::Faults) -> Failure {
    faults.into_iter().next().map_or_else(|| Failure::Start("not valid".to_owned()), wrong)
}
