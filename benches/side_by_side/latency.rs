//! What a party adds to an answer's time when there is little to do: an open loop at a fixed low
//! rate, each answer timed from the moment its request was due, in slices that alternate between
//! the parties.
//!
//! Invariant: a late request counts as late. Threads and blocking sockets, because an async timer
//! rounds to a millisecond, which is ten times what is measured.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use switchyard::clock::{Clock, SystemClock};

use crate::Outcome;
use crate::answer::Answer;
use crate::options::Options;
use crate::parties::{Party, Seat};
use crate::requests::{Load, SMALL};

/// Requests a second.
pub(crate) const RATE: u32 = 200;
/// Threads that share the rate, so that one late answer does not hold up the next request.
const THREADS: u32 = 4;
/// How long before a request is due its thread stops sleeping and watches the clock instead: the
/// kernel wakes a sleeper up to a tenth of a millisecond late.
const WATCH: Duration = Duration::from_micros(200);

/// Times of answers through one party.
#[derive(Debug)]
pub(crate) struct Latency {
    /// Which party.
    pub(crate) party: Party,
    /// Microseconds, sorted.
    micros: Vec<f64>,
}

impl Latency {
    /// The time that this share of the answers did not pass.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let at = (self.micros.len() as f64 * share) as usize;
        self.micros.get(at.min(self.micros.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }
}

/// Measures all parties.
pub(crate) fn measure(seats: &[Seat], options: &Options) -> Outcome<Vec<Latency>> {
    let mut all: Vec<Latency> =
        seats.iter().map(|seat| Latency { party: seat.party, micros: Vec::new() }).collect();
    // A second a slice; as many slices as the other measures have rounds and seconds together.
    let slices = (options.slice.as_secs_f64() * options.passes as f64).ceil() as usize;
    for slice in 0..=slices {
        for (seat, into) in seats.iter().zip(&mut all) {
            let times = one_slice(seat.address, &Load::of(seat.party, &SMALL));
            let times = times.map_err(|error| format!("{}: {error}", seat.party.name()))?;
            // The first slice warms up.
            if slice > 0 {
                into.micros.extend(times.iter().map(|time| time.as_secs_f64() * 1e6));
            }
        }
    }
    for latency in &mut all {
        latency.micros.sort_by(f64::total_cmp);
    }
    Ok(all)
}

fn one_slice(to: SocketAddr, load: &Load) -> Outcome<Vec<Duration>> {
    let clock = SystemClock::new();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let clock = &clock;
                scope.spawn(move || ask_on_time(to, load, clock, number))
            })
            .collect();
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
    number: u32,
) -> Outcome<Vec<Duration>> {
    let mut socket = TcpStream::connect(to)?;
    socket.set_nodelay(true)?;
    let mut answer = Answer::default();
    let mut buffer = vec![0; 32 * 1024];
    let mut times = Vec::new();
    let start = Duration::from_millis(20);
    for turn in 0..RATE / THREADS {
        let due = start + Duration::from_secs(1) * (turn * THREADS + number) / RATE;
        wait_until(due, clock);
        socket.write_all(&load.request)?;
        answer.reset();
        loop {
            let read = socket.read(&mut buffer)?;
            if read == 0 {
                return Err("the connection was closed in the middle of an answer".into());
            }
            if answer.feed(&buffer[..read])? {
                break;
            }
        }
        times.push(clock.monotonic() - due);
        answer.check(load.least_bytes, load.least_events)?;
    }
    Ok(times)
}

fn wait_until(due: Duration, clock: &SystemClock) {
    thread::sleep(due.saturating_sub(clock.monotonic()).saturating_sub(WATCH));
    while clock.monotonic() < due {
        std::hint::spin_loop();
    }
}
