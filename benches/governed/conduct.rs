//! Conducts a run: sets the stage, lets each measure have its turn, prints the report.

use std::time::Duration;

use crate::load::closed_loop;
use crate::options::Options;
use crate::parties::{ALL, Party, Seat, Stage};
use crate::requests::{Load, Workload};
use crate::{Outcome, bulkhead, memory, open_loop, overload, table, throughput};

/// Runs all the measures that are wanted.
#[tokio::main]
pub(crate) async fn conduct(options: &Options) -> Outcome<()> {
    let parties: Vec<Party> = ALL
        .into_iter()
        .filter(|party| !options.leaves_out(party.name()))
        .filter(|party| {
            if !party.is_here() {
                eprintln!("{} is not here: it is left out", party.name());
            }
            party.is_here()
        })
        .collect();
    let stage = Stage::set(options)?;
    println!("{}", table::machine(options));
    if options.wants("memory") {
        eprintln!("memory of open streams …");
        println!("{}", table::memory(&memory::measure(&stage, &parties, options).await?));
    }
    let seats: Vec<Seat> =
        parties.iter().map(|party| stage.seat(*party)).collect::<Outcome<_>>()?;
    let mut able = Vec::new();
    for seat in &seats {
        for workload in [Workload::Json, Workload::Stream] {
            if answers(seat, workload).await? {
                able.push((seat, workload));
            }
        }
    }
    let seats_of = |workload| -> Vec<&Seat> {
        able.iter().filter(|(_, of)| *of == workload).map(|(seat, _)| *seat).collect()
    };
    let mut capacity = Vec::new();
    if options.wants("throughput") {
        for workload in [Workload::Json, Workload::Stream] {
            eprintln!("throughput, {} …", workload.name());
            let measured = throughput::measure(&seats_of(workload), workload, options).await?;
            println!("{}", table::throughput(workload, &measured));
            capacity.push((workload, measured));
        }
    }
    if options.wants("latency") {
        for workload in [Workload::Json, Workload::Stream] {
            let known = capacity.iter().find(|(of, _)| *of == workload);
            let known = known.map(|(_, measured)| measured.as_slice()).unwrap_or_default();
            for rate in open_loop::rates(options, known) {
                eprintln!("latency, {} at {rate}/s …", workload.name());
                let measured = tokio::task::block_in_place(|| {
                    open_loop::measure(&seats_of(workload), workload, rate, known, options)
                })?;
                println!("{}", table::latency(workload, rate, &measured));
            }
        }
    }
    if options.wants("overload") {
        eprintln!("five times the capacity …");
        let refusing = stage.seat(Party::Refusing)?;
        answers(&refusing, Workload::Json).await?;
        println!("{}", table::overload(&overload::measure(&refusing, options).await?));
    }
    let own = seats.iter().find(|seat| seat.party == Party::Switchyard);
    if let Some(own) = own.filter(|_| options.wants("bulkhead")) {
        eprintln!("beside a platform that is slow or fails …");
        println!("{}", table::bulkhead(&bulkhead::measure(own, options).await?));
    }
    Ok(())
}

/// Whether a party answers what is asked; what is made once, on the first requests, belongs to no
/// measure. A peer that does not is left out of the workload and told of; the gateway must.
pub(crate) async fn answers(seat: &Seat, workload: Workload) -> Outcome<bool> {
    let load = Load::of(seat.party, workload);
    let warm = closed_loop(seat.address, &load, 16, Duration::from_millis(500)).await;
    let (party, workload) = (seat.party.name(), workload.name());
    match warm {
        Ok(_) => Ok(true),
        Err(error) if seat.party.is_peer() => {
            eprintln!("{party} is left out of {workload}: {error}");
            Ok(false)
        }
        Err(error) => Err(format!("{party}, {workload}: {error}").into()),
    }
}
