//! The threads that read. Each command sees one state of the file, and holds no writer up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::{io, thread};

use parking_lot::Mutex;
use rusqlite::{Transaction, TransactionBehavior};
use tokio::sync::mpsc;

use super::file::File;
use super::queue::{Command, Order, Queue, Ran, next};
use crate::error::Result;
use crate::store::failure::{Unserved, unavailable};
use crate::store::meter::Meter;

/// Two, so that a long list does not hold up the node that asks what has changed.
const THREADS: usize = 2;

/// Starts the threads.
pub(super) fn start(path: &Path, meter: Meter) -> io::Result<Queue> {
    let (queue, orders) = Queue::new(meter);
    let orders = Arc::new(Mutex::new(orders));
    for _ in 0..THREADS {
        let (file, orders) = (File::to_read(path.to_owned()), Arc::clone(&orders));
        let name = "store-reader".to_owned();
        thread::Builder::new().name(name).spawn(move || serve(file, &orders))?;
    }
    Ok(queue)
}

fn serve(mut file: File, orders: &Mutex<mpsc::Receiver<Order>>) {
    let mut stops = Vec::new();
    loop {
        // The lock is held while waiting: the other thread waits for the lock instead.
        let Some(commands) = next(&mut orders.lock(), 1, || {}, &mut stops) else { break };
        for mut command in commands.into_iter().filter(|command| !command.is_forsaken()) {
            let read = catch_unwind(AssertUnwindSafe(|| read(&mut file, &mut *command)));
            let read = read.unwrap_or_else(|_| Err(unavailable(Unserved::Closed)));
            file.went(read.as_ref().err());
            command.answer(&read);
        }
    }
    drop(file);
    for done in stops {
        done.send(()).ok();
    }
}

fn read(file: &mut File, command: &mut dyn Command) -> Result<()> {
    let connection = file.connection()?;
    let state = Transaction::new_unchecked(connection, TransactionBehavior::Deferred)
        .map_err(unavailable)?;
    match command.run(&state) {
        Ran::Kept | Ran::Refused => state.finish().map_err(unavailable),
        Ran::Failed(error) => Err(error),
    }
}
