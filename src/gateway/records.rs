//! The records of a run: when it is admitted, for each tool that it called, and when it ends. They
//! are made of what is kept of the run, so that another process can make those of a run whose own
//! process is gone.

use crate::error::Result;
use crate::gateway::payloads::Said;
use crate::model::call::Call;
use crate::model::judge::Basis;
use crate::model::plan::Plan;
use crate::model::record::{
    CallFacts, Digest, Outcome, PolicyFacts, Record, RunFacts, Stage, ToolFacts, Verdict, Who,
};
use crate::model::run::{Run, RunStatus, Usage};
use crate::model::scribe::Scribe;
use crate::store::log::Entry;
use crate::store::runs::KeptRun;
use crate::store::seal::Sealer;
use crate::wire::hex::hex;

/// What a run's records say of it. `request` is the request as its caller sent it.
pub(super) fn facts(plan: &Plan, run: &Run, request: Digest, key: Option<String>) -> RunFacts {
    RunFacts {
        id: Some(run.id.clone()),
        thread_id: run.thread_id.clone(),
        kind: Some(plan.kind.clone()),
        mode: Some(plan.mode.name().to_owned()),
        idempotency: key,
        request: Some(request),
        ..RunFacts::of(&run.agent, &plan.target)
    }
}

/// The keyed digest of a text.
pub(super) fn digest(sealer: &Sealer, text: &[u8]) -> Digest {
    Digest { hmac: hex(&sealer.digest("text", &[text])), bytes: text.len() as u64 }
}

/// The record of a run that is admitted.
pub(super) fn admitted(
    scribe: &Scribe,
    call: &Call,
    run: &Run,
    facts: &RunFacts,
    basis: Basis,
) -> Record {
    Record {
        call: Some(CallFacts::of(call)),
        principal: Who::of(call.principal()),
        run: Some(facts.clone()),
        policy: Some(PolicyFacts { version: basis.version, rules: basis.policies }),
        pii: run.pii.clone(),
        ..scribe.record(Stage::Admitted, Verdict::Allow)
    }
}

/// The records of a run that has ended: each tool call, then the end, with what was answered where
/// that is kept.
pub(super) fn ended(
    scribe: &Scribe,
    sealer: &Sealer,
    kept: &KeptRun,
    said: Option<&Said>,
) -> Result<Vec<Entry>> {
    let run = &*kept.more.run;
    let output = run.output.as_ref().map(|output| digest(sealer, output.as_bytes()));
    let about = RunFacts {
        upstream_run_id: run.upstream.run_id.clone(),
        response: output,
        ..kept.more.facts.clone()
    };
    let begin = |stage, decision| Record {
        call: Some(kept.more.call.clone()),
        principal: Who::of(&kept.owner),
        run: Some(about.clone()),
        ..scribe.record(stage, decision)
    };
    let mut records: Vec<Record> = tools(run)
        .map(|(tool, decision)| Record { tool: Some(tool), ..begin(Stage::ToolCall, decision) })
        .collect();
    let is_denied = run.error.as_ref().is_some_and(|error| error.status == 403);
    let decision = if is_denied { Verdict::Deny } else { Verdict::Allow };
    let since = |at| run.started_at.map(|started| started.millis_since(at));
    let rules = run.error.as_ref().map(|error| error.rules.clone()).filter(|it| !it.is_empty());
    let mut end = Record {
        pii: run.pii.clone(),
        policy: rules.map(|rules| PolicyFacts { version: String::new(), rules }),
        outcome: Some(Outcome {
            status: Some(run.status),
            http_status: None,
            code: run.error.as_ref().map(|error| error.code.clone()),
            usage: Some(run.usage.clone()),
            duration_ms: run.duration_ms,
            started_ms: since(run.created_at),
        }),
        ..begin(Stage::Ended, decision)
    };
    end.payload = said.map(|said| said.answered(&end.id, run)).transpose()?;
    records.push(end);
    records.iter().map(Entry::of).collect()
}

/// Each tool call that was seen, with what was decided over it; then decisions over calls that
/// were never seen.
fn tools(run: &Run) -> impl Iterator<Item = (ToolFacts, Verdict)> + '_ {
    use crate::model::run::{Decision, ToolStatus};

    let verdict = |facts: &ToolFacts| {
        let denied =
            facts.decision == Some(Decision::Denied) || facts.status == Some(ToolStatus::Denied);
        if denied { Verdict::Deny } else { Verdict::Allow }
    };
    let seen = run.steps.iter().map(|step| {
        let is_it = |id: &Option<String>| id.as_deref() == Some(step.call_id.as_str());
        let decided = run.governance.iter().rev().find(|decision| is_it(&decision.call_id));
        ToolFacts {
            call_id: step.call_id.clone(),
            name: step.name.clone(),
            status: step.status,
            decision: decided.map(|it| it.decision),
            source: decided.map(|it| it.source),
        }
    });
    let is_seen = |id: &Option<String>| {
        id.as_ref().is_some_and(|id| run.steps.iter().any(|step| step.call_id == *id))
    };
    let unseen = run.governance.iter().filter(move |decision| !is_seen(&decision.call_id));
    let unseen = unseen.map(|decision| ToolFacts {
        call_id: decision.call_id.clone().unwrap_or_default(),
        name: decision.tool.clone(),
        status: None,
        decision: Some(decision.decision),
        source: Some(decision.source),
    });
    seen.chain(unseen).map(move |facts| {
        let verdict = verdict(&facts);
        (facts, verdict)
    })
}

/// Whether a run failed before its platform may have accepted it, so that its caller may ask again
/// under the same key.
pub(super) fn was_never_sent(run: &Run) -> bool {
    /// What a run fails with that was refused by a platform, or never reached it.
    const UNSENT: &[&str] = &[
        "upstream_unavailable",
        "upstream_misconfigured",
        "rate_limited",
        "budget_exhausted",
        "concurrency_limited",
        "overloaded",
        "unsupported_by_upstream",
        "policy_unavailable",
    ];
    // `started_at` does not tell: of a platform that is silent until it is done it is when it is
    // asked.
    let has_done_something = !run.steps.is_empty()
        || run.output.is_some()
        || run.upstream.run_id.is_some()
        || run.usage != Usage::default();
    run.status == RunStatus::Failed
        && !has_done_something
        && run.error.as_ref().is_some_and(|error| UNSENT.contains(&error.code.as_str()))
}
