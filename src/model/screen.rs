//! Holds the text of agents against what must not leave and what must not come back. The policy
//! that knows such text is a [`Screen`]; the gateway asks it around every agent that it sends or
//! answers.

use serde_json::{Map, Value};

use crate::error::Result;
use crate::model::call::Call;
use crate::model::pii::PiiCount;

/// Treats the text of agents, field by field.
pub trait Screen: Send + Sync {
    /// What a caller wants a platform to have. Errors name the field that may not pass.
    fn outgoing(
        &self,
        call: &Call,
        upstream: &str,
        agent: &str,
        fields: &mut Map<String, Value>,
    ) -> Result<Vec<PiiCount>>;

    /// What a platform says of an agent, on its way to a caller.
    fn incoming(
        &self,
        call: &Call,
        upstream: &str,
        agent: &str,
        fields: &mut Map<String, Value>,
    ) -> Result<Vec<PiiCount>>;
}
