//! Reading the configuration anew: what operators ask for, and its answer. Whoever wires the gateway
//! implements [`Reloads`].

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::error::Result;

/// Reads the configuration anew and puts it in force.
#[async_trait]
pub trait Reloads: Send + Sync {
    /// Does it, whole or not at all. `InvalidRequest` with everything that is wrong, each with its
    /// place; `Conflict` where something has changed that only a start can change. What was in
    /// force stays then.
    async fn reload(&self) -> Result<Reloaded>;
}

/// A configuration that was put in force.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Reloaded {
    /// Always `reload`.
    pub object: &'static str,
    /// Which configuration it is: `sha256:` and the hash of the file as it was read.
    pub version: String,
    /// What is other than before, in the order of the file. Certificates and policies are read anew
    /// in any case.
    pub changed: Vec<Change>,
}

/// A setting that is other than before. Secrets are cut.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// The setting.
    pub path: String,
    /// What it was; null where it was not there.
    pub before: Value,
    /// What it is; null where it is not there any more.
    pub after: Value,
}
