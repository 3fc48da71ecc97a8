//! What the gateway's process holds at a moment, as the system and its own metrics tell.

use std::fs;
use std::time::{Duration, Instant};

use super::desk::Desk;
use crate::harness::PATIENCE;

/// Gauges of what is under way. With nobody there, nothing is.
const UNDER_WAY: [&str; 9] = [
    "switchyard_http_requests_in_flight",
    "switchyard_open_streams",
    "switchyard_runs_in_flight",
    "switchyard_upstream_calls_in_flight",
    "switchyard_upstream_waiting",
    "switchyard_limit_permits_in_use",
    "switchyard_audit_owed_records",
    "switchyard_store_calls_in_flight",
    "switchyard_draining",
];

/// Counters of what must never happen.
const NEVER: [&str; 5] = [
    "switchyard_panics_total",
    "switchyard_audit_write_failures_total",
    "switchyard_audit_lost_reads_total",
    "switchyard_audit_tree_failures_total",
    "switchyard_store_call_failures_total",
];

/// What the process holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// Since the soak began.
    pub at: Duration,
    /// Whether nothing was under way.
    pub is_rest: bool,
    /// KiB of memory that is no file's.
    pub anonymous: u64,
    /// KiB of memory, files that are mapped included.
    pub resident: u64,
    /// Open files and sockets, but for kept connections to platforms, which are as many as the
    /// load last needed.
    pub files: u64,
    /// Connections that the platforms have of it.
    pub kept: u64,
    pub threads: u64,
    /// Tasks of the runtime, but for two of each kept connection at most, as above.
    pub tasks: u64,
}

impl Reading {
    /// Reads it now.
    pub async fn take(desk: &Desk, process: u32, began: Instant, kept: usize) -> Self {
        let metrics = desk.metrics().await;
        let kept = kept as u64;
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let kilobytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().split_whitespace().next().unwrap().parse().unwrap()
        };
        let files = fs::read_dir(format!("/proc/{process}/fd")).unwrap().count() as u64;
        Self {
            at: began.elapsed(),
            is_rest: false,
            anonymous: kilobytes("RssAnon:"),
            resident: kilobytes("VmRSS:"),
            files: files.saturating_sub(kept),
            kept,
            threads: kilobytes("Threads:"),
            tasks: (sum(&metrics, "switchyard_runtime_tasks") as u64).saturating_sub(kept),
        }
    }
}

impl std::fmt::Display for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { at, anonymous, resident, files, kept, threads, tasks, .. } = self;
        let seconds = at.as_secs();
        write!(f, "{seconds} s: {anonymous} KiB anonymous of {resident}, {files} files and ")?;
        write!(f, "{kept} kept connections, {threads} threads, {tasks} tasks")
    }
}

/// Waits until nothing is under way, which must be soon after the last caller has left.
pub async fn comes_to_rest(desk: &Desk) {
    let began = Instant::now();
    loop {
        let metrics = desk.metrics().await;
        let busy = UNDER_WAY.map(|name| (name, sum(&metrics, name)));
        let busy: Vec<_> = busy.into_iter().filter(|(_, number)| *number != 0.0).collect();
        if busy.is_empty() {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "nobody is there, and under way are {busy:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What has happened that never may.
pub async fn wrong(desk: &Desk) -> Vec<String> {
    let metrics = desk.metrics().await;
    let counts = NEVER.iter().map(|name| (name, sum(&metrics, name)));
    counts.filter(|(_, count)| *count != 0.0).map(|it| format!("{it:?}")).collect()
}

/// All series of a family together.
fn sum(metrics: &str, family: &str) -> f64 {
    let of_family = |line: &str| {
        let rest = line.strip_prefix(family)?;
        let is_it = rest.starts_with([' ', '{']);
        is_it.then(|| rest.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
    };
    metrics.lines().filter_map(of_family).sum()
}

#[test]
fn all_series_of_a_family_are_summed_and_no_others() {
    let metrics = "# TYPE a gauge\na{b=\"c d\"} 2\na{b=\"e\"} 0.5\naa 7\nb 9\n";
    assert_eq!((sum(metrics, "a"), sum(metrics, "b"), sum(metrics, "c")), (2.5, 9.0, 0.0));
}
