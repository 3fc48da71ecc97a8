//! Agents that the gateway keeps for platforms that have none, in the model's words: this seals
//! what was said of them and makes rows of it, and reads them back. The gateway uses it.
//!
//! Invariant: a row is written only over the version that it was made of.

use std::sync::Arc;

use async_trait::async_trait;

use super::seal::Sealer;
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::model::ids::AgentId;
use crate::model::profile::StoredPreset;

/// What a preset's row is sealed as.
const PRESET: &str = "preset";

/// An agent as an engine keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresetRow {
    /// Its id.
    pub id: AgentId,
    /// The upstream that it runs on.
    pub upstream: String,
    /// Whose it is.
    pub workspace: String,
    /// Counts its changes.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// What was said of it.
    pub sealed: Vec<u8>,
}

/// Rows of agents.
#[async_trait]
pub trait PresetRows: Send + Sync {
    /// Keeps a new one.
    async fn add_preset(&self, row: PresetRow) -> Result<()>;
    /// One of them.
    async fn preset(&self, id: &AgentId) -> Result<Option<PresetRow>>;
    /// Those of a workspace on an upstream after this one, in the order of their ids.
    async fn presets(
        &self,
        workspace: &str,
        upstream: &str,
        after: Option<&AgentId>,
        limit: usize,
    ) -> Result<Vec<PresetRow>>;
    /// Writes one over its version `over`, as the next one; whether it still was of that version.
    async fn replace_preset(&self, row: PresetRow, over: i64) -> Result<bool>;
    /// Forgets one that is of this version; whether it was.
    async fn remove_preset(&self, id: &AgentId, version: i64) -> Result<bool>;
}

/// An agent as it is kept.
#[derive(Clone, Debug)]
pub struct KeptPreset {
    /// Its id.
    pub id: AgentId,
    /// The upstream that it runs on.
    pub upstream: String,
    /// Whose it is.
    pub workspace: String,
    /// Counts its changes.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// What was said of it.
    pub stored: StoredPreset,
}

/// The agents that the gateway keeps. Cheap to clone.
#[derive(Clone)]
pub struct Presets {
    /// The engine.
    pub rows: Arc<dyn PresetRows>,
    /// What seals.
    pub sealer: Sealer,
}

impl Presets {
    /// Keeps a new agent.
    pub async fn add(&self, kept: &KeptPreset) -> Result<()> {
        self.rows.add_preset(self.row(kept)?).await
    }

    /// One of them.
    pub async fn get(&self, id: &AgentId) -> Result<Option<KeptPreset>> {
        self.rows.preset(id).await?.map(|row| self.kept(row)).transpose()
    }

    /// Those of a workspace on an upstream after this one, in the order of their ids.
    pub async fn list(
        &self,
        workspace: &str,
        upstream: &str,
        after: Option<&AgentId>,
        limit: usize,
    ) -> Result<Vec<KeptPreset>> {
        let rows = self.rows.presets(workspace, upstream, after, limit).await?;
        rows.into_iter().map(|row| self.kept(row)).collect()
    }

    /// Writes one over its version `over`; whether it still was of that version.
    pub async fn replace(&self, kept: &KeptPreset, over: i64) -> Result<bool> {
        self.rows.replace_preset(self.row(kept)?, over).await
    }

    /// Forgets one; whether it was of this version.
    pub async fn remove(&self, kept: &KeptPreset) -> Result<bool> {
        self.rows.remove_preset(&kept.id, kept.version).await
    }

    fn row(&self, kept: &KeptPreset) -> Result<PresetRow> {
        let text = serde_json::to_vec(&kept.stored).map_err(|cause| {
            Error::new(Kind::Internal, "what is to be kept has no JSON").caused_by(cause)
        })?;
        Ok(PresetRow {
            id: kept.id.clone(),
            upstream: kept.upstream.clone(),
            workspace: kept.workspace.clone(),
            version: kept.version,
            created_at: kept.created_at,
            updated_at: kept.updated_at,
            sealed: self.sealer.seal(PRESET, kept.id.as_str(), &text)?,
        })
    }

    fn kept(&self, row: PresetRow) -> Result<KeptPreset> {
        let text = self.sealer.open(PRESET, row.id.as_str(), &row.sealed)?;
        let stored = serde_json::from_slice(&text).map_err(|cause| {
            Error::new(Kind::Internal, "what the store holds cannot be read").caused_by(cause)
        })?;
        let PresetRow { id, upstream, workspace, version, created_at, updated_at, .. } = row;
        Ok(KeptPreset { id, upstream, workspace, version, created_at, updated_at, stored })
    }
}

impl std::fmt::Debug for Presets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[presets]")
    }
}
