//! A layer is one `async fn`, read top to bottom: what is done before, `next.run(request).await`,
//! what is done after. This file adapts such a function to tower, once for all layers.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower::{Layer, Service};

use crate::error::{Error, Result};

/// What a layer does with a request.
pub trait Step<Request>: Send + Sync + 'static {
    /// What it answers with.
    type Response: Send + 'static;

    /// Acts, and calls `next` at most once per answer.
    fn run<S: Rest<Request, Self::Response>>(
        &self,
        request: Request,
        next: Next<'_, S>,
    ) -> impl Future<Output = Result<Self::Response>> + Send;
}

/// What a layer asks of the rest of its stack.
pub trait Rest<Request, Response>:
    Service<Request, Response = Response, Error = Error, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S, Request, Response> Rest<Request, Response> for S where
    S: Service<Request, Response = Response, Error = Error, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The rest of the stack.
#[derive(Debug)]
pub struct Next<'a, S>(&'a S);

impl<S> Next<'_, S> {
    /// Calls the rest of the stack.
    pub async fn run<Request>(self, request: Request) -> Result<S::Response>
    where
        S: Service<Request, Error = Error> + Clone,
    {
        let mut rest = self.0.clone();
        poll_fn(|cx| rest.poll_ready(cx)).await?;
        rest.call(request).await
    }
}

/// Makes a tower layer of a step.
pub fn layer<T>(step: T) -> StepLayer<T> {
    StepLayer(Arc::new(step))
}

/// A [`Layer`] around a [`Step`].
#[derive(Debug)]
pub struct StepLayer<T>(Arc<T>);

impl<T> Clone for StepLayer<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T, S> Layer<S> for StepLayer<T> {
    type Service = Stepped<T, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Stepped(Arc::new((Arc::clone(&self.0), inner)))
    }
}

/// A [`Service`] that runs a [`Step`] before the rest of its stack. One reference count a clone.
#[derive(Debug)]
pub struct Stepped<T, S>(Arc<(Arc<T>, S)>);

impl<T, S> Clone for Stepped<T, S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T, S, Request> Service<Request> for Stepped<T, S>
where
    T: Step<Request>,
    S: Rest<Request, T::Response>,
    Request: Send + 'static,
{
    type Response = T::Response;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<T::Response>> + Send>>;

    // Readiness is asked of the clone that is called, in `Next::run`: nothing here waits for it.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move { shared.0.run(request, Next(&shared.1)).await })
    }
}
