//! The life of this process beside others on the same store: it tells that it is there, stops runs
//! that were asked to stop elsewhere, and closes the runs of lives that are over, with their
//! records. Called again and again by whoever keeps the gateway up.
//!
//! Invariant: a run is closed only where the life that drove it is known to be over, or has been
//! silent for the whole of a lease by this process's own clock, whatever the wall clock says. A
//! process that could not tell for as long stops its own runs before that.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::{Error, Kind, Result};
use crate::gateway::closing::callback;
use crate::gateway::{Gateway, Parts, records};
use crate::model::event::{Body, Recorded};
use crate::model::halt::Stop;
use crate::model::ids::BootId;
use crate::model::run::{Run, RunStatus};
use crate::store::rows::Member;
use crate::store::runs::{EndedRun, Events, KeptRun};

/// How long a life counts that says nothing.
pub const LEASE: Duration = Duration::from_secs(10);
/// When a process that could not tell gives its runs up: well before others close them.
const GIVEN_UP: Duration = Duration::from_secs(7);
/// How often is looked whether they are to be given up, while the store does not answer.
const LOOKS_UP: Duration = Duration::from_millis(500);
/// How many runs are closed at a time.
const CLOSED_AT_ONCE: usize = 100;

/// What is known of lives.
#[derive(Debug, Default)]
pub struct Lives(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// How often each other one has told, and since when it is so many times.
    others: HashMap<BootId, (i64, Duration)>,
    /// When this one last told.
    told: Option<Duration>,
    /// Whether this one has said goodbye: that it is not known any more is no surprise then.
    has_left: bool,
}

impl Gateway {
    /// Begins the life of this process: from now on it may drive runs.
    pub async fn join(&self) -> Result<()> {
        let (parts, boot) = (&self.0, self.0.keeper.scribe.boot());
        parts.keeper.runs.rows.join(&boot, parts.clock.now()).await?;
        parts.lives.0.lock().told = Some(parts.clock.monotonic());
        Ok(())
    }

    /// Ends the life of this process. Runs that it still has are closed by others.
    pub async fn leave(&self) -> Result<()> {
        self.0.lives.0.lock().has_left = true;
        self.0.keeper.runs.rows.leave(&self.0.keeper.scribe.boot()).await
    }

    /// Tells that this process is there, and looks after others. While the store does not answer,
    /// which takes its time, this process's runs are given up when it is time to.
    pub async fn tend(&self) {
        let mut round = pin!(self.tend_once());
        loop {
            tokio::select! {
                () = &mut round => return,
                () = tokio::time::sleep(LOOKS_UP) => self.give_up(),
            }
        }
    }

    async fn tend_once(&self) {
        let parts = &self.0;
        let rows = &parts.keeper.runs.rows;
        parts.keeper.repair(parts.clock.now(), async |now| (parts.probe)(now).await).await;
        let renewed = rows.renew(&parts.keeper.scribe.boot()).await;
        // A store that is away is known to be before a run has waited for it.
        parts.keeper.health.went(&renewed);
        match renewed {
            Ok(renewed) => {
                let has_left = {
                    let mut known = parts.lives.0.lock();
                    known.told = Some(parts.clock.monotonic());
                    known.has_left
                };
                if !renewed.counts && !has_left {
                    self.begin_anew().await;
                }
                let journals = renewed.cancels.iter().filter_map(|id| parts.shelf.get(id));
                journals.for_each(|journal| {
                    journal.stop(Stop::Requested);
                });
            }
            Err(error) => {
                tracing::warn!(?error, "the store cannot be told that this process is there");
                self.give_up();
            }
        }
        if let Err(error) = self.look_after_others().await {
            tracing::warn!(?error, "the runs of other processes cannot be looked after");
        }
    }

    /// Others have taken this process for gone, and closed its runs: it stops them, and begins
    /// another life.
    async fn begin_anew(&self) {
        tracing::error!("this process was taken for gone; its runs are stopped");
        self.interrupt_all();
        self.0.keeper.scribe.reborn();
        if let Err(error) = self.join().await {
            tracing::warn!(?error, "this process cannot begin anew");
        }
    }

    /// Stops this process's runs where others may take it for gone.
    fn give_up(&self) {
        let parts = &self.0;
        if parts.keeper.runs.rows.knows_ends() {
            return;
        }
        let now = parts.clock.monotonic();
        let told = parts.lives.0.lock().told;
        if told.is_some_and(|told| now.saturating_sub(told) >= GIVEN_UP) {
            self.interrupt_all();
        }
    }

    async fn look_after_others(&self) -> Result<()> {
        let parts = &self.0;
        let members = parts.keeper.runs.rows.members(&parts.keeper.scribe.boot()).await?;
        let over = parts.lives.over(&members, parts.clock.monotonic());
        for boot in over {
            while close_some(parts, &boot).await? == CLOSED_AT_ONCE {}
            parts.keeper.runs.rows.leave(&boot).await?;
        }
        Ok(())
    }
}

