//! What must outlive the process: keys, the totals of budgets, runs, the audit, agents. Traits in the model's words;
//! `sqlite/` is the default, `postgres/` is for several nodes. The same contract tests hold both.
//! The app opens a [`Store`]; identity and budgets use its parts.
//!
//! Invariant: what a call has answered `Ok` for is durable. A call that fails may have happened
//! all the same where the store was lost in the middle of it.

mod failure;
pub mod health;
pub mod log;
mod meter;
mod migrations;
mod open;
pub mod payloads;
mod postgres;
pub mod presets;
pub mod rows;
pub mod runs;
pub mod seal;
mod sqlite;
mod tally;
mod text;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::amounts::{Amounts, Ceilings};
use crate::model::key::{Key, KeyId, KeySecret};

use self::log::Log;
use self::payloads::PayloadKeys;
use self::presets::PresetRows;
use self::rows::Rows;

pub use failure::unavailable;
pub use open::{OpenError, open, open_measured};

/// An open store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    /// Keys, and tokens that were revoked before they expired.
    pub keys: Arc<dyn Keys>,
    /// The totals of budgets.
    pub ledger: Arc<dyn Ledger>,
    /// Runs and what belongs to them, sealed.
    pub rows: Arc<dyn Rows>,
    /// The log of the audit.
    pub log: Arc<dyn Log>,
    /// What seals the payloads of records.
    pub payload_keys: Arc<dyn PayloadKeys>,
    /// Agents that the gateway keeps, sealed.
    pub presets: Arc<dyn PresetRows>,
    engine: Arc<dyn Engine>,
}

impl Store {
    fn new(engine: Arc<impl Engine + 'static>) -> Self {
        let (keys, ledger) = (engine.clone(), engine.clone());
        let (rows, log) = (engine.clone(), engine.clone());
        let (payload_keys, presets) = (engine.clone(), engine.clone());
        Self { keys, ledger, rows, log, payload_keys, presets, engine }
    }

    /// Whether the store can be written now: it writes. For readiness.
    pub async fn probe(&self, now: Timestamp) -> Result<()> {
        self.engine.probe(now).await
    }

    /// What is wrong with it; nothing where it is whole.
    pub async fn check(&self) -> Result<Vec<String>> {
        self.engine.check().await
    }

    /// Copies it to a new file, as it is at one moment. `NotSupported` where an engine has tools
    /// of its own for that.
    pub async fn backup(&self, to: &Path) -> Result<()> {
        self.engine.backup(to).await
    }

    /// Finishes what has been asked for, then lets go of files and connections. Calls that come
    /// later are refused. Nothing that was answered is lost without it.
    pub async fn close(&self) {
        self.engine.close().await;
    }
}

/// An engine keeps everything there is to keep.
#[async_trait]
trait Engine: Keys + Ledger + Rows + Log + PayloadKeys + PresetRows {
    /// See [`Store::probe`].
    async fn probe(&self, now: Timestamp) -> Result<()>;
    /// See [`Store::check`].
    async fn check(&self) -> Result<Vec<String>>;
    /// See [`Store::backup`].
    async fn backup(&self, to: &Path) -> Result<()>;
    /// See [`Store::close`].
    async fn close(&self);
}

/// Keys, and tokens that were revoked before they expired.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Keeps a new key. `Conflict` where its workspace has a key of that name that is not
    /// revoked, or where its id or one of its secrets is another key's, a revoked one's included.
    async fn add(&self, key: &Key) -> Result<()>;
    /// A key by its id.
    async fn get(&self, id: &KeyId) -> Result<Option<Key>>;
    /// Keys after `after`, of one workspace or of all, in the order of their ids; at most `limit`.
    async fn list(
        &self,
        workspace: Option<&str>,
        after: Option<&KeyId>,
        limit: usize,
    ) -> Result<Vec<Key>>;
    /// Gives a key a new secret. The newest of the old ones stays valid until `old_until`, or to
    /// its own end where that is earlier; others go at once. `NotFound` for no such key,
    /// `Conflict` for a revoked one and for a secret that a key has.
    async fn rotate(
        &self,
        id: &KeyId,
        secret: KeySecret,
        old_until: Timestamp,
        now: Timestamp,
    ) -> Result<Key>;
    /// Revokes a key; one that is revoked stays as it is. `NotFound` for no such key.
    async fn revoke(&self, id: &KeyId, now: Timestamp) -> Result<Key>;
    /// Revokes a token before it expires, by its issuer's configured name and its `jti`. Forgotten
    /// after `expires_at`; the later one where it is revoked twice.
    async fn revoke_token(&self, token: &RevokedToken, now: Timestamp) -> Result<()>;
    /// What has changed since a version; 0 for everything. A cheap call when nothing has: nodes
    /// ask several times a second. No change is ever missed, in whatever order writers commit; one
    /// may be told twice. Where the store knows no version as late as `since`, it was restored
    /// from a backup: it tells everything, and the version in the answer is the lower one.
    async fn changes(&self, since: u64, now: Timestamp) -> Result<KeyChanges>;
}

