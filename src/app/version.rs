//! One version of the configuration at work: the engines of its policy, its upstreams, and the two
//! services that stand behind the sockets. A request, and a run, goes to its end under the version
//! that it began with.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::explain::Explainer;
use super::guard::{self, Guard};
use super::lasting::Lasting;
use super::platforms::Platforms;
use super::{Failure, Surrounding, callbacks, policies};
use crate::config::{self, Config};
use crate::gateway::agents::Catalog;
use crate::gateway::audit::AuditAdmin;
use crate::gateway::choose::Choices;
use crate::gateway::keeper::Keeper;
use crate::gateway::payloads::Keeps;
use crate::gateway::{self, Gateway};
use crate::http::edge::drain::Drain;
use crate::http::edge::valve::Valve;
use crate::http::operation::Listener;
use crate::http::service::{HttpService, ProxyService};
use crate::inbound::admin::reload::Reloads;
use crate::inbound::admin::status::Tells;
use crate::inbound::{self, Faces};
use crate::model::judge::Judge;
use crate::outbound::dispatch::Dispatcher;
use crate::policy::tools::layer::ToolsGoverned;
use crate::policy::{pii, tools};
use crate::stack::{self, AdmitParts, EdgeParts, ProxyParts};
use crate::store::payloads::Payloads;
use crate::store::presets::Presets;
use crate::store::runs::Runs;

/// A version of the configuration at work.
pub(super) struct Version {
    pub(super) config: Arc<Config>,
    pub(super) gateway: Gateway,
    proxy: ProxyService,
    pub(super) guard: Guard,
    pub(super) valve: Valve,
    pub(super) platforms: Platforms,
    choices: Arc<Choices>,
}

/// The version in force. Cheap to clone.
#[derive(Clone)]
pub(super) struct Current(Arc<ArcSwap<Version>>);

impl Current {
    pub(super) fn new(version: Version) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(version)))
    }

    /// The version that is in force now.
    pub(super) fn load(&self) -> Arc<Version> {
        self.0.load_full()
    }

    pub(super) fn replace(&self, version: Version) {
        self.0.store(Arc::new(version));
    }
}

/// What answers operators, whatever version is in force. Cheap to clone.
#[derive(Clone)]
pub(super) struct Answering {
    pub(super) audit: AuditAdmin,
    pub(super) reloads: Arc<dyn Reloads>,
    pub(super) tells: Arc<dyn Tells>,
}

impl Version {
    /// Builds a version; what has not changed since the one before is taken over from it.
    pub(super) fn build(
        config: &Arc<Config>,
        lasting: &Lasting,
        before: Option<&Self>,
    ) -> Result<Self, Failure> {
        let metrics = &lasting.metrics;
        let built = before.map(|before| (&*before.config, &before.platforms));
        let platforms = Platforms::build(config, built, lasting)?;
        let guards = before.map(|before| (&*before.config, &before.guard));
        let guard = Guard::build(config, lasting, guards)?;
        let known = before.filter(|before| before.config.agents == config.agents);
        let choices = known.map_or_else(
            || {
                let Surrounding { clock, ids, .. } = lasting.surrounding.clone();
                let told = metrics.policy().clone();
                Arc::new(Choices::new(&config.agents, clock, ids, told))
            },
            |known| Arc::clone(&known.choices),
        );
        let measured = before.filter(|before| {
            let old = &before.config;
            old.overload == config.overload
                && old.listen.max_in_flight == config.listen.max_in_flight
        });
        let valve = measured.map_or_else(
            || {
                let told = metrics.overload().clone();
                Valve::new(&config.overload, config.listen.max_in_flight, told)
            },
            |before| before.valve.clone(),
        );
        let (gateway, proxy) = gateway(config, lasting, &guard, &platforms, &choices)?;
        Ok(Self { config: Arc::clone(config), gateway, proxy, guard, valve, platforms, choices })
    }

    pub(super) fn explainer(&self, lasting: &Lasting) -> Explainer {
        // They were read without fault when the guard was built.
        let configured = policies::keys(&self.config).unwrap_or_default();
        let clock = &lasting.surrounding.clock;
        Explainer::new(&self.gateway, &self.guard, &lasting.pauses, configured, clock)
    }

    /// What stands behind the callers' socket, and behind that of the operators.
    pub(super) fn services(&self, lasting: &Lasting, answering: Answering) -> [HttpService; 2] {
        let faces = self.faces(lasting, answering);
        let edge = |listener, drain: Drain| -> HttpService {
            let parts = EdgeParts {
                listener,
                listen: &self.config.listen,
                clock: Arc::clone(&lasting.surrounding.clock),
                ids: Arc::clone(&lasting.surrounding.ids),
                metrics: Arc::clone(&lasting.metrics),
                valve: self.valve.clone(),
                drain,
                render: inbound::render_error,
                limits: Arc::clone(&self.guard.limits),
                identity: Arc::clone(&self.guard.identity),
                recorder: Arc::clone(&lasting.recorder),
            };
            stack::edge(parts, faces.clone())
        };
        // Who looks after a gateway must see it while it goes.
        [edge(Listener::Api, lasting.drain.clone()), edge(Listener::Admin, Drain::default())]
    }

