//! `switchyard store …`: what it takes, and which command does it.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde_json::Value;

use super::ConfigFile;
use crate::app::Failure;
use crate::app::storekeeping::{self, StoreCommand};
use crate::store::rows::CallbackState;

/// What can be done with a store.
#[derive(Debug, Subcommand)]
pub(super) enum Store {
    /// Bring the schema up to date. `serve` does so too.
    Migrate {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Look whether the store is whole, and whether the configured key opens what it holds.
    Check {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Copy a SQLite store to a new file, as it is at one moment, while a gateway works on it.
    ///
    /// The key that seals it is not in the copy. For PostgreSQL, use `pg_dump`.
    Backup {
        #[command(flatten)]
        config: ConfigFile,
        /// The file to make.
        to: PathBuf,
    },
    /// Forget runs and records that are older than the configuration says. `serve` does so too.
    Prune {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// List callbacks, one JSON object a line.
    Callbacks {
        #[command(flatten)]
        config: ConfigFile,
        /// Which ones.
        #[arg(long, value_enum, default_value_t = State::Dead)]
        state: State,
        /// How many at most.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Have a callback that was given up tried again.
    Resend {
        #[command(flatten)]
        config: ConfigFile,
        /// Its id, `evt_…`.
        id: String,
    },
    /// Print the secret that signs the callbacks of a workspace which has none configured.
    CallbackSecret {
        #[command(flatten)]
        config: ConfigFile,
        /// The workspace.
        workspace: String,
    },
}

/// Where a callback stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum State {
    /// It is to be tried.
    Pending,
    /// Its receiver has it.
    Delivered,
    /// It was given up.
    Dead,
}

/// Does it. What is to be printed: a line for a text, a line for each item of a list.
pub(super) fn run(command: Store) -> Result<Vec<String>, Failure> {
    let (config, command) = match command {
        Store::Migrate { config } => (config, StoreCommand::Migrate),
        Store::Check { config } => (config, StoreCommand::Check),
        Store::Backup { config, to } => (config, StoreCommand::Backup(to)),
        Store::Prune { config } => (config, StoreCommand::Prune),
        Store::Callbacks { config, state, limit } => {
            let state = match state {
                State::Pending => CallbackState::Pending,
                State::Delivered => CallbackState::Delivered,
                State::Dead => CallbackState::Dead,
            };
            (config, StoreCommand::Callbacks(state, limit))
        }
        Store::Resend { config, id } => (config, StoreCommand::Resend(id)),
        Store::CallbackSecret { config, workspace } => {
            (config, StoreCommand::CallbackSecret(workspace))
        }
    };
    Ok(match storekeeping::store(&config.path, command)? {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().map(Value::to_string).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            vec![other.to_string()]
        }
    })
}
