//! What is told of the gateway at one moment.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::model::ids::RunId;
use crate::model::run::RunStatus;
use crate::model::upstream::Health;

/// How the gateway is doing, at one moment.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Status {
    /// Always `status`.
    pub object: &'static str,
    /// When it was like this.
    pub at: Timestamp,
    /// The process that answers.
    pub gateway: GatewayStatus,
    /// The configured upstreams, in their order.
    pub upstreams: Vec<UpstreamStatus>,
    /// Agents that share a name and are left out for now, because they failed too often.
    pub left_out: Vec<LeftOut>,
    /// Runs.
    pub runs: RunsStatus,
    /// The newest refusals on record, the newest first, at most 20.
    pub refusals: Vec<Refusal>,
    /// Limits and budgets near their end.
    pub bounds: BoundsStatus,
    /// The record.
    pub audit: AuditStatus,
}

/// The process that answers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct GatewayStatus {
    /// The version of the program.
    pub build: String,
    /// The life of the process, as records have it.
    pub boot: String,
    /// Which configuration is in force: `sha256:` and the hash of the file as it was read.
    pub configuration: String,
    /// When the process began.
    pub started_at: Timestamp,
    /// Whether it is shutting down and refuses new requests.
    pub draining: bool,
    /// Requests of callers between their head and the last byte of their answer.
    pub requests: usize,
    /// Requests in flight from which on new ones are refused.
    pub most_requests: usize,
}

/// An upstream.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UpstreamStatus {
    /// Its configured name.
    pub name: String,
    /// The kind of platform.
    pub kind: String,
    /// How it is doing, from the outcomes of the calls to it.
    pub health: Health,
    /// Until when calls are refused at least, because too many have failed; null where none are.
    pub rests_until: Option<Timestamp>,
    /// Until when the platform has asked not to be called; null where it has not.
    pub paused_until: Option<Timestamp>,
    /// What came of the last active check; null where there is none, or none yet.
    pub check: Option<CheckStatus>,
    /// Calls under way.
    pub calls: u64,
    /// How many may be under way at a time.
    pub most_calls: u64,
    /// Calls that wait for a place.
    pub waiting: u64,
}

/// What came of an active check.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "UpstreamCheckStatus")]
pub struct CheckStatus {
    /// When it was over.
    pub at: Timestamp,
    /// The status of the platform's answer; null where there was none.
    pub status: Option<u16>,
    /// Why there was none, as a code of failures; null where there was one.
    pub code: Option<&'static str>,
}

/// An agent that is left out for now.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "LeftOutStatus")]
pub struct LeftOut {
    /// The name that it shares.
    pub name: String,
    /// The agent, `<upstream>:<id>`.
    pub target: String,
    /// Until when, at least.
    pub until: Timestamp,
}

/// Runs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RunsStatus {
    /// How many this process drives.
    pub in_flight: usize,
    /// The oldest of them, the oldest first, at most 50.
    pub oldest: Vec<RunInFlight>,
    /// The runs that ended last, on whatever process, the newest first, at most 20.
    pub recent: Vec<RunEnded>,
}

/// A run in flight.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "RunInFlightStatus")]
pub struct RunInFlight {
    /// Its id.
    pub id: RunId,
    /// The agent, as the caller named it.
    pub agent: String,
    /// The upstream.
    pub upstream: String,
    /// Whose it is.
    pub workspace: String,
    /// Where it stands.
    pub status: RunStatus,
    /// When it was admitted.
    pub since: Timestamp,
}

/// A run that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "RunEndedStatus")]
pub struct RunEnded {
    /// The place of its last record in the audit.
    pub seq: u64,
    /// Its id.
    pub id: Option<RunId>,
    /// The agent, as the caller named it.
    pub agent: String,
    /// What that name stands for, `<upstream>:<id>`.
    pub target: Option<String>,
    /// Whose it was.
    pub workspace: Option<String>,
    /// How it ended.
    pub status: Option<RunStatus>,
    /// Why, as a code of failures; null where it did not fail.
    pub code: Option<String>,
    /// From admission to end, in milliseconds.
    pub duration_ms: Option<u64>,
    /// When its end was recorded.
    pub at: Timestamp,
}

/// Something that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "RefusalStatus")]
pub struct Refusal {
    /// The place of its record in the audit.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// Why, as a code of failures.
    pub code: String,
    /// The same in words.
    pub reason: &'static str,
    /// The rules that refused: policies, limits, budgets, rules of PII.
    pub rules: Vec<String>,
    /// The operation that was asked for; null where many refusals are counted as one.
    pub operation: Option<String>,
    /// The agent that was asked for, `<upstream>:<id>`; null where there is none.
    pub target: Option<String>,
    /// The caller's workspace; null where nobody is known.
    pub workspace: Option<String>,
    /// What people call the caller; null where nobody is known.
    pub caller: Option<String>,
    /// Where it came from.
    pub address: Option<IpAddr>,
    /// How many refusals it stands for: those that come in floods are counted for a minute.
    pub count: u64,
}

/// Limits and budgets.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BoundsStatus {
    /// How many limits are watched: those on requests in a time.
    pub limits: usize,
    /// How many budgets are watched.
    pub budgets: usize,
    /// Those of which somebody has used four fifths or more, the nearest to its end first.
    pub near: Vec<NearEnd>,
}

/// A limit or a budget near its end.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "NearEndStatus")]
pub struct NearEnd {
    /// Which of both.
    pub kind: BoundKind,
    /// Its configured name.
    pub name: String,
    /// The unit of a budget: `usd`, `tokens`, `credits`, `runs`.
    pub unit: Option<&'static str>,
    /// How much is used, from 0 to 1, by the caller who has least left: of a limit in the last
    /// minute or two, of a budget in its window.
    pub used: f64,
}

/// A limit, or a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BoundKind {
    /// Requests in a time.
    Limit,
    /// What may be spent.
    Budget,
}

/// The record.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AuditStatus {
    /// Since when records cannot be written and runs are refused; null while they can.
    pub failing_since: Option<Timestamp>,
    /// Ends of runs that wait for the store to be written again.
    pub owed: u64,
    /// Records under the tree.
    pub records: u64,
    /// Records under the newest checkpoint.
    pub signed: u64,
    /// When all records were last known to be under a signed checkpoint.
    pub covered_at: Option<Timestamp>,
    /// When the newest checkpoint was signed: none is made while nothing is recorded.
    pub checkpoint_at: Option<Timestamp>,
    /// Records of reads that were dropped since the process began.
    pub lost_reads: u64,
    /// When the store was last read for this; null where it never could be.
    pub read_at: Option<Timestamp>,
}
