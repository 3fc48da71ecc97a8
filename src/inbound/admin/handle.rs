//! The operators' own operations, each from request to answer. Called by `faces.rs`.
//!
//! Invariant: a key's secret stands in the answer that made it and nowhere else; no answer that
//! has one may be kept by whoever passes it on.

use http::header::CACHE_CONTROL;
use http::request::Parts as Head;
use http::{HeaderValue, Response, StatusCode};
use serde::de::DeserializeOwned;

use super::explain::Asked;
use super::request::{self, KeyBody, RotateBody, TokenBody};
use crate::error::{Error, Kind, Result};
use crate::gateway::keys::MadeKey;
use crate::http::body::Body;
use crate::inbound::faces::Parts;
use crate::inbound::query::Query;
use crate::inbound::unified::list::{List, ListObject};
use crate::inbound::unified::object::Object;
use crate::inbound::{answer, headers};
use crate::model::call::Call;
use crate::model::judge::{Action, Circumstances, Question, Resource, When};
use crate::wire::json::{self, Bounds};

/// Holds an operator against the access policies: the scope alone is not enough. Asked in one
/// place, before any of the operations below.
pub fn authorize(parts: &Parts, call: &Call) -> Result<()> {
    parts.judge.judge(&Question {
        principal: call.principal(),
        action: Action::Administer,
        resource: Resource::Gateway,
        circumstances: Circumstances::plain(call.face, When::at(call.received_at), call.address),
    })
}

/// `POST /admin/keys`.
pub async fn create_key(parts: &Parts, head: &Head, body: Body) -> Result<Response<Body>> {
    let wanted: KeyBody = read(head, body).await?;
    made(StatusCode::CREATED, &parts.keys.create(wanted.wanted()?).await?)
}

/// `GET /admin/keys`.
pub async fn list_keys(parts: &Parts, head: &Head) -> Result<Response<Body>> {
    let (workspace, cursor, limit) = request::list(head.uri.query())?;
    let page = parts.keys.list(workspace.as_deref(), cursor.as_deref(), limit).await?;
    let next_cursor = page.next_cursor;
    answer::json(StatusCode::OK, &List { object: ListObject::List, data: page.keys, next_cursor })
}

/// `GET /admin/keys/{key_id}`.
pub async fn get_key(parts: &Parts, head: &Head, id: &str) -> Result<Response<Body>> {
    Query::read(head.uri.query(), &[])?;
    answer::json(StatusCode::OK, &parts.keys.get(id).await?)
}

/// `POST /admin/keys/{key_id}/rotate`.
pub async fn rotate_key(
    parts: &Parts,
    head: &Head,
    id: &str,
    body: Body,
) -> Result<Response<Body>> {
    let wanted: RotateBody = read_or_default(head, body).await?;
    made(StatusCode::OK, &parts.keys.rotate(id, wanted.overlap()?).await?)
}

/// `DELETE /admin/keys/{key_id}`: the key is revoked, and stays in the list.
pub async fn revoke_key(parts: &Parts, head: &Head, id: &str) -> Result<Response<Body>> {
    Query::read(head.uri.query(), &[])?;
    answer::json(StatusCode::OK, &parts.keys.revoke(id).await?)
}

/// `POST /admin/tokens/revoke`.
pub async fn revoke_token(parts: &Parts, head: &Head, body: Body) -> Result<Response<Body>> {
    let asked: TokenBody = read(head, body).await?;
    let token = asked.clone().token()?;
    if !parts.issuers.contains(&token.issuer) {
        return Err(Error::invalid("issuer", "there is no issuer of this name"));
    }
    parts.keys.revoke_token(&token).await?;
    answer::json(StatusCode::OK, &asked)
}

/// `POST /admin/explain`.
pub async fn explain(parts: &Parts, head: &Head, body: Body) -> Result<Response<Body>> {
    let asked: Asked = read(head, body).await?;
    answer::json(StatusCode::OK, &parts.explains.explain(&asked).await?)
}

/// `POST /admin/reload`. Its body is empty.
pub async fn reload(parts: &Parts, head: &Head, body: Body) -> Result<Response<Body>> {
    Query::read(head.uri.query(), &[])?;
    if !body.read().await?.is_empty() {
        return Err(Error::invalid(
            "body",
            "must be empty: the file is read that was started from",
        ));
    }
    answer::json(StatusCode::OK, &parts.reloads.reload().await?)
}

/// `GET /admin/config`.
pub fn get_config(parts: &Parts, head: &Head) -> Result<Response<Body>> {
    Query::read(head.uri.query(), &[])?;
    answer::json(StatusCode::OK, &parts.config)
}

async fn read<T: DeserializeOwned>(head: &Head, body: Body) -> Result<T> {
    Query::read(head.uri.query(), &[])?;
    headers::require_json(&head.headers)?;
    let bytes = body.read().await?;
    let Object(read) = json::decode(&bytes, Bounds::default())?;
    Ok(read)
}

async fn read_or_default<T: DeserializeOwned + Default>(head: &Head, body: Body) -> Result<T> {
    let bytes = body.read().await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        Query::read(head.uri.query(), &[])?;
        return Ok(T::default());
    }
    read(head, Body::full(bytes)).await
}

fn made(status: StatusCode, key: &MadeKey) -> Result<Response<Body>> {
    let mut response = answer::json(status, key)?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let location = HeaderValue::try_from(format!("/admin/keys/{}", key.key.id));
    let location = location.map_err(|cause| {
        Error::new(Kind::Internal, "the key's id cannot stand in a header").caused_by(cause)
    })?;
    response.headers_mut().insert(http::header::LOCATION, location);
    Ok(response)
}