/// A token that was revoked before it expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedToken {
    /// The configured name of its issuer.
    pub issuer: String,
    /// Its `jti`.
    pub token_id: String,
    /// When it would expire.
    pub expires_at: Timestamp,
}

/// How long a revoked token is kept after it has expired: longer than any skew that an issuer's
/// tokens may be given.
pub const REVOKED_FOR: Duration = Duration::from_secs(600);

/// Tokens that had expired by then can be forgotten now.
pub(crate) fn forgotten(now: Timestamp) -> Timestamp {
    now.earlier(REVOKED_FOR)
}

/// What has changed since a version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChanges {
    /// The version that these changes lead to.
    pub version: u64,
    /// The keys that are new or other, revoked ones included.
    pub keys: Vec<Key>,
    /// The tokens that were revoked and have not expired.
    pub revoked_tokens: Vec<RevokedToken>,
}

/// The totals of budgets, and what is reserved of them. All claims of a call are taken together
/// or not at all, whoever else asks at the same time, on whichever node.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Reserves before a run: for each claim, what is spent, reserved and wanted together must be
    /// within its ceilings in every unit. A reservation that is not settled by `until` is charged
    /// in full by [`Ledger::charge_overdue`]: its process is gone, and what the run cost is
    /// unknown. The same call again is `Held` and changes nothing, so that one whose answer was
    /// lost may be repeated; `Conflict` for other claims under the name of a reservation that is
    /// held. Without claims nothing is kept. Amounts below zero count as zero.
    async fn reserve(
        &self,
        reservation: &str,
        claims: &[Claim],
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Reserved>;
    /// Raises a reservation to `amounts` in each of its accounts, within their ceilings. A unit of
    /// which more is reserved already stays. `Conflict` for a reservation that is not held.
    async fn raise(&self, reservation: &str, amounts: &Amounts, now: Timestamp)
    -> Result<Reserved>;
    /// Ends a reservation: `spent` is added to each of its accounts, even beyond their ceilings,
    /// and the totals stop at the greatest number. A second call changes nothing, and so does one
    /// for a reservation that was charged or never made. Amounts below zero count as zero.
    async fn settle(&self, reservation: &str, spent: &Amounts, now: Timestamp) -> Result<()>;
    /// Charges every reservation whose `until` is at or before `now` in full. How many there were.
    async fn charge_overdue(&self, now: Timestamp) -> Result<u64>;
    /// How an account stands; zero where it has never been used.
    async fn balance(&self, account: &Account) -> Result<Balance>;
    /// The most that any account of a budget has spent and reserved together in a window that is
    /// open now, unit by unit; zero where it has none. To the precision of a gauge.
    async fn most_used(&self, budget: &str, now: Timestamp) -> Result<Amounts>;
    /// Forgets accounts whose window ended before `before`, and that hold no reservation. How many
    /// there were.
    async fn prune(&self, before: Timestamp) -> Result<u64>;
}

/// One budget of one subject in one window.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// The configured name of the budget.
    pub budget: String,
    /// Whose it is, `acme` or `acme/key:key_…`, in the budget's own form.
    pub subject: String,
    /// When the window began; the epoch for a budget in total.
    pub window_start: Timestamp,
    /// When the window ends; none for a budget in total.
    pub window_end: Option<Timestamp>,
}

/// What a run wants to reserve of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The account.
    pub account: Account,
    /// What spent and reserved together may come to.
    pub ceilings: Ceilings,
    /// What is to be reserved.
    pub amounts: Amounts,
}

/// Whether a reservation was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It is held.
    Held,
    /// Nothing was changed: the claim of this number, counted from 0, does not fit. For
    /// [`Ledger::raise`], in the order of the claims that were reserved.
    Refused(usize),
}

/// How an account stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// What ended runs have cost.
    pub spent: Amounts,
    /// What runs in flight have reserved.
    pub reserved: Amounts,
}
