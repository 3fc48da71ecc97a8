//! Why a run stops before its platform ends it, and how the RUN stack learns of it: so that what
//! a layer holds back is still told before the end.

use std::fmt;
use std::task::{Context, Poll};

/// Why a run is to stop before its platform ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its caller asked for it.
    Requested,
    /// Its last reader has gone.
    Unread,
    /// The process is about to go, or no longer counts as the one that drives the run.
    Interrupted,
    /// Its record could not be written.
    Unrecorded,
}

/// Who says that a run must stop.
pub trait Halt: Send + Sync + fmt::Debug {
    /// Ready when the run must stop. Asked by the task that drives the run, and by no other.
    fn poll_stop(&self, cx: &mut Context<'_>) -> Poll<Stop>;
}

/// Nobody stops the run.
#[derive(Clone, Copy, Debug)]
pub struct Never;

impl Halt for Never {
    fn poll_stop(&self, _: &mut Context<'_>) -> Poll<Stop> {
        Poll::Pending
    }
}
