//! All faces as one service: what stands at the bottom of the EDGE stack.
//!
//! Invariant: the operation table has decided where a request goes before it comes here.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use indexmap::IndexMap;
use serde_json::Value;
use tower::Service;

use crate::config::Hook;
use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::gateway::audit::AuditAdmin;
use crate::gateway::keys::KeyAdmin;
use crate::http::body::Body;
use crate::http::operation::{Needs, Operation, Route};
use crate::http::service::ProxyService;
use crate::inbound::admin::explain::Explains;
use crate::inbound::admin::reload::Reloads;
use crate::inbound::admin::status::Tells;
use crate::inbound::admin::status::page::Page;
use crate::inbound::admin::tail::Draining;
use crate::inbound::unified::agents::handle as agents;
use crate::inbound::{acp, admin, hooks, proxy, unified};
use crate::model::call::Call;
use crate::model::judge::Judge;
use crate::model::scope::Scope;

/// What the faces need.
pub struct Parts {
    /// What does the work.
    pub gateway: Gateway,
    /// What a call of a platform's own API goes through.
    pub proxy: ProxyService,
    /// Webhooks in, by agent reference.
    pub hooks: IndexMap<String, Hook>,
    /// Silence after which a stream gets a comment line.
    pub heartbeat: Duration,
    /// The longest run that may be asked for.
    pub max_duration: Duration,
    /// Decides who may administer.
    pub judge: Arc<dyn Judge>,
    /// Administers keys.
    pub keys: KeyAdmin,
    /// Reads the audit.
    pub audit: AuditAdmin,
    /// Whether the gateway is shutting down.
    pub draining: Draining,
    /// Says why a caller would be let in or not.
    pub explains: Arc<dyn Explains>,
    /// Reads the configuration anew.
    pub reloads: Arc<dyn Reloads>,
    /// Tells how the gateway is doing.
    pub tells: Arc<dyn Tells>,
    /// The names of the configured issuers.
    pub issuers: Vec<String>,
    /// The running configuration, without its secrets.
    pub config: Value,
    /// Writes the metrics out.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
    /// Why the gateway is not ready; empty while it is.
    pub unready: Box<dyn Fn() -> Vec<String> + Send + Sync>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[parts of the faces]")
    }
}

/// All faces.
#[derive(Clone, Debug)]
pub struct Faces(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    openapi: Bytes,
    status_page: Page,
}

impl Faces {
    /// Makes them; the OpenAPI document and the status page are written once, here.
    pub fn new(parts: Parts) -> Self {
        let openapi = unified::openapi::document().to_string().into();
        Self(Arc::new(Inner { parts, openapi, status_page: Page::new() }))
    }
}

impl Service<Request<Body>> for Faces {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.answer(request).await })
    }
}

impl Inner {
    async fn answer(&self, mut request: Request<Body>) -> Result<Response<Body>> {
        let extensions = request.extensions_mut();
        let (Some(call), Some(route)) =
            (extensions.remove::<Arc<Call>>(), extensions.remove::<Route>())
        else {
            return Err(Error::new(Kind::Internal, "the request was not routed"));
        };
        let parts = &self.parts;
        let segment = |at: usize| route.segments.get(at).map_or("", String::as_str);
        let (first, second) = (segment(0), segment(1));
        let (head, body) = request.into_parts();
        if route.operation.needs() == Needs::Scope(Scope::Admin) {
            admin::handle::authorize(parts, &call)?;
        }
        if route.operation.needs() == Needs::Scope(Scope::AuditRead) {
            admin::audit::authorize(parts, &call)?;
        }
        // What few ask for stands on the heap, so that the others carry no large future.
        match route.operation {
            Operation::CreateRun => {
                unified::handle::create_run(parts, &call, None, &head, body).await
            }
            Operation::CreateAgentRun => {
                unified::handle::create_run(parts, &call, Some(first), &head, body).await
            }
            Operation::ListRuns => unified::handle::list_runs(parts, &call, &head).await,
            Operation::GetRun => unified::handle::get_run(parts, &call, first, &head).await,
            Operation::FollowRun => unified::handle::follow_run(parts, &call, first, &head).await,
            Operation::CancelRun => {
                unified::handle::cancel_run(parts, &call, first, &head, body).await
            }
            Operation::GetThread => unified::handle::get_thread(parts, &call, first, &head).await,
            Operation::ListThreadRuns => {
                unified::handle::list_thread_runs(parts, &call, first, &head).await
            }
            Operation::ListAgents => Box::pin(agents::list_agents(parts, &call, &head)).await,
            Operation::CreateAgent => {
                Box::pin(agents::create_agent(parts, &call, &head, body)).await
            }
            Operation::GetAgent => Box::pin(agents::get_agent(parts, &call, first, &head)).await,
            Operation::ChangeAgent => {
                Box::pin(agents::change_agent(parts, &call, first, &head, body)).await
            }
            Operation::DeleteAgent => {
                Box::pin(agents::delete_agent(parts, &call, first, &head)).await
            }
            Operation::AttachTool => {
                Box::pin(agents::attach_tool(parts, &call, first, &head, body)).await
            }
            Operation::DetachTool => {
                Box::pin(agents::detach_tool(parts, &call, (first, second), &head)).await
            }
            Operation::AttachServer => {
                Box::pin(agents::attach_server(parts, &call, first, &head, body)).await
            }
            Operation::DetachServer => {
                Box::pin(agents::detach_server(parts, &call, (first, second), &head)).await
            }
            Operation::ListUpstreams => unified::handle::list_upstreams(parts, &call, &head),
            Operation::GetOpenApi => unified::handle::get_openapi(&self.openapi, &head),
            Operation::RunHook => hooks::handle::run_hook(parts, &call, first, &head, body).await,
            Operation::RunAcp => {
                acp::handle::run_acp(parts, &call, first, second, &head, body).await
            }
            Operation::Proxy => {
                Box::pin(proxy::handle::pass(parts, &call, first, second, head, body)).await
            }
            Operation::GetMetrics => Ok(admin::response::metrics((parts.metrics)())),
            Operation::GetHealth => Ok(admin::response::health()),
            Operation::GetReadiness => admin::response::readiness((parts.unready)()),
            Operation::GetStatusPage => self.status_page.answer(&head),
            Operation::CreateKey => admin::handle::create_key(parts, &head, body).await,
            Operation::ListKeys => admin::handle::list_keys(parts, &head).await,
            Operation::GetKey => admin::handle::get_key(parts, &head, first).await,
            Operation::RotateKey => admin::handle::rotate_key(parts, &head, first, body).await,
            Operation::RevokeKey => admin::handle::revoke_key(parts, &head, first).await,
            Operation::RevokeToken => admin::handle::revoke_token(parts, &head, body).await,
            Operation::Explain => admin::handle::explain(parts, &head, body).await,
            Operation::Reload => admin::handle::reload(parts, &head, body).await,
            Operation::ListAudit => admin::audit::list(parts, &head).await,
            Operation::ListCheckpoints => admin::audit::checkpoints(parts, &head).await,
            Operation::ProveRecord => admin::audit::prove(parts, &head, first).await,
            Operation::TailAudit => admin::audit::follow(parts, &head).await,
            Operation::GetStatus => admin::status::handle::read(parts, &head).await,
            Operation::GetConfig => admin::handle::get_config(parts, &head),
            // Refused on the EDGE already, with the methods that are there.
            Operation::Unknown => Err(Error::new(Kind::NotFound, "there is nothing at this path")),
        }
    }
}
