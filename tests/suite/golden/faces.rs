//! Plays a case through the product: the dispatcher, the RUN stack, the fold and what faces write.
//! Only the sockets and the clock are pretended. [`super`] holds the texts against the case's.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use switchyard::clock::{Clock, ManualClock, Timestamp};
use switchyard::config::{OnViolation, Runs};
use switchyard::error::Error;
use switchyard::http::body::Body as HttpBody;
use switchyard::http::service::UpstreamService;
use switchyard::inbound::stream::Encode;
use switchyard::inbound::{acp, unified};
use switchyard::model::call::{Call, Facts, TraceContext};
use switchyard::model::event::{Body, Ending, Happening, Recorded, RunEvent};
use switchyard::model::fold::Fold;
use switchyard::model::halt::Never;
use switchyard::model::judge::{Judge, Question};
use switchyard::model::plan::{Grants, Plan, RunCall};
use switchyard::model::run::{Run, RunObject, RunStatus, RunUpstream, Usage, Warning};
use switchyard::outbound::Vendor;
use switchyard::outbound::dispatch::{Dispatcher, Target};
use switchyard::outbound::pause::Pauses;
use switchyard::policy::limits::Limits;
use switchyard::policy::tools::layer::ToolsGoverned;
use switchyard::policy::{pii, tools};
use switchyard::stack;
use switchyard::telemetry::metrics::Metrics;
use tower::{ServiceExt, service_fn};

use super::Answer;
use super::input::{AGENT, Input, LONGEST};

/// What callers get of a case.
pub(super) struct Faces {
    /// The Run.
    pub(super) run: Run,
    /// The events of the unified API.
    pub(super) unified: String,
    /// The events of the ACP face.
    pub(super) acp: String,
}

const NOW: Timestamp = Timestamp(1_767_323_045_678_000);

const REQUEST_ID: &str = "req-1";

/// Plays a run whose platform gives these answers, one a request, and then none.
pub(super) async fn play(
    input: Input,
    vendor: Box<dyn Vendor>,
    warnings: Vec<Warning>,
    answers: VecDeque<Answer>,
) -> Faces {
    let Input { upstream, plan, answer_headers } = input;
    let run = admitted(&plan, &upstream.kind, warnings);
    let metrics = Metrics::new(NOW).expect("metrics");
    let target = Target {
        metrics: metrics.upstream(&upstream.name, &upstream.kind),
        name: upstream.name,
        vendor: Arc::from(vendor),
        service: platform(answers, answer_headers),
        caps: upstream.caps,
    };
    let clock = Arc::new(ManualClock::at(NOW));
    let clock: Arc<dyn Clock> = clock;
    let tools = ToolsGoverned(Arc::new(tools::layer::Parts {
        judge: Arc::new(Everything),
        limits: Arc::new(Limits::local(Vec::new(), &clock, Arc::new(())).expect("no limits")),
        clock: Arc::clone(&clock),
        on_violation: OnViolation::End,
        metrics: metrics.policy().clone(),
    }));
    let dispatcher = Dispatcher::new([target], Arc::clone(&clock), Pauses::new(clock));
    let pii = Arc::new(pii::layer::Policy {
        rules: pii::Rules::compile(pii::Settings::default(), pii::HashKey::new(b"golden"))
            .expect("no rules"),
        metrics: metrics.policy().clone(),
    });
    let service = stack::run(&bounds(), tools, pii, metrics.policy(), dispatcher);
    let call = RunCall {
        call: Arc::new(call()),
        plan: Arc::new(plan),
        grants: Grants::default(),
        halt: Arc::new(Never),
    };
    let events = match service.oneshot(call).await {
        // Bounded, so that a stack that never ends its stream fails instead of filling memory.
        Ok(events) => events.take(1_000).collect().await,
        Err(error) => vec![RunEvent::live(Happening::Ended(Ending::Failed(error)))],
    };
    written(run, events)
}

/// Folds the events and has the faces write them.
fn written(run: Run, events: Vec<RunEvent>) -> Faces {
    let is_end = |event: &&RunEvent| matches!(event.what, Happening::Ended(_));
    assert_eq!(events.iter().filter(is_end).count(), 1, "a run has one end");
    let (run_id, created) = (run.id.clone(), Body::Created(Arc::new(run.clone())));
    let mut fold = Fold::new(Arc::new(run), REQUEST_ID);
    let mut bodies = vec![(false, created)];
    for event in events {
        let synthetic = event.synthetic;
        bodies.extend(fold.apply(event, NOW).map(|body| (synthetic, body)));
    }
    let recorded = (1..).zip(bodies).map(|(seq, (synthetic, body))| Recorded {
        seq,
        at: NOW,
        synthetic,
        run_id: run_id.clone(),
        body,
    });
    let (mut unified, mut acp) = (Vec::new(), Vec::new());
    let mut acp_encoder = acp::events::Encoder::default();
    for event in recorded {
        unified.extend(unified::events::encode(&event).into_iter().flatten());
        acp.extend(acp_encoder.encode(&event).into_iter().flatten());
    }
    let text = |bytes| String::from_utf8(bytes).expect("faces write UTF-8");
    Faces { run: Run::clone(fold.run()), unified: text(unified), acp: text(acp) }
}

/// A platform that answers from the case's files.
fn platform(answers: VecDeque<Answer>, headers: HeaderMap) -> UpstreamService {
    let answers = Arc::new(Mutex::new(answers));
    UpstreamService::new(service_fn(move |_: Request<HttpBody>| {
        let answer = answers.lock().expect("no test panics while it holds this").pop_front();
        let headers = headers.clone();
        async move {
            let Some(answer) = answer else { return std::future::pending().await };
            let mut response = Response::new(HttpBody::full(answer.body));
            *response.status_mut() = answer.status;
            *response.headers_mut() = headers;
            let media_type =
                if answer.is_stream { "text/event-stream" } else { "application/json" };
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
            Ok::<_, Error>(response)
        }
    }))
}

/// Lets everything be.
struct Everything;

impl Judge for Everything {
    fn judge(&self, _: &Question<'_>) -> Result<(), Error> {
        Ok(())
    }
}

fn admitted(plan: &Plan, kind: &str, warnings: Vec<Warning>) -> Run {
    Run {
        id: plan.run_id.clone(),
        object: RunObject::Run,
        status: RunStatus::Queued,
        agent: AGENT.to_owned(),
        upstream: RunUpstream {
            name: plan.upstream().to_owned(),
            kind: kind.to_owned(),
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
        pii: Vec::new(),
        warnings,
        error: None,
        metadata: plan.request.metadata.clone(),
        created_at: NOW,
        started_at: None,
        ended_at: None,
        duration_ms: None,
    }
}

fn bounds() -> Runs {
    Runs {
        heartbeat: LONGEST,
        window_bytes: 1 << 20,
        journal_bytes: 1 << 20,
        kept: 1,
        kept_bytes: 1 << 20,
        answer_bytes: 1 << 20,
        max_duration: LONGEST,
        history_bytes: 1 << 20,
        max_background: 1,
    }
}

fn call() -> Call {
    Call {
        id: REQUEST_ID.to_owned(),
        trace: TraceContext::default(),
        operation: "create_run",
        face: "unified",
        address: std::net::IpAddr::from([127, 0, 0, 1]),
        received_at: NOW,
        received: std::time::Duration::ZERO,
        facts: Facts::default(),
    }
}
