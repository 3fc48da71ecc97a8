//! What the commands do that look after a store, beside a gateway that may be running: bring it up
//! to date, look whether it is whole, copy it, forget what is old, send callbacks again.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::app::commands::wait;
use crate::app::{Failure, Surrounding, auditing, callbacks, guard, load, sealing};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::model::ids::CallbackId;
use crate::model::record::{CallFacts, Record, Stage, Verdict};
use crate::model::scribe::Scribe;
use crate::policy::audit::retention;
use crate::store::Store;
use crate::store::log::{Entry, From, LeafFilter};
use crate::store::rows::CallbackState;
use crate::store::runs::Runs;
use crate::tasks::Tasks;

/// What can be done with a store.
#[derive(Debug)]
pub enum StoreCommand {
    /// Bring its schema up to date; whatever opens it does.
    Migrate,
    /// Look whether it is whole, and whether the configured key opens what it holds.
    Check,
    /// Copy it, as it is at one moment.
    Backup(PathBuf),
    /// Forget what is older than the configuration says.
    Prune,
    /// The callbacks in a state.
    Callbacks(CallbackState, usize),
    /// Have a callback that was given up tried again.
    Resend(String),
    /// The secret that signs the callbacks of a workspace which has none configured.
    CallbackSecret(String),
}

/// Rows that are forgotten at a time.
const BATCH: usize = 500;
/// The newest records whose runs are opened by a check.
const LOOKED_AT: usize = 200;

/// Does something with the store of a configuration.
pub fn store(path: &Path, command: StoreCommand) -> Result<Value, Failure> {
    let config = load(path).map_err(Failure::Configuration)?;
    if !matches!(command, StoreCommand::Migrate) {
        must_exist(&config)?;
    }
    if let StoreCommand::CallbackSecret(workspace) = &command {
        if config.callbacks.secrets.contains_key(workspace) {
            return Err(Failure::start("the configuration has a secret of this workspace"));
        }
        return Ok(callbacks::secret_text(&sealing::sealer(&config)?, workspace).into());
    }
    let mut done = Value::Null;
    wait(async {
        let (surrounding, tasks) = (Surrounding::system(), Tasks::default());
        let store = guard::open_store(&config, &surrounding, &tasks).await?;
        let outcome = run(&config, &surrounding, &store, command).await;
        store.close().await;
        done = outcome.map_err(Failure::start)?;
        Ok(())
    })?;
    Ok(done)
}

/// Whoever looks at a store makes none: an empty one at a wrong path would be told to be whole, and
/// a secret made of a new key beside it would be no receiver's.
pub(super) fn must_exist(config: &Config) -> Result<(), Failure> {
    let file = config.store.url.reveal().strip_prefix("sqlite://");
    match file.filter(|file| !Path::new(file).exists()) {
        Some(file) => Err(Failure::Start(format!("there is no store at {file}"))),
        None => Ok(()),
    }
}

async fn run(
    config: &Config,
    surrounding: &Surrounding,
    store: &Store,
    command: StoreCommand,
) -> Result<Value> {
    let now = surrounding.clock.now();
    match command {
        StoreCommand::Migrate => Ok("the store is up to date".into()),
        StoreCommand::Check => check(config, store).await,
        StoreCommand::Backup(to) => {
            store.backup(&to).await?;
            Ok(format!("copied to {}", to.display()).into())
        }
        StoreCommand::Prune => {
            let pruned = prune(config, store, now).await?;
            tell(surrounding, store, &format!("store prune: {pruned}")).await?;
            Ok(pruned)
        }
        StoreCommand::Callbacks(state, limit) => {
            let rows = store.rows.callbacks(state, None, None, limit).await?;
            let row = |row: &crate::store::rows::CallbackRow| {
                json!({
                    "id": row.id.as_str(), "run_id": row.run_id.as_str(),
                    "workspace": row.workspace, "state": row.state.name(),
                    "attempts": row.attempts, "last": row.last, "due_at": row.due_at,
                    "created_at": row.created_at,
                })
            };
            Ok(rows.iter().map(row).collect())
        }
        StoreCommand::Resend(text) => {
            let there_is_none =
                || Error::new(Kind::NotFound, "there is no such callback that was given up");
            let id = CallbackId::parse(&text).ok_or_else(there_is_none)?;
            // Recorded before it is done: what cannot be recorded is not done.
            tell(surrounding, store, &format!("store resend {id}")).await?;
            if store.rows.resend(&id, now).await? {
                Ok(id.as_str().into())
            } else {
                Err(there_is_none())
            }
        }
        StoreCommand::CallbackSecret(_) => Ok(Value::Null),
    }
}