    fn faces(&self, lasting: &Lasting, answering: Answering) -> Faces {
        let Answering { audit, reloads, tells } = answering;
        let (config, guard) = (&self.config, &self.guard);
        let (metrics, drain) = (Arc::clone(&lasting.metrics), lasting.drain.clone());
        let draining = drain.clone();
        Faces::new(inbound::Parts {
            gateway: self.gateway.clone(),
            proxy: self.proxy.clone(),
            judge: guard.judge.clone(),
            keys: guard.keys.clone(),
            audit,
            draining: Arc::new(move || draining.is_draining()),
            explains: Arc::new(self.explainer(lasting)),
            reloads,
            tells,
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
}

fn gateway(
    config: &Config,
    lasting: &Lasting,
    guard: &Guard,
    platforms: &Platforms,
    choices: &Arc<Choices>,
) -> Result<(Gateway, ProxyService), Failure> {
    let Lasting { surrounding, metrics, tasks, store, sealer, recorder, memory, .. } = lasting;
    let (clock, pauses, bounds) = (&surrounding.clock, &lasting.pauses, &config.runs);
    let dispatcher = Dispatcher::new(platforms.targets(), Arc::clone(clock), pauses.clone());
    let manager = dispatcher.clone();
    let judge: Arc<dyn Judge> = guard.judge.clone();
    let pii = Arc::new(pii::layer::Policy {
        rules: policies::pii(config, &lasting.pii_key).map_err(guard::all_wrong)?,
        metrics: metrics.policy().clone(),
    });
    let admit = AdmitParts {
        judge: Arc::clone(&judge),
        pauses: pauses.clone(),
        limits: Arc::clone(&guard.limits),
        pii: Arc::clone(&pii),
        budgets: Arc::clone(&guard.budgets),
        longest: bounds.max_duration,
        clock: Arc::clone(clock),
        metrics: metrics.policy().clone(),
    };
    let tools = ToolsGoverned(Arc::new(tools::layer::Parts {
        judge: Arc::clone(&judge),
        limits: Arc::clone(&guard.limits),
        clock: Arc::clone(clock),
        on_violation: config.on_violation,
        metrics: metrics.policy().clone(),
    }));
    let presets = Presets { rows: Arc::clone(&store.presets), sealer: sealer.clone() };
    let catalog = Catalog::new(manager, pii.clone(), presets, &config.profiles);
    let keeper = Keeper::new(
        Runs { rows: Arc::clone(&store.rows), sealer: sealer.clone() },
        Arc::clone(&store.log),
        recorder.scribe.clone(),
        pii.clone(),
        config.audit.payloads.then(|| Keeps {
            payloads: Payloads::new(Arc::clone(&store.payload_keys), sealer.clone()),
            policy: Arc::clone(&pii) as _,
        }),
        config.audit.durability,
        recorder.health.clone(),
    );
    let keeper = Arc::new(keeper.owing(Arc::clone(&memory.debts)));
    let proxy = ProxyParts {
        judge: Arc::clone(&judge),
        clock: Arc::clone(clock),
        pauses: pauses.clone(),
        limits: Arc::clone(&guard.limits),
        pii: Arc::clone(&pii),
    };
    let probed = store.clone();
    let gateway = Gateway::new(gateway::Parts {
        clock: Arc::clone(clock),
        ids: Arc::clone(&surrounding.ids),
        tasks: tasks.clone(),
        upstreams: platforms.platforms(),
        agents: config.agents.clone(),
        bounds: bounds.clone(),
        admission: stack::admit(admit),
        service: stack::run(bounds, tools, Arc::clone(&pii), metrics.policy(), dispatcher),
        judge,
        detached: Arc::clone(&memory.detached),
        shelf: Arc::clone(&memory.shelf),
        threads: Arc::clone(&memory.threads),
        keeper,
        keys: Arc::clone(&memory.keys),
        callbacks: callbacks::callbacks(config, sealer)?,
        lives: Arc::clone(&memory.lives),
        catalog,
        choices: Arc::clone(choices),
        probe: Box::new(move |now| {
            let store = probed.clone();
            Box::pin(async move { store.probe(now).await })
        }),
    });
    let proxy = stack::proxy(proxy, gateway.clone());
    Ok((gateway, proxy))
}
