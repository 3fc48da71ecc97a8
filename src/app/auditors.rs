//! What the commands do that read the audit of a store, beside a gateway that may be running.
//!
//! Invariant: that it was read is in the log before the first byte is printed.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::app::commands::{stop_signal, wait};
use crate::app::storekeeping::must_exist;
use crate::app::{Failure, Surrounding, auditing, guard, load, sealing};
use crate::config::Config;
use crate::error::{Error, Kind};
use crate::gateway::audit::{AuditFilter, AuditItem, end, page};
use crate::model::record::{CallFacts, Record, Stage, Verdict};
use crate::model::scribe::Scribe;
use crate::policy::audit::committer::Committer;
use crate::policy::audit::export::Export;
use crate::policy::audit::{ocsf, prove};
use crate::store::Store;
use crate::store::log::{Entry, From, Leaf, LeafFilter};
use crate::store::payloads::Payloads;
use crate::tasks::Tasks;
use crate::telemetry::metrics::Metrics;

mod opened;

/// How often the log is asked for more.
const EVERY: Duration = Duration::from_millis(500);
/// Records that are read at a time.
const BATCH: usize = 256;
/// Bytes of an export that are written at a time.
const BUFFER: usize = 64 * 1024;

/// What can be read of an audit.
#[derive(Debug)]
pub enum AuditCommand {
    /// The records that a filter picks.
    Query(Box<Asked>),
    /// The log from a place on; from its first record where there is none.
    Export {
        /// The first record.
        from: Option<u64>,
        /// In which form.
        format: Format,
        /// Whether it goes on as records come.
        follow: bool,
    },
    /// The proof of a record.
    Prove(u64),
    /// Deletes what the payloads of a workspace are sealed with.
    Erase(String),
}

/// Which records are asked for.
#[derive(Debug)]
pub struct Asked {
    /// Which.
    pub filter: AuditFilter,
    /// Whether the newest come first.
    pub newest: bool,
    /// How many at most.
    pub limit: usize,
    /// Whether payloads are opened.
    pub opens: bool,
}

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With everything that it is verified by.
    Log,
    /// A record a line.
    Ndjson,
    /// An event of OCSF a line.
    Ocsf,
}

/// The verifier key of a configuration's log.
pub fn verifier(path: &Path) -> Result<String, Failure> {
    let config = load(path).map_err(Failure::Configuration)?;
    Ok(auditing::signing_key(&config)?.verifier().to_string())
}

/// Reads the audit of a configuration's store and prints it.
pub fn audit(path: &Path, command: &AuditCommand, out: &mut dyn Write) -> Result<(), Failure> {
    let config = load(path).map_err(Failure::Configuration)?;
    must_exist(&config)?;
    wait(async {
        let (surrounding, tasks) = (Surrounding::system(), Tasks::default());
        let store = guard::open_store(&config, &surrounding, &tasks).await?;
        let auditor = Auditor::new(&config, &surrounding, &store)?;
        let done = tokio::select! {
            done = auditor.run(command, out) => done,
            stopped = stop_signal() => stopped,
        };
        store.close().await;
        done
    })
}

struct Auditor<'a> {
    config: &'a Config,
    store: &'a Store,
    scribe: Scribe,
    committer: Committer,
    payloads: Payloads,
}

impl<'a> Auditor<'a> {
    fn new(
        config: &'a Config,
        surrounding: &Surrounding,
        store: &'a Store,
    ) -> Result<Self, Failure> {
        let Surrounding { clock, ids, .. } = surrounding;
        let metrics = Metrics::new(clock.now()).map_err(Failure::start)?;
        let committer = auditing::committer(config, surrounding, store, metrics.audit())?;
        Ok(Self {
            config,
            store,
            scribe: Scribe::new(Arc::clone(clock), Arc::clone(ids)),
            committer,
            payloads: Payloads::new(Arc::clone(&store.payload_keys), sealing::sealer(config)?),
        })
    }

    async fn run(&self, command: &AuditCommand, out: &mut dyn Write) -> Result<(), Failure> {
        match command {
            AuditCommand::Query(asked) => self.query(asked, out).await,
            AuditCommand::Export { from, format: Format::Log, follow } => {
                self.export(*from, *follow, out).await
            }
            AuditCommand::Export { from, format, follow } => {
                self.stream(*from, *format, *follow, out).await
            }
            AuditCommand::Prove(seq) => self.prove(*seq, out).await,
            AuditCommand::Erase(workspace) => self.erase(workspace, out).await,
        }
    }

    /// Records that the audit is read.
    async fn record(&self, what: String) -> Result<(), Failure> {
        let mut record = self.scribe.record(Stage::Operated, Verdict::Allow);
        record.subject = Some(what);
        let (operation, face) = ("cli".to_owned(), "cli".to_owned());
        record.call = Some(CallFacts { operation, face, ..CallFacts::default() });
        let entry = Entry::of(&record).map_err(Failure::start)?;
        self.store.log.append(vec![entry]).await.map_err(Failure::start)
    }

