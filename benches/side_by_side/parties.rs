//! Who is measured: the upstream by itself, and each of those that stand before it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;

use crate::processes::{Process, free_address};
use crate::{Outcome, gateway, nginx};

/// What the load goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Party {
    /// Nothing: straight to the upstream.
    Direct,
    /// nginx's `proxy_pass`.
    Nginx,
    /// A plain relay of hyper's parts.
    Relay,
    /// The gateway.
    Gateway,
}

impl Party {
    /// For the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Relay => "plain relay",
            Self::Gateway => "switchyard",
        }
    }
}

/// A party that runs.
#[derive(Debug)]
pub(crate) struct Seat {
    /// Which.
    pub(crate) party: Party,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its process; the upstream's for the direct way.
    pub(crate) process: Option<Process>,
}

/// The upstream and a folder: all that a party needs to start.
#[derive(Debug)]
pub(crate) struct Stage {
    folder: PathBuf,
    upstream: SocketAddr,
    _process: Process,
}

impl Stage {
    /// Starts the upstream.
    pub(crate) fn set() -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("side-by-side-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let upstream = free_address()?;
        let process = Process::start_role("upstream", &[upstream])?;
        Ok(Self { folder, upstream, _process: process })
    }

    /// Starts a party, afresh.
    pub(crate) fn seat(&self, party: Party) -> Outcome<Seat> {
        let address = if party == Party::Direct { self.upstream } else { free_address()? };
        let process = match party {
            Party::Direct => None,
            Party::Nginx => Some(nginx::start(&self.folder, address, self.upstream, cores())?),
            Party::Relay => Some(Process::start_role("relay", &[address, self.upstream])?),
            Party::Gateway => Some(gateway::start(&self.folder, address, self.upstream)?),
        };
        Ok(Seat { party, address, process })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
