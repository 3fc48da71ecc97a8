//! Wires everything: a valid configuration becomes a running gateway. The command line, the demo
//! and the suite start it.
//!
//! Invariant: nothing starts from a configuration that `check` would refuse.

mod auditing;
pub mod auditors;
mod callbacks;
pub mod commands;
pub mod configuration;
pub mod demo;
mod explain;
mod guard;
mod handover;
mod lasting;
mod observed;
mod platforms;
mod policies;
mod reload;
mod sealing;
mod status;
pub mod storekeeping;
mod upkeep;
mod version;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::app::auditing::Auditing;
use crate::app::handover::Handing;
use crate::app::lasting::Lasting;
use crate::app::reload::{Later, Reloader};
use crate::app::status::Telling;
use crate::app::version::{Answering, Current, Version};
use crate::clock::{Clock, Ids, RandomIds, SystemClock};
use crate::config::{Config, Report};
use crate::gateway::Gateway;
use crate::gateway::keys::{MadeKey, NewKey};
use crate::http::service::Served;
use crate::inbound::admin::explain::{Asked, Explained, Explains};
use crate::server::drain::{self, Ended, Shutdown};
use crate::server::{self, Serving, Sockets};
use crate::store::Store;
use crate::telemetry::traces::Traces;

pub use configuration::{load, load_text, schema, summary};

/// What a gateway may read of its surroundings, for who starts one from a text.
pub use crate::config::Surroundings;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub enum Failure {
    /// The configuration is not valid.
    Configuration(Report),
    /// It could not start, or did not end as it should.
    Start(String),
}

impl Failure {
    fn start(cause: impl fmt::Display) -> Self {
        Self::Start(cause.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Configuration(report) => write!(f, "{report}"),
            Failure::Start(message) => writeln!(f, "{message}"),
        }
    }
}

/// Where time and ids come from, and what is open already.
#[derive(Clone)]
pub struct Surrounding {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
    /// The store; none for the configuration's own. Whoever gives one sees what is asked of it.
    pub store: Option<Store>,
}

impl Surrounding {
    /// The machine's own.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock::new()), ids: Arc::new(RandomIds), store: None }
    }
}

/// What a reload reads the configuration from.
pub type Source = Box<dyn Fn() -> Result<Config, Report> + Send + Sync>;

/// A running gateway.
pub struct App {
    serving: Serving,
    shutdown: Shutdown,
    lasting: Arc<Lasting>,
    current: Current,
    auditing: Auditing,
    reloader: Arc<Reloader>,
}

/// Why a caller would be let in or not, asked of engines that serve nobody. Limits that one
/// process counts by itself stand there as if nothing had been asked; no platform has asked to be
/// left alone, and what an agent usually costs is not known.
pub(super) async fn explain(config: &Config, asked: &Asked) -> Result<Explained, Failure> {
    // Nobody brings a token, so no issuer need be asked for its keys.
    let mut config = config.clone();
    config.identity.issuers.clear();
    let lasting = Lasting::open(&config, Surrounding::system()).await?;
    let version = Version::build(&Arc::new(config), &lasting, None)?;
    let explained = version.explainer(&lasting).explain(asked).await;
    lasting.end(None).await;
    explained.map_err(Failure::start)
}

impl App {
    /// Starts a gateway. When this returns, callers can connect. What it is configured by does not
    /// change.
    pub async fn start(config: &Config, surrounding: Surrounding) -> Result<Self, Failure> {
        Self::start_from(config, None, None, surrounding).await
    }

    /// The same, with what a reload reads the configuration from, and with the sockets that another
    /// process has given.
    pub async fn start_from(
        config: &Config,
        source: Option<Source>,
        sockets: Option<Sockets>,
        surrounding: Surrounding,
    ) -> Result<Self, Failure> {
        let config = Arc::new(config.clone());
        let lasting = Arc::new(Lasting::open(&config, surrounding).await?);
        let keys = policies::keys(&config).map_err(guard::all_wrong)?;
        lasting.keyring.configure(keys).map_err(Failure::start)?;
        let version = Version::build(&config, &lasting, None)?;
        version.gateway.join().await.map_err(Failure::start)?;
        let (store, metrics) = (&lasting.store, lasting.metrics.audit());
        let auditing = Auditing::start(&config, &lasting.surrounding, store, metrics).await?;
        let audit = auditing::admin(&config, store)?;
        let (later, current) = (Later::default(), Current::new(version));
        let tells = Arc::new(Telling::new(&lasting, &current, &audit));
        let answering = Answering { audit, reloads: Arc::new(later.clone()), tells };
        let services = current.load().services(&lasting, answering.clone());
        let served = services.map(Served::from);
        upkeep::start(&lasting, &current, &auditing);
        let [api, admin] = served.each_ref().map(Clone::clone);
        let tasks = &lasting.tasks;
        let pulse = upkeep::pulse(&lasting, current.clone());
        let serving = server::start(&config.listen, api, admin, tasks, sockets.as_ref(), pulse);
        let serving = serving.map_err(Failure::start)?;
        for runtime in serving.runtimes() {
            lasting.metrics.works_on(runtime);
        }
        let reloader = Arc::new(Reloader::new(
            source,
            &lasting,
            &current,
            served,
            serving.certificate(),
            answering,
        ));
        later.is(&reloader);
        let shutdown = Shutdown {
            drain: lasting.drain.clone(),
            tasks: lasting.tasks.clone(),
            interrupt: CancellationToken::new(),
            grace: config.listen.drain,
        };
        Ok(Self { serving, shutdown, lasting, current, auditing, reloader })
    }

