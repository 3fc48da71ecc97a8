//! Makes an answer of an error, in the shape of the face that was asked, and logs it once. Nothing
//! inside renders or logs its failures.
//!
//! Order: inside measure, which counts the status; outside of everything that may refuse.

use std::sync::Arc;

use http::header::{ALLOW, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, Version};

use super::call;
use crate::error::{Error, Kind, Origin, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};
use crate::http::problem::Render;
use crate::model::call::Call;
use crate::telemetry::metrics::Metrics;

/// How a caller that is not known can become so (RFC 6750, 3).
const CHALLENGE: &str = "Bearer realm=\"switchyard\"";

/// The layer.
pub struct RescueLayer {
    /// Shapes the answer.
    pub render: Render,
    /// What is counted.
    pub metrics: Option<Arc<Metrics>>,
}

impl Step<Request<Body>> for RescueLayer {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let call = call::of(&request)?;
        let route = call::route_of(&request)?;
        let (face, allowed) = (route.face, route.allowed.clone());
        let version = request.version();
        let error = match next.run(request).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        log(&error, &call);
        if let Some(metrics) = &self.metrics {
            metrics.problem(&error);
        }
        let mut answer = (self.render)(face, &error, &call);
        let headers = answer.headers_mut();
        if let Some(seconds) = error.retry_in().map(|after| after.as_secs_f64().ceil() as u64) {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let (Kind::MethodNotAllowed, Some(methods)) = (error.kind(), joined(&allowed)) {
            headers.insert(ALLOW, methods);
        }
        if error.kind() == Kind::Unauthenticated {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        // HTTP/2 has no such header; its connections are told by the drain itself.
        if error.kind() == Kind::Draining && version <= Version::HTTP_11 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(answer)
    }
}

fn joined(methods: &[Method]) -> Option<HeaderValue> {
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    HeaderValue::try_from(names.join(", ")).ok()
}

/// A caller's mistake and a refusal under load are counted, and only shown when asked for: both
/// come in floods. What somebody has to look at is louder.
fn log(error: &Error, call: &Call) {
    let (code, request_id, operation) = (error.kind().code(), &call.id, call.operation);
    match (error.kind(), error.origin()) {
        (Kind::Overloaded | Kind::Draining, _) | (_, Origin::Caller | Origin::Policy) => {
            tracing::debug!(code, %request_id, operation, ?error, "refused");
        }
        (_, Origin::Upstream) => {
            tracing::warn!(code, %request_id, operation, ?error, "the platform failed");
        }
        (_, Origin::Gateway | Origin::Operator) => {
            tracing::error!(code, %request_id, operation, ?error, "the request failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http::edge::harness::{Fixture, get};
    use crate::http::operation::Face;
    use crate::http::problem;

    fn step() -> RescueLayer {
        RescueLayer {
            render: |face, error, call| {
                let mut answer = problem::render(error, call);
                if face == Face::Hooks {
                    answer.headers_mut().insert("x-face", HeaderValue::from_static("hooks"));
                }
                answer
            },
            metrics: None,
        }
    }

    #[tokio::test]
    async fn an_error_becomes_a_problem_that_says_when_to_come_back() {
        let answer = Fixture::default()
            .through(step(), get("/v1/runs"), |_| {
                Err(Error::new(Kind::Overloaded, "full").retry_after(Duration::from_millis(1_200)))
            })
            .await
            .unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "2");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let body = answer.into_body().read().await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&problem["code"], &problem["retry_after"]), (&"overloaded".into(), &2.into()));
    }

    #[tokio::test]
    async fn the_face_that_was_asked_shapes_the_answer() {
        let mut request = get("/v1/hooks/support");
        *request.method_mut() = Method::POST;
        let refused = |_| Err(Error::new(Kind::InvalidRequest, "no"));
        let answer = Fixture::default().through(step(), request, refused).await.unwrap();
        assert_eq!(answer.headers()["x-face"], "hooks");
    }

    #[tokio::test]
    async fn a_wrong_method_is_told_the_right_ones() {
        let mut request = get("/v1/runs");
        *request.method_mut() = Method::PUT;
        let refused = |_| Err(Error::new(Kind::MethodNotAllowed, "no"));
        let answer = Fixture::default().through(step(), request, refused).await.unwrap();
        assert_eq!(answer.headers()["allow"], "POST, HEAD, GET");
    }

    #[tokio::test]
    async fn a_draining_answer_ends_an_http_1_connection_only() {
        for (version, closes) in [(Version::HTTP_11, true), (Version::HTTP_2, false)] {
            let mut request = get("/v1/runs");
            *request.version_mut() = version;
            let refused = |_| Err(Error::new(Kind::Draining, "bye"));
            let answer = Fixture::default().through(step(), request, refused).await.unwrap();
            assert_eq!(answer.headers().contains_key("connection"), closes);
        }
    }
}
