//! Finds out who calls, and holds the credential's scopes against what the operation needs.
//! Everything but the operations that the table lists as open needs a credential.
//!
//! Order: inside of the limits by address, which bound how often a credential may be guessed, and
//! of the body's bounds, since a signed webhook is known by its body; outside of everything that
//! asks who it is.

use std::sync::Arc;

use http::{Request, Response};

use super::credential::Credential;
use super::webhook::Claim;
use super::{Identity, SignedHook, unauthenticated, webhook};
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::edge::call;
use crate::http::layer::{Next, Rest, Step};
use crate::http::operation::{Face, Listener, Needs, Operation};
use crate::model::call::Call;
use crate::model::scope::Scope;
use crate::telemetry::traces::spans;

/// The layer; one for each listener.
pub struct Identify {
    /// How callers are known.
    pub identity: Arc<Identity>,
    /// The socket it stands on.
    pub listener: Listener,
}

impl Step<Request<Body>> for Identify {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let call = call::of(&request)?;
        let route = call::route_of(&request)?;
        let scope = match route.operation.needs() {
            Needs::Nothing => return next.run(request).await,
            Needs::OnApi(_) if self.listener == Listener::Admin => return next.run(request).await,
            Needs::OnApi(scope) | Needs::Scope(scope) => scope,
        };
        let credential = Credential::read(request.headers(), route.face == Face::Acp)?;
        let is_signed =
            route.operation == Operation::RunHook && webhook::is_signed(request.headers());
        match credential {
            Some(credential) => {
                let known = async {
                    call.identify(self.identity.of(credential).await?);
                    hold(&call, scope)
                };
                spans::deciding("identity", known).await?;
                next.run(request).await
            }
            None if is_signed => {
                let hook = self.identity.hook(route.segments.first());
                self.signed(&call, hook, request, next).await
            }
            None => {
                self.identity.metrics.identified("none");
                Err(unauthenticated(
                    "a credential is needed: `Authorization: Bearer <key or token>`, or `X-API-Key`",
                ))
            }
        }
    }
}

impl Identify {
    /// A request that is known by the signature over its body.
    async fn signed<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        call: &Arc<Call>,
        hook: &SignedHook,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let (head, body) = request.into_parts();
        self.identity.expects(hook, &head.headers)?;
        let body = body.read().await?;
        let (principal, claim) = self.identity.of_webhook(hook, &head.headers, &body)?;
        call.identify(principal);
        let mut message = Message { call: Arc::clone(call), claim };
        let answer = next.run(Request::from_parts(head, Body::full(body))).await?;
        // Its platform has provably not had the run: it may be sent again.
        if matches!(answer.status().as_u16(), 429 | 503) {
            message.claim = None;
        }
        Ok(answer)
    }
}

/// A signed message that is being answered. Once its run is admitted it is remembered, however the
/// request ends: also when its sender has left.
struct Message {
    call: Arc<Call>,
    claim: Option<Claim>,
}

impl Drop for Message {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take()
            && self.call.facts.is_admitted()
        {
            claim.keep();
        }
    }
}

fn hold(call: &Call, scope: Scope) -> Result<()> {
    if call.principal().scopes.has(scope) {
        return Ok(());
    }
    let said = format!("the credential lacks the scope `{scope}`");
    Err(Error::new(Kind::Forbidden, said).ruled_by([format!("scope:{scope}")]))
}
