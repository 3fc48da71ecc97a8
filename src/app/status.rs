//! Tells how the gateway is doing, by the version of the configuration that is in force: what is
//! counted anyway, and the newest records of the audit. However many ask, the store is asked once a
//! second.
//!
//! Invariant: a store that is away, or that hangs, keeps nobody waiting for longer than
//! [`PATIENCE`]: what it would have said is told as it last was, with the time of that.

mod recent;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use self::recent::{Recent, cut};
use super::lasting::Lasting;
use super::reload::hash_of;
use super::version::{Current, Version};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::gateway::audit::AuditAdmin;
use crate::inbound::admin::status::{
    AuditStatus, BoundsStatus, GatewayStatus, LeftOut, RunInFlight, RunsStatus, Status, Tells,
};
use crate::model::scribe::BUILD;

/// How long what was read of the store is fresh.
const FRESH: Duration = Duration::from_secs(1);
/// How long the store is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// Runs in flight that are told one by one.
const RUNS: usize = 50;
/// Agents that are left out and told.
const LEFT_OUT: usize = 50;
/// How much of a limit or a budget is used that is near its end.
const NEAR: f64 = 0.8;

/// Tells how the gateway is doing.
pub(super) struct Telling {
    lasting: Arc<Lasting>,
    current: Current,
    audit: AuditAdmin,
    started_at: Timestamp,
    known: Mutex<Known>,
}

/// What was read of the store.
#[derive(Default)]
struct Known {
    recent: Recent,
    /// The newest checkpoint: the records under it, and when it was signed.
    checkpoint: Option<(u64, Timestamp)>,
    asked: Option<Instant>,
    read_at: Option<Timestamp>,
}

impl Telling {
    pub(super) fn new(lasting: &Arc<Lasting>, current: &Current, audit: &AuditAdmin) -> Self {
        Self {
            lasting: Arc::clone(lasting),
            current: current.clone(),
            audit: audit.clone(),
            started_at: lasting.surrounding.clock.now(),
            known: Mutex::default(),
        }
    }

    /// Reads what is new in the store. What was read when it fails, or is dropped, stands.
    async fn read(&self, known: &mut Known, version: &Version) -> Result<()> {
        version.guard.observed.look(&version.guard.budgets).await;
        let signed = self.lasting.metrics.audit().figures().signed;
        if signed > 0 && known.checkpoint.is_none_or(|(size, _)| size != signed) {
            let newest = self.audit.checkpoints(signed - 1, 1).await?;
            known.checkpoint = newest.first().map(|it| (it.size, it.at));
        }
        known.recent.read(&self.audit).await?;
        known.read_at = Some(self.lasting.surrounding.clock.now());
        Ok(())
    }

    fn gateway(&self, version: &Version) -> GatewayStatus {
        let Lasting { drain, recorder, .. } = &*self.lasting;
        GatewayStatus {
            build: BUILD.to_owned(),
            boot: recorder.scribe.boot().to_string(),
            configuration: hash_of(&version.config),
            started_at: self.started_at,
            draining: drain.is_draining(),
            requests: drain.in_flight(),
            most_requests: version.config.listen.max_in_flight,
        }
    }

    fn audit(&self, known: &Known) -> AuditStatus {
        let figures = self.lasting.metrics.audit().figures();
        AuditStatus {
            failing_since: self.lasting.recorder.health.failing_since(),
            owed: figures.owed,
            records: figures.records,
            signed: figures.signed,
            covered_at: figures.covered_at,
            checkpoint_at: known.checkpoint.map(|(_, at)| at),
            lost_reads: figures.lost,
            read_at: known.read_at,
        }
    }
}

#[async_trait]
impl Tells for Telling {
    async fn status(&self) -> Status {
        let version = self.current.load();
        let mut known = self.known.lock().await;
        if known.asked.is_none_or(|asked| asked.elapsed() >= FRESH) {
            let read = timeout(PATIENCE, self.read(&mut known, &version)).await;
            if let Ok(Err(error)) = read {
                tracing::warn!(?error, "the status page cannot read the store now");
            }
            known.asked = Some(Instant::now());
        }
        let now = self.lasting.surrounding.clock.now();
        let left_out = version.gateway.choices().left_out().into_iter().take(LEFT_OUT);
        let left_out = left_out.map(|(name, target, rests)| LeftOut {
            name,
            target: target.to_string(),
            until: now.later(rests),
        });
        let config = &version.config;
        let observed = &version.guard.observed;
        Status {
            object: "status",
            at: now,
            gateway: self.gateway(&version),
            upstreams: version.platforms.standing(&self.lasting.pauses, now),
            left_out: left_out.collect(),
            runs: runs(&version, &known.recent),
            refusals: known.recent.refusals.iter().cloned().collect(),
            bounds: BoundsStatus {
                limits: observed.windows(),
                budgets: config.budgets.len(),
                near: observed.near(NEAR),
            },
            audit: self.audit(&known),
        }
    }
}

fn runs(version: &Version, recent: &Recent) -> RunsStatus {
    let (in_flight, oldest) = version.gateway.in_flight(RUNS);
    let told = |journal: &Arc<crate::gateway::journal::Journal>| {
        journal.with_run(|run| RunInFlight {
            id: run.id.clone(),
            agent: cut(&run.agent),
            upstream: run.upstream.name.clone(),
            workspace: journal.owner.workspace.clone(),
            status: run.status,
            since: run.created_at,
        })
    };
    RunsStatus {
        in_flight,
        oldest: oldest.iter().map(told).collect(),
        recent: recent.runs.iter().cloned().collect(),
    }
}
