//! The section `telemetry`: where traces go. [`super::load`] calls it.
//!
//! Invariant: the endpoint is an address over HTTP, and every header can stand in a request.

use std::fmt;

use http::{HeaderName, HeaderValue, Uri};

use super::describe::{Key, Shape};
use super::reader::Section;
use super::secret::Secret;
use crate::model::micro::Micro;

/// Where traces go.
#[derive(Clone, PartialEq)]
pub struct Traces {
    /// The collector.
    pub endpoint: Uri,
    /// Whether it speaks gRPC rather than HTTP with protobuf.
    pub grpc: bool,
    /// The share of traces begun here that are kept, from 0 to 1.
    pub sample: f64,
    /// What is sent with each batch.
    pub headers: Vec<(HeaderName, Secret)>,
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[traces: {} of them to {}]", self.sample, self.endpoint)
    }
}

pub(super) fn read(root: &mut Section<'_>) -> Option<Traces> {
    let mut section = root.section("telemetry", "What others are told of the gateway's work.");
    let about = "Traces, sent to a collector of OpenTelemetry; left out, none are made.";
    let traces = section.optional_section("traces", about).and_then(read_traces);
    section.finish();
    traces
}

fn read_traces(mut section: Section<'_>) -> Option<Traces> {
    let about = "The collector: for HTTP with its path, `http://collector:4318/v1/traces`; for \
                 gRPC without, `http://collector:4317`.";
    let endpoint = section.text(Key::new("endpoint", Shape::Text, about).required());
    let endpoint = endpoint.and_then(|text| {
        let uri = text.parse::<Uri>().ok().filter(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
        });
        if uri.is_none() {
            section.refuse("endpoint", "must be a URL that begins with http:// or https://");
        }
        uri
    });
    let about = "What the collector speaks: OTLP over HTTP with protobuf, or over gRPC.";
    let protocol = Key::new("protocol", Shape::Text, about).default("http");
    let protocol = section.choice(protocol, &["http", "grpc"]);
    let about = "The share of traces that are kept, from 0 to 1, of those that begin here; a \
                 caller's own trace is kept where the caller keeps it. All, where left out.";
    let sample = section.decimal("sample", about).unwrap_or(Micro(1_000_000));
    if sample.0 > 1_000_000 {
        section.refuse("sample", "must be from 0 to 1");
    }
    let about = "Headers that are sent with each batch, by name.";
    let mut headers = Vec::new();
    for (name, mut entry) in section.entries(Key::new("headers", Shape::Entries, about)) {
        let secret = entry.secret("secret", "The header's value.");
        let is_header = HeaderName::try_from(&name).ok();
        if is_header.is_none() {
            entry.refuse_key("is no name of a header");
        }
        let is_value = secret.as_ref().is_none_or(|it| HeaderValue::from_str(it.reveal()).is_ok());
        if !is_value {
            entry.refuse("secret", "holds what cannot stand in a header (a line break?)");
        }
        entry.finish();
        headers.extend(is_header.zip(secret));
    }
    section.finish();
    Some(Traces {
        endpoint: endpoint?,
        grpc: protocol.as_deref() == Some("grpc"),
        sample: sample.0 as f64 / 1e6,
        headers,
    })
}
