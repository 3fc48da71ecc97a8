//! Five times what the gateway can: how many answers are still good, and how soon the others are
//! refused, several times over.
//!
//! Invariant: requests are sent when they are due and not when the last one is answered, as far as
//! there are connections; a refusal that does not say when to come back ends the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use switchyard::clock::{Clock, SystemClock};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Outcome;
use crate::answer::Answer;
use crate::load::{closed_loop, exchange};
use crate::options::Options;
use crate::parties::Seat;
use crate::requests::{Load, Workload};

/// Connections over which requests are sent: as many may be in flight.
const CONNECTIONS: usize = 1024;
/// Connections at which the capacity is found.
const AT_CAPACITY: usize = 64;
/// Of the gateway's capacity, so many times.
const TIMES: f64 = 5.0;

/// What came of it, a round each.
#[derive(Debug, Default)]
pub(crate) struct Overload {
    /// Good answers a second at capacity.
    pub(crate) capacity: Vec<f64>,
    /// Good answers a second at five times as much.
    pub(crate) goodput: Vec<f64>,
    /// Refusals a second.
    pub(crate) refused: Vec<f64>,
    /// Milliseconds within which 99 of 100 refusals were there.
    pub(crate) refused_p99: Vec<f64>,
}

/// Measures the gateway.
pub(crate) async fn measure(seat: &Seat, options: &Options) -> Outcome<Overload> {
    let load = Load::of(seat.party, Workload::Json);
    let mut found = Overload::default();
    for _ in 0..options.passes {
        let tally = closed_loop(seat.address, &load, AT_CAPACITY, options.slice).await?;
        found.capacity.push(tally.rate());
        one_round(seat, &load, tally.rate(), options, &mut found).await?;
    }
    Ok(found)
}

async fn one_round(
    seat: &Seat,
    load: &Load,
    capacity: f64,
    options: &Options,
    into: &mut Overload,
) -> Outcome<()> {
    let clock = Arc::new(SystemClock::new());
    // What the gateway does in its first second is finding out.
    let plan = Plan {
        rate: capacity * TIMES,
        sent: AtomicU64::new(0),
        begin: Duration::from_secs(1),
        end: options.slice + Duration::from_secs(1),
    };
    let (plan, mut workers) = (Arc::new(plan), JoinSet::new());
    let mut sockets = Vec::new();
    for _ in 0..CONNECTIONS {
        sockets.push(TcpStream::connect(seat.address).await?);
    }
    for socket in sockets {
        workers.spawn(ask(socket, load.clone(), Arc::clone(&clock), Arc::clone(&plan)));
    }
    let (mut good, mut refusals) = (0u64, Vec::new());
    while let Some(worker) = workers.join_next().await {
        let (well, refused) = worker??;
        good += well;
        refusals.extend(refused);
    }
    refusals.sort_by(f64::total_cmp);
    let seconds = options.slice.as_secs_f64();
    into.goodput.push(good as f64 / seconds);
    into.refused.push(refusals.len() as f64 / seconds);
    let at = refusals.len() * 99 / 100;
    into.refused_p99.extend(refusals.get(at));
    Ok(())
}

struct Plan {
    rate: f64,
    sent: AtomicU64,
    /// What is answered before is not counted.
    begin: Duration,
    end: Duration,
}

async fn ask(
    mut socket: TcpStream,
    load: Load,
    clock: Arc<SystemClock>,
    plan: Arc<Plan>,
) -> Outcome<(u64, Vec<f64>)> {
    socket.set_nodelay(true)?;
    let (mut good, mut refused) = (0, Vec::new());
    let mut answer = Answer::default();
    let mut buffer = vec![0; 32 * 1024];
    let start = clock.monotonic();
    loop {
        let number = plan.sent.fetch_add(1, Ordering::Relaxed);
        let due = Duration::from_secs_f64(number as f64 / plan.rate);
        let now = clock.monotonic() - start;
        if due.max(now) >= plan.end {
            return Ok((good, refused));
        }
        tokio::time::sleep(due.saturating_sub(now)).await;
        let sent = clock.monotonic();
        exchange(&mut socket, load.request.as_ref(), &mut answer, &mut buffer).await?;
        let (now, took) = (clock.monotonic() - start, clock.monotonic() - sent);
        let counts = (plan.begin..plan.end).contains(&now);
        match answer.status {
            200 => good += u64::from(counts),
            429 | 503 => {
                if memchr::memmem::find(&buffer, b"retry-after: ").is_none() {
                    return Err("a refusal does not say when to come back".into());
                }
                if counts {
                    refused.push(took.as_secs_f64() * 1e3);
                }
            }
            other => return Err(format!("answered {other}").into()),
        }
    }
}
