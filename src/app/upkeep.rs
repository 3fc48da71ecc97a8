//! What is done again and again as long as the gateway serves, always by the version of the
//! configuration that is in force then: keys are read anew several times a second, policies when
//! their files change, counters are swept, overdue reservations charged, old things forgotten.
//!
//! Invariant: these tasks end when they are told to, and hold up no drain.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::auditing::Auditing;
use super::lasting::Lasting;
use super::storekeeping;
use super::version::Current;
use crate::http::edge::valve;
use crate::policy::access::{Access, Reload};

/// A revoked key must be refused within a second on every node; the store answers in
/// milliseconds.
const KEYS_EVERY: Duration = Duration::from_millis(250);
/// A policy that was just written should be tried at once.
const POLICIES_EVERY: Duration = Duration::from_secs(1);
/// Counters that are full again are only memory.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// As often as Prometheus commonly looks.
const GAUGES_EVERY: Duration = Duration::from_secs(10);
/// How long the least that was left of a limit is shown, at least.
const TURN_EVERY: Duration = Duration::from_secs(60);
/// Overdue reservations are rare: a process has died.
const TEND_EVERY: Duration = Duration::from_secs(60);
/// Platforms that are to be asked are asked at whole seconds.
const CHECKS_EVERY: Duration = Duration::from_secs(1);
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

/// Looks after everything from now on.
pub(super) fn start(lasting: &Lasting, current: &Current, auditing: &Auditing) {
    let upkeep = &lasting.upkeep;
    let (keyring, store) = (Arc::clone(&lasting.keyring), lasting.store.clone());
    upkeep.every("keys", KEYS_EVERY, move || {
        let (keyring, store) = (Arc::clone(&keyring), store.clone());
        async move {
            if let Err(error) = keyring.refresh(&*store.keys).await {
                tracing::warn!(?error, "the keys of the store cannot be read");
            }
        }
    });
    let recorder = Arc::clone(&lasting.recorder);
    upkeep.every("records", RECORDS_EVERY, move || {
        let recorder = Arc::clone(&recorder);
        async move { recorder.flush(false).await }
    });
    let version = current.clone();
    upkeep.every("policies", POLICIES_EVERY, move || {
        reload(Arc::clone(&version.load().guard.access))
    });
    let version = current.clone();
    upkeep.every("counters", SWEEP_EVERY, move || {
        version.load().guard.limits.sweep();
        std::future::ready(())
    });
    let version = current.clone();
    upkeep.every("gauges", GAUGES_EVERY, move || {
        let version = version.load();
        async move { version.guard.observed.look(&version.guard.budgets).await }
    });
    let version = current.clone();
    upkeep.every("turns", TURN_EVERY, move || {
        version.load().guard.observed.turn();
        std::future::ready(())
    });
    // Weak, or the metrics would hold themselves.
    let (told, flow) = (Arc::downgrade(&lasting.metrics), lasting.drain.clone());
    let version = current.clone();
    lasting.metrics.at_scrape(move || {
        if let Some(metrics) = told.upgrade() {
            let version = version.load();
            let limit = version.config.listen.max_in_flight;
            metrics.in_flight(flow.in_flight(), limit, flow.is_draining());
            version.platforms.tell();
        }
    });
    let version = current.clone();
    upkeep.every("budgets", TEND_EVERY, move || {
        let budgets = Arc::clone(&version.load().guard.budgets);
        async move {
            if let Err(error) = budgets.tend().await {
                tracing::warn!(?error, "the budgets cannot be tended");
            }
        }
    });
    let (version, clock) = (current.clone(), Arc::clone(&lasting.surrounding.clock));
    let (tasks, mut asked) = (upkeep.tasks.clone(), HashMap::<String, Duration>::new());
    upkeep.every("checks", CHECKS_EVERY, move || {
        let now = clock.monotonic();
        for check in version.load().platforms.checks() {
            let last = asked.get(check.name());
            if last.is_none_or(|last| now.saturating_sub(*last) >= check.every()) {
                asked.insert(check.name().to_owned(), now);
                // By itself: one that hangs keeps no other waiting.
                let check = check.clone();
                tasks.spawn("check", async move { check.ask().await });
            }
        }
        std::future::ready(())
    });
    let version = current.clone();
    upkeep.every("lives", LIVES_EVERY, move || {
        let gateway = version.load().gateway.clone();
        async move { gateway.tend().await }
    });
    let version = current.clone();
    upkeep.every("callbacks", CALLBACKS_EVERY, move || {
        let gateway = version.load().gateway.clone();
        async move { gateway.deliver().await }
    });
    let (version, store) = (current.clone(), lasting.store.clone());
    let clock = Arc::clone(&lasting.surrounding.clock);
    upkeep.every("retention", FORGET_EVERY, move || {
        let (version, store, now) = (version.load(), store.clone(), clock.now());
        async move {
            if let Err(error) = storekeeping::prune(&version.config, &store, now).await {
                tracing::warn!(?error, "what is old cannot be forgotten");
            }
        }
    });
    let auditing = auditing.clone();
    upkeep.every("tree", TREE_EVERY, move || {
        let auditing = auditing.clone();
        async move {
            auditing.commit().await;
        }
    });
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

/// Sends beats from here, and gives back what tells the valve when they are heard on the threads
/// that answer callers; to be driven on these.
pub(super) fn pulse(
    lasting: &Lasting,
    current: Current,
) -> impl Future<Output = ()> + Send + 'static {
    let (clock, beats) = (Arc::clone(&lasting.surrounding.clock), Arc::new(Notify::new()));
    // Weak, because nobody hears any more when the listeners are another process's.
    let (to, version) = (Arc::downgrade(&beats), current.clone());
    lasting.upkeep.every("beats", valve::TICK, move || {
        version.load().valve.beat(clock.monotonic(), &to);
        std::future::ready(())
    });
    let clock = Arc::clone(&lasting.surrounding.clock);
    async move {
        loop {
            beats.notified().await;
            current.load().valve.heard(clock.monotonic());
        }
    }
}
