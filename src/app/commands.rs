//! What the commands do, each until it is over. The command line calls these.

use std::net::SocketAddr;
use std::path::Path;

use crate::app::{App, Failure, Surrounding, demo, load};
use crate::config::Log;
use crate::simulator::server::Simulator;
use crate::simulator::stage::Options;
use crate::tasks::Tasks;
use crate::telemetry;

/// Serves until told to stop.
pub fn serve(path: &Path) -> Result<(), Failure> {
    let config = load(path).map_err(Failure::Configuration)?;
    telemetry::tracing::start(&config.log).map_err(Failure::start)?;
    wait(async {
        let app = App::start(&config, Surrounding::system())?;
        tracing::info!(api = %app.api(), admin = %app.admin(), "serving");
        app.until_signal().await.map(drop)
    })
}

/// Shows the gateway at work with pretend platforms; with `once`, ends after that.
pub fn demo(once: bool) -> Result<(), Failure> {
    let log = Log { json: false, filter: "error".to_owned() };
    telemetry::tracing::start(&log).map_err(Failure::start)?;
    wait(demo::demo(once))
}

/// Plays the platforms until told to stop.
pub fn simulate(listen: SocketAddr) -> Result<(), Failure> {
    let log = Log { json: false, filter: "info".to_owned() };
    telemetry::tracing::start(&log).map_err(Failure::start)?;
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
fn wait(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().map_err(Failure::start)?;
    runtime.block_on(work)
}
