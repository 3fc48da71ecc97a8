//! `switchyard keys …`: what it takes, and how what it did is shown.
//!
//! Invariant: a secret goes to standard output once, and nothing else that is secret goes anywhere.

use std::io::{self, Write};
use std::time::Duration;

use clap::Subcommand;
use serde_json::Value;

use super::ConfigFile;
use crate::app::Failure;
use crate::app::commands::{self, KeyCommand};
use crate::clock::Timestamp;
use crate::gateway::keys::NewKey;
use crate::model::scope::Scope;
use crate::store::RevokedToken;

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Make a key and print its secret, which is shown now and never again.
    Create {
        #[command(flatten)]
        config: ConfigFile,
        /// What people call it; unique in its workspace.
        #[arg(long)]
        name: String,
        /// The workspace that it is for.
        #[arg(long)]
        workspace: String,
        /// What it may be used for at all; give it more than once, or with commas.
        #[arg(long = "scope", required = true, value_delimiter = ',', value_parser = scope)]
        scopes: Vec<Scope>,
        /// An agent that it is for (an alias, `<upstream>:<id>` or `<upstream>:*`); all without.
        #[arg(long = "agent", value_delimiter = ',')]
        agents: Vec<String>,
        /// A group that its holder is in, for access policies.
        #[arg(long = "group", value_delimiter = ',')]
        groups: Vec<String>,
        /// Its rate class, which limits and policies may name.
        #[arg(long)]
        class: Option<String>,
        /// When it stops to be valid, as an RFC 3339 time.
        #[arg(long, value_parser = time)]
        expires_at: Option<Timestamp>,
        /// Register a secret of somebody else's making by its hash, `sha256:<hex>`.
        #[arg(long)]
        hash: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the keys of the store. Secrets are not in it.
    List {
        #[command(flatten)]
        config: ConfigFile,
        /// Only those of this workspace.
        #[arg(long)]
        workspace: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give a key a new secret and print it; the one before stays good for a while.
    Rotate {
        #[command(flatten)]
        config: ConfigFile,
        /// The key's id, `key_…`.
        id: String,
        /// For how many hours the secret before stays good.
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(0..=720))]
        overlap_hours: u64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key, in force within a second on every running gateway.
    Revoke {
        #[command(flatten)]
        config: ConfigFile,
        /// The key's id, `key_…`.
        id: String,
    },
    /// Revoke a token before it expires.
    RevokeToken {
        #[command(flatten)]
        config: ConfigFile,
        /// The configured name of its issuer.
        #[arg(long)]
        issuer: String,
        /// Its `jti`.
        #[arg(long)]
        token_id: String,
        /// When it expires by itself, as an RFC 3339 time; after that it is forgotten.
        #[arg(long, value_parser = time)]
        expires_at: Timestamp,
    },
}

pub(super) fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| {
        let names: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "expected a time like 2027-01-01T00:00:00Z".to_owned())
}

/// Does something with keys.
pub(super) fn keys(command: Keys, out: &mut dyn Write) -> io::Result<Result<(), Failure>> {
    let (path, command, json) = match command {
        Keys::Create {
            config,
            name,
            workspace,
            scopes,
            agents,
            groups,
            class,
            expires_at,
            hash,
            json,
        } => {
            let wanted = NewKey {
                name,
                workspace,
                scopes: scopes.into_iter().collect(),
                groups,
                agents: Some(agents).filter(|agents| !agents.is_empty()),
                class,
                expires_at,
                hash,
            };
            (config.path, KeyCommand::Create(Box::new(wanted)), json)
        }
        Keys::List { config, workspace, json } => (config.path, KeyCommand::List(workspace), json),
        Keys::Rotate { config, id, overlap_hours, json } => {
            let overlap = Duration::from_secs(overlap_hours * 3_600);
            (config.path, KeyCommand::Rotate(id, overlap), json)
        }
        Keys::Revoke { config, id } => (config.path, KeyCommand::Revoke(id), false),
        Keys::RevokeToken { config, issuer, token_id, expires_at } => {
            let token = RevokedToken { issuer, token_id, expires_at };
            (config.path, KeyCommand::RevokeToken(token), false)
        }
    };
    match commands::keys(&path, command) {
        Ok(done) if json => writeln!(out, "{done:#}").map(Ok),
        Ok(done) => show(&done, out).map(Ok),
        Err(failure) => Ok(Err(failure)),
    }
}

/// Shows keys to people: a secret alone on a line of its own, so that it can be copied.
fn show(done: &Value, out: &mut dyn Write) -> io::Result<()> {
    let text = |key: &Value, name: &str| key[name].as_str().unwrap_or("-").to_owned();
    let line = |key: &Value| {
        let state = match (&key["revoked_at"], &key["expires_at"]) {
            (Value::String(at), _) => format!("revoked {at}"),
            (_, Value::String(at)) => format!("until {at}"),
            _ => "valid".to_owned(),
        };
        let scopes: Vec<&str> =
            key["scopes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let (id, workspace, name) = (text(key, "id"), text(key, "workspace"), text(key, "name"));
        format!("{id}  {workspace}  {name}  {}  {state}", scopes.join(","))
    };
    match done {
        Value::Array(keys) if keys.is_empty() => writeln!(out, "no keys in the store"),
        Value::Array(keys) => keys.iter().try_for_each(|key| writeln!(out, "{}", line(key))),
        Value::Object(_) => {
            writeln!(out, "{}", line(done))?;
            match done.get("secret") {
                Some(Value::String(secret)) => {
                    writeln!(out, "\nIts secret, shown now and never again:\n\n{secret}\n")
                }
                Some(_) | None => Ok(()),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            writeln!(out, "done")
        }
    }
}
