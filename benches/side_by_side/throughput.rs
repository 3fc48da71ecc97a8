//! How much goes through: a closed loop for each party and workload in turn, several times over,
//! and the time on a core that each request cost its party.

use std::time::Duration;

use crate::Outcome;
use crate::load::closed_loop;
use crate::options::Options;
use crate::parties::{Party, Seat};
use crate::requests::{Load, THROUGHPUT, Workload};

/// What one party did in one workload, over all rounds.
#[derive(Debug)]
pub(crate) struct Throughput {
    /// Which party.
    pub(crate) party: Party,
    /// Which workload.
    pub(crate) workload: Workload,
    /// Units a second, a round each.
    pub(crate) rates: Vec<f64>,
    cpu: Duration,
    requests: u64,
}

impl Throughput {
    /// Microseconds on a core for each unit; none for the direct way, which has no party.
    pub(crate) fn cpu_micros(&self) -> Option<f64> {
        let units = self.requests as f64 * self.workload.units as f64;
        (self.party != Party::Direct).then(|| self.cpu.as_secs_f64() * 1e6 / units)
    }
}

/// Measures all parties in all workloads.
pub(crate) async fn measure(seats: &[Seat], options: &Options) -> Outcome<Vec<Throughput>> {
    let mut all = Vec::new();
    for workload in THROUGHPUT {
        let mut each: Vec<Throughput> = seats
            .iter()
            .map(|seat| Throughput {
                party: seat.party,
                workload: *workload,
                rates: Vec::new(),
                cpu: Duration::ZERO,
                requests: 0,
            })
            .collect();
        warm_up(seats, workload).await?;
        for _ in 0..options.passes {
            for (seat, into) in seats.iter().zip(&mut each) {
                one_round(seat, workload, options.slice, into).await?;
            }
        }
        all.extend(each);
    }
    Ok(all)
}

async fn warm_up(seats: &[Seat], workload: &Workload) -> Outcome<()> {
    for seat in seats {
        let load = Load::of(seat.party, workload);
        let warm = Duration::from_millis(300);
        let tally = closed_loop(seat.address, &load, workload.connections, warm).await;
        tally.map_err(|error| format!("{}, {}: {error}", seat.party.name(), workload.name))?;
    }
    Ok(())
}

async fn one_round(
    seat: &Seat,
    workload: &Workload,
    slice: Duration,
    into: &mut Throughput,
) -> Outcome<()> {
    let used = || seat.process.as_ref().map(|process| process.usage()).transpose();
    let load = Load::of(seat.party, workload);
    let before = used()?.unwrap_or_default();
    let tally = closed_loop(seat.address, &load, workload.connections, slice).await;
    let tally =
        tally.map_err(|error| format!("{}, {}: {error}", seat.party.name(), workload.name))?;
    let after = used()?.unwrap_or_default();
    into.rates.push(tally.rate() * workload.units as f64);
    into.cpu += after.cpu - before.cpu;
    into.requests += tally.requests;
    Ok(())
}
