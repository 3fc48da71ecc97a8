//! The report: tables for a README, each with the aim that it decides.
//!
//! Invariant: a ratio is the median of the ratios of single rounds, so that a round in which the
//! machine was busy with other things weighs as much as any other.

use std::fs;

use crate::figures::{median, number, ratio};
use crate::latency::{Latency, RATE};
use crate::memory::Memory;
use crate::nginx;
use crate::options::Options;
use crate::parties::{Party, cores};
use crate::requests::{SMALL, THROUGHPUT};
use crate::throughput::Throughput;

/// Of nginx's requests a second, at least.
const AIM_OF_NGINX: f64 = 0.5;
/// Microseconds added to the median, at most.
const AIM_ADDED: f64 = 150.0;
/// Of the relay's memory for each stream, at most.
const AIM_OF_RELAY: f64 = 1.5;

/// What the figures stand on.
pub(crate) fn machine(options: &Options) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']);
    let kernel = read("/proc/sys/kernel/osrelease");
    let memory = read("/proc/meminfo");
    let kib = memory.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok());
    format!(
        "{} cores ({model}), {:.0} GiB, Linux {}; {}; load generator, upstream and party on the \
         same cores; {} rounds of {:.1} s, medians\n",
        cores(),
        kib.unwrap_or_default() / 1_048_576.0,
        kernel.trim(),
        nginx::version().unwrap_or_else(|| "no nginx".to_owned()),
        options.passes,
        options.slice.as_secs_f64(),
    )
}

/// How much goes through, and what a request costs.
pub(crate) fn throughput(measured: &[Throughput]) -> String {
    let mut text = String::from(
        "| closed loop | unit | direct | nginx | plain relay | switchyard | of nginx | of relay |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let mut aim = None;
    for workload in THROUGHPUT {
        let of = |party| measured.iter().find(|m| m.workload == *workload && m.party == party);
        let rates = |party| of(party).map(|m| m.rates.as_slice()).unwrap_or_default();
        let own = rates(Party::Gateway);
        let of_nginx = ratio(own, rates(Party::Nginx));
        let of_relay = ratio(own, rates(Party::Relay));
        let rate = |party| grouped(median(rates(party)));
        row(
            &mut text,
            &[
                workload.name.to_owned(),
                workload.unit.to_owned(),
                rate(Party::Direct),
                rate(Party::Nginx),
                rate(Party::Relay),
                rate(Party::Gateway),
                number(of_nginx, 2),
                number(of_relay, 2),
            ],
        );
        let cpu = |party| number(of(party).and_then(Throughput::cpu_micros), 1);
        row(
            &mut text,
            &[
                String::new(),
                "µs of a core each".to_owned(),
                String::new(),
                cpu(Party::Nginx),
                cpu(Party::Relay),
                cpu(Party::Gateway),
                String::new(),
                String::new(),
            ],
        );
        if *workload == SMALL {
            aim = of_nginx;
        }
    }
    judge(
        &mut text,
        &format!("at least {AIM_OF_NGINX} of nginx's requests/s (1 KiB in and out)"),
        aim,
        |ratio| ratio >= AIM_OF_NGINX,
    );
    text
}

/// What is added to an answer's time.
pub(crate) fn latency(measured: &[Latency]) -> String {
    let mut text = format!(
        "| open loop, {RATE} requests/s, µs | p50 | p99 | added p50 | added p99 |\n\
         | --- | ---: | ---: | ---: | ---: |\n"
    );
    let direct = measured.iter().find(|one| one.party == Party::Direct);
    let mut aim = None;
    for one in measured {
        let added = |share| {
            let direct = direct.filter(|_| one.party != Party::Direct)?;
            Some(one.percentile(share) - direct.percentile(share))
        };
        row(
            &mut text,
            &[
                one.party.name().to_owned(),
                number(Some(one.percentile(0.5)), 0),
                number(Some(one.percentile(0.99)), 0),
                number(added(0.5), 0),
                number(added(0.99), 0),
            ],
        );
        if one.party == Party::Gateway {
            aim = added(0.5);
        }
    }
    judge(&mut text, &format!("added p50 under {AIM_ADDED} µs"), aim, |added| added < AIM_ADDED);
    text
}

/// What open streams cost.
pub(crate) fn memory(measured: &[Memory]) -> String {
    let streams = measured.first().map_or(0, |one| one.streams);
    let mut text = format!(
        "| {} open streams | MiB before | MiB with them | KiB each | of relay |\n\
         | --- | ---: | ---: | ---: | ---: |\n",
        grouped(Some(streams as f64))
    );
    let relay = measured.iter().find(|one| one.party == Party::Relay).map(Memory::per_stream);
    let relay = relay.unwrap_or_default();
    let mut aim = None;
    for one in measured {
        let each = one.per_stream();
        let of_relay = ratio(&each, &relay);
        let mib = |kib: &[f64]| number(median(kib).map(|kib| kib / 1_024.0), 1);
        row(
            &mut text,
            &[
                one.party.name().to_owned(),
                mib(&one.before),
                mib(&one.with),
                number(median(&each), 1),
                number(of_relay, 2),
            ],
        );
        if one.party == Party::Gateway {
            aim = of_relay;
        }
    }
    judge(
        &mut text,
        &format!("at most {AIM_OF_RELAY} times the plain relay's memory for each open stream"),
        aim,
        |ratio| ratio <= AIM_OF_RELAY,
    );
    text
}

fn row(text: &mut String, cells: &[String]) {
    text.push_str("| ");
    text.push_str(&cells.join(" | "));
    text.push_str(" |\n");
}

fn judge(text: &mut String, aim: &str, figure: Option<f64>, met: impl Fn(f64) -> bool) {
    let verdict = match figure {
        None => "not measured".to_owned(),
        Some(figure) => {
            format!("**{}** ({figure:.2})", if met(figure) { "met" } else { "missed" })
        }
    };
    text.push_str(&format!("\nAim: {aim}: {verdict}.\n"));
}

/// With a comma every three digits.
fn grouped(figure: Option<f64>) -> String {
    let digits = number(figure, 0);
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.chars().count() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
