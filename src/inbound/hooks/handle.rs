//! A webhook from request to answer. Called by `faces.rs`.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts as Head;
use http::{HeaderMap, Response, StatusCode};

use crate::config::{Hook, HookInput};
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::inbound::faces::Parts;
use crate::inbound::hooks::request::{self as hook_request, Reply};
use crate::inbound::prefer::{Patience, Preference};
use crate::inbound::start::{self, Asked};
use crate::inbound::unified::check::Checked;
use crate::inbound::unified::handle::{preferring, stream_run};
use crate::inbound::{answer, errors, headers};
use crate::model::call::Call;
use crate::model::principal::PrincipalKind;
use crate::model::run::{Run, RunStatus};
use crate::store::runs::CallbackTo;

/// How long a webhook waits unless configured: below the 30 s after which Zapier gives up.
const REPLY_WITHIN: Duration = Duration::from_secs(25);

/// `POST /v1/hooks/{agent}`. `Accept` is not asked: these tools send the same one whatever they
/// want, and say with `reply` what that is.
pub async fn run_hook(
    parts: &Parts,
    call: &Arc<Call>,
    agent: &str,
    head: &Head,
    body: Body,
) -> Result<Response<Body>> {
    // First of all: how a payload is refused must not tell that there is such a hook.
    let found = parts.gateway.visible(call.principal(), agent)?;
    let default = Hook { input: HookInput::Input, reply_within: REPLY_WITHIN, signed: None };
    let hook = parts.hooks.get(agent).unwrap_or(&default);
    let is_signed = call.principal().kind == PrincipalKind::Webhook;
    let (reply, checked, key) = read(parts, hook, is_signed, head, body)
        .await
        .map_err(|error| parts.gateway.told_of(call, found, error))?;
    // Whoever got its answer waits for no other: n8n would refuse a second one for ever.
    let late = |callback| CallbackTo { only_late: true, ..callback };
    let asked = Asked { key, callback: checked.callback.map(late) };
    if checked.run.stream {
        if reply == Reply::Text {
            return Err(Error::invalid("stream", "cannot be asked for together with reply=text"));
        }
        return stream_run(parts, call, agent, checked.run, asked).await;
    }
    let preference = Preference::read(&head.headers, parts.max_duration);
    let wanted = if checked.background { Patience::None } else { preference.patience() };
    let patience = sooner(wanted, hook.reply_within);
    let (run, is_replayed) =
        start::whole(&parts.gateway, call, agent, checked.run, patience, asked).await?;
    let applied = preference.applied().filter(|_| patience == preference.patience());
    Ok(start::replaying(preferring(encode(&run, reply)?, applied), is_replayed))
}

/// What is asked for.
async fn read(
    parts: &Parts,
    hook: &Hook,
    is_signed: bool,
    head: &Head,
    body: Body,
) -> Result<(Reply, Checked, Option<String>)> {
    let reply = hook_request::reply(head.uri.query())?;
    let key = match headers::idempotency_key(&head.headers)? {
        // A message that its sender signs anew is the same message.
        None if is_signed => webhook_id(&head.headers),
        key => key,
    };
    let bytes = body.read().await?;
    let payload = hook_request::payload(&head.headers, &bytes)?;
    Ok((reply, hook_request::decode(payload, &hook.input, parts.max_duration)?, key))
}

/// The id of a signed message. Identity has looked at it.
fn webhook_id(headers: &HeaderMap) -> Option<String> {
    headers.get(crate::wire::webhook::ID)?.to_str().ok().map(str::to_owned)
}

/// The lower of what the caller wants and what the hook allows.
fn sooner(asked: Patience, reply_within: Duration) -> Patience {
    match asked {
        Patience::None => Patience::None,
        Patience::Within(wait) => Patience::Within(wait.min(reply_within)),
        Patience::Unbounded => Patience::Within(reply_within),
    }
}

/// The answer: the run, or its output alone. A caller that only reads text must see a failure by
/// its status, so there every failed run is answered with its problem.
fn encode(run: &Run, reply: Reply) -> Result<Response<Body>> {
    match &run.error {
        _ if reply == Reply::Json || !run.status.is_terminal() => start::run_answer(run),
        None if run.status == RunStatus::Cancelled => {
            Err(Error::new(Kind::Conflict, "the run was cancelled"))
        }
        Some(problem) => Ok(answer::located(errors::problem_answer(problem), run)),
        None => {
            let output = run.output.as_ref().map_or("", |output| output.as_str()).to_owned();
            Ok(answer::located(answer::text(StatusCode::OK, output), run))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::inbound::samples;
    use crate::model::run::RunStatus;

    #[test]
    fn the_lower_of_two_waits_wins() {
        let (one, two) = (Duration::from_secs(1), Duration::from_secs(2));
        for (asked, expected) in [
            (Patience::None, Patience::None),
            (Patience::Within(one), Patience::Within(one)),
            (Patience::Within(Duration::from_secs(9)), Patience::Within(two)),
            (Patience::Unbounded, Patience::Within(two)),
        ] {
            assert_eq!(sooner(asked, two), expected);
        }
    }

    #[test]
    fn a_text_reply_is_the_output_alone_and_a_failure_shows_in_the_status() {
        let answered = |run: &Run, reply| {
            let mut response = encode(run, reply).unwrap();
            let body = response.body_mut().take_full().unwrap();
            (response.status().as_u16(), String::from_utf8(body.to_vec()).unwrap())
        };
        let completed = samples::run(RunStatus::Completed);
        assert_eq!(answered(&completed, Reply::Text), (200, "Two are open.".to_owned()));
        assert!(answered(&completed, Reply::Json).1.starts_with('{'));
        assert_eq!(answered(&samples::run(RunStatus::Running), Reply::Text).0, 202);
        let mismatch = samples::failed(&Error::new(Kind::OutputSchemaMismatch, "no"));
        assert_eq!(answered(&mismatch, Reply::Text).0, 502);
        assert_eq!(answered(&mismatch, Reply::Json).0, 200);
    }
}
