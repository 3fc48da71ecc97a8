//! Whether what a process holds stays as it is: the second quarter of its readings against the
//! last. The first quarter is left to it, to fill what is bounded.

use std::time::Duration;

use super::readings::Reading;

/// Memory may grow by a twentieth: the allocator gives pages back when it likes, and readings of the
/// same flat process are apart by as much.
const MEMORY_SHARE: u64 = 20;
/// And by this, in KiB: pages and statements of the store's connections and decisions of access
/// policies are kept, and in two minutes they still fill up. In a long soak they are full, and this
/// is next to nothing for each of its requests.
const MEMORY_MORE: u64 = 12 * 1024;
/// Files and tasks of what the gateway does by itself, now and then: a read of its policies, a
/// callback's second try, a send of traces.
const A_FEW: u64 = 3;
/// Threads of blocking work live for ten seconds after it, so they come and go.
const THREADS: u64 = 6;
/// Connections that are kept to platforms are as many as calls were last made at a time.
const KEPT: u64 = 10;

/// A figure in two quarters.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    name: &'static str,
    before: u64,
    after: u64,
    /// What `after` may be at most.
    most: u64,
}

/// Holds the last quarter against the second; each figure that has grown.
pub fn grown(readings: &[Reading], length: Duration) -> Vec<String> {
    let all = held(readings, length);
    let shown = |one: &Held| {
        let Held { name, before, after, most } = one;
        format!("{name}: {before} in the second quarter, {after} in the last, at most {most}")
    };
    for one in &all {
        println!("{}", shown(one));
    }
    all.iter().filter(|one| one.after > one.most).map(shown).collect()
}

fn held(readings: &[Reading], length: Duration) -> [Held; 6] {
    let quarter = |number: u32, is_rest: bool, figure: fn(&Reading) -> u64| {
        let times = (length * (number - 1) / 4)..=(length * number / 4);
        let fits = |one: &&Reading| one.is_rest == is_rest && times.contains(&one.at);
        median(readings.iter().filter(fits).map(figure).collect())
    };
    let hold = |name, is_rest, figure: fn(&Reading) -> u64, more: fn(u64) -> u64| {
        let (before, after) = (quarter(2, is_rest, figure), quarter(4, is_rest, figure));
        Held { name, before, after, most: before + more(before) }
    };
    let memory = |before| before / MEMORY_SHARE + MEMORY_MORE;
    [
        hold("KiB of anonymous memory under load", false, |it| it.anonymous, memory),
        hold("KiB of anonymous memory at rest", true, |it| it.anonymous, memory),
        hold("files at rest", true, |it| it.files, |_| A_FEW),
        hold("kept connections at rest", true, |it| it.kept, |_| KEPT),
        hold("tasks at rest", true, |it| it.tasks, |_| A_FEW),
        hold("threads at rest", true, |it| it.threads, |_| THREADS),
    ]
}

fn median(mut figures: Vec<u64>) -> u64 {
    assert!(!figures.is_empty(), "a quarter without a reading");
    figures.sort_unstable();
    figures[figures.len() / 2]
}

/// Readings of 400 seconds, two of them each second.
#[cfg(test)]
fn readings(make: impl Fn(u64) -> Reading) -> Vec<Reading> {
    let at = |second| Reading { at: Duration::from_secs(second), ..make(second) };
    let both = |second| [false, true].map(|is_rest| Reading { is_rest, ..at(second) });
    (0..400).flat_map(both).collect()
}

#[test]
fn what_fills_and_then_stays_is_flat() {
    let fills = |second: u64| Reading {
        anonymous: 20_000 + second.min(100) * 600 + second % 7 * 400,
        files: 40 + second % 2,
        tasks: 30,
        threads: 9 + second % 3,
        ..Reading::default()
    };
    assert!(grown(&readings(fills), Duration::from_secs(400)).is_empty());
}

#[test]
fn what_leaks_is_named() {
    let flat =
        Reading { anonymous: 80_000, files: 40, tasks: 30, threads: 9, ..Reading::default() };
    let of = |make: &dyn Fn(u64) -> Reading| grown(&readings(make), Duration::from_secs(400));
    assert!(of(&|_| flat).is_empty());
    let memory = of(&|second| Reading { anonymous: 80_000 + second * 100, ..flat });
    assert!(memory.len() == 2 && memory.iter().all(|it| it.contains("memory")), "{memory:?}");
    for (name, leaks) in [
        ("files", of(&|second| Reading { files: 40 + second / 20, ..flat })),
        ("kept", of(&|second| Reading { kept: 5 + second / 10, ..flat })),
        ("tasks", of(&|second| Reading { tasks: 30 + second / 20, ..flat })),
        ("threads", of(&|second| Reading { threads: 9 + second / 20, ..flat })),
    ] {
        assert!(leaks.len() == 1 && leaks[0].starts_with(name), "{name}: {leaks:?}");
    }
}
