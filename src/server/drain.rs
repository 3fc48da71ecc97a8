//! The orderly end. `app` gives it the running server; it waits for a signal, lets what is in
//! flight end, and says how that went.
//!
//! In order: `/readyz` says no and new requests are refused, on connections old and new; requests
//! and tasks end by themselves, at most for the grace period; what is left is interrupted, so that
//! each run has its terminal event and record; connections, sockets and threads are closed. A
//! second signal skips the rest.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Serving;
use crate::http::edge::drain::Drain;
use crate::tasks::Tasks;

/// What an interrupted run needs to write its end.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// What a closed connection needs to send what it holds and to say goodbye. Short, so that an idle
/// process is gone within a second.
const GOODBYE: Duration = Duration::from_millis(500);

/// How to end.
#[derive(Debug)]
pub struct Shutdown {
    /// The requests in flight.
    pub drain: Drain,
    /// The tasks that must be over: those that drive runs. One that never ends by itself has to
    /// watch `interrupt`, and holds up every end by the grace period.
    pub tasks: Tasks,
    /// Cancelled when the grace period is over: runs end as `interrupted`.
    pub interrupt: CancellationToken,
    /// How long what is in flight may go on.
    pub grace: Duration,
}

/// How the end went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything ended by itself.
    Drained,
    /// Something had to be interrupted.
    Interrupted,
    /// A second signal cut it short.
    Forced,
}

impl Shutdown {
    /// Ends in order after a signal; a second one ends at once.
    pub async fn at_signal(&self, serving: Serving) -> std::io::Result<Ended> {
        tracing::info!(in_flight = self.drain.in_flight(), "draining");
        let ended = tokio::select! {
            ended = self.run(serving) => ended,
            again = stopped() => again.map(|()| Ended::Forced)?,
        };
        tracing::info!(?ended, "stopped");
        Ok(ended)
    }

    /// Ends in order, now. Dropped half-way, the server stops at once.
    pub async fn run(&self, serving: Serving) -> Ended {
        self.drain.start();
        let ended = if timeout(self.grace, self.quiet()).await.is_ok() {
            Ended::Drained
        } else {
            self.interrupt.cancel();
            if timeout(LAST_WORDS, self.quiet()).await.is_err() {
                tracing::warn!(
                    in_flight = self.drain.in_flight(),
                    tasks = self.tasks.len(),
                    "what is left is dropped"
                );
            }
            Ended::Interrupted
        };
        serving.close(GOODBYE).await;
        ended
    }

    /// Waits until no request is in flight and no task is left of one.
    /// Ends after another process has taken over: what is in flight goes to its end, at most for
    /// `patience`, and whoever is connected comes again elsewhere. A signal ends it as any other.
    pub async fn after_handover(
        &self,
        serving: Serving,
        patience: Duration,
    ) -> std::io::Result<Ended> {
        serving.leave();
        let gone = async {
            serving.left().await;
            self.quiet().await;
        };
        let is_gone = tokio::select! {
            gone = timeout(patience, gone) => gone.is_ok(),
            stopped = stopped() => stopped.map(|()| false)?,
        };
        if is_gone {
            serving.close(GOODBYE).await;
            return Ok(Ended::Drained);
        }
        self.at_signal(serving).await
    }

    async fn quiet(&self) {
        self.drain.idle().await;
        while !self.tasks.drained(self.grace).await {}
    }
}

/// Waits for SIGTERM or SIGINT.
pub async fn stopped() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
