//! Where a run is: with which agent. Of several agents under one name, the first that was chosen
//! may not have been reached, and the run is then another one's.

use std::sync::Arc;

use super::Journal;
use crate::model::agent::AgentRef;
use crate::model::plan::Plan;
use crate::model::run::Warning;

impl Journal {
    /// The agent.
    pub fn target(&self) -> AgentRef {
        self.state.lock().target.clone()
    }

    /// The run is another agent's from now on: the one that it was with has not seen it.
    pub(in crate::gateway) fn moved(&self, plan: &Plan, warnings: Vec<Warning>) {
        let mut state = self.state.lock();
        state.target = plan.target.clone();
        let mut run = (**state.fold.run()).clone();
        run.upstream.name = plan.upstream().to_owned();
        run.upstream.kind.clone_from(&plan.kind);
        run.warnings = warnings;
        run.pii.clone_from(&plan.pii);
        state.fold.replace(Arc::new(run));
    }
}
