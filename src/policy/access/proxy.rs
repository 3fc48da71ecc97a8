//! Asks the access policies whether a caller may reach a platform's own API: of the upstream, or of
//! the agent that the call names. In the PROXY stack. A call that starts a run is asked for as a
//! run too, where every run is.
//!
//! Order: outermost, so that a forbidden call costs nothing and tells nothing.

use std::sync::Arc;

use http::{Request, Response};

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};
use crate::http::passage;
use crate::model::judge::{Action, Circumstances, Judge, Question, Resource, When};

/// The layer.
pub struct AuthorizeProxy {
    /// Decides.
    pub judge: Arc<dyn Judge>,
    /// Tells the hour.
    pub clock: Arc<dyn Clock>,
}

impl Step<Request<Body>> for AuthorizeProxy {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let passage = passage::of(&request)?;
        let call = &passage.call;
        let resource = match &passage.agent {
            Some(agent) => Resource::Agent(agent.into()),
            None => Resource::Upstream(&passage.upstream),
        };
        let circumstances =
            Circumstances::plain(call.face, When::at(self.clock.now()), call.address);
        let ask = |action| {
            let principal = call.principal();
            self.judge.judge(&Question { principal, action, resource, circumstances })
        };
        if let Err(error) = ask(Action::Proxy) {
            // Who may not even see it learns nothing of it.
            let unseen = ask(Action::Read).is_err();
            let absent = || Error::new(Kind::NotFound, "there is no such upstream");
            return Err(if unseen { absent() } else { error });
        }
        next.run(request).await
    }
}
