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
mod policies;
mod sealing;
pub mod storekeeping;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use crate::app::auditing::Auditing;
use crate::app::explain::Explainer;
use crate::app::guard::Guard;
use crate::clock::{Clock, Ids, RandomIds, SystemClock};
use crate::config::{self, Config, Report};
use crate::gateway::audit::AuditAdmin;
use crate::gateway::keeper::Keeper;
use crate::gateway::keys::{MadeKey, NewKey};
use crate::gateway::lives::Lives;
use crate::gateway::payloads::Keeps;
use crate::gateway::replay::Keys;
use crate::gateway::shelf::Shelf;
use crate::gateway::threads::Threads;
use crate::gateway::{self, Gateway, Platform};
use crate::http::edge::drain::Drain;
use crate::http::operation::Listener;
use crate::http::service::HttpService;
use crate::inbound::admin::explain::{Asked, Explained, Explains};
use crate::inbound::{self, Faces};
use crate::model::judge::Judge;
use crate::outbound::dispatch::{Dispatcher, Target};
use crate::outbound::layers::breaker::Breaker;
use crate::outbound::pause::Pauses;
use crate::outbound::{self, Vendor};
use crate::policy::tools::layer::ToolsGoverned;
use crate::policy::{pii, tools};
use crate::server::drain::{Ended, Shutdown};
use crate::server::{self, Serving};
use crate::stack::{self, AdmitParts, EdgeParts, UpstreamParts};
use crate::store::payloads::Payloads;
use crate::store::runs::Runs;
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
    guard: Guard,
}

/// Everything behind the sockets.
struct Works {
    surrounding: Surrounding,
    metrics: Arc<Metrics>,
    tasks: Tasks,
    gateway: Gateway,
    guard: Guard,
    pauses: Pauses,
}

impl Works {
    async fn build(config: &Config, surrounding: Surrounding) -> Result<Self, Failure> {
        let Surrounding { clock, ids } = surrounding.clone();
        let metrics = Arc::new(Metrics::new(clock.now()).map_err(Failure::start)?);
        let tasks = Tasks::default();
        let (platforms, targets) = platforms(config, &metrics, &clock)?;
        let guard = Guard::start(config, &surrounding, &metrics, &tasks).await?;
        let pauses = Pauses::new(Arc::clone(&clock));
        let dispatcher = Dispatcher::new(targets, Arc::clone(&clock), pauses.clone());
        let bounds = &config.runs;
        let judge: Arc<dyn Judge> = guard.judge.clone();
        let pii = Arc::new(pii::layer::Policy {
            rules: policies::pii(config).map_err(guard::all_wrong)?,
            metrics: metrics.policy().clone(),
        });
        let admit = AdmitParts {
            judge: Arc::clone(&judge),
            pauses: pauses.clone(),
            limits: Arc::clone(&guard.limits),
            pii: Arc::clone(&pii),
            budgets: Arc::clone(&guard.budgets),
            longest: bounds.max_duration,
            clock: Arc::clone(&clock),
            metrics: metrics.policy().clone(),
        };
        let tools = ToolsGoverned(Arc::new(tools::layer::Parts {
            judge: Arc::clone(&judge),
            limits: Arc::clone(&guard.limits),
            clock: Arc::clone(&clock),
            on_violation: config.on_violation,
            metrics: metrics.policy().clone(),
        }));
        let store = guard.store();
        let sealer = sealing::sealer(config)?;
        let keeper = Arc::new(Keeper::new(
            Runs { rows: Arc::clone(&store.rows), sealer: sealer.clone() },
            guard.recorder.scribe.clone(),
            pii.clone(),
            config.audit.payloads.then(|| Keeps {
                payloads: Payloads::new(Arc::clone(&store.payload_keys), sealer.clone()),
                policy: Arc::clone(&pii) as _,
            }),
            config.audit.durability,
            guard.recorder.health.clone(),
        ));
        let gateway = Gateway::new(gateway::Parts {
            clock,
            ids,
            tasks: tasks.clone(),
            upstreams: platforms,
            agents: config.agents.clone(),
            bounds: bounds.clone(),
            admission: stack::admit(admit),
            service: stack::run(bounds, tools, Arc::clone(&pii), metrics.policy(), dispatcher),
            judge,
            detached: Arc::default(),
            shelf: Shelf::new(bounds.kept, bounds.kept_bytes),
            threads: Threads::new(bounds.history_bytes),
            keeper,
            keys: Keys::default(),
            callbacks: callbacks::callbacks(config, &sealer)?,
            lives: Lives::default(),
            probe: {
                let store = guard.store().clone();
                Box::new(move |now| {
                    let store = store.clone();
                    Box::pin(async move { store.probe(now).await })
                })
            },
        });
        Ok(Self { surrounding, metrics, tasks, gateway, guard, pauses })
    }

