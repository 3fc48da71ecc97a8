//! Puts a request on its way to one upstream: the base URL before its target, the upstream's own
//! credential, and the header fields that every platform gets. Host is the client's to add.
//!
//! Order: innermost before the client, so that no other layer ever sees a credential.
//!
//! Invariant: the credential is in a header value marked sensitive, and nowhere else.

use std::sync::Arc;

use http::header::{ACCEPT_ENCODING, AUTHORIZATION, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};

use crate::config;
use crate::error::{Error, FieldError, Kind, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};
use crate::model::call::Call;
use crate::outbound::Vendor;
use crate::telemetry::traces::spans;

/// Named, because the CDN before one platform refuses unnamed and well-known scripting agents.
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("switchyard/", env!("CARGO_PKG_VERSION")));

/// The layer.
#[derive(Debug)]
pub struct Credentials {
    scheme: Scheme,
    authority: Authority,
    /// The base URL's path, without a trailing slash.
    prefix: String,
    authorization: HeaderValue,
    propagates: bool,
}

impl Credentials {
    /// The credential of this upstream, in its vendor's form. Errors name the place below the
    /// upstream.
    pub fn new(
        upstream: &config::Upstream,
        vendor: &dyn Vendor,
    ) -> std::result::Result<Self, FieldError> {
        let wrong = |path: &str, message: &str| FieldError {
            path: path.to_owned(),
            message: message.to_owned(),
        };
        let base = upstream.base_url.clone().into_parts();
        let (Some(scheme), Some(authority)) = (base.scheme, base.authority) else {
            return Err(wrong("base_url", "must have a scheme and a host"));
        };
        let prefix = upstream.base_url.path().trim_end_matches('/').to_owned();
        let mut authorization = HeaderValue::try_from(
            vendor.authorization(upstream.credential.reveal()),
        )
        .map_err(|_| wrong("credential", "holds characters that no header field can hold"))?;
        authorization.set_sensitive(true);
        let propagates = upstream.propagate_trace;
        Ok(Self { scheme, authority, prefix, authorization, propagates })
    }

    fn join(&self, target: &Uri) -> Result<Uri> {
        let target = target.path_and_query().map_or("/", PathAndQuery::as_str);
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{target}", self.prefix))
            .build()
            .map_err(|cause| {
                Error::new(Kind::Internal, "the upstream's target is no URL").caused_by(cause)
            })
    }

    fn sign(&self, headers: &mut HeaderMap, call: Option<&Arc<Call>>) {
        headers.insert(AUTHORIZATION, self.authorization.clone());
        // A caller of the platform's own API has one, which the platform may know it by.
        headers.entry(USER_AGENT).or_insert(AGENT);
        // What is compressed can be neither bounded nor streamed through policy.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let Some(call) = call.filter(|_| self.propagates) else { return };
        let own = spans::traceparent();
        let parent = own.as_ref().or(Some(&call.trace.parent)).filter(|parent| !parent.is_empty());
        for (name, value) in [("traceparent", parent), ("tracestate", call.trace.state.as_ref())] {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                headers.insert(name, value);
            }
        }
    }
}

impl Step<Request<Body>> for Credentials {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        mut request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        *request.uri_mut() = self.join(request.uri())?;
        let call = request.extensions_mut().remove::<Arc<Call>>();
        self.sign(request.headers_mut(), call.as_ref());
        spans::sent_to(self.authority.host());
        next.run(request).await
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use parking_lot::Mutex;

    use super::*;
    use crate::model::capability::{Capabilities, Support};
    use crate::model::plan::Plan;
    use crate::outbound::Exchange;
    use crate::outbound::layers::testing::{call, platform, response, wrapped};

    struct Tokens(Capabilities);

    impl Vendor for Tokens {
        fn capabilities(&self) -> &Capabilities {
            &self.0
        }
        fn replays_history(&self) -> bool {
            false
        }
        fn authorization(&self, credential: &str) -> String {
            format!("Token {credential}")
        }
        fn start(&self, _: &Plan) -> Result<Exchange> {
            Err(Error::new(Kind::Internal, "unused"))
        }
        fn failure(&self, _: StatusCode, _: &HeaderMap, _: &[u8]) -> Error {
            Error::new(Kind::Internal, "unused")
        }
    }

    fn upstream(base_url: &'static str, credential: &str) -> config::Upstream {
        let second = std::time::Duration::from_secs(1);
        config::Upstream {
            name: "up".to_owned(),
            kind: "tokens".to_owned(),
            base_url: Uri::from_static(base_url),
            credential: config::Secret::new(credential),
            settings: serde_json::Map::new(),
            native_callbacks: false,
            propagate_trace: true,
            clocks: config::Clocks {
                connect: second,
                first_byte: second,
                idle: second,
                total: second,
            },
            max_concurrent: 1,
            queue: config::Queue { most: 0, within: std::time::Duration::ZERO },
            check: None,
            breaker: config::Breaker { failures: 1, open: second },
            workspaces: Vec::new(),
            proxy_allow: Vec::new(),
            caps: config::Caps { answer: 1, line: 1, event: 1 },
        }
    }

    fn credentials(base_url: &'static str) -> std::result::Result<Credentials, FieldError> {
        let vendor = Tokens(Capabilities::new(|_| Support::Native));
        Credentials::new(&upstream(base_url, "hunter2"), &vendor)
    }

    #[tokio::test]
    async fn a_request_leaves_with_address_credential_and_trace() {
        let sent = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&sent);
        let inner = platform(move |request| {
            *seen.lock() = Some(request.into_parts().0);
            async { Ok(response(200, Body::empty())) }
        });
        let service = wrapped(credentials("https://eu1.make.com/api/v2").unwrap(), inner);
        call(&service, "/agents/1/run?teamId=7").await.unwrap();
        let sent = sent.lock().take().unwrap();
        assert_eq!(sent.uri, "https://eu1.make.com/api/v2/agents/1/run?teamId=7");
        assert_eq!(sent.headers[AUTHORIZATION], "Token hunter2");
        assert!(sent.headers[AUTHORIZATION].is_sensitive());
        assert!(sent.headers[USER_AGENT].to_str().unwrap().starts_with("switchyard/"));
        assert_eq!(sent.headers[ACCEPT_ENCODING], "identity");
        assert!(sent.headers["traceparent"].to_str().unwrap().starts_with("00-0af76519"));
        assert_eq!(sent.headers["tracestate"], "vendor=1");
    }

    #[test]
    fn a_target_is_joined_below_any_base() {
        for (base, target, whole) in [
            ("https://x.test", "/", "https://x.test/"),
            ("https://x.test/", "/?session=1", "https://x.test/?session=1"),
            ("http://127.0.0.1:80/a/", "/b%2Fc", "http://127.0.0.1:80/a/b%2Fc"),
        ] {
            let joined = credentials(base).unwrap().join(&Uri::from_static(target)).unwrap();
            assert_eq!(joined, whole);
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused_at_the_start_and_never_printed() {
        assert_eq!(credentials("/no/host").unwrap_err().path, "base_url");
        let vendor = Tokens(Capabilities::new(|_| Support::Native));
        let error = Credentials::new(&upstream("https://x.test", "hun\nter2"), &vendor);
        let error = error.unwrap_err();
        assert_eq!(error.path, "credential");
        assert!(!error.message.contains("hun"));
        let printed = format!("{:?}", credentials("https://x.test").unwrap());
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
