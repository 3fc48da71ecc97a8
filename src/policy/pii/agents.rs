//! PII in what is said of agents: on its way to a platform, and back from there. The gateway asks
//! around every agent that it sends or answers.
//!
//! Unlike a run, an agent belongs to no conversation: what becomes a token in it stays one, since
//! nobody could have it back. Who made the agent is told what was found.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::findings::{Tally, refusal};
use super::json::JsonTreatment;
use super::layer::{Policy, count};
use super::plan::Direction;
use super::rules::Scope;
use crate::error::Result;
use crate::model::call::Call;
use crate::model::pii::PiiCount;
use crate::model::screen::Screen;

impl Screen for Policy {
    fn outgoing(
        &self,
        call: &Call,
        upstream: &str,
        agent: &str,
        fields: &mut Map<String, Value>,
    ) -> Result<Vec<PiiCount>> {
        self.screen(call, upstream, agent, fields, Direction::ToUpstream)
    }

    fn incoming(
        &self,
        call: &Call,
        upstream: &str,
        agent: &str,
        fields: &mut Map<String, Value>,
    ) -> Result<Vec<PiiCount>> {
        self.screen(call, upstream, agent, fields, Direction::ToCaller)
    }
}

impl Policy {
    fn screen(
        &self,
        call: &Call,
        upstream: &str,
        agent: &str,
        fields: &mut Map<String, Value>,
        direction: Direction,
    ) -> Result<Vec<PiiCount>> {
        if self.rules.is_empty() {
            return Ok(Vec::new());
        }
        let whose = if direction == Direction::ToUpstream { "request" } else { "answer" };
        let who = call.principal();
        let (groups, workspace) = (&who.groups, &who.workspace);
        let scope = Scope { direction, face: call.face, upstream, agent, groups, workspace };
        let plan = self.rules.plan(&scope).map_err(|failure| refusal(&failure, whose))?;
        let vault =
            plan.makes_tokens().then(|| Arc::new(self.rules.vault(workspace, &who.subject, agent)));
        let mut treatment = JsonTreatment::new(plan, vault);
        let mut treated = Ok(());
        for (name, value) in fields.iter_mut() {
            treated = treatment.treat("", value).map_err(|failure| {
                refusal(&failure, whose).at(name.clone(), "cannot be passed on as it is")
            });
            if treated.is_err() {
                break;
            }
        }
        let Tally(found) = Tally::of(treatment.counts());
        count(&self.metrics, &found);
        treated.map(|()| found)
    }
}
