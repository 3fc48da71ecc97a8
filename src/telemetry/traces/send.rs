//! Sends batches of spans: OTLP over HTTP with protobuf by a client of ours, or over gRPC. TLS is
//! rustls over ring, with the public roots. The queue's task calls it.
//!
//! Invariant: a batch is sent once; nothing of the answer but its status is looked at.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::tonic_types::transport::ClientTlsConfig;
use opentelemetry_otlp::{
    Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};

use crate::config;

/// What is read of an answer; a collector says little.
const ANSWER_BYTES: usize = 64 * 1024;

/// A way to one collector.
#[derive(Debug)]
pub(super) struct Sender(SpanExporter);

impl Sender {
    /// The way that is configured. Needs the runtime.
    pub(super) fn new(
        config: &config::Traces,
        resource: &Resource,
        within: Duration,
    ) -> Result<Self, String> {
        let endpoint = config.endpoint.to_string();
        let exporter = if config.grpc {
            let mut headers = HeaderMap::new();
            for (name, value) in &config.headers {
                let mut value = HeaderValue::from_str(value.reveal()).map_err(said)?;
                value.set_sensitive(true);
                headers.insert(name.clone(), value);
            }
            let mut builder = SpanExporter::builder()
                .with_tonic()
                .with_endpoint(endpoint)
                .with_timeout(within)
                .with_retry_policy(RetryPolicy::disabled())
                .with_metadata(MetadataMap::from_headers(headers));
            if config.endpoint.scheme_str() == Some("https") {
                builder = builder.with_tls_config(ClientTlsConfig::new().with_webpki_roots());
            }
            builder.build()
        } else {
            let headers: HashMap<String, String> = config
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), value.reveal().to_owned()))
                .collect();
            SpanExporter::builder()
                .with_http()
                .with_http_client(Client::new()?)
                .with_endpoint(endpoint)
                .with_protocol(Protocol::HttpBinary)
                .with_timeout(within)
                .with_retry_policy(RetryPolicy::disabled())
                .with_headers(headers)
                .build()
        };
        let mut exporter = exporter.map_err(said)?;
        exporter.set_resource(resource);
        Ok(Self(exporter))
    }

    pub(super) async fn export(&self, batch: Vec<SpanData>) -> Result<(), String> {
        self.0.export(batch).await.map_err(said)
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The client of the exporter.
#[derive(Debug)]
struct Client(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Client {
    fn new() -> Result<Self, String> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(said)?
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        Ok(Self(legacy::Client::builder(TokioExecutor::new()).build(tls)))
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = self.0.request(request.map(Full::new)).await?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}
