//! Commands on their way to a thread, and their answers on the way back.
//!
//! Invariant: a queue is bounded, and a call that finds it full is refused at once; no call waits
//! longer than its clock.

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::Failure;
use crate::error::{Error, Result};
use crate::store::failure::{CALL_CLOCK, Unserved, unavailable};
use crate::store::meter::Meter;

/// How many commands may wait. At the slowest disk that is still of use, about as many as are
/// served within the clock of a call.
const WAITING: usize = 4_096;

/// How many commands are committed as one group, at most: some milliseconds of work.
pub(super) const GROUP: usize = 512;

/// Where commands are handed in.
#[derive(Clone)]
pub(super) struct Queue(mpsc::Sender<Order>, Meter);

/// What a thread is told.
pub(super) enum Order {
    Run(Box<dyn Command>),
    /// Finish what waits and end; tell when done.
    Stop(oneshot::Sender<()>),
}

/// A command without its type.
pub(super) trait Command: Send {
    /// Whether nobody waits for it any more.
    fn is_forsaken(&self) -> bool;
    /// Runs it and keeps its answer.
    fn run(&mut self, connection: &Connection) -> Ran;
    /// Gives the kept answer, or that the whole group failed.
    fn answer(self: Box<Self>, group: &Result<()>);
}

/// How a command ran.
#[derive(Debug)]
pub(super) enum Ran {
    /// What it wrote is to be kept.
    Kept,
    /// It is to be undone.
    Refused,
    /// SQLite failed in it; it is to be undone.
    Failed(Error),
}

struct Typed<T, F> {
    work: Option<F>,
    kept: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Command for Typed<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Failure> + Send,
{
    fn is_forsaken(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, connection: &Connection) -> Ran {
        let Some(work) = self.work.take() else { return Ran::Refused };
        let (kept, ran) = match work(connection) {
            Ok(value) => (Ok(value), Ran::Kept),
            Err(Failure::Refused(error)) => (Err(error), Ran::Refused),
            Err(Failure::Engine(cause)) => {
                let error = unavailable(cause);
                (Err(error.clone()), Ran::Failed(error))
            }
        };
        self.kept = Some(kept);
        ran
    }

    fn answer(self: Box<Self>, group: &Result<()>) {
        let kept = self.kept.unwrap_or_else(|| Err(unavailable(Unserved::Closed)));
        // Nobody is there to hear it where the caller has left.
        self.reply.send(group.clone().and(kept)).ok();
    }
}

/// A command that runs `work`, and where its answer comes.
pub(super) fn command<T, F>(work: F) -> (Box<dyn Command>, oneshot::Receiver<Result<T>>)
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Typed { work: Some(work), kept: None, reply }), answer)
}

impl Queue {
    pub(super) fn new(meter: Meter) -> (Self, mpsc::Receiver<Order>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender, meter), receiver)
    }

    /// Has the thread run `work`. It may be run although the caller has left.
    pub(super) async fn ask<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.1.call(self.asked(work)).await
    }

    async fn asked<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (command, answer) = command(work);
        self.0.try_send(Order::Run(command)).map_err(|refused| {
            unavailable(match refused {
                mpsc::error::TrySendError::Full(_) => Unserved::Full,
                mpsc::error::TrySendError::Closed(_) => Unserved::Closed,
            })
        })?;
        match tokio::time::timeout(CALL_CLOCK, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(unavailable(Unserved::Closed)),
            Err(_) => Err(unavailable(Unserved::Slow)),
        }
    }

    /// Has the thread finish and end, and waits for it, within the clock of a call.
    pub(super) async fn close(&self) {
        let (done, ended) = oneshot::channel();
        let stop = async {
            if self.0.send(Order::Stop(done)).await.is_ok() {
                ended.await.ok();
            }
        };
        if tokio::time::timeout(CALL_CLOCK, stop).await.is_err() {
            tracing::warn!("the store did not close in time");
        }
    }
}

/// The next commands, all that wait, at most `most`; none at the end. Blocks until there is one,
/// and as long as `others_come` does then. Who waits for the end is put into `stops`.
pub(super) fn next(
    orders: &mut mpsc::Receiver<Order>,
    most: usize,
    others_come: impl FnOnce(),
    stops: &mut Vec<oneshot::Sender<()>>,
) -> Option<Vec<Box<dyn Command>>> {
    let mut commands = Vec::new();
    let mut order = orders.blocking_recv()?;
    others_come();
    loop {
        match order {
            Order::Run(command) => commands.push(command),
            Order::Stop(done) => {
                orders.close();
                stops.push(done);
            }
        }
        if commands.len() >= most {
            return Some(commands);
        }
        match orders.try_recv() {
            Ok(next) => order = next,
            Err(_) => return Some(commands),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use std::sync::Arc;

    #[test]
    fn who_comes_while_others_are_waited_for_is_in_the_same_group() {
        let (queue, mut orders) = Queue::new(Meter::new(None, Arc::new(SystemClock::new())));
        let ask = || {
            let (command, answer) = command(|_| Ok(()));
            assert!(queue.0.try_send(Order::Run(command)).is_ok());
            answer
        };
        let (first, mut later) = (ask(), Vec::new());
        let mut waited = 0;
        let group = next(&mut orders, GROUP, || later.extend([ask(), ask()]), &mut Vec::new());
        assert_eq!(group.map(|group| group.len()), Some(3));
        // Nobody is waited for before there is one.
        drop((first, later, queue));
        let end = next(&mut orders, GROUP, || waited += 1, &mut Vec::new());
        assert!(end.is_none() && waited == 0);
    }
}
