//! A run as it stands when it is admitted, and what is written of it then.

use std::sync::Arc;

use crate::error::Result;
use crate::gateway::payloads::Said;
use crate::gateway::replay::Keyed;
use crate::gateway::{Gateway, records};
use crate::model::call::Call;
use crate::model::ids::RunId;
use crate::model::judge::{Action, Basis, Question, Resource, When};
use crate::model::plan::Plan;
use crate::model::record::{CallFacts, Digest, RunFacts};
use crate::model::run::{Run, RunObject, RunStatus, RunUpstream, Usage, Warning};
use crate::store::log::Entry;
use crate::store::runs::{CallbackTo, KeptRun, More, NewRun, NewTurn};

/// What goes into the record of a run that is to be admitted.
pub(super) struct Recorded {
    pub(super) request: Digest,
    pub(super) keyed: Option<Keyed>,
    pub(super) callback: Option<CallbackTo>,
    /// The version at which its conversation stands.
    pub(super) version: i64,
    /// What seals its payloads, where they are kept.
    pub(super) said: Option<Said>,
    /// The run that it is a copy of.
    pub(super) shadow_of: Option<RunId>,
}

impl Gateway {
    /// The run as it stands when it is admitted.
    pub(super) fn head(&self, agent: &str, plan: &Plan, warnings: Vec<Warning>) -> Run {
        Run {
            id: plan.run_id.clone(),
            object: RunObject::Run,
            status: RunStatus::Queued,
            agent: agent.to_owned(),
            upstream: RunUpstream {
                name: plan.upstream().to_owned(),
                kind: plan.kind.clone(),
                run_id: None,
                thread_id: None,
            },
            thread_id: Some(plan.thread.id.clone()),
            output: None,
            output_json: None,
            steps: Vec::new(),
            usage: Usage::default(),
            stop_reason: None,
            governance: Vec::new(),
            pii: plan.pii.clone(),
            warnings,
            error: None,
            metadata: plan.request.metadata.clone(),
            created_at: self.0.clock.now(),
            started_at: None,
            ended_at: None,
            duration_ms: None,
        }
    }

    /// What is written of a run when it is admitted.
    pub(super) fn new_run(
        &self,
        call: &Call,
        run: &Arc<Run>,
        plan: &Plan,
        recorded: Recorded,
        is_stored: bool,
    ) -> Result<NewRun> {
        let keeper = &self.0.keeper;
        let Recorded { request, keyed, callback, version, said, shadow_of } = recorded;
        let key = keyed.as_ref().map(Keyed::shown);
        let facts = RunFacts { shadow_of, ..records::facts(plan, run, request, key) };
        let basis = self.basis(call, plan);
        let mut record = records::admitted(&keeper.scribe, call, run, &facts, basis);
        record.payload = said.map(|said| said.asked(&record.id)).transpose()?;
        let who = call.principal();
        let vault = plan.thread.vault.as_ref().filter(|vault| is_stored && !vault.is_empty());
        let more = More {
            run: Arc::clone(run),
            target: plan.target.clone(),
            name: who.name.clone(),
            kind: who.kind,
            call: CallFacts::of(call),
            facts,
            callback,
            vault: vault.map_or(serde_json::Value::Null, |vault| vault.saved()),
        };
        let thread = if plan.thread.is_continued {
            Some(NewTurn::Resumes(plan.thread.id.clone(), version))
        } else if is_stored {
            let kept = self.0.threads.kept(&plan.thread.id);
            kept.map(|mut kept| {
                kept.busy = Some(run.id.clone());
                NewTurn::Opens(Box::new(kept))
            })
        } else {
            None
        };
        Ok(NewRun {
            binding: keyed.map(|keyed| keyed.binding(&run.id, run.created_at)),
            run: KeptRun { boot: keeper.scribe.boot(), owner: who.clone(), more },
            thread,
            entries: vec![Entry::of(&record)?],
        })
    }

    /// What let a run in, for its record.
    pub(super) fn basis(&self, call: &Call, plan: &Plan) -> Basis {
        let servers = plan.servers();
        let when = When::at(self.0.clock.now());
        self.0.judge.basis(&Question {
            principal: call.principal(),
            action: Action::Run,
            resource: Resource::Agent((&plan.target).into()),
            circumstances: plan.circumstances(call, when, &servers),
        })
    }
}
