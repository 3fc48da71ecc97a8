//! The commands on runs, conversations, callbacks, lives and the log: each hands its statements to
//! the thread that writes, or to one that reads.

use async_trait::async_trait;

use super::{Sqlite, callbacks, lives, log, runs};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::ids::{BootId, CallbackId, RunId, ThreadId};
use crate::store::failure::unavailable;
use crate::store::log::{
    CheckpointRow, Entry, From, Growth, Head, Leaf, LeafFilter, Log, Portion, TileRow, Waiting,
};
use crate::store::rows::{
    AdmitRows, Admitted, Binding, CallbackRow, CallbackState, EndRows, EventsRow, Member, Renewed,
    Rows, RunRow, RunsFilter, ThreadRow,
};

#[async_trait]
impl Rows for Sqlite {
    async fn admit(&self, rows: AdmitRows) -> Result<Admitted> {
        self.writes.ask(move |file| runs::admit(file, &rows)).await
    }

    async fn end(&self, rows: EndRows) -> Result<bool> {
        self.writes.ask(move |file| runs::end(file, &rows)).await
    }

    async fn note(&self, run: &RunId, events: EventsRow) -> Result<()> {
        let run = run.clone();
        self.writes.ask(move |file| runs::note(file, &run, &events)).await
    }

    async fn run(&self, id: &RunId) -> Result<Option<RunRow>> {
        let id = id.clone();
        self.reads.ask(move |file| runs::run(file, &id)).await
    }

    async fn runs(&self, filter: &RunsFilter, limit: usize) -> Result<Vec<RunRow>> {
        let filter = filter.clone();
        self.reads.ask(move |file| runs::runs(file, &filter, limit)).await
    }

    async fn events(&self, run: &RunId, after: u64) -> Result<Vec<EventsRow>> {
        let run = run.clone();
        self.reads.ask(move |file| runs::events(file, &run, after)).await
    }

    async fn binding(&self, key: &[u8; 32], now: Timestamp) -> Result<Option<Binding>> {
        let key = *key;
        self.reads.ask(move |file| runs::binding(file, &key, now)).await
    }

    async fn thread(&self, id: &ThreadId) -> Result<Option<ThreadRow>> {
        let id = id.clone();
        self.reads.ask(move |file| runs::thread(file, &id)).await
    }

    async fn cancel(&self, run: &RunId, now: Timestamp) -> Result<bool> {
        let run = run.clone();
        self.writes.ask(move |file| runs::cancel(file, &run, now)).await
    }

    fn knows_ends(&self) -> bool {
        true
    }

    async fn join(&self, boot: &BootId, now: Timestamp) -> Result<()> {
        self.presence.begin(boot).map_err(unavailable)?;
        let boot = boot.clone();
        self.writes.ask(move |file| lives::join(file, &boot, now)).await
    }

    async fn renew(&self, boot: &BootId) -> Result<Renewed> {
        let boot = boot.clone();
        // Nothing is written: others know by the lock that this life goes on.
        self.reads.ask(move |file| lives::renew(file, &boot)).await
    }

    async fn members(&self, but: &BootId) -> Result<Vec<Member>> {
        let but = but.clone();
        let mut members = self.reads.ask(move |file| lives::members(file, &but)).await?;
        for member in &mut members {
            // One that cannot be told is left alone.
            member.is_over = Some(self.presence.is_over(&member.boot).unwrap_or(false));
        }
        Ok(members)
    }

    async fn driven_by(&self, boot: &BootId, limit: usize) -> Result<Vec<RunRow>> {
        let boot = boot.clone();
        self.reads.ask(move |file| runs::driven_by(file, &boot, limit)).await
    }

    async fn leave(&self, boot: &BootId) -> Result<()> {
        let life = boot.clone();
        self.writes.ask(move |file| lives::leave(file, &life)).await?;
        self.presence.end(boot);
        Ok(())
    }

    async fn claim(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<CallbackRow>> {
        self.writes.ask(move |file| callbacks::claim(file, now, until, limit)).await
    }

    async fn tried(&self, row: &CallbackRow, entries: Vec<Entry>) -> Result<()> {
        let row = row.clone();
        self.writes.ask(move |file| callbacks::tried(file, &row, &entries)).await
    }

    async fn callbacks(
        &self,
        state: CallbackState,
        workspace: Option<&str>,
        before: Option<&CallbackId>,
        limit: usize,
    ) -> Result<Vec<CallbackRow>> {
        let (workspace, before) = (workspace.map(str::to_owned), before.cloned());
        let list = move |file: &_| {
            callbacks::list(file, state, workspace.as_deref(), before.as_ref(), limit)
        };
        self.reads.ask(list).await
    }

    async fn resend(&self, id: &CallbackId, now: Timestamp) -> Result<bool> {
        let id = id.clone();
        self.writes.ask(move |file| callbacks::resend(file, &id, now)).await
    }

    async fn prune(&self, before: Timestamp, now: Timestamp, limit: usize) -> Result<u64> {
        self.writes.ask(move |file| runs::prune(file, before, now, limit)).await
    }

    async fn bytes(&self) -> Result<u64> {
        self.reads.ask(runs::bytes).await
    }
}

#[async_trait]
impl Log for Sqlite {
    async fn append(&self, entries: Vec<Entry>) -> Result<()> {
        self.writes.ask(move |file| log::append(file, &entries)).await
    }

    async fn head(&self) -> Result<Head> {
        self.reads.ask(log::head).await
    }

    async fn waiting(&self, size: u64, most: Portion) -> Result<Vec<Waiting>> {
        self.reads.ask(move |file| log::waiting(file, size, most)).await
    }

    async fn grow(&self, growth: Growth) -> Result<bool> {
        self.writes.ask(move |file| log::grow(file, &growth)).await
    }

    async fn leaves(&self, filter: &LeafFilter, from: From, limit: usize) -> Result<Vec<Leaf>> {
        let filter = filter.clone();
        self.reads.ask(move |file| log::leaves(file, &filter, from, limit)).await
    }

    async fn tile(&self, level: u8, index: u64) -> Result<Option<TileRow>> {
        self.reads.ask(move |file| log::tile(file, level, index)).await
    }

    async fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<CheckpointRow>> {
        self.reads.ask(move |file| log::checkpoints(file, after, limit)).await
    }

    async fn forget(&self, below: u64, note: &str) -> Result<u64> {
        let note = note.to_owned();
        self.writes.ask(move |file| log::forget(file, below, &note)).await
    }
}
