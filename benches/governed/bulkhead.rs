//! What a platform that never answers, or refuses every connection, does to the answers of another
//! one: times of the healthy one's runs at a fixed rate, by itself and beside them, in turn.
//!
//! Invariant: what is asked of the sick ones is asked at the same rate and not waited for.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, block_in_place};

use crate::Outcome;
use crate::open_loop::{at, one_slice, sorted};
use crate::options::Options;
use crate::parties::{Seat, switchyard};
use crate::requests::{Load, Workload};

/// Runs a second of the healthy platform, and of each sick one.
const RATE: u32 = 200;

/// Milliseconds within which 99 of 100 runs of the healthy platform were over, a round each.
#[derive(Debug, Default)]
pub(crate) struct Bulkhead {
    /// By itself.
    pub(crate) alone: Vec<f64>,
    /// Beside a platform that takes connections and never answers.
    pub(crate) beside_slow: Vec<f64>,
    /// Beside one that refuses every connection.
    pub(crate) beside_failing: Vec<f64>,
}

/// Measures the gateway.
pub(crate) async fn measure(seat: &Seat, options: &Options) -> Outcome<Bulkhead> {
    let mut found = Bulkhead::default();
    for _ in 0..options.passes {
        found.alone.push(p99(seat, options)?);
        found.beside_slow.push(beside(seat, switchyard::SLOW, options).await?);
        found.beside_failing.push(beside(seat, switchyard::FAILING, options).await?);
    }
    Ok(found)
}

fn p99(seat: &Seat, options: &Options) -> Outcome<f64> {
    let load = Load::of(seat.party, Workload::Json);
    let times = block_in_place(|| one_slice(seat.address, &load, RATE, options.slice))?;
    Ok(at(&sorted(times.iter().map(|(_, whole)| *whole)), 0.99) / 1e3)
}

async fn beside(seat: &Seat, sick: &str, options: &Options) -> Outcome<f64> {
    let request = Load::of_agent(&format!("{sick}:whole")).request;
    let to = seat.address;
    // Dropped, it ends with all that was asked.
    let mut asking = JoinSet::new();
    asking.spawn(async move {
        let mut asked = JoinSet::new();
        loop {
            tokio::time::sleep(Duration::from_secs(1) / RATE).await;
            let request = Arc::clone(&request);
            asked.spawn(async move {
                let mut socket = TcpStream::connect(to).await.ok()?;
                socket.write_all(&request).await.ok()?;
                socket.read(&mut [0; 1_024]).await.ok()
            });
            while asked.try_join_next().is_some() {}
        }
    });
    // Until its places and its queue are full.
    tokio::time::sleep(Duration::from_secs(1)).await;
    p99(seat, options)
}
