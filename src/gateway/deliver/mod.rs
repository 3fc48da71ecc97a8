//! Signed callbacks out, after Standard Webhooks (<https://www.standardwebhooks.com>): callbacks
//! that are due are claimed from the store, sent, and put back with what came of it. [`sign`] says
//! what is sent with a message, [`verdict`] what an outcome means, [`schedule`] when the next try
//! is; all three are pure.
//!
//! Invariant: a callback is claimed before it is sent and its claim outlasts the try, so that no
//! two tries of one are in flight, on whichever nodes. At least once is all that can be promised:
//! a receiver tells repetitions by `webhook-id`.

pub mod schedule;
pub mod sign;
pub mod verdict;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use indexmap::IndexMap;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::sign::Signer;
use self::verdict::{Verdict, judge};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::gateway::restore::restored;
use crate::gateway::{Gateway, Parts};
use crate::http::egress::post::Poster;
use crate::http::egress::target::Target;
use crate::model::principal::{Identity, Principal};
use crate::model::record::{Outcome, Record, RunFacts, Stage, Verdict as Decision, Who};
use crate::model::run::Run;
use crate::store::log::Entry;
use crate::store::rows::{CallbackRow, CallbackState};
use crate::store::runs::KeptCallback;
use crate::wire::webhook::secret::SigningSecret;

/// Callbacks that are under way at a time.
pub const AT_ONCE: usize = 64;
/// How long a callback stays claimed: longer than a try can take.
const CLAIM: Duration = Duration::from_secs(60);

/// What delivers callbacks.
pub struct Callbacks {
    /// Calls addresses that callers chose.
    pub poster: Poster,
    /// What signs, by workspace.
    pub signers: IndexMap<String, Signer>,
    /// Makes the secret of a workspace that has none configured.
    pub secret_of: Box<dyn Fn(&str) -> SigningSecret + Send + Sync>,
    /// How many are under way.
    pub permits: Arc<Semaphore>,
}

/// What is sent.
#[derive(Serialize)]
struct Message<'a> {
    r#type: &'a str,
    timestamp: Timestamp,
    data: &'a Run,
}

impl Callbacks {
    /// Refuses an address that may not be called, as far as that can be told of it alone.
    ///
    /// # Errors
    /// `InvalidRequest`, at `callback.url`.
    pub fn check(&self, url: &str) -> Result<()> {
        let read = Target::read(url, self.poster.allowed());
        read.map(drop).map_err(|refused| Error::invalid("callback.url", refused.to_string()))
    }

    fn headers(&self, row: &CallbackRow, now: Timestamp, body: &[u8]) -> Option<HeaderMap> {
        let made;
        let signer = match self.signers.get(&row.workspace) {
            Some(signer) => signer,
            None => {
                made = Signer::new(vec![(self.secret_of)(&row.workspace)]).ok()?;
                &made
            }
        };
        let seconds = now.0.div_euclid(1_000_000);
        let signed = signer.headers(row.id.as_str(), seconds, body).ok()?;
        let mut headers: HeaderMap = signed.into_iter().collect();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Some(headers)
    }
}

impl std::fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[callbacks]")
    }
}

impl Gateway {
    /// Sends callbacks that are due, as many as may be under way. Called again and again by whoever
    /// keeps the gateway up.
    pub async fn deliver(&self) {
        let parts = &self.0;
        let mut permits: Vec<OwnedSemaphorePermit> = Vec::new();
        while permits.len() < AT_ONCE {
            let Ok(permit) = Arc::clone(&parts.callbacks.permits).try_acquire_owned() else {
                break;
            };
            permits.push(permit);
        }
        if permits.is_empty() || parts.keeper.health.is_failing() {
            return;
        }
        let now = parts.clock.now();
        let claimed = parts.keeper.runs.claim(now, now.later(CLAIM), permits.len()).await;
        let due = match claimed {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(?error, "the callbacks that are due cannot be read");
                return;
            }
        };
        for (callback, permit) in due.into_iter().zip(permits) {
            let parts = Arc::clone(parts);
            let tasks = parts.tasks.clone();
            tasks.spawn("callback", async move {
                send(&parts, callback).await;
                drop(permit);
            });
        }
    }
}

