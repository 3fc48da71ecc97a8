//! ACP's run operation from request to answer. Called by `faces.rs`.

use std::sync::Arc;

use http::Response;
use http::request::Parts as Head;

use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::inbound::acp::events::Encoder;
use crate::inbound::acp::{request as acp_request, response};
use crate::inbound::faces::Parts;
use crate::inbound::prefer::Patience;
use crate::inbound::start::{self, Asked, Streamed};
use crate::inbound::{headers, stream};
use crate::model::call::Call;

/// `POST /acp/{workspace}/agents/{profile_id}/run`.
pub async fn run_acp(
    parts: &Parts,
    call: &Arc<Call>,
    workspace: &str,
    agent: &str,
    head: &Head,
    body: Body,
) -> Result<Response<Body>> {
    // Another workspace's agent is no different from one that is not there.
    if workspace != call.principal().workspace {
        return Err(Error::new(Kind::AgentNotFound, "there is no such agent"));
    }
    let key = headers::idempotency_key(&head.headers)?;
    headers::require_plain(&head.headers)?;
    let bytes = body.read().await?;
    let request = acp_request::decode(&bytes)?;
    let asked = Asked { key, callback: None };
    if request.stream {
        let (streamed, is_replayed) =
            start::streamed(&parts.gateway, call, agent, request, asked).await?;
        let answer = match streamed {
            Streamed::Open(read, reader) => {
                stream::answer(read, reader, Encoder::default(), parts.heartbeat)
            }
            Streamed::Failed(run) => response::answer(&run, &call.id)?,
        };
        return Ok(start::replaying(answer, is_replayed));
    }
    let patience = Patience::Unbounded;
    let (run, is_replayed) =
        start::whole(&parts.gateway, call, agent, request, patience, asked).await?;
    Ok(start::replaying(response::answer(&run, &call.id)?, is_replayed))
}
