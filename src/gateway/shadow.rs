//! A copy of a run for comparison: another agent is asked the same. The copy is a run of its own,
//! with its own record, budget and PII; its answer is kept under its own id and never returned to
//! who asked for the first.
//!
//! Invariant: a copy neither delays nor fails the run that it is a copy of.

use std::sync::Arc;

use crate::config;
use crate::gateway::Gateway;
use crate::gateway::choose::Copying;
use crate::gateway::journal::Keep;
use crate::gateway::start::Wanted;
use crate::model::call::{Call, Facts};
use crate::model::ids::RunId;
use crate::model::request::RunRequest;

/// A run that is to be copied.
pub(super) struct Shadowed {
    agent: String,
    request: RunRequest,
    /// Whether the agent may have tools.
    may_act: bool,
    place: Copying,
}

/// The key of the copy's metadata that names the first run.
const LINK: &str = "shadow_of";
/// As many pairs as a run may have.
const PAIRS: usize = 16;

impl Gateway {
    /// What is to be copied of a run that is asked for, if chance falls on it.
    pub(super) fn shadowed(
        &self,
        name: &str,
        named: &config::Agent,
        request: &RunRequest,
    ) -> Option<Shadowed> {
        let shadow = named.shadow.as_ref()?;
        let asks_for_tools = !request.mcp_servers.is_empty()
            || request.tools.as_ref().is_some_and(|tools| !tools.is_empty());
        if asks_for_tools && !shadow.tools {
            self.0.choices.metrics.shadowed("has_tools");
            return None;
        }
        let place = self.0.choices.shadow(name, shadow)?;
        let mut request = request.clone();
        // A conversation belongs to one agent, and native options to one platform.
        request.thread_id = None;
        request.stream = false;
        Some(Shadowed { agent: shadow.agent.clone(), request, may_act: shadow.tools, place })
    }

    /// Has the other agent asked, beside the run.
    pub(super) fn copy(&self, call: &Arc<Call>, first: RunId, shadowed: Shadowed) {
        let Shadowed { agent, mut request, may_act, place } = shadowed;
        if request.metadata.contains_key(LINK) || request.metadata.len() < PAIRS {
            request.metadata.insert(LINK.to_owned(), first.to_string());
        }
        let own = Call {
            id: call.id.clone(),
            trace: call.trace.clone(),
            operation: call.operation,
            face: call.face,
            address: call.address,
            received_at: call.received_at,
            received: call.received,
            facts: Facts::default(),
        };
        own.identify(call.principal().clone());
        let (gateway, own) = (self.clone(), Arc::new(own));
        self.0.tasks.spawn("copy of a run", async move {
            let shadow_of = Some(first.clone());
            let wanted = Wanted { shadow_of, may_act, ..Keep::Detached.into() };
            let started = Box::pin(gateway.start(&own, &agent, request, wanted)).await;
            match started {
                Ok(mut admitted) => {
                    gateway.0.choices.metrics.shadowed("started");
                    // Its place is free when it is over.
                    admitted.reader.end().await;
                }
                Err(error) => {
                    gateway.0.choices.metrics.shadowed("refused");
                    let code = error.kind().code();
                    tracing::info!(run_id = %first, %agent, code, "a run was not copied");
                }
            }
            drop(place);
        });
    }
}
