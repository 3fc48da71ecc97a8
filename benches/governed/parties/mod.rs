//! Who is measured: the upstream by itself, and each of those that stand before it, a file each.

mod envoy;
mod litellm;
mod portkey;
pub(crate) mod switchyard;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use self::switchyard::Kind;
use crate::options::Options;
use crate::processes::{Process, free_address};
use crate::{Outcome, nginx};

/// What the load goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Party {
    /// Nothing: straight to the upstream.
    Direct,
    /// nginx's `proxy_pass`.
    Nginx,
    /// Envoy's router.
    Envoy,
    /// The gateway, with records on disk before the caller sees a byte.
    Switchyard,
    /// The gateway, with records on disk before the platform sees a byte.
    Strict,
    /// The gateway, with a budget too, which is reserved on disk before the platform is asked.
    Budget,
    /// The gateway, with its records in memory: what waiting for the disk costs.
    NoDisk,
    /// The gateway, with its records thrown away: what the audit costs.
    Unaudited,
    /// The gateway, which refuses what is too much for it. The others of it never do, so that they
    /// are asked by as many as a proxy is.
    Refusing,
    /// LiteLLM's proxy.
    Litellm,
    /// Portkey's gateway.
    Portkey,
}

/// All that are asked for as much as they can, in the order of the report.
pub(crate) const ALL: [Party; 10] = [
    Party::Direct,
    Party::Nginx,
    Party::Envoy,
    Party::Switchyard,
    Party::Strict,
    Party::Budget,
    Party::NoDisk,
    Party::Unaudited,
    Party::Portkey,
    Party::Litellm,
];

impl Party {
    /// On the command line and in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Envoy => "envoy",
            Self::Switchyard => "switchyard",
            Self::Strict => "switchyard-strict",
            Self::Budget => "switchyard-budget",
            Self::NoDisk => "switchyard-no-disk",
            Self::Unaudited => "switchyard-no-audit",
            Self::Refusing => "switchyard-refusing",
            Self::Litellm => "litellm",
            Self::Portkey => "portkey",
        }
    }

    /// Whether it is another's program.
    pub(crate) fn is_peer(self) -> bool {
        matches!(self, Self::Nginx | Self::Envoy | Self::Litellm | Self::Portkey)
    }

    /// Whether it is the gateway.
    pub(crate) fn is_own(self) -> bool {
        self != Self::Direct && !self.is_peer()
    }

    /// Lines that its requests need.
    pub(crate) fn headers(self) -> String {
        match self {
            Self::Litellm => litellm::headers(),
            Self::Portkey => portkey::headers(),
            Self::Direct
            | Self::Nginx
            | Self::Envoy
            | Self::Switchyard
            | Self::Strict
            | Self::Budget
            | Self::NoDisk
            | Self::Unaudited
            | Self::Refusing => String::new(),
        }
    }

    /// Whether it is here.
    pub(crate) fn is_here(self) -> bool {
        match self {
            Self::Nginx => nginx::version().is_some(),
            Self::Envoy => envoy::program().is_some(),
            Self::Litellm => litellm::program().is_some(),
            Self::Portkey => portkey::program().is_some(),
            Self::NoDisk => Path::new(switchyard::MEMORY).is_dir(),
            Self::Direct
            | Self::Switchyard
            | Self::Strict
            | Self::Budget
            | Self::Unaudited
            | Self::Refusing => true,
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
    /// Its process; none for the direct way.
    pub(crate) process: Option<Process>,
}

/// The upstream and a folder: all that a party needs to start.
#[derive(Debug)]
pub(crate) struct Stage {
    folder: PathBuf,
    core: String,
    upstream: SocketAddr,
    /// Takes connections, as the system does for it, and never answers.
    silent: TcpListener,
    _process: Process,
}

impl Stage {
    /// Starts the upstream.
    pub(crate) fn set(options: &Options) -> Outcome<Self> {
        // Beside the build, which is on a disk more often than the system's folder for what passes.
        let beside = std::env::current_exe()?;
        let beside = beside.parent().ok_or("no folder")?;
        let folder = beside.join(format!("governed-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let upstream = free_address()?;
        let process = Process::start_role("upstream", &[upstream])?;
        let (core, silent) = (options.party_core.clone(), TcpListener::bind("127.0.0.1:0")?);
        Ok(Self { folder, core, upstream, silent, _process: process })
    }

    /// Starts a party, afresh, on its core.
    pub(crate) fn seat(&self, party: Party) -> Outcome<Seat> {
        if party == Party::Direct {
            return Ok(Seat { party, address: self.upstream, process: None });
        }
        let (address, upstream, folder) = (free_address()?, self.upstream, &self.folder);
        let own = |kind| {
            switchyard::command(folder, address, [upstream, self.silent.local_addr()?], kind)
        };
        let command = match party {
            Party::Direct | Party::Nginx => nginx::command(folder, address, upstream, 1)?,
            Party::Envoy => envoy::command(folder, address, upstream)?,
            Party::Switchyard => own(Kind::Overlap)?,
            Party::Strict => own(Kind::Strict)?,
            Party::Budget => own(Kind::Budget)?,
            Party::NoDisk => own(Kind::NoDisk)?,
            Party::Unaudited => own(Kind::Unaudited)?,
            Party::Refusing => own(Kind::Refusing)?,
            Party::Litellm => litellm::command(folder, address, upstream)?,
            Party::Portkey => portkey::command(folder, address, upstream)?,
        };
        let log = folder.join(format!("{}.log", party.name()));
        let mut command = on_core(&self.core, &command);
        command.current_dir(folder).stderr(Stdio::from(fs::File::create(&log)?));
        let patience = if party == Party::Litellm { 12 } else { 1 };
        let started = Process::start_patiently(party.name(), command, address, patience);
        let process = started.map_err(|error| {
            let said = fs::read_to_string(&log).unwrap_or_default();
            format!("{error}\n{said}")
        })?;
        Ok(Seat { party, address, process: Some(process) })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
        switchyard::forget_memory();
    }
}

/// The command on one core, which its threads and children inherit; programs that look how many
/// cores there are find one.
fn on_core(core: &str, command: &Command) -> Command {
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", core]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            pinned.env(name, value);
        }
    }
    pinned
}
