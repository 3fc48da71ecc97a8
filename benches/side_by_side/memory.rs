//! What an open stream costs in memory: a fresh process of each party, its resident size before
//! and with thousands of streams that have had their first event and wait for the second.

use std::time::Duration;

use crate::Outcome;
use crate::load::{closed_loop, hold_open};
use crate::options::Options;
use crate::parties::{Party, Stage};
use crate::processes::open_files;
use crate::requests::{HOLD, Load, SMALL, STREAM};

/// What open streams cost one party.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Which party.
    pub(crate) party: Party,
    /// How many streams were open.
    pub(crate) streams: usize,
    /// KiB resident before, a round each.
    pub(crate) before: Vec<f64>,
    /// KiB resident with them, a round each.
    pub(crate) with: Vec<f64>,
}

impl Memory {
    /// KiB for each open stream, a round each.
    pub(crate) fn per_stream(&self) -> Vec<f64> {
        let rounds = self.before.iter().zip(&self.with);
        rounds.map(|(before, with)| (with - before) / self.streams as f64).collect()
    }
}

/// Measures all parties but the direct way.
pub(crate) async fn measure(
    stage: &Stage,
    parties: &[Party],
    options: &Options,
) -> Outcome<Vec<Memory>> {
    // Each stream takes its party two files, one to each side.
    let files = open_files().unwrap_or(1_024).saturating_sub(200) / 2;
    let streams = options.streams.min(files);
    if streams < options.streams {
        eprintln!("the limit of open files allows {streams} streams, not {}", options.streams);
    }
    let mut all: Vec<Memory> = parties
        .iter()
        .filter(|party| **party != Party::Direct)
        .map(|party| Memory { party: *party, streams, before: Vec::new(), with: Vec::new() })
        .collect();
    for _ in 0..options.memory_passes {
        for memory in &mut all {
            let name = memory.party.name();
            let round = one_round(stage, memory.party, streams).await;
            let (before, with) = round.map_err(|error| format!("{name}: {error}"))?;
            memory.before.push(before);
            memory.with.push(with);
        }
    }
    Ok(all)
}

async fn one_round(stage: &Stage, party: Party, streams: usize) -> Outcome<(f64, f64)> {
    let seat = stage.seat(party)?;
    let process = seat.process.as_ref().ok_or("has no process")?;
    // What is made once, on the first requests, is no stream's cost.
    for workload in [SMALL, STREAM] {
        let warm = Duration::from_millis(300);
        closed_loop(seat.address, &Load::of(party, &workload), 32, warm).await?;
    }
    settle().await;
    let before = process.usage()?.resident_kib;
    let held = hold_open(seat.address, &Load::of(party, &HOLD), streams).await?;
    settle().await;
    let with = process.usage()?.resident_kib;
    drop(held);
    Ok((before as f64, with as f64))
}

async fn settle() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}
