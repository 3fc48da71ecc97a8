//! Runs that this process does not drive, or no longer remembers: a journal is made of what the
//! store has of them, and one that goes on elsewhere is followed there for as long as somebody
//! reads it.
//!
//! Invariant: a reader of such a journal sees the events that a reader of the run's own would see,
//! with the same numbers.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::gateway::journal::{Journal, Window};
use crate::gateway::{Gateway, Parts};
use crate::model::event::{Body, Recorded};
use crate::model::ids::RunId;
use crate::store::runs::{Events, KeptRun};

/// How often a run that goes on elsewhere is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Gateway {
    /// The journal of a run, wherever it is driven.
    pub(super) async fn locate(&self, id: &RunId) -> Result<Option<Arc<Journal>>> {
        if let Some(journal) = self.0.shelf.get(id) {
            return Ok(Some(journal));
        }
        let runs = &self.0.keeper.runs;
        let Some(kept) = runs.run(id).await? else { return Ok(None) };
        let events = runs.events(id, 0).await?;
        Ok(Some(Arc::new(self.restored(&kept, events))))
    }

    /// A journal of what the store has of a run.
    pub(super) fn restored(&self, kept: &KeptRun, events: Events) -> Journal {
        let parts = &self.0;
        let run = Arc::clone(&kept.more.run);
        let window = Window { lag: parts.bounds.window_bytes, kept: parts.bounds.journal_bytes };
        let conversation = run.thread_id.as_ref().map_or("", |id| id.as_str());
        let saved = if events.vault.is_null() { &kept.more.vault } else { &events.vault };
        let vault = parts.keeper.vaults.restored(&kept.owner, conversation, saved);
        let (owner, target) = (kept.owner.clone(), kept.more.target.clone());
        let mut events = events.events;
        let has_end = events.last().is_some_and(|event| event.body.is_terminal());
        if let (true, false, Some(at)) = (run.status.is_terminal(), has_end, run.ended_at) {
            // Its events were not kept, as nobody could come back for them.
            let seq = events.last().map_or(0, |event| event.seq) + 1;
            let body = Body::Ended(Arc::clone(&run));
            let run_id = run.id.clone();
            events.push(Arc::new(Recorded { seq, at, synthetic: true, run_id, body }));
        }
        Journal::restored(run, owner, target, window, events).veiled_by(vault)
    }

    /// Follows a run that goes on elsewhere, while its journal is read.
    pub(super) fn mirror(&self, journal: &Arc<Journal>) {
        if !journal.is_mirror() || journal.ended().is_some() {
            return;
        }
        let follow = follow(Arc::clone(&self.0), Arc::clone(journal));
        self.0.tasks.spawn("mirror", follow);
    }
}

async fn follow(parts: Arc<Parts>, journal: Arc<Journal>) {
    while journal.is_read() && journal.ended().is_none() {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Err(error) = look(&parts, &journal).await {
            tracing::debug!(?error, "a run that goes on elsewhere cannot be looked at");
        }
    }
}

async fn look(parts: &Parts, journal: &Journal) -> Result<()> {
    let runs = &parts.keeper.runs;
    // The run first: what its end says is then in the events that are read after it.
    let kept = runs.run(&journal.id).await?;
    let events = runs.events(&journal.id, journal.last_seq()).await?;
    for event in events.events {
        journal.mirrored(event);
    }
    let ended = kept.filter(|kept| kept.more.run.status.is_terminal());
    if let (None, Some(kept)) = (journal.ended(), ended) {
        let run = kept.more.run;
        let at = run.ended_at.unwrap_or(run.created_at);
        journal.close(run, at, true);
    }
    Ok(())
}
