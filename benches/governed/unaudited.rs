//! The gateway as it is, over a store that forgets: no run and no record reaches a disk, and
//! whoever waits for one goes on at once. What is still done is making them. For the difference
//! that keeping them makes; nothing in the program turns the audit off.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use switchyard::app::{App, Surrounding};
use switchyard::clock::Timestamp;
use switchyard::error::Result;
use switchyard::model::ids::{BootId, CallbackId, RunId, ThreadId};
use switchyard::store::log::{
    CheckpointRow, Entry, From, Growth, Head, Leaf, LeafFilter, Log, Portion, TileRow, Waiting,
};
use switchyard::store::rows::{
    AdmitRows, Admitted, Binding, CallbackRow, CallbackState, EndRows, EventsRow, Member, Renewed,
    Rows, RunRow, RunsFilter, ThreadRow,
};
use switchyard::tasks::Tasks;

use crate::Outcome;

/// Serves by this configuration until the process is ended.
#[tokio::main(worker_threads = 1)]
pub(crate) async fn serve(configuration: &Path) -> Outcome<()> {
    let config = switchyard::app::load(configuration).map_err(|report| report.to_string())?;
    let (system, tasks) = (Surrounding::system(), Tasks::default());
    let clock = Arc::clone(&system.clock);
    let mut store = switchyard::store::open(config.store.url.reveal(), clock, &tasks).await?;
    store.rows = Arc::new(Forgets(Arc::clone(&store.rows)));
    store.log = Arc::new(Unlogged(Arc::clone(&store.log)));
    let app = App::start(&config, Surrounding { store: Some(store), ..system }).await;
    let _app = app.map_err(|failure| failure.to_string())?;
    std::future::pending().await
}

/// Rows of which none are written for a run.
struct Forgets(Arc<dyn Rows>);

#[async_trait]
impl Rows for Forgets {
    async fn admit(&self, _: AdmitRows) -> Result<Admitted> {
        Ok(Admitted::Kept)
    }
    async fn end(&self, _: EndRows) -> Result<bool> {
        Ok(true)
    }
    async fn note(&self, _: &RunId, _: EventsRow) -> Result<()> {
        Ok(())
    }
    async fn run(&self, id: &RunId) -> Result<Option<RunRow>> {
        self.0.run(id).await
    }
    async fn runs(&self, filter: &RunsFilter, limit: usize) -> Result<Vec<RunRow>> {
        self.0.runs(filter, limit).await
    }
    async fn events(&self, run: &RunId, after: u64) -> Result<Vec<EventsRow>> {
        self.0.events(run, after).await
    }
    async fn binding(&self, key: &[u8; 32], now: Timestamp) -> Result<Option<Binding>> {
        self.0.binding(key, now).await
    }
    async fn thread(&self, id: &ThreadId) -> Result<Option<ThreadRow>> {
        self.0.thread(id).await
    }
    async fn cancel(&self, run: &RunId, now: Timestamp) -> Result<bool> {
        self.0.cancel(run, now).await
    }
    fn knows_ends(&self) -> bool {
        self.0.knows_ends()
    }
    async fn join(&self, boot: &BootId, now: Timestamp) -> Result<()> {
        self.0.join(boot, now).await
    }
    async fn renew(&self, boot: &BootId) -> Result<Renewed> {
        self.0.renew(boot).await
    }
    async fn members(&self, but: &BootId) -> Result<Vec<Member>> {
        self.0.members(but).await
    }
    async fn driven_by(&self, boot: &BootId, limit: usize) -> Result<Vec<RunRow>> {
        self.0.driven_by(boot, limit).await
    }
    async fn leave(&self, boot: &BootId) -> Result<()> {
        self.0.leave(boot).await
    }
    async fn claim(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<CallbackRow>> {
        self.0.claim(now, until, limit).await
    }
    async fn tried(&self, row: &CallbackRow, entries: Vec<Entry>) -> Result<()> {
        self.0.tried(row, entries).await
    }
    async fn callbacks(
        &self,
        state: CallbackState,
        workspace: Option<&str>,
        before: Option<&CallbackId>,
        limit: usize,
    ) -> Result<Vec<CallbackRow>> {
        self.0.callbacks(state, workspace, before, limit).await
    }
    async fn resend(&self, id: &CallbackId, now: Timestamp) -> Result<bool> {
        self.0.resend(id, now).await
    }
    async fn prune(&self, before: Timestamp, now: Timestamp, limit: usize) -> Result<u64> {
        self.0.prune(before, now, limit).await
    }
    async fn bytes(&self) -> Result<u64> {
        self.0.bytes().await
    }
}

/// A log that nothing is appended to.
struct Unlogged(Arc<dyn Log>);

#[async_trait]
impl Log for Unlogged {
    async fn append(&self, _: Vec<Entry>) -> Result<()> {
        Ok(())
    }
    async fn head(&self) -> Result<Head> {
        self.0.head().await
    }
    async fn waiting(&self, size: u64, portion: Portion) -> Result<Vec<Waiting>> {
        self.0.waiting(size, portion).await
    }
    async fn grow(&self, growth: Growth) -> Result<bool> {
        self.0.grow(growth).await
    }
    async fn leaves(&self, filter: &LeafFilter, from: From, limit: usize) -> Result<Vec<Leaf>> {
        self.0.leaves(filter, from, limit).await
    }
    async fn tile(&self, level: u8, index: u64) -> Result<Option<TileRow>> {
        self.0.tile(level, index).await
    }
    async fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<CheckpointRow>> {
        self.0.checkpoints(after, limit).await
    }
    async fn forget(&self, below: u64, note: &str) -> Result<u64> {
        self.0.forget(below, note).await
    }
}
