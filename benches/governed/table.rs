//! The report: tables for a README.
//!
//! Invariant: a ratio is the median of the ratios of single rounds, so that a round in which the
//! machine was busy with other things weighs as much as any other.

use std::fs;

use crate::bulkhead::Bulkhead;
use crate::figures::{median, number, ratio};
use crate::memory::Memory;
use crate::open_loop::{Latency, at};
use crate::options::Options;
use crate::overload::Overload;
use crate::parties::Party;
use crate::requests::Workload;
use crate::throughput::{CONNECTIONS, Throughput};

/// What the figures stand on.
pub(crate) fn machine(options: &Options) -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    format!(
        "1 KiB in, 10 KiB out, 10 ms upstream; {}; the party alone on core {}, load and upstream \
         on core {}; {} rounds of {:.0} s, medians\n",
        model.trim_start_matches([' ', '\t', ':']),
        options.party_core,
        options.load_core,
        options.passes,
        options.slice.as_secs_f64(),
    )
}

/// How much goes through, and what a request costs.
pub(crate) fn throughput(workload: Workload, measured: &[Throughput]) -> String {
    let mut text = format!(
        "| {}, {CONNECTIONS} connections | requests/s | µs of a core each | busy | switchyard's requests/s are |\n\
         | --- | ---: | ---: | ---: | ---: |\n",
        workload.name()
    );
    let own = measured.iter().find(|one| one.party == Party::Switchyard);
    for one in measured {
        let of = own.filter(|own| own.party != one.party);
        let of = of.and_then(|own| ratio(&own.rates, &one.rates));
        row(
            &mut text,
            &[
                one.party.name().to_owned(),
                number(median(&one.rates), 0),
                number(median(&one.cpu_micros), 0),
                number(median(&one.busy).map(|share| share * 100.0), 0) + " %",
                of.map_or_else(|| "–".to_owned(), |of| format!("{of:.2} times")),
            ],
        );
    }
    text
}

/// What is added to an answer's time.
pub(crate) fn latency(workload: Workload, rate: u32, measured: &[Latency]) -> String {
    let mut text = format!(
        "| {} at {rate}/s, ms | first p50 | first p99 | end p50 | end p99 | added first p50 | added first p99 | added end p99 |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        workload.name()
    );
    let direct = measured.iter().find(|one| one.party == Party::Direct);
    for one in measured {
        let cell = |figure: Option<f64>| number(figure.map(|micros| micros / 1e3), 2);
        let added = |of: fn(&Latency) -> &[Vec<f64>], share| {
            let direct = direct.filter(|_| one.party != Party::Direct)?;
            let rounds = of(one).iter().zip(of(direct));
            let added: Vec<f64> =
                rounds.map(|(it, direct)| at(it, share) - at(direct, share)).collect();
            median(&added)
        };
        let first: fn(&Latency) -> &[Vec<f64>] = |it| &it.first;
        let whole: fn(&Latency) -> &[Vec<f64>] = |it| &it.whole;
        let seen = |of: fn(&Latency) -> &[Vec<f64>], share| {
            median(&of(one).iter().map(|round| at(round, share)).collect::<Vec<f64>>())
        };
        row(
            &mut text,
            &[
                one.party.name().to_owned(),
                cell(seen(first, 0.5)),
                cell(seen(first, 0.99)),
                cell(seen(whole, 0.5)),
                cell(seen(whole, 0.99)),
                cell(added(first, 0.5)),
                cell(added(first, 0.99)),
                cell(added(whole, 0.99)),
            ],
        );
    }
    text
}

/// What is taken in memory.
pub(crate) fn memory(measured: &[Memory]) -> String {
    let streams = measured.first().map_or(0, |one| one.streams);
    let mut text = format!(
        "| memory, MiB | idle | with {streams} streams | KiB a stream |\n| --- | ---: | ---: | ---: |\n"
    );
    for one in measured {
        let mib = |kib: &[f64]| number(median(kib).map(|kib| kib / 1_024.0), 1);
        let rounds = one.idle.iter().zip(&one.with);
        let each: Vec<f64> =
            rounds.map(|(idle, with)| (with - idle) / one.streams as f64).collect();
        row(
            &mut text,
            &[
                one.party.name().to_owned(),
                mib(&one.idle),
                mib(&one.with),
                number(median(&each), 1),
            ],
        );
    }
    text
}

/// What is left of the capacity when five times as much is asked for.
pub(crate) fn overload(found: &Overload) -> String {
    let mut text = "| JSON | capacity/s | good/s at five times as much | of the capacity | refused/s | 99 % within ms |\n\
                    | --- | ---: | ---: | ---: | ---: | ---: |\n".to_owned();
    let kept = ratio(&found.goodput, &found.capacity).map(|share| share * 100.0);
    let [capacity, good, refused, within] =
        [&found.capacity, &found.goodput, &found.refused, &found.refused_p99]
            .map(|rounds| median(rounds));
    row(
        &mut text,
        &[
            "switchyard".to_owned(),
            number(capacity, 0),
            number(good, 0),
            number(kept, 0) + " %",
            number(refused, 0),
            number(within, 1),
        ],
    );
    text
}

/// What sick platforms do to another one's answers.
pub(crate) fn bulkhead(found: &Bulkhead) -> String {
    let mut text =
        "| JSON at 200/s | p99 ms | of the p99 alone |\n| --- | ---: | ---: |\n".to_owned();
    for (name, rounds) in [
        ("alone", &found.alone),
        ("beside a platform that never answers", &found.beside_slow),
        ("beside one that refuses connections", &found.beside_failing),
    ] {
        let of = number(ratio(rounds, &found.alone), 2);
        row(&mut text, &[name.to_owned(), number(median(rounds), 2), of]);
    }
    text
}

fn row(text: &mut String, cells: &[String]) {
    text.push_str("| ");
    text.push_str(&cells.join(" | "));
    text.push_str(" |\n");
}
