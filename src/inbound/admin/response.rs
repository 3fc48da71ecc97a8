//! The answers of the operators' listener. Called by `faces.rs`.

use http::{HeaderValue, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Result;
use crate::http::body::Body;
use crate::inbound::answer;

/// Whether the gateway takes requests.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Readiness {
    /// `ready` or `not_ready`.
    pub status: ReadyStatus,
    /// Why it does not.
    pub reasons: Vec<String>,
}

/// Whether the gateway takes requests, in a word.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadyStatus {
    /// It does.
    Ready,
    /// It does not.
    NotReady,
}

/// `GET /metrics`, in the text format of Prometheus.
pub fn metrics(text: String) -> Response<Body> {
    let media_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer::bytes_of(StatusCode::OK, media_type, text.into())
}

/// `GET /healthz`: the process answers, and that is all it says.
pub fn health() -> Response<Body> {
    answer::text(StatusCode::OK, "ok")
}

/// `GET /readyz`.
pub fn readiness(reasons: Vec<String>) -> Result<Response<Body>> {
    let (code, status) = if reasons.is_empty() {
        (StatusCode::OK, ReadyStatus::Ready)
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, ReadyStatus::NotReady)
    };
    answer::json(code, &Readiness { status, reasons })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_gives_its_reasons() {
        let mut ready = readiness(Vec::new()).unwrap();
        assert_eq!(ready.status(), 200);
        let body = ready.body_mut().take_full().unwrap();
        assert_eq!(body, r#"{"status":"ready","reasons":[]}"#);
        let mut unready = readiness(vec!["draining".to_owned()]).unwrap();
        assert_eq!(unready.status(), 503);
        let body = unready.body_mut().take_full().unwrap();
        assert_eq!(body, r#"{"status":"not_ready","reasons":["draining"]}"#);
    }

    #[test]
    fn metrics_say_their_format() {
        let metrics = metrics("runs_total 1\n".to_owned());
        let format = &metrics.headers()["content-type"];
        assert_eq!(format, "text/plain; version=0.0.4; charset=utf-8");
    }
}
