//! The layers of policy around services that do nothing, as the gateway stacks them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use serde_json::Map;
use switchyard::clock::{Clock, ManualClock, RandomIds, SystemClock, Timestamp};
use switchyard::error::Error;
use switchyard::http::body::Body;
use switchyard::http::edge::call::{self, CallLayer};
use switchyard::http::layer::layer;
use switchyard::http::operation::Listener;
use switchyard::http::service::{AdmitService, HttpService};
use switchyard::model::agent::AgentRef;
use switchyard::model::call::Call;
use switchyard::model::ids::{RunId, ThreadId};
use switchyard::model::judge::Mode;
use switchyard::model::plan::{Admission, Grants, Plan, PlannedThread, Proposal, ToolControl};
use switchyard::model::principal::Principal;
use switchyard::model::request::RunRequest;
use switchyard::model::scope::Scope;
use switchyard::policy::access::judge::Decider;
use switchyard::policy::access::layer::Authorize;
use switchyard::policy::identity::issuer::{HttpFetch, Issuers, NoObserver, Surroundings};
use switchyard::policy::identity::key::{Backing, Hasher, KeyRequest, KeyRing, new_key};
use switchyard::policy::identity::layer::Identify;
use switchyard::policy::identity::token::NoRevocations;
use switchyard::policy::identity::{Identity, SignedHook};
use switchyard::policy::limits::layer::{ByAddress, ByCaller, ByRun};
use switchyard::policy::limits::{Dimension, Filters, Limits, Quota, Rule, RuleKind};
use switchyard::tasks::Tasks;
use switchyard::telemetry::metrics::Metrics;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::{Outcome, micros, sets};

pub(crate) async fn play(long: Duration) -> Outcome<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let metrics = Metrics::new(clock.now())?;
    let limits = Arc::new(Limits::local(rules(), &clock, Arc::new(()))?);
    let (identity, key) = identity(&clock, &metrics)?;
    let bare = edge(&clock, None);
    let guarded = edge(&clock, Some((Arc::clone(&limits), identity)));
    let ask = |service: &HttpService| {
        let request = Request::post("/v1/runs").header("host", "h").header("x-api-key", &key);
        let (service, request) = (service.clone(), request.body(Body::empty()));
        async move {
            let answer = service.oneshot(request?).await?;
            if answer.status() != 200 {
                return Err("a request was refused".into());
            }
            Ok(())
        }
    };
    let without = micros(long, async || ask(&bare).await).await?;
    let with = micros(long, async || ask(&guarded).await).await?;
    println!(
        "| EDGE: a key, a limit by address, two by caller and a permit | {:.1} |",
        with - without
    );

    let call = caller(&clock).await?;
    // The policies are about the hour.
    let noon = ManualClock::at(Timestamp::parse("2026-03-10T12:00:00Z").ok_or("no time")?);
    let access = Arc::new(sets::engine(sets::Shape::Heads, 1_000)?);
    let judge = Arc::new(Decider { access, metrics: metrics.policy().clone() });
    let bare = AdmitService::new(service_fn(admitted));
    let guarded = AdmitService::new(
        ServiceBuilder::new()
            .layer(layer(Authorize { judge, clock: Arc::new(noon) }))
            .layer(layer(ByRun(limits)))
            .service(service_fn(admitted)),
    );
    let ask = |service: &AdmitService| {
        let (service, proposal) = (service.clone(), proposal(&call, &*clock));
        async move {
            service.oneshot(proposal).await?;
            Ok(())
        }
    };
    let without_run = micros(long, async || ask(&bare).await).await?;
    let with_run = micros(long, async || ask(&guarded).await).await?;
    let run = with_run - without_run;
    println!("| ADMIT: 1,000 access policies, a limit by agent | {run:.1} |");
    println!("| both: what policy adds to a run | {:.1} |", with - without + run);
    Ok(())
}

/// Limits that never refuse: one by address, two windows and a permit by caller, one by agent.
fn rules() -> Vec<Rule> {
    let quota =
        Quota { requests: 1_000_000_000, per: Duration::from_secs(1), burst: 1_000_000_000 };
    let rule = |name: &str, by, kind| Rule {
        name: name.to_owned(),
        by: vec![by],
        only: Filters::default(),
        kind,
    };
    vec![
        rule("address", Dimension::Address, RuleKind::Window(quota)),
        rule("caller", Dimension::Principal, RuleKind::Window(quota)),
        rule("workspace", Dimension::Workspace, RuleKind::Window(quota)),
        rule("at-a-time", Dimension::Principal, RuleKind::Concurrent(1_000_000)),
        rule("agent", Dimension::Agent, RuleKind::Window(quota)),
    ]
}

