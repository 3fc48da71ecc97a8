//! A call of a platform's own API, on its way through the PROXY stack: what the layers there may
//! know of it beside the request itself. It rides on the request as its only extension.

use std::sync::Arc;

use http::{Request, Uri};
use parking_lot::Mutex;
use serde_json::Value;

use crate::config::Caps;
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::model::agent::AgentRef;
use crate::model::call::Call;
use crate::model::pii::PiiCount;

/// Where an event of a platform's stream holds a piece of a text that goes on in the next one: a
/// JSON pointer into its data. None for an event that stands for itself.
pub type PieceIn = fn(&Value) -> Option<&'static str>;

/// What is known of such a call.
pub struct Passage {
    /// The call that it is part of.
    pub call: Arc<Call>,
    /// The upstream's configured name.
    pub upstream: String,
    /// The agent that its path names; of a platform whose runs name none, `-`.
    pub agent: Option<AgentRef>,
    /// Whether it starts a run at the platform.
    pub is_run: bool,
    /// What stands for it in records: method and path, without anybody's ids.
    pub title: String,
    /// Where the platform's API is.
    pub base: Uri,
    /// Where the platform's stream has text in pieces.
    pub piece_in: PieceIn,
    /// Bounds of the answer.
    pub caps: Caps,
    /// What PII policy found in the request.
    pub found: Mutex<Vec<PiiCount>>,
}

impl std::fmt::Debug for Passage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[passage to {}: {}]", self.upstream, self.title)
    }
}

/// What is known of this request.
///
/// # Errors
/// `Internal` where the request did not come from the proxy's face.
pub fn of(request: &Request<Body>) -> Result<Arc<Passage>> {
    let passage = request.extensions().get::<Arc<Passage>>().cloned();
    passage.ok_or_else(|| Error::new(Kind::Internal, "a layer stands outside of the PROXY stack"))
}
