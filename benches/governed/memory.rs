//! What a party takes in memory: a fresh process, its resident size when it is idle and with
//! thousands of streams that have had their first event and wait for the second.

use std::time::Duration;

use crate::Outcome;
use crate::conduct::answers;
use crate::load::hold_open;
use crate::options::Options;
use crate::parties::{Party, Stage};
use crate::processes::open_files;
use crate::requests::{Load, Workload};

/// What one party took.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Which party.
    pub(crate) party: Party,
    /// How many streams were open.
    pub(crate) streams: usize,
    /// KiB resident before, a round each.
    pub(crate) idle: Vec<f64>,
    /// KiB resident with them, a round each; none where the streams did not stay.
    pub(crate) with: Vec<f64>,
}

/// Measures all parties but the direct way.
pub(crate) async fn measure(
    stage: &Stage,
    parties: &[Party],
    options: &Options,
) -> Outcome<Vec<Memory>> {
    // Each stream takes its party two files, one to each side.
    let files = open_files().unwrap_or(1_024).saturating_sub(400) / 2;
    let streams = options.streams.min(files);
    let own = |party: &&Party| **party == Party::Switchyard || party.is_peer();
    let new = |party: &Party| Memory { party: *party, streams, idle: Vec::new(), with: Vec::new() };
    let mut all: Vec<Memory> = parties.iter().filter(own).map(new).collect();
    for _ in 0..options.passes {
        for memory in &mut all {
            let name = memory.party.name();
            let seat = stage.seat(memory.party)?;
            let process = seat.process.as_ref().ok_or("has no process")?;
            answers(&seat, Workload::Json).await?;
            let streams_pass = answers(&seat, Workload::Stream).await?;
            settle().await;
            memory.idle.push(process.usage()?.resident_kib as f64);
            if !streams_pass {
                continue;
            }
            let load = Load::of(memory.party, Workload::Hold);
            // A peer that cannot hold so many is told of, and does not end the run.
            match hold_open(seat.address, &load, streams).await {
                Err(error) => eprintln!("{name}: {error}"),
                Ok(held) => {
                    settle().await;
                    memory.with.push(process.usage()?.resident_kib as f64);
                    drop(held);
                }
            }
        }
    }
    Ok(all)
}

async fn settle() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}
