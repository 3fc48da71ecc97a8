//! Puts values in the place of tokens in what is shown to a conversation's own caller. The journal
//! holds tokens; this is the last step before a face renders what it reads.
//!
//! Invariant: without state, so that a reader who comes back reads what it would have read: policy
//! never lets a token be cut in two by the border of an event.

use std::sync::Arc;

use crate::gateway::journal::Journal;
use crate::model::content::Json;
use crate::model::event::{Body, Recorded};
use crate::model::principal::Principal;
use crate::model::run::Run;
use crate::model::vault::TokenVault;

/// What one reader sees of one run.
#[derive(Clone, Debug)]
pub(super) struct View(Option<Arc<dyn TokenVault>>);

impl View {
    /// What this caller sees: values where the run is its own, tokens where policy lets it read
    /// somebody else's.
    pub(super) fn of(journal: &Journal, who: &Principal) -> Self {
        Self(journal.vault.clone().filter(|_| journal.owner == *who))
    }

    /// What the caller sees who started the run.
    pub(super) fn own(journal: &Journal) -> Self {
        Self(journal.vault.clone())
    }

    /// A run as it is seen.
    pub(super) fn run(&self, run: Arc<Run>) -> Arc<Run> {
        match self.vault() {
            Some(vault) => Arc::new(restored(vault, (*run).clone())),
            None => run,
        }
    }

    /// An event as it is seen.
    pub(super) fn event(&self, event: Arc<Recorded>) -> Arc<Recorded> {
        let Some(vault) = self.vault() else { return event };
        let body = match &event.body {
            Body::MessageDelta(text) => {
                vault.restore(text).map(|text| Body::MessageDelta(text.into()))
            }
            Body::MessageCompleted(text) => {
                vault.restore(text).map(|text| Body::MessageCompleted(text.into()))
            }
            Body::ReasoningDelta(text) => {
                vault.restore(text).map(|text| Body::ReasoningDelta(text.into()))
            }
            Body::Usage(_) => None,
            Body::Created(_)
            | Body::Started(_)
            | Body::ToolCallStarted { .. }
            | Body::ToolCallCompleted { .. }
            | Body::Governance(_)
            | Body::Warning(_)
            | Body::Ended(_) => Some(rare(vault, event.body.clone())),
        };
        match body {
            Some(body) => Arc::new(Recorded { body, ..(*event).clone() }),
            None => event,
        }
    }

    fn vault(&self) -> Option<&dyn TokenVault> {
        self.0.as_deref().filter(|vault| !vault.is_empty())
    }
}

/// The events that are not text alone.
fn rare(vault: &dyn TokenVault, mut body: Body) -> Body {
    match &mut body {
        Body::Created(run) | Body::Started(run) | Body::Ended(run) => {
            *run = Arc::new(restored(vault, (**run).clone()));
        }
        Body::ToolCallStarted { name, arguments, .. } => {
            string(vault, name);
            vault.restore_arguments(&mut arguments.0);
        }
        Body::ToolCallCompleted { name, result, .. } => {
            string(vault, name);
            json(vault, result);
        }
        Body::Governance(decision) => {
            string(vault, &mut decision.tool);
            decision.reason.iter_mut().for_each(|reason| string(vault, reason));
            json(vault, &mut decision.layers);
        }
        Body::Warning(warning) => string(vault, &mut warning.detail),
        Body::MessageDelta(_)
        | Body::MessageCompleted(_)
        | Body::ReasoningDelta(_)
        | Body::Usage(_) => {}
    }
    body
}

/// Every text of a run that may hold a token. What tools were given stays as the platform had it,
/// but for what a rule lets through.
pub(super) fn restored(vault: &dyn TokenVault, mut run: Run) -> Run {
    if let Some(restored) = run.output.as_ref().and_then(|text| vault.restore(text)) {
        run.output = Some(restored.into());
    }
    run.output_json.iter_mut().for_each(|value| json(vault, value));
    for step in &mut run.steps {
        string(vault, &mut step.name);
        vault.restore_arguments(&mut step.arguments.0);
        json(vault, &mut step.result);
    }
    run.stop_reason.iter_mut().for_each(|reason| string(vault, reason));
    for decision in &mut run.governance {
        string(vault, &mut decision.tool);
        decision.reason.iter_mut().for_each(|reason| string(vault, reason));
        json(vault, &mut decision.layers);
    }
    run.warnings.iter_mut().for_each(|warning| string(vault, &mut warning.detail));
    if let Some(problem) = &mut run.error {
        string(vault, &mut problem.detail);
        problem.errors.iter_mut().for_each(|error| string(vault, &mut error.message));
        let said = problem.upstream.iter_mut().filter_map(|fault| fault.message.as_mut());
        said.for_each(|text| string(vault, text));
    }
    run.metadata = run
        .metadata
        .into_iter()
        .map(|(mut name, mut value)| {
            string(vault, &mut name);
            string(vault, &mut value);
            (name, value)
        })
        .collect();
    run
}

fn string(vault: &dyn TokenVault, text: &mut String) {
    if let Some(restored) = vault.restore(text) {
        *text = restored;
    }
}

fn json(vault: &dyn TokenVault, value: &mut Json) {
    vault.restore_json(&mut value.0);
}