    /// Where callers connect.
    pub fn api(&self) -> SocketAddr {
        self.serving.api
    }

    /// Where operators connect.
    pub fn admin(&self) -> SocketAddr {
        self.serving.admin
    }

    /// Makes a key that is good at once.
    pub async fn make_key(&self, wanted: NewKey) -> Result<MadeKey, Failure> {
        let keys = self.current.load().guard.keys.clone();
        let made = keys.create(wanted).await.map_err(Failure::start)?;
        self.lasting.refresh_keys().await.map_err(Failure::start)?;
        Ok(made)
    }

    /// The log of the audit as it stands, verified by an export and its key alone: how many records
    /// are under a signature, and the key.
    pub async fn verified_log(&self, config: &Config) -> Result<(u64, String), Failure> {
        let log = Arc::clone(&self.lasting.store.log);
        let verified = self.auditing.verified(config, log).await?;
        Ok((verified.covered, auditing::signing_key(config)?.verifier().to_string()))
    }

    /// Has traces sent from now on, the last when the gateway has ended.
    pub fn send(&self, traces: Traces) {
        self.lasting.upkeep.send(traces, Arc::clone(&self.lasting.metrics));
    }

    /// Refuses new requests from now on; what is in flight goes on.
    pub fn begin_drain(&self) {
        self.shutdown.drain.start();
    }

    /// Ends in order, now.
    pub async fn drain(self) -> Ended {
        let Self { serving, shutdown, lasting, current, auditing, .. } = self;
        let gateway = current.load().gateway.clone();
        let ended = interrupting(&shutdown, &gateway, shutdown.run(serving)).await;
        goodbye(gateway).await;
        lasting.end(Some(&auditing)).await;
        ended
    }

    /// Serves until SIGTERM or Ctrl-C, then ends in order; reads its configuration anew at SIGHUP;
    /// ends also when another process has taken over, which asks by SIGQUIT.
    async fn until_signal(self, handing: Handing) -> Result<Ended, Failure> {
        let Self { serving, shutdown, lasting, current, auditing, reloader } = self;
        let gateway = current.load().gateway.clone();
        let sockets = serving.sockets();
        let ends = async {
            tokio::select! {
                stopped = drain::stopped() => stopped.map(|()| None),
                given = handover::given(handing, sockets) => given.map(Some),
            }
        };
        let why = tokio::select! {
            why = ends => why.map_err(Failure::start),
            error = reloader.at_signal() => Err(error),
        };
        let ended = match why {
            Ok(None) => {
                let ended = interrupting(&shutdown, &gateway, shutdown.at_signal(serving)).await;
                ended.map_err(Failure::start)
            }
            Ok(Some(given)) => {
                let patience = current.load().config.runs.max_duration;
                let end = shutdown.after_handover(serving, patience);
                let ended = interrupting(&shutdown, &gateway, end).await;
                drop(given);
                ended.map_err(Failure::start)
            }
            Err(error) => Err(error),
        };
        goodbye(gateway).await;
        lasting.end(Some(&auditing)).await;
        ended
    }
}

/// The last word of this process to others on the same store.
async fn goodbye(gateway: Gateway) {
    if let Err(error) = gateway.leave().await {
        tracing::warn!(?error, "others will have to find out that this process is gone");
    }
}

/// Waits for `end`; when it gives up waiting for runs, they are told to end.
async fn interrupting<T>(
    shutdown: &Shutdown,
    gateway: &Gateway,
    end: impl Future<Output = T>,
) -> T {
    let watch = async {
        shutdown.interrupt.cancelled().await;
        gateway.interrupt_all();
        std::future::pending::<()>().await;
    };
    tokio::pin!(end);
    tokio::select! {
        ended = &mut end => ended,
        () = watch => end.await,
    }
}
