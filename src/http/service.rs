//! The four seams between the stacks, as named types. A stack is erased into its alias by
//! `Alias::new(stack)`, never into a box whose types are inferred: that takes the compiler
//! exponential time in the number of layers.

use std::pin::Pin;

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

/// The ADMIT stack: what may refuse a run before there is one. Whatever it takes for a run rides
/// in the admission and gives itself back when it is dropped.
pub type AdmitService = BoxCloneSyncService<Proposal, Admission, Error>;

/// The RUN stack: what the gateway calls to have a run driven.
pub type RunService = BoxCloneSyncService<RunCall, RunEvents, Error>;

/// One upstream's stack. The request's target is below the upstream's base URL, and it carries an
/// `Arc<Call>` as its only extension.
pub type UpstreamService = BoxCloneSyncService<Request<Body>, Response<Body>, Error>;

/// What comes back from a run: events in order, the last one its end. Dropping it stops the run.
pub type RunEvents = Pin<Box<dyn Stream<Item = RunEvent> + Send>>;
