//! Finds out who calls, and holds the credential's scopes against what the operation needs.
//! Everything but the operations that the table lists as open needs a credential.
//!
//! Order: inside of the limits by address, which bound how often a credential may be guessed, and
//! of the body's bounds, since a signed webhook is known by its body; outside of everything that
//! asks who it is.

use std::sync::Arc;

use http::{Request, Response};

use super::credential::Credential;
use super::{Identity, SignedHook, unauthenticated, webhook};
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::edge::call;
use crate::http::layer::{Next, Rest, Step};
use crate::http::operation::{Face, Listener, Needs, Operation, Route};
use crate::model::call::Call;
use crate::model::scope::Scope;

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
        let hook = self.signed_hook(route).filter(|_| webhook::is_signed(request.headers()));
        match (credential, hook) {
            (Some(credential), _) => {
                call.identify(self.identity.of(credential).await?);
                hold(&call, scope)?;
                next.run(request).await
            }
            (None, Some(hook)) => self.signed(&call, hook, request, next).await,
            (None, None) => {
                self.identity.metrics.identified("none");
                Err(unauthenticated(
                    "a credential is needed: `Authorization: Bearer <key or token>`, or `X-API-Key`",
                ))
            }
        }
    }
}

impl Identify {
    fn signed_hook(&self, route: &Route) -> Option<&SignedHook> {
        if route.operation != Operation::RunHook {
            return None;
        }
        self.identity.hooks.get(route.segments.first()?)
    }

    /// A request that is known by the signature over its body.
    async fn signed<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        call: &Arc<Call>,
        hook: &SignedHook,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let (head, body) = request.into_parts();
        let body = body.read().await?;
        let (principal, claim) = self.identity.of_webhook(hook, &head.headers, &body)?;
        call.identify(principal);
        let answer = next.run(Request::from_parts(head, Body::full(body))).await?;
        // A run that failed may have been had by its platform all the same. What provably was not
        // may be sent again.
        if answer.status().is_success() || matches!(answer.status().as_u16(), 500 | 502 | 504) {
            claim.keep();
        }
        Ok(answer)
    }
}

fn hold(call: &Call, scope: Scope) -> Result<()> {
    if call.principal().scopes.has(scope) {
        return Ok(());
    }
    let said = format!("the credential lacks the scope `{scope}`");
    Err(Error::new(Kind::Forbidden, said).ruled_by([format!("scope:{scope}")]))
}
