//! The operations on agents, each from request to answer. Called by `faces.rs`.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, ETAG, LOCATION};
use http::request::Parts as Head;
use http::{HeaderValue, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use super::request::{AgentBody, ServerBody, ToolBody};
use super::response::{AgentList, DeletedAgent};
use super::{condition, list};
use crate::error::{Error, Kind, Result};
use crate::gateway::agents::{Attached, Change, Shown};
use crate::http::body::Body;
use crate::inbound::answer;
use crate::inbound::faces::Parts;
use crate::inbound::headers::{self, JSON};
use crate::inbound::query::Query;
use crate::inbound::unified::object::Object;
use crate::model::call::Call;
use crate::model::profile::{AgentObject, Edit};
use crate::wire::json::{self, Bounds};

/// `GET /v1/agents`.
pub async fn list_agents(parts: &Parts, call: &Arc<Call>, head: &Head) -> Result<Response<Body>> {
    headers::require_accepts(&head.headers, JSON)?;
    let page = parts.gateway.agents(call, &list::filter(head.uri.query())?).await?;
    answer::json(StatusCode::OK, &AgentList::from(page))
}

/// `POST /v1/agents`.
pub async fn create_agent(
    parts: &Parts,
    call: &Arc<Call>,
    head: &Head,
    body: Body,
) -> Result<Response<Body>> {
    let body: AgentBody = read(head, body).await?;
    let (upstream, draft) = body.new_agent()?;
    let shown = parts.gateway.create_agent(call, &upstream, draft).await?;
    let mut response = tagged(StatusCode::CREATED, &shown)?;
    let id = utf8_percent_encode(&shown.agent.id, NON_ALPHANUMERIC);
    if let Ok(location) = HeaderValue::try_from(format!("/v1/agents/{id}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// `GET /v1/agents/{agent}`.
pub async fn get_agent(
    parts: &Parts,
    call: &Arc<Call>,
    agent: &str,
    head: &Head,
) -> Result<Response<Body>> {
    plain(head)?;
    let shown = parts.gateway.agent(call, agent).await?;
    if condition::is_known(&head.headers, &shown.tag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return tag(response, &shown);
    }
    tagged(StatusCode::OK, &shown)
}

/// `PATCH /v1/agents/{agent}`.
pub async fn change_agent(
    parts: &Parts,
    call: &Arc<Call>,
    agent: &str,
    head: &Head,
    body: Body,
) -> Result<Response<Body>> {
    let condition = condition::if_match(&head.headers)?;
    let body: AgentBody = read(head, body).await?;
    let edit = Edit::Fields(Box::new(body.change()?));
    let change = parts.gateway.change_agent(call, agent, condition, edit).await?;
    tagged(StatusCode::OK, &change.shown)
}

/// `DELETE /v1/agents/{agent}`.
pub async fn delete_agent(
    parts: &Parts,
    call: &Arc<Call>,
    agent: &str,
    head: &Head,
) -> Result<Response<Body>> {
    plain(head)?;
    let condition = condition::if_match(&head.headers)?;
    parts.gateway.remove_agent(call, agent, condition).await?;
    let deleted = DeletedAgent { id: agent.to_owned(), object: AgentObject::Agent, deleted: true };
    answer::json(StatusCode::OK, &deleted)
}

/// `POST /v1/agents/{agent}/tools`.
pub async fn attach_tool(
    parts: &Parts,
    call: &Arc<Call>,
    agent: &str,
    head: &Head,
    body: Body,
) -> Result<Response<Body>> {
    let body: ToolBody = read(head, body).await?;
    edit(parts, call, agent, head, Edit::AttachTool(body.draft("")?)).await
}

/// `DELETE /v1/agents/{agent}/tools/{tool}`.
pub async fn detach_tool(
    parts: &Parts,
    call: &Arc<Call>,
    (agent, tool): (&str, &str),
    head: &Head,
) -> Result<Response<Body>> {
    plain(head)?;
    edit(parts, call, agent, head, Edit::DetachTool(tool.to_owned())).await
}

/// `POST /v1/agents/{agent}/mcp_servers`.
pub async fn attach_server(
    parts: &Parts,
    call: &Arc<Call>,
    agent: &str,
    head: &Head,
    body: Body,
) -> Result<Response<Body>> {
    let body: ServerBody = read(head, body).await?;
    edit(parts, call, agent, head, Edit::AttachServer(body.draft("")?)).await
}

/// `DELETE /v1/agents/{agent}/mcp_servers/{server}`.
pub async fn detach_server(
    parts: &Parts,
    call: &Arc<Call>,
    (agent, server): (&str, &str),
    head: &Head,
) -> Result<Response<Body>> {
    plain(head)?;
    edit(parts, call, agent, head, Edit::DetachServer(server.to_owned())).await
}

/// Makes a change that attaches or detaches. What was attached is answered, since only its id
/// takes it off again; else the agent.
async fn edit(
    parts: &Parts,
    call: &Arc<Call>,
    agent: &str,
    head: &Head,
    edit: Edit,
) -> Result<Response<Body>> {
    let condition = condition::if_match(&head.headers)?;
    let change = parts.gateway.change_agent(call, agent, condition, edit).await?;
    let Change { shown, attached } = change;
    match attached {
        None => tagged(StatusCode::OK, &shown),
        Some(Attached::Tool(tool)) => tag(answer::json(StatusCode::CREATED, &tool)?, &shown),
        Some(Attached::Server(server)) => tag(answer::json(StatusCode::CREATED, &server)?, &shown),
    }
}

async fn read<T: DeserializeOwned>(head: &Head, body: Body) -> Result<T> {
    plain(head)?;
    headers::require_json(&head.headers)?;
    let bytes = body.read().await?;
    let Object(read) = json::decode(&bytes, Bounds::default())?;
    Ok(read)
}

/// An agent with its tag.
fn tagged(status: StatusCode, shown: &Shown) -> Result<Response<Body>> {
    tag(answer::json(status, &shown.agent)?, shown)
}

fn tag(mut response: Response<Body>, shown: &Shown) -> Result<Response<Body>> {
    let value = HeaderValue::try_from(shown.tag.as_str()).map_err(|cause| {
        Error::new(Kind::Internal, "the tag cannot stand in a header").caused_by(cause)
    })?;
    response.headers_mut().insert(ETAG, value);
    // What one caller is shown is not for another one.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// A request without query parameters that is answered with JSON.
fn plain(head: &Head) -> Result<()> {
    Query::read(head.uri.query(), &[])?;
    headers::require_accepts(&head.headers, JSON)
}
