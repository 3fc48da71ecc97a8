//! The time that a connection may wait for a request: long while nothing of it is there, so that
//! callers' connection pools find theirs open; short once its head has begun to arrive. hyper has
//! one time for both and asks this timer for it; [`super::stall::Watched`] says what arrives.
//!
//! Invariant: a head's own time runs from its first byte, and no later byte gives more of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use pin_project_lite::pin_project;
use tokio::time::Sleep as TokioSleep;

/// Whether bytes have come since the connection began to wait for a head. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrived(Arc<AtomicBool>);

impl Arrived {
    /// Bytes have come.
    pub(super) fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The timer of one HTTP/1.1 connection. hyper starts a sleep when it begins to wait for a head,
/// as long as the idle time, and drops it when the head is whole.
#[derive(Debug)]
pub(super) struct HeadClock {
    pub(super) arrived: Arrived,
    /// How long a head may take to arrive.
    pub(super) head: Duration,
}

impl Timer for HeadClock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.arrived.0.store(false, Ordering::Relaxed);
        Box::pin(HeadSleep {
            sleep: tokio::time::sleep_until(deadline.into()),
            arrived: Some(self.arrived.clone()),
            head: self.head,
        })
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

pin_project! {
    struct HeadSleep {
        #[pin]
        sleep: TokioSleep,
        // None once the head has begun.
        arrived: Option<Arrived>,
        head: Duration,
    }
}

impl Future for HeadSleep {
    type Output = ();

    // hyper polls this each time it has read what there is and still has no head.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if this.arrived.as_ref().is_some_and(|arrived| arrived.0.load(Ordering::Relaxed)) {
            *this.arrived = None;
            this.sleep.as_mut().reset(tokio::time::Instant::now() + *this.head);
        }
        this.sleep.poll(cx)
    }
}

impl Sleep for HeadSleep {}
