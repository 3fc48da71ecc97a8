//! What policy makes of the texts of a run that are to be kept in its records.

use serde_json::Value;

use crate::error::Result;
use crate::model::call::Call;
use crate::model::plan::Plan;

/// Treats what is kept of a run's texts. The policy on personal data is one.
pub trait ToAudit: Send + Sync {
    /// Treats what was said in a run, which its platform or its caller has been given as it
    /// stands here. An error where it must not be kept; the value must not be used then.
    fn treat(&self, call: &Call, plan: &Plan, said: &mut Value) -> Result<()>;
}
