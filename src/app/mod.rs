//! Wires everything: a valid configuration becomes a running gateway. The command line, the demo
//! and the suite start it.
//!
//! Invariant: nothing starts from a configuration that `check` would refuse.

pub mod commands;
pub mod configuration;
pub mod demo;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Ids, RandomIds, SystemClock};
use crate::config::{self, Config, Report};
use crate::gateway::shelf::Shelf;
use crate::gateway::threads::Threads;
use crate::gateway::{self, Gateway, Platform};
use crate::http::edge::drain::Drain;
use crate::http::operation::Listener;
use crate::http::service::HttpService;
use crate::inbound::{self, Faces};
use crate::outbound::dispatch::{Dispatcher, Target};
use crate::outbound::layers::breaker::Breaker;
use crate::outbound::{self, Vendor};
use crate::server::drain::{Ended, Shutdown};
use crate::server::{self, Serving};
use crate::stack::{self, EdgeParts, UpstreamParts};
use crate::tasks::Tasks;
use crate::telemetry::metrics::Metrics;

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

/// Where time and ids come from.
#[derive(Clone)]
pub struct Surrounding {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
}

impl Surrounding {
    /// The machine's own.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock::new()), ids: Arc::new(RandomIds) }
    }
}

/// A running gateway.
pub struct App {
    serving: Serving,
    shutdown: Shutdown,
    gateway: Gateway,
}

impl App {
    /// Starts a gateway. When this returns, callers can connect.
    pub fn start(config: &Config, surrounding: Surrounding) -> Result<Self, Failure> {
        let Surrounding { clock, ids } = surrounding;
        let metrics = Arc::new(Metrics::new(clock.now()).map_err(Failure::start)?);
        let tasks = Tasks::default();
        let drain = Drain::default();
        let (platforms, targets) = platforms(config, &metrics, &clock)?;
        let dispatcher = Dispatcher::new(targets, Arc::clone(&clock));
        let bounds = &config.runs;
        let gateway = Gateway::new(gateway::Parts {
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            tasks: tasks.clone(),
            upstreams: platforms,
            agents: config.agents.clone(),
            bounds: bounds.clone(),
            service: stack::run(bounds, dispatcher),
            detached: Arc::default(),
            shelf: Shelf::new(bounds.kept, bounds.kept_bytes),
            threads: Threads::new(bounds.threads, bounds.history_bytes),
        });
        let faces = faces(config, &gateway, &metrics, &drain);
        let edge = |listener, drain: &Drain| -> HttpService {
            let parts = EdgeParts {
                listener,
                listen: &config.listen,
                clock: Arc::clone(&clock),
                ids: Arc::clone(&ids),
                metrics: Arc::clone(&metrics),
                drain: drain.clone(),
                render: inbound::render_error,
            };
            stack::edge(parts, faces.clone())
        };
        let api = edge(Listener::Api, &drain);
        let admin = edge(Listener::Admin, &Drain::default());
        let serving = server::start(&config.listen, api, admin, &tasks).map_err(Failure::start)?;
        let grace = config.listen.drain;
        let interrupt = CancellationToken::new();
        let shutdown = Shutdown { drain, tasks, interrupt, grace };
        Ok(Self { serving, shutdown, gateway })
    }

    /// Where callers connect.
    pub fn api(&self) -> SocketAddr {
        self.serving.api
    }

    /// Where operators connect.
    pub fn admin(&self) -> SocketAddr {
        self.serving.admin
    }

    /// Refuses new requests from now on; what is in flight goes on.
    pub fn begin_drain(&self) {
        self.shutdown.drain.start();
    }

    /// Ends in order, now.
    pub async fn drain(self) -> Ended {
        let Self { serving, shutdown, gateway } = self;
        interrupting(&shutdown, &gateway, shutdown.run(serving)).await
    }

    /// Serves until SIGTERM or Ctrl-C, then ends in order.
    pub async fn until_signal(self) -> Result<Ended, Failure> {
        let Self { serving, shutdown, gateway } = self;
        let ended = interrupting(&shutdown, &gateway, shutdown.at_signal(serving)).await;
        ended.map_err(Failure::start)
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

/// Each upstream twice: as use cases see it, and as the dispatcher calls it.
type Upstreams = (IndexMap<String, Platform>, Vec<Target>);

fn platforms(
    config: &Config,
    metrics: &Metrics,
    clock: &Arc<dyn Clock>,
) -> Result<Upstreams, Failure> {
    let mut platforms = IndexMap::new();
    let mut targets = Vec::new();
    for (name, upstream) in &config.upstreams {
        let wrong = |error: &crate::error::FieldError| {
            Failure::Start(format!("upstreams.{name}.{}: {}", error.path, error.message))
        };
        let vendor: Arc<dyn Vendor> = match outbound::build(upstream) {
            Ok(vendor) => vendor.into(),
            Err(errors) => return Err(errors.first().map_or_else(|| Failure::start(name), wrong)),
        };
        let breaker = Breaker::new(name, upstream.breaker, Arc::clone(clock));
        let measured = metrics.upstream(name, &upstream.kind);
        let parts = UpstreamParts {
            upstream,
            vendor: &*vendor,
            breaker: breaker.clone(),
            metrics: Arc::new(measured.clone()),
            clock: Arc::clone(clock),
        };
        targets.push(Target {
            name: name.clone(),
            vendor: Arc::clone(&vendor),
            service: stack::upstream(parts).map_err(|error| wrong(&error))?,
            caps: upstream.caps,
            metrics: measured.clone(),
        });
        let platform = Platform {
            kind: upstream.kind.clone(),
            vendor,
            metrics: measured,
            health: Box::new(move || breaker.health()),
        };
        platforms.insert(name.clone(), platform);
    }
    Ok((platforms, targets))
}

fn faces(config: &Config, gateway: &Gateway, metrics: &Arc<Metrics>, drain: &Drain) -> Faces {
    let (metrics, drain) = (Arc::clone(metrics), drain.clone());
    Faces::new(inbound::Parts {
        gateway: gateway.clone(),
        hooks: config.hooks.clone(),
        heartbeat: config.runs.heartbeat,
        max_duration: config.runs.max_duration,
        metrics: Box::new(move || metrics.render().unwrap_or_default()),
        unready: Box::new(move || {
            if drain.is_draining() { vec!["draining".to_owned()] } else { Vec::new() }
        }),
    })
}

/// The configuration's own words for what `check` and `serve` share.
pub use configuration::{load, load_text, schema, summary};

/// What a gateway may read of its surroundings, for who starts one from a text.
pub use config::Surroundings;