impl Lives {
    /// Those of `members` that are over.
    fn over(&self, members: &[Member], now: Duration) -> Vec<BootId> {
        let mut known = self.0.lock();
        known.others.retain(|boot, _| members.iter().any(|member| member.boot == *boot));
        let mut is_over = |member: &Member| match member.is_over {
            Some(is_over) => is_over,
            None => {
                let seen = known.others.entry(member.boot.clone()).or_insert((member.beats, now));
                if seen.0 != member.beats {
                    *seen = (member.beats, now);
                }
                now.saturating_sub(seen.1) >= LEASE
            }
        };
        members.iter().filter(|member| is_over(member)).map(|it| it.boot.clone()).collect()
    }
}

/// Closes some runs of a life that is over. How many there were.
async fn close_some(parts: &Arc<Parts>, boot: &BootId) -> Result<usize> {
    let runs = parts.keeper.runs.driven_by(boot, CLOSED_AT_ONCE).await?;
    for kept in &runs {
        let ended = interrupted(parts, kept.clone()).await?;
        if parts.keeper.end(&ended).await? {
            parts.keeper.health.metrics().interrupted();
            tracing::info!(run_id = %kept.more.run.id, "a run was closed whose process is gone");
        }
    }
    Ok(runs.len())
}

/// A run whose process is gone, as it ends.
async fn interrupted(parts: &Arc<Parts>, mut kept: KeptRun) -> Result<EndedRun> {
    let runs = &parts.keeper.runs;
    let now = parts.clock.now();
    let noted = runs.events(&kept.more.run.id, 0).await?;
    let said = "the process that drove the run is gone";
    let mut problem = Error::new(Kind::Interrupted, said).problem(&kept.more.call.request_id);
    problem.run_id = Some(kept.more.run.id.to_string());
    let head = noted.events.iter().rev().find_map(|event| match &event.body {
        Body::Started(run) => Some(Arc::clone(run)),
        Body::Created(_)
        | Body::MessageDelta(_)
        | Body::MessageCompleted(_)
        | Body::ReasoningDelta(_)
        | Body::ToolCallStarted { .. }
        | Body::ToolCallCompleted { .. }
        | Body::Governance(_)
        | Body::Usage(_)
        | Body::Warning(_)
        | Body::Ended(_) => None,
    });
    let run = head.unwrap_or_else(|| Arc::clone(&kept.more.run));
    let run = Arc::new(Run {
        status: RunStatus::Failed,
        error: Some(problem),
        ended_at: Some(now),
        duration_ms: Some(now.millis_since(run.created_at)),
        ..(*run).clone()
    });
    kept.more.run = Arc::clone(&run);
    if !noted.vault.is_null() {
        kept.more.vault = noted.vault.clone();
    }
    let seq = noted.events.last().map_or(1, |event| event.seq) + 1;
    let run_id = run.id.clone();
    let body = Body::Ended(Arc::clone(&run));
    let last = Arc::new(Recorded { seq, at: now, synthetic: true, run_id, body });
    // Its conversation goes on from where it was.
    let thread = match &run.thread_id {
        Some(id) => runs.thread(id).await?.filter(|it| it.busy.as_ref() == Some(&run.id)),
        None => None,
    };
    let thread = thread.map(|mut thread| {
        thread.busy = None;
        thread.version += 1;
        thread
    });
    let was_noted = !noted.events.is_empty();
    Ok(EndedRun {
        entries: records::ended(&parts.keeper.scribe, &runs.sealer, &kept, None)?,
        events: was_noted.then(|| Events { events: vec![last], ..Events::default() }),
        thread,
        callback: callback(parts, &kept, now, true),
        frees_key: false,
        run: kept,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{CountingIds, Timestamp};

    #[test]
    fn a_life_is_over_when_it_is_known_or_after_a_lease_of_silence() {
        let ids = CountingIds::default();
        let boots: Vec<BootId> = (0..3).map(|_| BootId::new(&ids, Timestamp(0))).collect();
        let member = |at: usize, beats, is_over| {
            let boot = boots[at].clone();
            Member { boot, beats, is_over }
        };
        let lives = Lives::default();
        let at = Duration::from_secs;
        let first = [member(0, 1, None), member(1, 1, Some(false)), member(2, 1, Some(true))];
        assert_eq!(lives.over(&first, at(100)), [boots[2].clone()]);
        // One tells, the other is known to live whatever it tells.
        let later = [member(0, 2, None), member(1, 1, Some(false))];
        assert!(lives.over(&later, at(109)).is_empty());
        assert!(lives.over(&later, at(118)).is_empty());
        assert_eq!(lives.over(&later, at(119)), [boots[0].clone()]);
        // It is seen anew after it was gone for a while.
        assert!(lives.over(&[], at(120)).is_empty());
        assert!(lives.over(&later, at(200)).is_empty());
    }
}
