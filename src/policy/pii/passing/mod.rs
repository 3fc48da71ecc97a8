//! PII in calls of a platform's own API: a layer of the PROXY stack. What a caller sends is treated
//! before the platform has a byte of it, wherever text can stand: path, query, headers, body. What
//! the platform answers is treated on its way back, streams exactly across all borders.
//!
//! Invariant: where a rule applies, nothing passes that could not be read. Tokens are those of one
//! call: its answer has them restored, a later one has not.

mod events;
mod pairs;
mod request;
mod response;
mod stream;
mod text;
mod weave;

use std::sync::Arc;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, IF_RANGE, RANGE};
use http::{HeaderMap, Request, Response};

use super::findings::{Tally, refusal};
use super::json::JsonTreatment;
use super::layer::Policy;
use super::plan::{Direction, Plan};
use super::rules::Scope;
use super::vault::Vault;
use crate::error::Result;
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};
use crate::http::passage::{self, Passage};
use crate::model::vault::TokenVault;
use crate::wire::form;

/// Treats calls of a platform's own API, both ways.
///
/// Order: inside access, limits and pauses; outside of what is spent for a run.
#[derive(Debug)]
pub struct Passing(pub Arc<Policy>);

impl Step<Request<Body>> for Passing {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let passage = passage::of(&request)?;
        if self.0.rules.is_empty() {
            return next.run(request).await;
        }
        let to_upstream = self.plan(&passage, Direction::ToUpstream)?;
        let to_caller = self.plan(&passage, Direction::ToCaller)?;
        let vault = (to_upstream.makes_tokens() || to_caller.makes_tokens()).then(|| {
            let who = passage.call.principal();
            Arc::new(self.0.rules.vault(&who.workspace, &who.subject, &passage.call.id))
        });
        let mut request = request;
        if !to_upstream.is_empty() {
            let by = JsonTreatment::new(to_upstream, vault.clone());
            let (treated, found) = request::treat(by, request).await;
            let Tally(found) = found;
            super::layer::count(&self.0.metrics, &found);
            *passage.found.lock() = found;
            request = treated?;
        }
        let answer = Answering { policy: Arc::clone(&self.0), plan: to_caller, vault, passage };
        if !answer.plan.is_empty() {
            // A part of a text is not examined as the text would be.
            request.headers_mut().remove(RANGE);
            request.headers_mut().remove(IF_RANGE);
        }
        let is_head = request.method() == http::Method::HEAD;
        let response = next.run(request).await?;
        response::treat(answer, response, is_head).await
    }
}

impl Passing {
    fn plan(&self, passage: &Passage, direction: Direction) -> Result<Arc<Plan>> {
        let who = passage.call.principal();
        let agent = passage.agent.as_ref().map(ToString::to_string);
        let named = agent.unwrap_or_else(|| format!("{}:-", passage.upstream));
        let scope = Scope {
            direction,
            face: passage.call.face,
            upstream: &passage.upstream,
            agent: &named,
            groups: &who.groups,
            workspace: &who.workspace,
        };
        self.0.rules.plan(&scope).map_err(|failure| refusal(&failure, "request"))
    }
}

/// What treats one answer.
struct Answering {
    policy: Arc<Policy>,
    plan: Arc<Plan>,
    vault: Option<Arc<Vault>>,
    passage: Arc<Passage>,
}

impl Answering {
    fn does_nothing(&self) -> bool {
        self.plan.is_empty() && self.vault.as_ref().is_none_or(|vault| vault.is_empty())
    }

    /// Counts what was found. A run's own events are treated and counted too.
    fn count(&self, found: &Tally) {
        if !self.passage.is_run {
            super::layer::count(&self.policy.metrics, &found.0);
        }
    }
}

/// How a body can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    /// Names and values, as forms have them.
    Pairs,
    Events,
    Text,
    /// In no way.
    Unread,
}

/// How a body of this head can be read. One that does not say what it is, is taken for text.
fn form_of(headers: &HeaderMap) -> Form {
    let coding = headers.get_all(CONTENT_ENCODING).iter();
    if coding.into_iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Form::Unread;
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let Some(media_type) = types.next() else { return Form::Text };
    let (Ok(media_type), None) = (media_type.to_str(), types.next()) else { return Form::Unread };
    let media_type = media_type.to_ascii_lowercase();
    let mut parts = media_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    // What is written in another character set would be read as something else.
    let is_other = |parameter: &str| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            let value = value.trim().trim_matches('"');
            name.trim() == "charset" && !["utf-8", "utf8", "us-ascii"].contains(&value)
        })
    };
    if parts.any(is_other) {
        return Form::Unread;
    }
    match essence {
        "application/json" => Form::Json,
        form::MEDIA_TYPE => Form::Pairs,
        "text/event-stream" => Form::Events,
        "application/xml" | "application/x-ndjson" | "application/graphql" => Form::Text,
        other if other.ends_with("+json") => Form::Json,
        other if other.starts_with("text/") || other.ends_with("+xml") => Form::Text,
        _ => Form::Unread,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_known_by_its_head() {
        let of = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            form_of(&headers)
        };
        for (media_type, form) in [
            ("application/json", Form::Json),
            ("Application/Problem+JSON; charset=UTF-8", Form::Json),
            ("application/x-www-form-urlencoded", Form::Pairs),
            ("text/event-stream; charset=utf-8", Form::Events),
            ("text/plain", Form::Text),
            ("image/svg+xml", Form::Text),
            ("text/plain; charset=utf-16", Form::Unread),
            ("multipart/form-data; boundary=x", Form::Unread),
            ("application/octet-stream", Form::Unread),
        ] {
            assert_eq!(of(&[("content-type", media_type)]), form, "{media_type}");
        }
        assert_eq!(of(&[]), Form::Text);
        let json = ("content-type", "application/json");
        assert_eq!(of(&[json, ("content-encoding", "gzip")]), Form::Unread);
        assert_eq!(of(&[json, ("content-encoding", "identity")]), Form::Json);
        assert_eq!(of(&[json, ("content-type", "image/png")]), Form::Unread);
    }
}
