//! Conducts a run: sets the stage, lets each measure have its turn, prints the report.

use crate::options::Options;
use crate::parties::{Party, Seat, Stage};
use crate::{Outcome, latency, memory, nginx, report, throughput};

/// Runs all the measures that are wanted.
#[tokio::main]
pub(crate) async fn conduct(options: &Options) -> Outcome<()> {
    let parties = parties(options);
    let stage = Stage::set()?;
    println!("{}", report::machine(options));
    if options.wants("memory") {
        eprintln!("memory of open streams …");
        let measured = memory::measure(&stage, &parties, options).await?;
        println!("{}", report::memory(&measured));
    }
    let seats: Vec<Seat> =
        parties.iter().map(|party| stage.seat(*party)).collect::<Outcome<_>>()?;
    if options.wants("latency") {
        eprintln!("latency at a low rate …");
        let measured = tokio::task::block_in_place(|| latency::measure(&seats, options))?;
        println!("{}", report::latency(&measured));
    }
    if options.wants("throughput") {
        eprintln!("throughput …");
        let measured = throughput::measure(&seats, options).await?;
        println!("{}", report::throughput(&measured));
    }
    Ok(())
}

fn parties(options: &Options) -> Vec<Party> {
    let mut parties = vec![Party::Direct];
    let others = [("nginx", Party::Nginx), ("relay", Party::Relay), ("gateway", Party::Gateway)];
    for (word, party) in others.into_iter().filter(|(word, _)| !options.leaves_out(word)) {
        if party == Party::Nginx && nginx::version().is_none() {
            eprintln!("{word} is not installed: it is left out");
        } else {
            parties.push(party);
        }
    }
    parties
}
