//! How an ACP run came out, from a whole answer or from a stream's `done`; the decoder calls it.
//!
//! Invariant: ACP says `completed` of every run that ended; only `stopReason` tells whether the
//! agent was cut off.

use serde_json::Value;

use super::errors;
use super::wire::{Outcome, Usage as WireUsage};
use crate::error::Result;
use crate::model::content::Text;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::micro::Micro;
use crate::model::run::Usage;
use crate::outbound::{nested, prompt};

/// The events of a whole answer.
pub(super) fn whole(
    upstream: &str,
    body: &[u8],
    wants_json: bool,
    events: &mut Vec<RunEvent>,
) -> Result<()> {
    let outcome: Outcome<'_> = serde_json::from_slice(body)
        .map_err(|cause| errors::broken(upstream, "the answer is not a run").caused_by(cause))?;
    if !outcome.error.is_null() {
        return Err(errors::told(upstream, Some(200), &outcome.error, &Value::Null));
    }
    if outcome.output.is_null() {
        return Err(errors::broken(upstream, "the answer has no output"));
    }
    if outcome.status.as_deref().is_some_and(|status| status != "completed") {
        return Err(errors::told(upstream, Some(200), &outcome.output, &Value::Null));
    }
    named(&outcome, events);
    let used = outcome.usage.as_ref().map(usage);
    let output = nested::text(outcome.output).unwrap_or_default();
    let json = wants_json.then(|| prompt::json_in(&output)).flatten();
    events.push(RunEvent::live(Happening::MessageCompleted(output.into())));
    events.extend(json.map(|json| RunEvent::live(Happening::Structured(json.into()))));
    // Behind the answer, so that a run that has become too dear still shows what was paid for.
    events.extend(used.map(|used| RunEvent::live(Happening::Usage(used))));
    events.push(RunEvent::live(Happening::Ended(ending(None, outcome.stop_reason))));
    Ok(())
}

/// What an outcome says beside the answer.
pub(super) fn facts(outcome: &Outcome<'_>, events: &mut Vec<RunEvent>) {
    named(outcome, events);
    if let Some(used) = &outcome.usage {
        events.push(RunEvent::live(Happening::Usage(usage(used))));
    }
}

fn named(outcome: &Outcome<'_>, events: &mut Vec<RunEvent>) {
    if outcome.id.is_some() || outcome.conversation_id.is_some() {
        events.push(RunEvent::live(Happening::Upstream {
            run_id: outcome.id.clone(),
            thread_id: outcome.conversation_id.clone(),
        }));
    }
}

/// Any reason but the goal means that the agent was stopped early, also one we do not know: the
/// profile limits money and time too, and no reason is documented for these.
pub(super) fn ending(output: Option<Text>, stop_reason: Option<String>) -> Ending {
    match stop_reason.as_deref() {
        None | Some("goal_complete") => Ending::Completed { output, stop_reason },
        Some(_) => Ending::Incomplete { output, stop_reason },
    }
}

fn usage(used: &WireUsage<'_>) -> Usage {
    let both = used.prompt_tokens.zip(used.completion_tokens);
    Usage {
        input_tokens: used.prompt_tokens,
        output_tokens: used.completion_tokens,
        total_tokens: both.and_then(|(input, output)| input.checked_add(output)),
        tool_calls: used.tool_call_count,
        cost_usd: used.estimated_cost_cents.and_then(|raw| dollars(raw.get())),
        credits: None,
        model: used.model.clone(),
    }
}

/// Cents as dollars, by the digits that were sent.
fn dollars(cents: &str) -> Option<Micro> {
    let cents = cents.trim_matches('"');
    let (mantissa, exponent) = cents.split_once(['e', 'E']).unwrap_or((cents, "0"));
    let exponent = exponent.parse::<i32>().ok()?.checked_sub(2)?;
    Micro::parse(&format!("{mantissa}e{exponent}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents_become_dollars_without_a_float() {
        for (cents, dollars_shown) in
            [("2.45", "0.0245"), ("1e2", "1"), ("3.5e-1", "0.0035"), ("\"7\"", "0.07"), ("0", "0")]
        {
            assert_eq!(dollars(cents).unwrap().to_string(), dollars_shown, "{cents}");
        }
        for wrong in ["null", "{}", "1e", "1e-2147483648"] {
            assert_eq!(dollars(wrong), None, "{wrong}");
        }
    }
}