/// What is wrong with a store; an empty list where nothing is.
async fn check(config: &Config, store: &Store) -> Result<Value> {
    let mut faults = store.check().await.unwrap_or_else(|error| vec![with_cause(&error)]);
    let sealer = sealing::sealer(config)
        .map_err(|failure| Error::new(Kind::Internal, failure.to_string()))?;
    let runs = Runs { rows: std::sync::Arc::clone(&store.rows), sealer };
    let newest = store.log.leaves(&LeafFilter::default(), From::Below(None), LOOKED_AT).await;
    let newest = newest.unwrap_or_else(|error| {
        faults.push(format!("the records cannot be read: {}", with_cause(&error)));
        Vec::new()
    });
    for leaf in newest {
        let Ok(record) = serde_json::from_slice::<Record>(&leaf.body) else {
            faults.push(format!("record {} cannot be read", leaf.seq));
            continue;
        };
        let Some(id) = record.run.and_then(|run| run.id) else { continue };
        if let Err(error) = runs.run(&id).await {
            faults.push(format!("{id}: {}", with_cause(&error)));
            break;
        }
    }
    if faults.is_empty() {
        return Ok("the store is whole, and the configured key opens it".into());
    }
    Err(Error::new(Kind::Internal, faults.join("; ")))
}

/// What an operator is told of an error, who is no caller.
fn with_cause(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Forgets what is older than the configuration says, and the oldest where there is too much.
pub(super) async fn prune(config: &Config, store: &Store, now: Timestamp) -> Result<Value> {
    let before = now.earlier(config.store.keep);
    let mut runs = 0;
    loop {
        let some = store.rows.prune(before, now, BATCH).await?;
        runs += some;
        if some < BATCH as u64 {
            break;
        }
    }
    while store.rows.bytes().await? > config.store.max_bytes as u64 {
        let some = store.rows.prune(now, now, BATCH).await?;
        runs += some;
        if some == 0 {
            tracing::warn!("the store is larger than it may be, and no ended run is left in it");
            break;
        }
    }
    let mut records = 0;
    if let Some(keep) = config.audit.keep {
        let since = Some(now.earlier(keep));
        let filter = LeafFilter { since, ..LeafFilter::default() };
        let first = store.log.leaves(&filter, From::Place(0), 1).await?;
        // Where all are older, the newest ones stay until there is a younger one.
        if let Some(leaf) = first.first() {
            let key = auditing::signing_key(config);
            let key = key.map_err(|failure| Error::new(Kind::Internal, failure.to_string()))?;
            let (log, origin) = (&*store.log, &config.audit.origin);
            records = retention::forget(log, origin, &key, leaf.seq).await?;
        }
    }
    Ok(json!({ "runs": runs, "records": records }))
}

/// Records what an operator did by the command line.
pub(super) async fn tell(surrounding: &Surrounding, store: &Store, what: &str) -> Result<()> {
    let Surrounding { clock, ids, .. } = surrounding.clone();
    let call = CallFacts { operation: "cli".to_owned(), ..CallFacts::default() };
    let record = Record {
        subject: Some(what.to_owned()),
        call: Some(call),
        ..Scribe::new(clock, ids).record(Stage::Operated, Verdict::Allow)
    };
    store.log.append(vec![Entry::of(&record)?]).await
}

#[cfg(test)]
mod tests;
