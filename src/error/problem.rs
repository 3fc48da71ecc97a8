//! What a caller is shown of a failure: the problem document (RFC 9457), with the places in the
//! request and what the platform said.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Origin;

/// One place in the request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// JSON path with dots and brackets, `input[0].role`; empty for the whole body.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

/// What the platform said, cut to what may be shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpstreamFault {
    /// The upstream's configured name.
    pub name: String,
    /// Its HTTP status; null when it failed inside a stream or did not answer.
    pub status: Option<u16>,
    /// Its own message, at most 500 characters.
    pub message: Option<String>,
}

impl fmt::Debug for UpstreamFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.message.as_ref().map_or(0, String::len);
        write!(f, "[{} {:?}, {said} bytes]", self.name, self.status)
    }
}

impl UpstreamFault {
    /// As it is shown.
    pub(super) fn cut(&self) -> Self {
        let message = self.message.as_deref().map(|text| text.chars().take(500).collect());
        Self { message, ..self.clone() }
    }
}

/// A problem document (RFC 9457): the body of every error answer, and `error` of a failed Run.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// A URI that names the kind of problem.
    pub r#type: String,
    /// The same sentence for every instance of the kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// The stable word that programs switch on.
    pub code: String,
    /// Whose fault it is.
    pub origin: Origin,
    /// Whether the same request may succeed later, unchanged.
    pub may_retry: bool,
    /// The id that stands in the gateway's log too.
    pub request_id: String,
    /// The run that failed, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The places in the request that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Seconds after which to come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// What the platform said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<UpstreamFault>,
    /// The names of the rules that refused: policies, a limit, a budget.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[problem {} of {} bytes]", self.code, self.detail.len())
    }
}
