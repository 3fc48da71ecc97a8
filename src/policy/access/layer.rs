//! Asks the access policies whether a run may be started, and with the tools and MCP servers that
//! it asks for. In the ADMIT stack, where there is one language: no face can forget it.
//!
//! Order: outermost but for the record, so that a forbidden run costs no limit and no budget.

use std::sync::Arc;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::http::layer::{Next, Rest, Step};
use crate::model::judge::{Action, Judge, Question, Resource, When};
use crate::model::plan::{Admission, Proposal};
use crate::telemetry::traces::spans;

/// The layer.
pub struct Authorize {
    /// Decides.
    pub judge: Arc<dyn Judge>,
    /// Tells the hour.
    pub clock: Arc<dyn Clock>,
}

impl Step<Proposal> for Authorize {
    type Response = Admission;

    async fn run<S: Rest<Proposal, Admission>>(
        &self,
        mut proposal: Proposal,
        next: Next<'_, S>,
    ) -> Result<Admission> {
        spans::decided("access", || self.decide(&proposal))?;
        proposal.plan.tools.must_be_seen |= !self.allows_every_tool(&proposal);
        next.run(proposal).await
    }
}

impl Authorize {
    fn decide(&self, proposal: &Proposal) -> Result<()> {
        let Proposal { call, plan } = proposal;
        let servers = plan.servers();
        let circumstances = plan.circumstances(call, When::at(self.clock.now()), &servers);
        let resource = Resource::Agent((&plan.target).into());
        let principal = call.principal();
        let ask =
            |action| self.judge.judge(&Question { principal, action, resource, circumstances });
        if let Err(error) = ask(Action::Run) {
            // Who may not even see it learns nothing of it.
            let unseen = ask(Action::Read).is_err();
            return Err(if unseen { Error::no_such_agent() } else { error });
        }
        for (at, tool) in plan.request.tools.iter().flatten().enumerate() {
            ask(Action::UseTool(tool)).map_err(|error| {
                error.at(format!("tools[{at}]"), "policy does not let this run use it")
            })?;
        }
        Ok(())
    }

    fn allows_every_tool(&self, Proposal { call, plan }: &Proposal) -> bool {
        let servers = plan.servers();
        self.judge.allows_every_tool(&Question {
            principal: call.principal(),
            action: Action::UseTool(""),
            resource: Resource::Agent((&plan.target).into()),
            circumstances: plan.circumstances(call, When::at(self.clock.now()), &servers),
        })
    }
}
