//! The figures of the process itself, under the names that every dashboard knows, read when
//! Prometheus asks. What the system does not tell is left out.

use std::fs;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, Result};
use tokio::runtime::Handle;

use super::family::{Families, Family};
use crate::clock::Timestamp;

/// Ticks of a processor's time in `/proc`, a second: the same on every Linux.
const TICKS: f64 = 100.0;

const FAMILIES: [Family; 9] = [
    counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds."),
    gauge("process_resident_memory_bytes", "Resident memory size in bytes."),
    gauge("process_virtual_memory_bytes", "Virtual memory size in bytes."),
    gauge("process_open_fds", "Number of open file descriptors."),
    gauge("process_max_fds", "Maximum number of open file descriptors."),
    gauge("process_threads", "Number of OS threads in the process."),
    gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds."),
    gauge("switchyard_runtime_workers", "Threads that the asynchronous runtimes work with."),
    gauge("switchyard_runtime_tasks", "Tasks of the asynchronous runtimes that have not ended."),
];

const fn counter(name: &'static str, help: &'static str) -> Family {
    Family { name, kind: "counter", labels: &[], help }
}

const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family { name, kind: "gauge", labels: &[], help }
}

/// A runtime, known from when it has work.
pub type Runtime = Arc<OnceLock<Handle>>;

/// The runtimes of the process: each socket has one, and so has what belongs to none.
#[derive(Clone, Default)]
pub(super) struct Runtimes(Arc<Mutex<Vec<Runtime>>>);

impl Runtimes {
    pub(super) fn add(&self, runtime: Runtime) {
        self.0.lock().push(runtime);
    }

    /// A figure of all of them together; none where none is known.
    fn sum(&self, figure: impl Fn(&Handle) -> usize) -> Option<f64> {
        let all = self.0.lock();
        let known = all.iter().filter_map(|runtime| runtime.get());
        known.map(|runtime| figure(runtime) as f64).reduce(|sum, one| sum + one)
    }
}

pub(super) fn register(families: &Families, started: Timestamp, runtimes: &Runtimes) -> Result<()> {
    if let Ok(own) = Handle::try_current() {
        runtimes.add(Arc::new(OnceLock::from(own)));
    }
    families.read(&FAMILIES, Process { started, runtimes: runtimes.clone() })
}

struct Process {
    started: Timestamp,
    runtimes: Runtimes,
}

impl Process {
    /// What is known now of each family, in their order.
    fn read(&self) -> [Option<f64>; FAMILIES.len()] {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let kilobytes = |name| number(line(&status, name)?).map(|size| size * 1024.0);
        // One of them is the folder that is read.
        let fds =
            fs::read_dir("/proc/self/fd").ok().map(|all| all.count().saturating_sub(1) as f64);
        [
            cpu_seconds(&stat),
            kilobytes("VmRSS:"),
            kilobytes("VmSize:"),
            fds,
            line(&limits, "Max open files").and_then(number),
            line(&status, "Threads:").and_then(number),
            Some(self.started.0 as f64 / 1e6),
            self.runtimes.sum(|runtime| runtime.metrics().num_workers()),
            self.runtimes.sum(|runtime| runtime.metrics().num_alive_tasks()),
        ]
    }
}

/// What stands behind a name at the beginning of a line.
fn line<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name))
}

/// The first word, if it is a number.
fn number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15, counted behind the name of the program, which may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        // Nothing else has these names.
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut all = Vec::new();
        for (family, value) in FAMILIES.iter().zip(self.read()) {
            let Some(value) = value else { continue };
            if family.kind == "counter" {
                let Ok(made) = Counter::new(family.name, family.help) else { continue };
                made.inc_by(value);
                all.extend(made.collect());
            } else if let Ok(made) = Gauge::new(family.name, family.help) {
                made.set(value);
                all.extend(made.collect());
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 9 0 0 0 150 50 0 0 20 0 5 0 9 9 9";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(cpu_seconds("7 (a"), None);
    }

    #[tokio::test]
    async fn the_process_knows_itself() {
        let runtimes = Runtimes::default();
        runtimes.add(Arc::new(OnceLock::from(Handle::current())));
        runtimes.add(Runtime::default());
        let told = Process { started: Timestamp(0), runtimes }.read();
        for (family, value) in FAMILIES.iter().zip(told) {
            let value = value.unwrap_or(-1.0);
            assert!(value > 0.0 || family.name.ends_with("_seconds") || value == 0.0, "{family:?}");
        }
        assert!(told[1] > Some(1024.0 * 1024.0) && told[3] < told[4], "{told:?}");
    }
}
