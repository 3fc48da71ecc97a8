//! The five seams between the stacks, as named types. A stack is erased into its alias by
//! `Alias::new(stack)`, never into a box whose types are inferred: that takes the compiler
//! exponential time in the number of layers.

use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::Stream;
use http::{Request, Response};
use tower::util::BoxCloneSyncService;

use crate::error::Error;
use crate::http::body::Body;
use crate::model::event::RunEvent;
use crate::model::plan::{Admission, Proposal, RunCall};

/// The EDGE stack: what a listener calls for each request. Its error is never seen: rescue has
/// made an answer of it.
pub type HttpService = BoxCloneSyncService<Request<Body>, Response<Body>, Error>;

/// The EDGE stack that stands behind a socket now. A reload puts another one in its place; requests
/// that have begun go on with theirs. All clones are one.
#[derive(Clone)]
pub struct Served(Arc<ArcSwap<HttpService>>);

impl Served {
    /// The service for a request that begins now.
    pub fn now(&self) -> HttpService {
        HttpService::clone(&self.0.load())
    }

    /// Puts another service in its place.
    pub fn replace(&self, service: HttpService) {
        self.0.store(Arc::new(service));
    }
}

impl From<HttpService> for Served {
    fn from(service: HttpService) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(service)))
    }
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[served]")
    }
}

/// The ADMIT stack: what may refuse a run before there is one. Whatever it takes for a run rides
/// in the admission and gives itself back when it is dropped.
pub type AdmitService = BoxCloneSyncService<Proposal, Admission, Error>;

/// The RUN stack: what the gateway calls to have a run driven.
pub type RunService = BoxCloneSyncService<RunCall, RunEvents, Error>;

/// One upstream's stack. The request's target is below the upstream's base URL, and it carries an
/// `Arc<Call>` as its only extension.
pub type UpstreamService = BoxCloneSyncService<Request<Body>, Response<Body>, Error>;

/// The PROXY stack: what a call of a platform's own API goes through. The request's target is below
/// the upstream's base URL, and it carries an `Arc<Passage>` as its only extension.
pub type ProxyService = BoxCloneSyncService<Request<Body>, Response<Body>, Error>;

/// What comes back from a run: events in order, the last one its end. Dropping it stops the run.
pub type RunEvents = Pin<Box<dyn Stream<Item = RunEvent> + Send>>;
