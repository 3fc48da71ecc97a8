//! Calls of the platforms' own APIs. The proxy's face asks which call it is; the end of the PROXY
//! stack sends it on, or has it driven where it starts a run, so that a run that comes this way
//! counts as every other.
//!
//! Invariant: nothing goes to a platform that is on no list, and no run that has no record.

pub mod calls;
mod passed;
mod run;

use std::sync::Arc;

use http::{Method, Request, Response, Uri};
use tower::ServiceExt;

use crate::config::Caps;
use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::gateway::proxy::calls::Calls;
use crate::http::body::Body;
use crate::http::passage::{self, Passage};
use crate::http::service::UpstreamService;
use crate::model::call::Call;
use crate::model::record::RunFacts;
use crate::outbound::pause::Pauses;

/// An upstream as those reach it who speak its own API.
pub struct Reach {
    /// Its stack.
    pub service: UpstreamService,
    /// Where its API is.
    pub base: Uri,
    /// Bounds of its answers.
    pub caps: Caps,
    /// The calls that pass.
    pub calls: Calls,
    /// Where it is noted that it wants to be left alone.
    pub pauses: Pauses,
}

impl Gateway {
    /// The path of an upstream's base URL; empty of one that is not there.
    pub fn base_path(&self, upstream: &str) -> String {
        let reach = self.0.upstreams.get(upstream).and_then(|platform| platform.reach.as_ref());
        reach.map_or_else(String::new, |reach| reach.base.path().to_owned())
    }

    /// Which call of an upstream's own API this is: its method, and the segments of its path,
    /// decoded.
    ///
    /// # Errors
    /// `NotFound` where this caller cannot see the upstream or the agent, `Forbidden` where the
    /// call is on no list.
    pub fn passage(
        &self,
        call: &Arc<Call>,
        upstream: &str,
        method: &Method,
        segments: &[String],
    ) -> Result<Passage> {
        let who = call.principal();
        let absent = || Error::new(Kind::NotFound, "there is no such upstream");
        let platform = self.0.upstreams.get(upstream);
        let platform = platform.filter(|it| self.sees_upstream(who, upstream, it));
        let platform = platform.ok_or_else(absent)?;
        let (Some(reach), Some(own)) = (&platform.reach, platform.vendor.own_api()) else {
            return Err(absent());
        };
        let known = reach.calls.find(method.as_str(), segments).ok_or_else(|| {
            let said = format!("this call is not on the list `upstreams.{upstream}.proxy.allow`");
            Error::new(Kind::Forbidden, said)
                .ruled_by([format!("upstreams.{upstream}.proxy.allow")])
        })?;
        call.facts.concerns(format!("{upstream} {}", known.title));
        let agent = known.agent_on(upstream);
        // A credential for some agents reaches those, and nothing that is about all of them.
        let named = agent.as_ref().map_or_else(|| format!("{upstream}:-"), ToString::to_string);
        self.visible(who, &named)?;
        if let Some(agent) = agent.as_ref().filter(|_| known.is_run) {
            call.facts.tell(RunFacts::of(&named, agent));
        }
        Ok(Passage {
            call: Arc::clone(call),
            upstream: upstream.to_owned(),
            agent,
            is_run: known.is_run,
            title: known.title,
            base: reach.base.clone(),
            piece_in: own.piece_in(),
            caps: reach.caps,
            found: parking_lot::Mutex::default(),
        })
    }

    /// The end of the PROXY stack: has a call made, or a run driven.
    ///
    /// # Errors
    /// Whatever refuses it, and what fails before the platform has answered.
    pub async fn forward(&self, mut request: Request<Body>) -> Result<Response<Body>> {
        let passage = passage::of(&request)?;
        request.extensions_mut().clear();
        // What cannot be recorded is not done.
        self.0.keeper.check()?;
        if passage.is_run {
            return self.pass_run(&passage, request).await;
        }
        let platform = self.platform(&passage.upstream)?;
        let reach = platform.reach.as_ref().ok_or_else(Error::no_such_agent)?;
        let call = &passage.call;
        request.extensions_mut().insert(Arc::clone(call));
        let began = self.0.clock.monotonic();
        let answer = reach.service.clone().oneshot(request).await;
        call.facts.waited_for_upstream(self.0.clock.monotonic().saturating_sub(began));
        let response = answer.map_err(|error| match error.upstream_fault() {
            Some(_) => error,
            None => error.upstream(&passage.upstream, None, None),
        })?;
        let status = response.status();
        if status.is_informational() {
            let said = "the platform switched protocols, which was not asked for";
            let error = Error::new(Kind::UpstreamProtocol, said);
            return Err(error.upstream(&passage.upstream, Some(status.as_u16()), None));
        }
        if status.as_u16() == 429 {
            let refused = platform.vendor.failure(status, response.headers(), &[]);
            let refused = refused.upstream(&passage.upstream, Some(429), None);
            reach.pauses.note(&passage.upstream, call.principal(), &refused);
        }
        Ok(response)
    }
}