    async fn query(&self, asked: &Asked, out: &mut dyn Write) -> Result<(), Failure> {
        let log = &*self.store.log;
        let end = end(log).await.map_err(Failure::start)?;
        let opened = if asked.opens { ", payloads opened" } else { "" };
        self.record(format!("audit query 0..{end}{opened}")).await?;
        let mut from = if asked.newest { From::Below(Some(end)) } else { From::Place(0) };
        let mut left = asked.limit;
        while left > 0 {
            let page = page(log, &asked.filter, from, left.min(1_000)).await;
            let page = page.map_err(Failure::start)?;
            left -= page.items.len();
            // What came after the question is not in the answer.
            for item in page.items.iter().filter(|item| item.seq < end) {
                let line = match asked.opens {
                    true => opened::line(&self.payloads, item).await.map_err(Failure::start)?,
                    false => item.line(),
                };
                writeln!(out, "{line}").map_err(|error| unprinted(&error))?;
            }
            let Some(next) = page.next.filter(|next| *next < end || asked.newest) else { break };
            from = if asked.newest { From::Below(Some(next)) } else { From::Place(next) };
        }
        out.flush().map_err(|error| unprinted(&error))
    }

    /// The first record of an export.
    async fn first(&self, from: Option<u64>) -> Result<u64, Failure> {
        let first = self.store.log.head().await.map_err(Failure::start)?.first;
        match from {
            Some(from) if from < first => {
                Err(Failure::Start(format!("the records before {first} are no longer kept")))
            }
            from => Ok(from.unwrap_or(first)),
        }
    }

    async fn erase(&self, workspace: &str, out: &mut dyn Write) -> Result<(), Failure> {
        self.record(format!("payloads of {workspace} erased")).await?;
        let had = self.payloads.erase(workspace).await.map_err(Failure::start)?;
        let said = if had { "Erased." } else { "There was nothing to erase." };
        writeln!(out, "{said}").map_err(|error| unprinted(&error))
    }

    async fn export(
        &self,
        from: Option<u64>,
        follow: bool,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let from = self.first(from).await?;
        // Where no gateway runs, what it wrote last may have no signature yet.
        let until = self.committer.commit().await.map_err(Failure::start)?.size;
        if from > until {
            return Err(Failure::Start(format!("the log has {until} records")));
        }
        let range = if follow { format!("{from}..") } else { format!("{from}..{until}") };
        self.record(format!("audit export {range}")).await?;
        let log = Arc::clone(&self.store.log);
        // Who follows sees each line at once.
        let capacity = if follow { 0 } else { BUFFER };
        let to = BufWriter::with_capacity(capacity, out);
        let begun = Export::begin(log, &self.config.audit.origin, from, to).await;
        let mut export = begun.map_err(failure)?;
        if !follow {
            export.go_on(until).await.map_err(failure)?;
            return export.finish().map_err(failure).map(drop);
        }
        loop {
            export.go_on(u64::MAX).await.map_err(failure)?;
            tokio::time::sleep(EVERY).await;
            self.committer.commit().await.map_err(Failure::start)?;
        }
    }

    /// Records without their proof, for who collects them.
    async fn stream(
        &self,
        from: Option<u64>,
        format: Format,
        follow: bool,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let log = &*self.store.log;
        let from = self.first(from).await?;
        let until = end(log).await.map_err(Failure::start)?;
        let range = if follow { format!("{from}..") } else { format!("{from}..{until}") };
        self.record(format!("audit export {range}")).await?;
        let mut out = BufWriter::with_capacity(BUFFER, out);
        let mut next = from;
        loop {
            let found = log.leaves(&LeafFilter::default(), From::Place(next), BATCH).await;
            let found = found.map_err(Failure::start)?;
            let is_last = found.len() < BATCH;
            for leaf in found.into_iter().filter(|leaf| follow || leaf.seq < until) {
                next = leaf.seq + 1;
                writeln!(out, "{}", written(leaf, format)?).map_err(|error| unprinted(&error))?;
            }
            if is_last || (!follow && next >= until) {
                out.flush().map_err(|error| unprinted(&error))?;
                if !follow {
                    return Ok(());
                }
                tokio::time::sleep(EVERY).await;
            }
        }
    }

    async fn prove(&self, seq: u64, out: &mut dyn Write) -> Result<(), Failure> {
        self.record(format!("audit prove {seq}")).await?;
        self.committer.commit().await.map_err(Failure::start)?;
        let receipt = prove::receipt(&*self.store.log, seq).await.map_err(Failure::start)?;
        let none = || Failure::Start(format!("there is no record {seq} under a checkpoint"));
        write!(out, "{}", receipt.ok_or_else(none)?).map_err(|error| unprinted(&error))
    }
}

fn written(leaf: Leaf, format: Format) -> Result<String, Failure> {
    if format != Format::Ocsf {
        return Ok(AuditItem::of(leaf).line());
    }
    let record: Record = serde_json::from_slice(&leaf.body)
        .map_err(|error| Failure::Start(format!("record {} is none: {error}", leaf.seq)))?;
    Ok(ocsf::event(leaf.seq, &record).to_string())
}

/// A failure with its causes, of which an operator of the command line may know.
fn failure(error: Error) -> Failure {
    match (error.kind(), std::error::Error::source(&error)) {
        (Kind::Internal, Some(cause)) => Failure::Start(format!("{error}: {cause}")),
        _ => Failure::start(error),
    }
}

fn unprinted(error: &io::Error) -> Failure {
    Failure::Start(format!("standard output: {error}"))
}
