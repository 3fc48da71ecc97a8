//! What the commands do, each until it is over. The command line calls these.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{self, App, Failure, Surrounding, demo, guard, handover, load, storekeeping};
use crate::config::Log;
use crate::error::{Error, Kind, Result as Outcome};
use crate::gateway::keys::{KeyAdmin, NewKey};
use crate::inbound::admin::explain::{Asked, Explained};
use crate::simulator::server::Simulator;
use crate::simulator::stage::Options;
use crate::store::RevokedToken;
use crate::tasks::Tasks;
use crate::telemetry;

/// Serves until told to stop; with `upgrade`, in place of the process that serves until now.
pub fn serve(path: &Path, upgrade: bool) -> Result<(), Failure> {
    let config = load(path).map_err(Failure::Configuration)?;
    let traces = telemetry::tracing::start(&config.log, config.traces.as_ref());
    let traces = traces.map_err(Failure::start)?;
    wait(async {
        let (file, surrounding) = (path.to_owned(), Surrounding::system());
        let source = Box::new(move || load(&file));
        let signals = handover::Signals::hear().map_err(Failure::start)?;
        let beginning = handover::begin(&config, upgrade)?;
        let sockets = beginning.sockets();
        let app = App::start_from(&config, Some(source), sockets, surrounding).await?;
        if let Some(traces) = traces {
            app.send(traces);
        }
        let handing = beginning.serves(signals);
        tracing::info!(api = %app.api(), admin = %app.admin(), "serving");
        app.until_signal(handing).await.map(drop)
    })
}

/// Shows the gateway at work with pretend platforms; with `once`, ends after that.
pub fn demo(once: bool) -> Result<(), Failure> {
    let log = Log { json: false, filter: "error".to_owned() };
    telemetry::tracing::start(&log, None).map_err(Failure::start)?;
    wait(demo::demo(once))
}

/// Why a caller would be let in or not.
pub fn explain(path: &Path, asked: &Asked) -> Result<Explained, Failure> {
    let config = load(path).map_err(Failure::Configuration)?;
    let mut explained = None;
    wait(async {
        explained = Some(app::explain(&config, asked).await?);
        Ok(())
    })?;
    explained.ok_or_else(|| Failure::start("nothing was explained"))
}

/// What can be done with keys.
#[derive(Debug)]
pub enum KeyCommand {
    /// Make one.
    Create(Box<NewKey>),
    /// List those of a workspace, or all.
    List(Option<String>),
    /// Give one a new secret; the one before stays good for so long.
    Rotate(String, Duration),
    /// Revoke one.
    Revoke(String),
    /// Revoke a token.
    RevokeToken(RevokedToken),
}

impl KeyCommand {
    /// What it changes, for the record.
    fn what(&self) -> Option<String> {
        match self {
            Self::Create(key) => Some(format!("keys create {}/{}", key.workspace, key.name)),
            Self::List(_) => None,
            Self::Rotate(id, _) => Some(format!("keys rotate {id}")),
            Self::Revoke(id) => Some(format!("keys revoke {id}")),
            Self::RevokeToken(token) => {
                Some(format!("keys revoke-token {} {}", token.issuer, token.token_id))
            }
        }
    }
}

/// Does something with the keys of a configuration's store, beside a gateway that may be running.
pub fn keys(path: &Path, command: KeyCommand) -> Result<Value, Failure> {
    let config = load(path).map_err(Failure::Configuration)?;
    let mut done = Value::Null;
    wait(async {
        let (surrounding, tasks) = (Surrounding::system(), Tasks::default());
        let store = guard::open_store(&config, &surrounding, &tasks).await?;
        let admin = guard::key_admin(&config, &surrounding, &store)?;
        let what = command.what();
        let mut outcome = administer(&admin, command).await;
        // Reading is no change, and what was refused has changed nothing.
        if let (Ok(_), Some(what)) = (&outcome, what)
            && let Err(error) = storekeeping::tell(&surrounding, &store, &what).await
        {
            outcome = Err(error);
        }
        store.close().await;
        done = outcome.map_err(Failure::start)?;
        Ok(())
    })?;
    Ok(done)
}

/// Keys that are listed at a time.
const PAGE: usize = 100;

async fn administer(admin: &KeyAdmin, command: KeyCommand) -> Outcome<Value> {
    let value = |written: serde_json::Result<Value>| {
        written
            .map_err(|cause| Error::new(Kind::Internal, "the answer has no JSON").caused_by(cause))
    };
    match command {
        KeyCommand::Create(wanted) => value(serde_json::to_value(admin.create(*wanted).await?)),
        KeyCommand::List(workspace) => {
            let mut keys = Vec::new();
            let mut after = None;
            loop {
                let page = admin.list(workspace.as_deref(), after.as_deref(), PAGE).await?;
                keys.extend(page.keys);
                after = page.next_cursor;
                if after.is_none() {
                    return value(serde_json::to_value(keys));
                }
            }
        }
        KeyCommand::Rotate(id, overlap) => {
            value(serde_json::to_value(admin.rotate(&id, overlap).await?))
        }
        KeyCommand::Revoke(id) => value(serde_json::to_value(admin.revoke(&id).await?)),
        KeyCommand::RevokeToken(token) => {
            admin.revoke_token(&token).await?;
            Ok(Value::Null)
        }
    }
}

/// How long a gateway that is asked whether it is ready may take.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// Whether the gateway with this socket for operators takes requests.
pub fn ready(admin: SocketAddr) -> Result<(), Failure> {
    wait(async {
        let asked = async {
            let mut stream = TcpStream::connect(admin).await?;
            let request = "GET /readyz HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).await?;
            let mut head = [0; 12];
            stream.read_exact(&mut head).await.map(|_| head)
        };
        let answer = tokio::time::timeout(READY_WITHIN, asked).await;
        let head = answer.map_err(Failure::start)?.map_err(Failure::start)?;
        if head.ends_with(b" 200") { Ok(()) } else { Err(Failure::start("it is not ready")) }
    })
}

/// Plays the platforms until told to stop.
pub fn simulate(listen: SocketAddr) -> Result<(), Failure> {
    let log = Log { json: false, filter: "info".to_owned() };
    telemetry::tracing::start(&log, None).map_err(Failure::start)?;
    wait(async {
        let tasks = Tasks::default();
        let simulator = Simulator::start(listen, &tasks, Options::default()).await;
        let simulator = simulator.map_err(Failure::start)?;
        tracing::info!(address = %simulator.addr(), "playing /make/api/v2 /zaia /acp /agentbase");
        stop_signal().await?;
        simulator.shutdown();
        Ok(())
    })
}

/// Waits for Ctrl-C.
pub(super) async fn stop_signal() -> Result<(), Failure> {
    tokio::signal::ctrl_c().await.map_err(Failure::start)
}

/// Connections and runs have threads of their own; what waits for the end needs only this one.
pub(super) fn wait(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().map_err(Failure::start)?;
    runtime.block_on(work)
}
