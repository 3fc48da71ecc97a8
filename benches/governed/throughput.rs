//! How much goes through: a closed loop for each party in turn, several times over, and the time
//! on a core that each request cost its party.

use std::time::Duration;

use switchyard::clock::{Clock, SystemClock};

use crate::Outcome;
use crate::load::closed_loop;
use crate::options::Options;
use crate::parties::{Party, Seat};
use crate::requests::{Load, Workload};

/// Connections of the loop: enough that a core is busy though each answer takes 10 ms.
pub(crate) const CONNECTIONS: usize = 256;

/// What one party did, over all rounds.
#[derive(Debug)]
pub(crate) struct Throughput {
    /// Which party.
    pub(crate) party: Party,
    /// Requests a second, a round each.
    pub(crate) rates: Vec<f64>,
    /// Microseconds on a core for each request, a round each; none for the direct way.
    pub(crate) cpu_micros: Vec<f64>,
    /// The share of its core that the party used, a round each; far from 1, the load or the
    /// upstream was the limit.
    pub(crate) busy: Vec<f64>,
}

/// Measures all parties.
pub(crate) async fn measure(
    seats: &[&Seat],
    workload: Workload,
    options: &Options,
) -> Outcome<Vec<Throughput>> {
    let new = |seat: &&Seat| Throughput {
        party: seat.party,
        rates: Vec::new(),
        cpu_micros: Vec::new(),
        busy: Vec::new(),
    };
    let mut all: Vec<Throughput> = seats.iter().map(new).collect();
    for _ in 0..options.passes {
        for (seat, into) in seats.iter().zip(&mut all) {
            let round = one_round(seat, workload, options.slice, into).await;
            round.map_err(|error| format!("{}: {error}", seat.party.name()))?;
        }
    }
    Ok(all)
}

async fn one_round(
    seat: &Seat,
    workload: Workload,
    slice: Duration,
    into: &mut Throughput,
) -> Outcome<()> {
    let used = || seat.process.as_ref().map(|process| process.usage()).transpose();
    let load = Load::of(seat.party, workload);
    let (before, clock) = (used()?, SystemClock::new());
    let tally = closed_loop(seat.address, &load, CONNECTIONS, slice).await?;
    into.rates.push(tally.rate());
    if let (Some(before), Some(after)) = (before, used()?) {
        let cpu = (after.cpu - before.cpu).as_secs_f64();
        // Each connection's last answer came too late to count as a rate, and cost as much.
        let answers = tally.requests + CONNECTIONS as u64;
        into.cpu_micros.push(cpu * 1e6 / answers as f64);
        into.busy.push(cpu / clock.monotonic().as_secs_f64());
    }
    Ok(())
}
