//! The upstreams of a configuration, each with its stack. One that has not changed is taken over
//! from the version before, with its circuit, its permits and its connections.

use std::sync::Arc;

use indexmap::IndexMap;

use super::Failure;
use super::lasting::Lasting;
use crate::clock::Timestamp;
use crate::config::{self, Config};
use crate::gateway::Platform;
use crate::gateway::proxy::Reach;
use crate::gateway::proxy::calls::Calls;
use crate::inbound::admin::status::{CheckStatus, UpstreamStatus};
use crate::outbound::check::Check;
use crate::outbound::dispatch::Target;
use crate::outbound::layers::breaker::Breaker;
use crate::outbound::pause::Pauses;
use crate::outbound::{self, Vendor};
use crate::stack::{self, UpstreamParts};
use crate::telemetry::metrics::QueueMetrics;

/// Each upstream twice: as use cases see it, and as the dispatcher calls it.
#[derive(Clone, Default)]
pub(super) struct Platforms(IndexMap<String, Built>);

/// An upstream, built.
#[derive(Clone)]
struct Built {
    platform: Arc<Platform>,
    target: Target,
    breaker: Breaker,
    waiting: QueueMetrics,
    check: Option<Check>,
}

impl Platforms {
    /// Those of a configuration; `before` are those of the one before it.
    pub(super) fn build(
        config: &Config,
        before: Option<(&Config, &Self)>,
        lasting: &Lasting,
    ) -> Result<Self, Failure> {
        let mut all = IndexMap::new();
        for (name, upstream) in &config.upstreams {
            let same = before.and_then(|(old, built)| {
                let is_same =
                    old.upstreams.get(name)? == upstream && old.overload == config.overload;
                is_same.then(|| built.0.get(name).cloned())?
            });
            let built = match same {
                Some(built) => built,
                None => build(upstream, config, lasting)?,
            };
            all.insert(name.clone(), built);
        }
        Ok(Self(all))
    }

    /// As use cases see them.
    pub(super) fn platforms(&self) -> IndexMap<String, Arc<Platform>> {
        self.0.iter().map(|(name, it)| (name.clone(), Arc::clone(&it.platform))).collect()
    }

    /// As the dispatcher calls them.
    pub(super) fn targets(&self) -> Vec<Target> {
        self.0.values().map(|it| it.target.clone()).collect()
    }

    /// Has told how each of them is.
    pub(super) fn tell(&self) {
        for Built { platform, .. } in self.0.values() {
            platform.metrics.health((platform.health)());
        }
    }

    /// How each of them is.
    pub(super) fn standing(&self, pauses: &Pauses, now: Timestamp) -> Vec<UpstreamStatus> {
        let each = self.0.iter().map(|(name, built)| {
            let Built { platform, breaker, waiting, check, .. } = built;
            let [calls, most_calls] = platform.metrics.calls();
            UpstreamStatus {
                name: name.clone(),
                kind: platform.kind.clone(),
                health: breaker.health(),
                rests_until: breaker.rests().map(|rests| now.later(rests)),
                paused_until: pauses.everybody(name, now),
                check: check.as_ref().and_then(Check::last).map(|last| CheckStatus {
                    at: last.at,
                    status: last.came.ok(),
                    code: last.came.err(),
                }),
                calls,
                most_calls,
                waiting: waiting.count(),
            }
        });
        each.collect()
    }

    /// Those that are to be asked now and then whether they are there.
    pub(super) fn checks(&self) -> impl Iterator<Item = &Check> {
        self.0.values().filter_map(|it| it.check.as_ref())
    }
}

fn build(
    upstream: &config::Upstream,
    config: &Config,
    lasting: &Lasting,
) -> Result<Built, Failure> {
    let Lasting { surrounding, metrics, pauses, .. } = lasting;
    let (name, clock) = (&upstream.name, &surrounding.clock);
    let wrong = |error: &crate::error::FieldError| {
        Failure::Start(format!("upstreams.{name}.{}: {}", error.path, error.message))
    };
    let vendor: Arc<dyn Vendor> = match outbound::build(upstream) {
        Ok(vendor) => vendor.into(),
        Err(errors) => return Err(errors.first().map_or_else(|| Failure::start(name), wrong)),
    };
    let breaker = Breaker::new(name, upstream.breaker, Arc::clone(clock));
    let measured = metrics.upstream(name, &upstream.kind);
    let waiting = metrics.overload().queue(name);
    let parts = UpstreamParts {
        upstream,
        vendor: &*vendor,
        breaker: breaker.clone(),
        priorities: config.overload.priorities.clone(),
        waiting: waiting.clone(),
        metrics: Arc::new(measured.clone()),
        clock: Arc::clone(clock),
    };
    let service = stack::upstream(parts).map_err(|error| wrong(&error))?;
    let check = upstream
        .check
        .clone()
        .map(|check| Check::new(name, service.clone(), check, Arc::clone(clock)));
    let reach = vendor.own_api().map(|own| Reach {
        service: service.clone(),
        base: upstream.base_url.clone(),
        caps: upstream.caps,
        calls: Calls::new(&upstream.proxy_allow, &own.calls()),
        pauses: pauses.clone(),
    });
    let target = Target {
        name: name.clone(),
        vendor: Arc::clone(&vendor),
        service,
        caps: upstream.caps,
        metrics: measured.clone(),
    };
    let platform = Platform {
        kind: upstream.kind.clone(),
        vendor,
        metrics: measured,
        workspaces: upstream.workspaces.clone(),
        connect: upstream.clocks.connect,
        reach,
        health: {
            let breaker = breaker.clone();
            Box::new(move || breaker.health())
        },
    };
    Ok(Built { platform: Arc::new(platform), target, breaker, waiting, check })
}
