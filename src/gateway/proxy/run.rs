//! A run that its caller asks for in the platform's own words. It is admitted, recorded, driven and
//! paid for as every other; only its request and its answer are the platform's.

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{Request, Response};
use serde_json::{Map, Value};
use tower::ServiceExt;

use crate::error::{Error, Kind, Result};
use crate::gateway::head::Recorded;
use crate::gateway::journal::Keep;
use crate::gateway::propose::Busy;
use crate::gateway::proxy::passed;
use crate::gateway::start::Sending;
use crate::gateway::{Gateway, records};
use crate::http::body::Body;
use crate::http::passage::Passage;
use crate::model::capability::{Field, Support};
use crate::model::ids::{RunId, ThreadId};
use crate::model::judge::Mode;
use crate::model::pii::PiiCount;
use crate::model::plan::{Admission, Plan, Proposal, ToolControl};
use crate::model::request::RunRequest;
use crate::outbound::own_api::Asked;
use crate::outbound::passing::Passing;
use crate::wire::json::Bounds;
use crate::{error, wire};

impl Gateway {
    /// Has a run driven, and gives the platform's own answer as it comes.
    pub(super) async fn pass_run(
        &self,
        passage: &Arc<Passage>,
        request: Request<Body>,
    ) -> Result<Response<Body>> {
        let call = &passage.call;
        let platform = self.platform(&passage.upstream)?;
        let own = platform.vendor.own_api().ok_or_else(Error::no_such_agent)?;
        let target = passage.agent.clone().ok_or_else(Error::no_such_agent)?;
        let (mut head, body) = request.into_parts();
        // Policy must know what is asked for, so that it is read before anything of it goes out.
        let body = body.read().await?;
        let asked = own.read(&object(&body)?)?;
        head.headers.remove(CONTENT_LENGTH);
        head.headers.remove(TRANSFER_ENCODING);
        let mut digested = format!("{} {}\n", head.method, head.uri).into_bytes();
        digested.extend_from_slice(&body);
        let request = Request::from_parts(head, Body::full(body));
        let (passing, answer) = Passing::new(request, own.decoder());

        let now = self.0.clock.now();
        let agent = target.to_string();
        let id = ThreadId::new(&*self.0.ids, now);
        let who = call.principal();
        let thread = self.0.threads.open(id, who, &agent, target.clone(), now);
        let busy = Busy { threads: &self.0.threads, id: Some(thread.id.clone()) };
        let Asked { model, mcp_servers, hides_tools } = asked;
        let table = platform.vendor.capabilities();
        let plan = Plan {
            run_id: RunId::new(&*self.0.ids, now),
            target,
            kind: platform.kind.clone(),
            mode: Mode::Whole,
            tools: ToolControl {
                tells: platform.vendor.governs_tools(),
                restricts: table.support(Field::Tools) == Support::Native,
                must_be_seen: false,
            },
            preset: Map::new(),
            request: RunRequest { input: Vec::new(), model, mcp_servers, ..RunRequest::of("") },
            pii: Vec::new(),
            thread,
            native: Some(passing),
        };
        let proposal = Proposal { call: Arc::clone(call), plan };
        let Admission { mut plan, grants } = self.0.admission.clone().oneshot(proposal).await?;
        if plan.tools.must_be_seen && hides_tools {
            let said = "the run's tools must be seen, and this form of the call does not tell them";
            return Err(Error::new(Kind::UnsupportedByUpstream, said).at("stream", "must be true"));
        }
        let found = std::mem::take(&mut *passage.found.lock());
        PiiCount::add_all(&mut plan.pii, found);
        let run = self.head(&agent, &plan, Vec::new());
        busy.handed_over();
        let request = records::digest(&self.0.keeper.runs.sealer, &digested);
        // What was said in the platform's own words is not kept as a payload: nobody else reads them.
        let (keyed, callback, said, shadow_of) = (None, None, None, None);
        let recorded = Recorded { request, keyed, callback, version: 0, said, shadow_of };
        let sending = Sending { plan: Arc::new(plan), grants, spare: None };
        let admitted = self.admit(call, run, sending, Keep::WhileRead, recorded, None).await?;
        passed::answer(answer, admitted.reader).await
    }
}

/// The body of a run: on every platform an object.
fn object(body: &[u8]) -> Result<Map<String, Value>> {
    wire::json::check(body, Bounds::default())?;
    let not_one = |_| error::Error::invalid("", "the body of a run is a JSON object");
    serde_json::from_slice(body).map_err(not_one)
}
