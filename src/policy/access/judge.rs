//! The access policies as what the rest of the gateway asks: a [`Judge`] that counts what it
//! decides.

use std::sync::Arc;

use super::Access;
use crate::error::Result;
use crate::model::judge::{Basis, Judge, Question};
use crate::telemetry::metrics::PolicyMetrics;

/// Asks the policies, and counts.
pub struct Decider {
    /// The policies.
    pub access: Arc<Access>,
    /// What is counted.
    pub metrics: PolicyMetrics,
}

impl Judge for Decider {
    fn judge(&self, question: &Question<'_>) -> Result<()> {
        let verdict = self.access.decide(question);
        self.metrics.decided(verdict.allowed());
        if verdict.allowed() {
            return Ok(());
        }
        Err(verdict.refusal().ruled_by(verdict.policies().iter().cloned()))
    }

    fn basis(&self, question: &Question<'_>) -> Basis {
        let verdict = self.access.decide(question);
        let policies = verdict.policies().to_vec();
        Basis { version: verdict.version().to_owned(), policies }
    }

    fn allows_every_tool(&self, question: &Question<'_>) -> bool {
        self.access.allows_every_tool(question)
    }
}