/// Sends one callback and says what came of it.
async fn send(parts: &Parts, callback: KeptCallback) {
    let verdict = attempt(parts, &callback).await;
    let KeptCallback { mut row, .. } = callback;
    row.attempts = row.attempts.saturating_add(1);
    let now = parts.clock.now();
    let code = match verdict {
        Verdict::Delivered => {
            row.state = CallbackState::Delivered;
            "delivered"
        }
        Verdict::Dead(end) => {
            row.state = CallbackState::Dead;
            end.code()
        }
        Verdict::Retry { why, asked } => {
            let random = (parts.ids.next(now).as_u128() & u128::from(u32::MAX)) as u32;
            match schedule::wait(row.attempts, asked, random) {
                Some(wait) => row.due_at = now.later(wait),
                None => row.state = CallbackState::Dead,
            }
            why.code()
        }
    };
    row.last = Some(code.to_owned());
    parts.keeper.health.metrics().callback(code);
    if row.state == CallbackState::Dead {
        tracing::warn!(callback = %row.id, run_id = %row.run_id, code, "a callback is given up");
    }
    let is_over = row.state != CallbackState::Pending;
    let entries = if is_over { record(parts, &row, code) } else { Vec::new() };
    let told = parts.keeper.runs.rows.tried(&row, entries).await;
    parts.keeper.health.went(&told);
    if let Err(error) = told {
        // Its claim ends by itself, and it is sent again.
        tracing::warn!(?error, callback = %row.id, "what came of a callback cannot be written");
    }
}

async fn attempt(parts: &Parts, callback: &KeptCallback) -> Verdict {
    let (row, content) = (&callback.row, &callback.content);
    let callbacks = &parts.callbacks;
    let target = match Target::read(&content.url, callbacks.poster.allowed()) {
        Ok(target) => target,
        Err(refused) => return Verdict::Dead(verdict::End::Forbidden(refused)),
    };
    let run = shown(parts, callback);
    let ended = run.ended_at.unwrap_or(run.created_at);
    let message = Message { r#type: &content.r#type, timestamp: ended, data: &run };
    let broken = Verdict::Retry { why: verdict::Trouble::Broken, asked: None };
    let Ok(body) = serde_json::to_vec(&message) else { return broken };
    let Some(headers) = callbacks.headers(row, parts.clock.now(), &body) else { return broken };
    judge(&callbacks.poster.post(&target, headers, Bytes::from(body)).await)
}

/// The run as its own caller reads it: it is the caller who named the address.
fn shown(parts: &Parts, callback: &KeptCallback) -> Run {
    let content = &callback.content;
    let run = (*content.run).clone();
    let (workspace, subject) = content.owner.clone();
    let owner = Principal::new(Identity { workspace, subject, ..Identity::default() });
    let conversation = run.thread_id.as_ref().map_or("", |id| id.as_str()).to_owned();
    match parts.keeper.vaults.restored(&owner, &conversation, &content.vault) {
        Some(vault) => restored(&*vault, run),
        None => run,
    }
}

/// The record of a callback that is over.
fn record(parts: &Parts, row: &CallbackRow, code: &str) -> Vec<Entry> {
    let is_delivered = row.state == CallbackState::Delivered;
    let decision = if is_delivered { Decision::Allow } else { Decision::Deny };
    let record = Record {
        subject: Some(format!("callback {}", row.id)),
        principal: Some(Who {
            workspace: row.workspace.clone(),
            kind: String::new(),
            subject: String::new(),
            name: String::new(),
        }),
        run: Some(RunFacts { id: Some(row.run_id.clone()), ..RunFacts::default() }),
        outcome: Some(Outcome { code: Some(code.to_owned()), ..Outcome::default() }),
        count: Some(u64::from(row.attempts)),
        ..parts.keeper.scribe.record(Stage::Operated, decision)
    };
    Entry::of(&record).into_iter().collect()
}
