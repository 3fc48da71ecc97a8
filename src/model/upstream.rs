//! What callers may know of a configured upstream.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::capability::SupportView;

/// How an upstream is doing, from the outcomes of the calls to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Calls go through.
    Healthy,
    /// The circuit breaker lets a probe through now and then.
    Probing,
    /// The circuit breaker is open: calls are refused.
    Unavailable,
}

/// An upstream as a caller reads it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UpstreamView {
    /// Its configured name.
    pub name: String,
    /// The kind of platform.
    pub kind: String,
    /// How it is doing.
    pub health: Health,
    /// What becomes of each field of a run request.
    pub capabilities: IndexMap<&'static str, SupportView>,
}
