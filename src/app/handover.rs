//! Taking over from an older process, and handing over to a newer one: where they meet, and when.

use std::io;
use std::path::PathBuf;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Failure;
use crate::config::Config;
use crate::server::Sockets;
use crate::server::handover::{Handover, Taking, ask};

/// What a process begins with.
pub(super) struct Beginning {
    folder: Option<PathBuf>,
    /// The place of the process before it.
    taking: Option<Taking>,
}

/// Asks the process that serves for its sockets, where this is an upgrade.
pub(super) fn begin(config: &Config, is_upgrade: bool) -> Result<Beginning, Failure> {
    let folder = folder(config);
    let taking = match (&folder, is_upgrade) {
        (_, false) => None,
        (Some(folder), true) => Some(ask(folder).map_err(Failure::start)?),
        (None, true) => {
            let said = "listen.handover: is required for `--upgrade` where the store is no file";
            return Err(Failure::start(said));
        }
    };
    Ok(Beginning { folder, taking })
}

/// What can be asked for by signals that would end a process without a handler.
pub(super) struct Signals {
    quit: Signal,
    _hang_up: Signal,
}

impl Signals {
    /// Hears them from now on: before anybody is told that this process serves.
    pub(super) fn hear() -> io::Result<Self> {
        Ok(Self { quit: signal(SignalKind::quit())?, _hang_up: signal(SignalKind::hangup())? })
    }
}

/// What hands over: the place in the folder, where there is one, and what asks for it.
pub(super) struct Handing {
    handover: Option<Handover>,
    signals: Signals,
}

impl Beginning {
    /// The sockets of the process before it.
    pub(super) fn sockets(&self) -> Option<Sockets> {
        self.taking.as_ref().map(|taking| taking.sockets.clone())
    }

    /// Tells that this process serves: from now on the one before it leaves, and a next one may
    /// take over. Where that cannot be told, the gateway serves all the same.
    pub(super) fn serves(self, signals: Signals) -> Handing {
        Handing { handover: self.told(), signals }
    }

    fn told(self) -> Option<Handover> {
        let folder = self.folder?;
        let told = match self.taking {
            Some(taking) => taking.succeed().map(Some),
            None => Handover::claim(&folder),
        };
        match told {
            Ok(Some(handover)) => return Some(handover),
            Ok(None) => {
                let folder = folder.display();
                tracing::debug!(%folder, "another process hands over there: this one will not");
            }
            Err(error) => tracing::warn!(%error, "this process cannot hand over"),
        }
        None
    }
}

/// Hands over when a newer process asks, and waits until that one serves. Where it never does,
/// nothing has changed.
pub(super) async fn given(handing: Handing, sockets: Sockets) -> io::Result<Handover> {
    let Handing { handover, signals: Signals { quit: mut asked, .. } } = handing;
    let Some(mut handover) = handover else {
        while asked.recv().await.is_some() {
            tracing::error!("this process cannot hand over");
        }
        return std::future::pending().await;
    };
    loop {
        if asked.recv().await.is_none() {
            return std::future::pending().await;
        }
        tracing::info!("handing over");
        let sockets = sockets.clone();
        let giving = tokio::task::spawn_blocking(move || {
            let given = handover.give(&sockets);
            (handover, given)
        });
        let (back, given) = giving.await.map_err(io::Error::other)?;
        match given {
            Ok(()) => {
                tracing::info!("another process serves; what was begun here goes to its end");
                return Ok(back);
            }
            Err(error) => tracing::error!(%error, "nobody has taken over; this process goes on"),
        }
        handover = back;
    }
}

/// Where processes meet.
fn folder(config: &Config) -> Option<PathBuf> {
    let beside = || {
        let mut path = PathBuf::from(config.store.url.reveal().strip_prefix("sqlite://")?);
        path.as_mut_os_string().push(".handover");
        Some(path)
    };
    config.listen.handover.clone().or_else(beside)
}
