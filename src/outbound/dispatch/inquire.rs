//! Asks a platform about its agents: one turn through the upstream's stack, so that credentials,
//! breaker, permits, clocks and measures hold as they do for runs. The gateway calls it.
//!
//! Invariant: nothing is sent a second time, but where the platform has said that it does not take
//! the method, and so has done nothing.

use std::sync::Arc;

use http::{Method, Response, StatusCode};

use super::{Dispatcher, Line};
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::model::call::Call;
use crate::outbound::agents::Turn;
use crate::outbound::layers::end::Verdict;

impl Dispatcher {
    /// Sends a turn's request and reads its answer.
    pub async fn inquire<T>(&self, call: &Arc<Call>, upstream: &str, turn: Turn<T>) -> Result<T> {
        let line = self.0.line(Arc::clone(call), upstream)?;
        let Turn { request, instead, read } = turn;
        let is_write = request.method != Method::GET;
        let mut response = line.send(request).await?;
        if response.status() == StatusCode::METHOD_NOT_ALLOWED
            && let Some(request) = instead
        {
            response = line.send(request).await?;
        }
        let response = match line.accept(response).await {
            Ok(response) => response,
            Err(error) => return Err(about_an_agent(error, is_write)),
        };
        whole(&line, response, read).await
    }
}

/// Reads a whole answer; the stack is told of one that is not what was promised.
async fn whole<T>(
    line: &Line,
    mut response: Response<Body>,
    read: impl FnOnce(&[u8]) -> Result<T>,
) -> Result<T> {
    let verdict = Verdict::of(&mut response);
    let mut body = response.into_body();
    let bound = line.target.caps.answer;
    let mut bytes = Vec::new();
    while let Some(more) = line.next_bytes(&mut body).await {
        let more = more?;
        if bytes.len() + more.len() > bound {
            verdict.is_broken();
            let message = format!("the answer is longer than {bound} bytes");
            return Err(line.blame(Error::new(Kind::UpstreamProtocol, message)));
        }
        bytes.extend_from_slice(&more);
    }
    read(&bytes).map_err(|error| {
        if error.kind() == Kind::UpstreamProtocol {
            verdict.is_broken();
        }
        line.blame(error)
    })
}

/// What a refusal means where an agent was asked about, and not run: what a caller wrote is passed
/// on as it is, so that what is wrong with it is the caller's to mend.
fn about_an_agent(error: Error, is_write: bool) -> Error {
    let Some(fault) = error.upstream_fault() else { return error };
    let (kind, said) = match fault.status {
        Some(400 | 422) if is_write => {
            (Kind::InvalidRequest, "the platform does not take the agent as it is written")
        }
        Some(409 | 412) => (Kind::Conflict, "the state of the agent there does not allow this"),
        Some(400..=499) if error.kind() == Kind::UpstreamError => {
            (Kind::UpstreamError, "the platform refused the request")
        }
        _ => return error,
    };
    Error::new(kind, said).upstream(&fault.name, fault.status, fault.message.as_deref())
}
