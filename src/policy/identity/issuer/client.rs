//! The client that fetches issuers' documents: HTTPS with the roots of webpki, no redirects, no
//! kept connections. [`super::Issuers`] is given it at start.
//!
//! Invariant: one call is one request.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Body;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::fetch::{Fetch, FetchError};
use crate::error::{Error, Kind, Result};

/// The real client.
#[derive(Clone, Debug)]
pub struct HttpFetch(legacy::Client<HttpsConnector<HttpConnector>, Empty<Bytes>>);

impl HttpFetch {
    /// A client; fails only where TLS cannot be set up.
    pub fn new() -> Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(|cause| Error::new(Kind::Internal, "TLS cannot be set up").caused_by(cause))?
            // Which addresses may be asked in the clear is decided where they are read.
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        let client = legacy::Client::builder(TokioExecutor::new())
            // Minutes lie between two requests: a kept connection would only be one gone stale.
            .pool_max_idle_per_host(0)
            .retry_canceled_requests(false)
            .build(tls);
        Ok(Self(client))
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn get(&self, address: &Uri, largest: usize) -> Result<Bytes, FetchError> {
        let request = Request::get(address)
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, "switchyard")
            .body(Empty::new())
            .map_err(|_| FetchError::Connect)?;
        let answer = self.0.request(request).await.map_err(|cause| {
            if cause.is_connect() { FetchError::Connect } else { FetchError::Broken }
        })?;
        if answer.status() != http::StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        if answer.body().size_hint().lower() > largest as u64 {
            return Err(FetchError::TooLarge);
        }
        match Limited::new(answer.into_body(), largest).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(cause) if cause.is::<LengthLimitError>() => Err(FetchError::TooLarge),
            Err(_) => Err(FetchError::Broken),
        }
    }
}
