//! The calls on runs, conversations, callbacks, lives and the log: each is one transaction, or one
//! statement where it does no harm that it may run twice.

use async_trait::async_trait;

use super::{Postgres, callbacks, lives, log, prune, runs, threads};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::ids::{BootId, CallbackId, RunId, ThreadId};
use crate::store::log::{
    CheckpointRow, Entry, From, Growth, Head, Leaf, LeafFilter, Log, Portion, TileRow, Waiting,
};
use crate::store::rows::{
    AdmitRows, Admitted, Binding, CallbackRow, CallbackState, EndRows, EventsRow, Member, Renewed,
    Rows, RunRow, RunsFilter, ThreadRow,
};

#[async_trait]
impl Rows for Postgres {
    async fn admit(&self, rows: AdmitRows) -> Result<Admitted> {
        self.0.transact(&runs::Admit { rows: &rows }).await
    }

    async fn end(&self, rows: EndRows) -> Result<bool> {
        self.0.transact(&runs::End { rows: &rows }).await
    }

    async fn note(&self, run: &RunId, events: EventsRow) -> Result<()> {
        runs::note(&self.0, run, &events).await
    }

    async fn run(&self, id: &RunId) -> Result<Option<RunRow>> {
        runs::run(&self.0, id).await
    }

    async fn runs(&self, filter: &RunsFilter, limit: usize) -> Result<Vec<RunRow>> {
        runs::runs(&self.0, filter, limit).await
    }

    async fn events(&self, run: &RunId, after: u64) -> Result<Vec<EventsRow>> {
        runs::events(&self.0, run, after).await
    }

    async fn binding(&self, key: &[u8; 32], now: Timestamp) -> Result<Option<Binding>> {
        threads::binding(&self.0, key, now).await
    }

    async fn thread(&self, id: &ThreadId) -> Result<Option<ThreadRow>> {
        threads::thread(&self.0, id).await
    }

    async fn cancel(&self, run: &RunId, now: Timestamp) -> Result<bool> {
        runs::cancel(&self.0, run, now).await
    }

    async fn join(&self, boot: &BootId, now: Timestamp) -> Result<()> {
        lives::join(&self.0, boot, now).await
    }

    async fn renew(&self, boot: &BootId) -> Result<Renewed> {
        lives::renew(&self.0, boot).await
    }

    async fn members(&self, but: &BootId) -> Result<Vec<Member>> {
        lives::members(&self.0, but).await
    }

    async fn driven_by(&self, boot: &BootId, limit: usize) -> Result<Vec<RunRow>> {
        runs::driven_by(&self.0, boot, limit).await
    }

    async fn leave(&self, boot: &BootId) -> Result<()> {
        lives::leave(&self.0, boot).await
    }

    async fn claim(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<CallbackRow>> {
        self.0.transact(&callbacks::Claim { now, until, limit }).await
    }

    async fn tried(&self, row: &CallbackRow, entries: Vec<Entry>) -> Result<()> {
        self.0.transact(&callbacks::Tried { row, entries: &entries }).await
    }

    async fn callbacks(
        &self,
        state: CallbackState,
        workspace: Option<&str>,
        before: Option<&CallbackId>,
        limit: usize,
    ) -> Result<Vec<CallbackRow>> {
        callbacks::list(&self.0, state, workspace, before, limit).await
    }

    async fn resend(&self, id: &CallbackId, now: Timestamp) -> Result<bool> {
        self.0.transact(&callbacks::Resend { id, now }).await
    }

    async fn prune(&self, before: Timestamp, now: Timestamp, limit: usize) -> Result<u64> {
        self.0.transact(&prune::Prune { before, now, limit }).await
    }

    async fn bytes(&self) -> Result<u64> {
        prune::bytes(&self.0).await
    }
}

#[async_trait]
impl Log for Postgres {
    async fn append(&self, entries: Vec<Entry>) -> Result<()> {
        self.0.transact(&log::Append { entries: &entries }).await
    }

    async fn head(&self) -> Result<Head> {
        log::head(&self.0).await
    }

    async fn waiting(&self, _: u64, most: Portion) -> Result<Vec<Waiting>> {
        log::waiting(&self.0, most).await
    }

    async fn grow(&self, growth: Growth) -> Result<bool> {
        self.0.transact(&log::Grow { growth: &growth }).await
    }

    async fn leaves(&self, filter: &LeafFilter, from: From, limit: usize) -> Result<Vec<Leaf>> {
        log::leaves(&self.0, filter, from, limit).await
    }

    async fn tile(&self, level: u8, index: u64) -> Result<Option<TileRow>> {
        log::tile(&self.0, level, index).await
    }

    async fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<CheckpointRow>> {
        log::checkpoints(&self.0, after, limit).await
    }

    async fn forget(&self, below: u64, note: &str) -> Result<u64> {
        self.0.transact(&log::Forget { below, note }).await
    }
}
