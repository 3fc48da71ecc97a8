//! Reads a run's journal in order. Faces own one for as long as their caller listens; the first
//! one of a run also paces it. Dropping the last reader of a run that is kept only while it is
//! read stops the run.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::gateway::journal::{Found, Journal, Seat};
use crate::gateway::restore::View;
use crate::model::event::Recorded;
use crate::model::run::Run;

/// Reads one run.
#[derive(Debug)]
pub struct Reader {
    journal: Arc<Journal>,
    seat: Seat,
    view: View,
}

impl Reader {
    /// Reads after event `after`; `paces` for the reader that started the run.
    pub(super) fn new(journal: Arc<Journal>, after: u64, paces: bool, view: View) -> Self {
        let seat = journal.sit(after, paces);
        Self { journal, seat, view }
    }

    /// The next event; none after the terminal one.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arc<Recorded>>> {
        Poll::Ready(match ready!(self.journal.poll_next(&mut self.seat, cx)) {
            Found::Event(event) => Some(self.view.event(event)),
            Found::Over => None,
        })
    }

    /// The next event; none after the terminal one. Cancel-safe.
    pub async fn next(&mut self) -> Option<Arc<Recorded>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The run when it is over, without reading what comes before. Cancel-safe.
    pub async fn end(&mut self) -> Arc<Run> {
        self.journal.unpace(&mut self.seat);
        let run = poll_fn(|cx| self.journal.poll_end(&self.seat, cx)).await;
        self.view.run(run)
    }

    /// Whether the run has ended and its end is being written, so that it is shown soon.
    pub fn is_ending(&self) -> bool {
        self.journal.is_ending()
    }

    /// The run as it stands.
    pub fn run(&self) -> Arc<Run> {
        self.view.run(self.journal.run())
    }

    /// Lets the run go on without this reader.
    pub fn detach(self) {
        self.journal.detach();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.journal.leave(&self.seat);
    }
}