    fn explainer(&self, config: &Config) -> Explainer {
        // They were read without fault when the guard started.
        let configured = policies::keys(config).unwrap_or_default();
        let clock = &self.surrounding.clock;
        Explainer::new(&self.gateway, &self.guard, &self.pauses, configured, clock)
    }
}

/// Why a caller would be let in or not, asked of engines that serve nobody. Limits that one
/// process counts by itself stand there as if nothing had been asked; no platform has asked to be
/// left alone, and what an agent usually costs is not known.
pub(super) async fn explain(config: &Config, asked: &Asked) -> Result<Explained, Failure> {
    // Nobody brings a token, so no issuer need be asked for its keys.
    let mut config = config.clone();
    config.identity.issuers.clear();
    let works = Works::build(&config, Surrounding::system()).await?;
    let explained = works.explainer(&config).explain(asked).await;
    works.guard.into_upkeep().end().await;
    explained.map_err(Failure::start)
}

impl App {
    /// Starts a gateway. When this returns, callers can connect.
    pub async fn start(config: &Config, surrounding: Surrounding) -> Result<Self, Failure> {
        let mut works = Works::build(config, surrounding).await?;
        works.gateway.join().await.map_err(Failure::start)?;
        works.guard.look_after(&works.gateway);
        works.guard.forget_old(config, &works.surrounding);
        let (store, metrics) = (works.guard.store(), works.metrics.audit());
        let auditing = Auditing::start(config, &works.surrounding, store, metrics).await?;
        let audit = auditing::admin(config, store)?;
        works.guard.draw(auditing);
        let drain = Drain::default();
        let faces = faces(config, &works, audit, &drain);
        let Works { surrounding, metrics, tasks, gateway, guard, pauses: _ } = works;
        let edge = |listener, drain: &Drain| -> HttpService {
            let parts = EdgeParts {
                listener,
                listen: &config.listen,
                clock: Arc::clone(&surrounding.clock),
                ids: Arc::clone(&surrounding.ids),
                metrics: Arc::clone(&metrics),
                drain: drain.clone(),
                render: inbound::render_error,
                limits: Arc::clone(&guard.limits),
                identity: Arc::clone(&guard.identity),
                recorder: Arc::clone(&guard.recorder),
            };
            stack::edge(parts, faces.clone())
        };
        let api = edge(Listener::Api, &drain);
        let admin = edge(Listener::Admin, &Drain::default());
        let serving = server::start(&config.listen, api, admin, &tasks).map_err(Failure::start)?;
        let grace = config.listen.drain;
        let interrupt = CancellationToken::new();
        let shutdown = Shutdown { drain, tasks, interrupt, grace };
        Ok(Self { serving, shutdown, gateway, guard })
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
        let made = self.guard.keys.create(wanted).await.map_err(Failure::start)?;
        self.guard.refresh_keys().await.map_err(Failure::start)?;
        Ok(made)
    }

    /// The log of the audit as it stands, verified by an export and its key alone: how many records
    /// are under a signature, and the key.
    pub async fn verified_log(&self, config: &Config) -> Result<(u64, String), Failure> {
        let auditing = self.guard.auditing().ok_or_else(|| Failure::start("nobody records"))?;
        let log = Arc::clone(&self.guard.store().log);
        let verified = auditing.verified(config, log).await?;
        Ok((verified.covered, auditing::signing_key(config)?.verifier().to_string()))
    }

    /// Refuses new requests from now on; what is in flight goes on.
    pub fn begin_drain(&self) {
        self.shutdown.drain.start();
    }

    /// Ends in order, now.
    pub async fn drain(self) -> Ended {
        let Self { serving, shutdown, gateway, guard } = self;
        let ended = interrupting(&shutdown, &gateway, shutdown.run(serving)).await;
        goodbye(gateway).await;
        guard.into_upkeep().end().await;
        ended
    }

    /// Serves until SIGTERM or Ctrl-C, then ends in order.
    pub async fn until_signal(self) -> Result<Ended, Failure> {
        let Self { serving, shutdown, gateway, guard } = self;
        let ended = interrupting(&shutdown, &gateway, shutdown.at_signal(serving)).await;
        goodbye(gateway).await;
        guard.into_upkeep().end().await;
        ended.map_err(Failure::start)
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
            workspaces: upstream.workspaces.clone(),
            health: Box::new(move || breaker.health()),
        };
        platforms.insert(name.clone(), platform);
    }
    Ok((platforms, targets))
}

fn faces(config: &Config, works: &Works, audit: AuditAdmin, drain: &Drain) -> Faces {
    let (metrics, drain) = (Arc::clone(&works.metrics), drain.clone());
    let draining = drain.clone();
    let guard = &works.guard;
    Faces::new(inbound::Parts {
        gateway: works.gateway.clone(),
        judge: guard.judge.clone(),
        keys: guard.keys.clone(),
        audit,
        draining: Arc::new(move || draining.is_draining()),
        explains: Arc::new(works.explainer(config)),
        issuers: config.identity.issuers.iter().map(|issuer| issuer.name.clone()).collect(),
        config: config::redacted(config),
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