fn identity(clock: &Arc<dyn Clock>, metrics: &Metrics) -> Outcome<(Arc<Identity>, String)> {
    let hasher = Hasher::plain();
    let wanted = KeyRequest {
        name: "bench".to_owned(),
        workspace: "acme".to_owned(),
        scopes: Scope::ALL.iter().copied().collect(),
        ..KeyRequest::default()
    };
    let made = new_key(wanted, &hasher, &RandomIds, clock.now())?;
    let keys = KeyRing::new(hasher, Arc::clone(clock), Backing::Configuration);
    keys.configure(vec![made.key])?;
    let with = Surroundings {
        fetch: Arc::new(HttpFetch::new()?),
        clock: Arc::clone(clock),
        tasks: Tasks::default(),
        revocations: Arc::new(NoRevocations),
        observer: Arc::new(NoObserver),
        capacity: 1,
    };
    let identity = Identity {
        keys: Arc::new(keys),
        issuers: Issuers::new(Vec::new(), with)?,
        hooks: HashMap::new(),
        no_hook: SignedHook::unknown().map_err(|error| error.to_string())?,
        clock: Arc::clone(clock),
        metrics: metrics.policy().clone(),
    };
    Ok((Arc::new(identity), made.secret.reveal().to_owned()))
}

fn edge(clock: &Arc<dyn Clock>, policy: Option<(Arc<Limits>, Arc<Identity>)>) -> HttpService {
    let call = CallLayer {
        clock: Arc::clone(clock),
        ids: Arc::new(RandomIds),
        listener: Listener::Api,
        trusted: Vec::new(),
    };
    let nothing =
        service_fn(|_: Request<Body>| async { Ok::<_, Error>(Response::new(Body::empty())) });
    let stack = ServiceBuilder::new().layer(layer(call));
    let Some((limits, identity)) = policy else { return HttpService::new(stack.service(nothing)) };
    HttpService::new(
        stack
            .layer(layer(ByAddress(Arc::clone(&limits))))
            .layer(layer(Identify { identity, listener: Listener::Api }))
            .layer(layer(ByCaller(limits)))
            .service(nothing),
    )
}

/// A call of one of the callers that the policies are about.
async fn caller(clock: &Arc<dyn Clock>) -> Outcome<Arc<Call>> {
    let kept: Arc<parking_lot::Mutex<Option<Arc<Call>>>> = Arc::default();
    let keeper = Arc::clone(&kept);
    let layer_of_call = CallLayer {
        clock: Arc::clone(clock),
        ids: Arc::new(RandomIds),
        listener: Listener::Api,
        trusted: Vec::new(),
    };
    let keeping = ServiceBuilder::new().layer(layer(layer_of_call)).service(service_fn(
        move |request: Request<Body>| {
            *keeper.lock() = call::of(&request).ok();
            async { Ok::<_, Error>(Response::new(Body::empty())) }
        },
    ));
    keeping.oneshot(Request::post("/v1/runs").body(Body::empty())?).await?;
    let call = kept.lock().take().ok_or("no call was made")?;
    call.identify(Principal::new(sets::caller(7)));
    Ok(call)
}

fn proposal(call: &Arc<Call>, clock: &dyn Clock) -> Proposal {
    let now = clock.now();
    let plan = Plan {
        native: None,
        mode: Mode::Whole,
        run_id: RunId::new(&RandomIds, now),
        target: AgentRef {
            upstream: "make-eu".to_owned(),
            native: "3c9a5f52-07f7-4b8e-9f0e-5a2f6c1d7b90".to_owned(),
        },
        kind: "make".to_owned(),
        tools: ToolControl::default(),
        preset: Map::new(),
        request: RunRequest::of("Which tickets are open?"),
        pii: Vec::new(),
        thread: PlannedThread {
            id: ThreadId::new(&RandomIds, now),
            is_continued: false,
            native: None,
            history: Vec::new(),
            vault: None,
        },
    };
    Proposal { call: Arc::clone(call), plan }
}

async fn admitted(proposal: Proposal) -> Result<Admission, Error> {
    Ok(Admission { plan: proposal.plan, grants: Grants::default() })
}
