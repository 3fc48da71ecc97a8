//! `switchyard audit …`: what it takes, and which command does it.
//!
//! Invariant: a private key goes to standard output once, and nowhere else.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use ring::rand::SystemRandom;

use super::ConfigFile;
use super::keys::time;
use super::verify::{self, CheckProof, Verify};
use crate::app::Failure;
use crate::app::auditors::{self, Asked, AuditCommand, Format};
use crate::clock::Timestamp;
use crate::gateway::audit::AuditFilter;
use crate::model::ids::RunId;
use crate::model::record::{Stage, Verdict};
use crate::policy::audit::log::SigningKey;
use crate::store::log::LeafFilter;

/// What can be done with the audit.
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Print records, one JSON object a line.
    Query(Box<Query>),
    /// Print the whole log.
    ///
    /// As it is, with its checkpoints, for `verify`; or its records alone, for who collects them.
    Export {
        #[command(flatten)]
        config: ConfigFile,
        /// The place of the first record; the first that is kept without.
        #[arg(long, value_name = "SEQ")]
        from: Option<u64>,
        /// `log` for verifying, `ndjson` for the records alone, `ocsf` for events of OCSF 1.5.0.
        #[arg(long, value_enum, default_value_t = Form::Log)]
        format: Form,
        /// Go on as records come, until Ctrl-C.
        #[arg(long)]
        follow: bool,
    },
    /// Erase what the records of a workspace hold of texts, for ever.
    ///
    /// The key that they are sealed with is deleted. The records stay, and the log verifies.
    Erase {
        #[command(flatten)]
        config: ConfigFile,
        /// The workspace.
        workspace: String,
    },
    /// Say whether an export is whole and unchanged, by the log's key alone.
    ///
    /// Needs no configuration and no store. Ends with 0 where it is, and with 1 and the first bad
    /// record where it is not.
    Verify(Verify),
    /// Print the proof that a record is in the log.
    Prove {
        #[command(flatten)]
        config: ConfigFile,
        /// The place of the record.
        seq: u64,
    },
    /// Say whether a proof is of a record, by the log's key alone.
    ///
    /// Needs no configuration and no store. Ends with 0 where it is and with 1 where it is not.
    CheckProof(CheckProof),
    /// Print the key that the log is verified by, or make a private key for it.
    Key {
        #[command(flatten)]
        of: KeyOf,
    },
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct KeyOf {
    /// The configuration whose verifier key is wanted.
    #[arg(long, short = 'c', value_name = "FILE")]
    config: Option<PathBuf>,
    /// Make a private key for the log of this name, as `audit.checkpoint.origin` has it.
    #[arg(long, value_name = "ORIGIN")]
    new: Option<String>,
}

/// Which records are wanted.
#[derive(Debug, clap::Args)]
pub(super) struct Query {
    #[command(flatten)]
    config: ConfigFile,
    /// Of callers of this workspace.
    #[arg(long)]
    workspace: Option<String>,
    /// About this run.
    #[arg(long, value_parser = run)]
    run_id: Option<RunId>,
    /// Of this stage: admitted, refused, tool_call, ended, answered, unknown, operated.
    #[arg(long, value_parser = stage)]
    stage: Option<Stage>,
    /// With this decision: allow, deny.
    #[arg(long, value_parser = verdict)]
    decision: Option<Verdict>,
    /// By this subject, or about it.
    #[arg(long)]
    subject: Option<String>,
    /// Of this operation.
    #[arg(long)]
    operation: Option<String>,
    /// About runs of this agent, as named or as `<upstream>:<id>`.
    #[arg(long)]
    agent: Option<String>,
    /// With this code of a failure or a refusal.
    #[arg(long)]
    code: Option<String>,
    /// Made at or after this RFC 3339 time.
    #[arg(long, value_parser = time)]
    since: Option<Timestamp>,
    /// Made before this RFC 3339 time.
    #[arg(long, value_parser = time)]
    until: Option<Timestamp>,
    /// Open the payloads of records, where they have one that was not erased.
    #[arg(long)]
    payloads: bool,
    /// At most so many; all without.
    #[arg(long)]
    limit: Option<usize>,
    /// Which come first.
    #[arg(long, value_enum, default_value_t = Order::Oldest)]
    order: Order,
}

/// Which records come first.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Order {
    Oldest,
    Newest,
}

/// The form of an export.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Form {
    Log,
    Ndjson,
    Ocsf,
}

fn run(text: &str) -> Result<RunId, String> {
    RunId::parse(text).ok_or_else(|| "expected the id of a run".to_owned())
}

fn stage(text: &str) -> Result<Stage, String> {
    Stage::ALL.iter().copied().find(|stage| stage.name() == text).ok_or_else(|| {
        let names: Vec<&str> = Stage::ALL.iter().map(|stage| stage.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

fn verdict(text: &str) -> Result<Verdict, String> {
    let all = [Verdict::Allow, Verdict::Deny];
    let found = all.into_iter().find(|verdict| verdict.name() == text);
    found.ok_or_else(|| "expected allow or deny".to_owned())
}

/// Does something with the audit; whether what was to be verified holds.
pub(super) fn audit(
    command: Audit,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Result<bool, Failure>> {
    let (path, command) = match command {
        Audit::Verify(asked) => return verify::verify(&asked, out),
        Audit::CheckProof(asked) => return verify::check_proof(&asked, out),
        Audit::Key { of } => return key(&of, out, err),
        Audit::Query(query) => {
            let query = *query;
            let filter = AuditFilter {
                kept: LeafFilter {
                    workspace: query.workspace,
                    run_id: query.run_id,
                    stage: query.stage,
                    decision: query.decision,
                    since: query.since,
                    until: query.until,
                },
                subject: query.subject,
                operation: query.operation,
                agent: query.agent,
                code: query.code,
            };
            let newest = matches!(query.order, Order::Newest);
            let (limit, opens) = (query.limit.unwrap_or(usize::MAX), query.payloads);
            let asked = Asked { filter, newest, limit, opens };
            (query.config.path, AuditCommand::Query(Box::new(asked)))
        }
        Audit::Export { config, from, format, follow } => {
            let format = match format {
                Form::Log => Format::Log,
                Form::Ndjson => Format::Ndjson,
                Form::Ocsf => Format::Ocsf,
            };
            (config.path, AuditCommand::Export { from, format, follow })
        }
        Audit::Prove { config, seq } => (config.path, AuditCommand::Prove(seq)),
        Audit::Erase { config, workspace } => (config.path, AuditCommand::Erase(workspace)),
    };
    Ok(auditors::audit(&path, &command, out).map(|()| true))
}

fn key(of: &KeyOf, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Result<bool, Failure>> {
    if let Some(origin) = &of.new {
        return match SigningKey::generate(origin, &SystemRandom::new()) {
            Ok((key, text)) => {
                writeln!(out, "{}", text.as_str())?;
                writeln!(err, "Keep it secret. It is verified by {}", key.verifier())?;
                Ok(Ok(true))
            }
            Err(error) => Ok(Err(Failure::Start(error.to_string()))),
        };
    }
    let Some(path) = &of.config else { return Ok(Ok(false)) };
    match auditors::verifier(path) {
        Ok(key) => writeln!(out, "{key}").map(|()| Ok(true)),
        Err(failure) => Ok(Err(failure)),
    }
}
