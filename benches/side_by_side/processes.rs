//! Child processes and what they use, read from `/proc`. Called for every party.
//!
//! Invariant: a process that was started here is ended here, with the processes that it started.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::Outcome;

/// A child process.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
}

/// What a process and its children have used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Time on a core, in the process and in the kernel for it.
    pub(crate) cpu: Duration,
    /// Resident memory, in KiB.
    pub(crate) resident_kib: u64,
}

impl Process {
    /// Starts a process and waits until it listens.
    pub(crate) fn start(
        name: &'static str,
        command: Command,
        listens: SocketAddr,
    ) -> Outcome<Self> {
        Self::start_patiently(name, command, listens, 1)
    }

    /// The same for one that needs so many times the usual patience.
    pub(crate) fn start_patiently(
        name: &'static str,
        mut command: Command,
        listens: SocketAddr,
        patience: usize,
    ) -> Outcome<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.map_err(|error| format!("{name} did not start: {error}"))?;
        let mut process = Self { name, child };
        for _ in 0..200 * patience {
            if TcpStream::connect(listens).is_ok() {
                return Ok(process);
            }
            if let Some(status) = process.child.try_wait()? {
                return Err(format!("{name} ended instead of listening: {status}").into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(format!("{name} does not listen on {listens}").into())
    }

    /// Starts this binary again in another role.
    pub(crate) fn start_role(name: &'static str, addresses: &[SocketAddr]) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--role", name]).args(addresses.iter().map(SocketAddr::to_string));
        Self::start(name, command, *addresses.first().ok_or("no address")?)
    }

    /// What it and its children have used so far.
    pub(crate) fn usage(&self) -> Outcome<Usage> {
        let mut usage = Usage::default();
        for pid in tree(self.child.id())? {
            // A child that has just ended is no error.
            usage.cpu += cpu(pid).unwrap_or_default();
            usage.resident_kib += resident_kib(pid).unwrap_or_default();
        }
        if usage.resident_kib == 0 {
            return Err(format!("{} is gone", self.name).into());
        }
        Ok(usage)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Asked first, because nginx takes its workers with it only then.
        let ask = format!("kill -TERM {}", self.child.id());
        drop(Command::new("sh").args(["-c", &ask]).status());
        for _ in 0..40 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An address that nobody listens on.
pub(crate) fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// How many files a process may have open.
pub(crate) fn open_files() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

/// The fields of `/proc/<pid>/stat` after the name, the first being number 3 of proc(5).
fn stat(pid: u32) -> Option<Vec<u64>> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = line.rsplit_once(')')?;
    Some(fields.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect())
}

fn cpu(pid: u32) -> Option<Duration> {
    // Ticks of a hundredth of a second: what the kernel shows user space on every Linux.
    let fields = stat(pid)?;
    Some(Duration::from_millis((fields.get(11)? + fields.get(12)?) * 10))
}

fn resident_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A process and all that descend from it.
fn tree(root: u32) -> Outcome<Vec<u32>> {
    let mut children: HashMap<u64, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
        if let Some(parent) = stat(pid).and_then(|fields| fields.get(1).copied()) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut at = 0;
    while let Some(pid) = found.get(at).copied() {
        found.extend(children.get(&u64::from(pid)).into_iter().flatten());
        at += 1;
    }
    Ok(found)
}
