//! What a party adds to an answer's time at a fixed rate: each answer timed from the moment its
//! request was due, up to its first event and to its end, parties in turn.
//!
//! Invariant: a late request counts as late. Threads and blocking sockets, because an async timer
//! rounds to a millisecond; the kernel's own lateness is in the direct way's figures too, and what
//! is reported is what a party adds to those.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use switchyard::clock::{Clock, SystemClock};

use crate::Outcome;
use crate::answer::Answer;
use crate::figures::median;
use crate::options::Options;
use crate::parties::{Party, Seat};
use crate::requests::{Load, Workload};
use crate::throughput::Throughput;

/// The sorted times of each pass.
type Passes = Vec<Vec<f64>>;

/// A party is asked no more than this share of what goes through it.
const BEARABLE: f64 = 0.75;

/// Times of answers through one party.
#[derive(Debug)]
pub(crate) struct Latency {
    /// Which party.
    pub(crate) party: Party,
    /// Up to the first event, or the first byte's answer whole: each round's microseconds, sorted.
    pub(crate) first: Vec<Vec<f64>>,
    /// To the end, the same.
    pub(crate) whole: Vec<Vec<f64>>,
}

/// The rates that are asked for, and half of what went through the gateway.
pub(crate) fn rates(options: &Options, known: &[Throughput]) -> Vec<u32> {
    let own = known.iter().find(|one| one.party == Party::Switchyard);
    let half = own.and_then(|one| median(&one.rates)).map(|rate| (rate / 2.0) as u32);
    let mut rates = options.rates.clone();
    rates.extend(half.filter(|half| *half > 0));
    rates.sort_unstable();
    rates.dedup();
    rates
}

/// Measures all parties that bear the rate.
pub(crate) fn measure(
    seats: &[&Seat],
    workload: Workload,
    rate: u32,
    known: &[Throughput],
    options: &Options,
) -> Outcome<Vec<Latency>> {
    let bears = |party: Party| {
        let through = known.iter().find(|one| one.party == party);
        let through = through.and_then(|one| median(&one.rates));
        through.is_none_or(|through| f64::from(rate) <= through * BEARABLE)
    };
    let new = |seat| (seat, Vec::new(), Vec::new());
    let mut all: Vec<(&Seat, Passes, Passes)> =
        seats.iter().copied().filter(|seat| bears(seat.party)).map(new).collect();
    for _ in 0..options.passes {
        for (seat, first, whole) in &mut all {
            let load = Load::of(seat.party, workload);
            let times = one_slice(seat.address, &load, rate, options.slice);
            let times = times.map_err(|error| format!("{}: {error}", seat.party.name()))?;
            first.push(sorted(times.iter().map(|(first, _)| *first)));
            whole.push(sorted(times.iter().map(|(_, whole)| *whole)));
        }
    }
    let latency = |(seat, first, whole): (&Seat, _, _)| Latency { party: seat.party, first, whole };
    Ok(all.into_iter().map(latency).collect())
}

/// Times in microseconds, the least first.
pub(crate) fn sorted(times: impl Iterator<Item = Duration>) -> Vec<f64> {
    let mut micros: Vec<f64> = times.map(|time| time.as_secs_f64() * 1e6).collect();
    micros.sort_by(f64::total_cmp);
    micros
}

/// Asks at this rate for a while: how long each first event took, and each whole answer.
pub(crate) fn one_slice(
    to: SocketAddr,
    load: &Load,
    rate: u32,
    slice: Duration,
) -> Outcome<Vec<(Duration, Duration)>> {
    let clock = SystemClock::new();
    // So many that none is late for its next request unless answers take over 80 ms.
    let threads = (rate * 8 / 100).clamp(4, 400);
    let requests = (f64::from(rate) * slice.as_secs_f64()) as u32;
    thread::scope(|scope| {
        let clock = &clock;
        let ask = |number| {
            scope.spawn(move || {
                let due = (number..requests)
                    .step_by(threads as usize)
                    .map(|turn| Duration::from_millis(50) + Duration::from_secs(1) * turn / rate);
                ask_on_time(to, load, clock, due)
            })
        };
        let threads: Vec<_> = (0..threads).map(ask).collect();
        let mut times = Vec::new();
        for thread in threads {
            times.extend(thread.join().map_err(|_| "a thread of the load broke")??);
        }
        Ok(times)
    })
}

fn ask_on_time(
    to: SocketAddr,
    load: &Load,
    clock: &SystemClock,
    due: impl Iterator<Item = Duration>,
) -> Outcome<Vec<(Duration, Duration)>> {
    let mut socket = TcpStream::connect(to)?;
    socket.set_nodelay(true)?;
    let mut answer = Answer::default();
    let mut buffer = vec![0; 32 * 1024];
    let mut times = Vec::new();
    for due in due {
        thread::sleep(due.saturating_sub(clock.monotonic()));
        socket.write_all(&load.request)?;
        answer.reset();
        let mut first = None;
        loop {
            let read = socket.read(&mut buffer)?;
            if read == 0 {
                return Err("the connection was closed in the middle of an answer".into());
            }
            let is_whole = answer.feed(&buffer[..read])?;
            if answer.events > 0 || (load.least_events == 0 && answer.bytes > 0) {
                first.get_or_insert_with(|| clock.monotonic() - due);
            }
            if is_whole {
                break;
            }
        }
        answer.check(load.least_bytes, load.least_events)?;
        let whole = clock.monotonic() - due;
        times.push((first.unwrap_or(whole), whole));
    }
    Ok(times)
}

/// The time that this share of a round's answers did not pass.
pub(crate) fn at(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
