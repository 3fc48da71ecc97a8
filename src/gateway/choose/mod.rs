//! Which of several agents of one name a run is for, and what is known of each. `start` asks
//! before a run is admitted, `failover` asks for the next when one was not reached.
//!
//! Invariant: an agent that has failed too often in a row is left out for a while; then one run at
//! a time tries it.

pub mod order;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indexmap::IndexMap;
use parking_lot::Mutex;

use self::order::{Candidate, order, share, spread};
use crate::clock::{Clock, Ids};
use crate::config;
use crate::error::{Error, Kind};
use crate::gateway::Gateway;
use crate::model::agent::AgentRef;
use crate::model::event::Ending;
use crate::model::request::RunRequest;
use crate::model::upstream::Health;
use crate::outbound::layers::circuit::{Circuit, Pass, Sign};
use crate::telemetry::metrics::PolicyMetrics;

/// What is known of the agents that share a name, and of the copies of runs.
pub struct Choices {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    circuits: HashMap<(String, AgentRef), Arc<Mutex<Circuit>>>,
    /// The copies in flight, by the name that is copied.
    shadows: HashMap<String, Arc<AtomicUsize>>,
    pub(super) metrics: PolicyMetrics,
}

impl Choices {
    /// Nothing is known of the agents of this configuration. Chances come from `ids`.
    pub fn new(
        agents: &IndexMap<String, config::Agent>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        metrics: PolicyMetrics,
    ) -> Self {
        let mut circuits = HashMap::new();
        for (alias, agent) in agents {
            let Some(pool) = &agent.pool else { continue };
            let settings = config::Breaker { failures: pool.eject.failures, open: pool.eject.rest };
            for target in &pool.targets {
                let of = AgentRef { upstream: target.upstream.clone(), native: target.id.clone() };
                let circuit = Circuit::backing_off(settings, pool.eject.longest);
                circuits.insert((alias.clone(), of), Arc::new(Mutex::new(circuit)));
            }
        }
        let shadows = agents.keys().map(|alias| (alias.clone(), Arc::default())).collect();
        Self { clock, ids, circuits, shadows, metrics }
    }

    /// A chance.
    fn draw(&self) -> u64 {
        let [_, low] = {
            let (high, low) = self.ids.next(self.clock.now()).as_u64_pair();
            [high, low]
        };
        spread(low)
    }

    fn circuit(&self, name: &str, aim: &config::Agent) -> Option<&Arc<Mutex<Circuit>>> {
        self.circuits.get(&(name.to_owned(), target_of(aim)))
    }

    /// The agents that are left out for now, each with the name that it shares and for how long, in
    /// their order.
    pub fn left_out(&self) -> Vec<(String, AgentRef, Duration)> {
        let now = self.clock.monotonic();
        let mut all: Vec<_> = self
            .circuits
            .iter()
            .filter_map(|((name, agent), circuit)| {
                let rests = circuit.lock().rests(now)?;
                Some((name.clone(), agent.clone(), rests))
            })
            .collect();
        all.sort_by_key(|(name, agent, _)| (name.clone(), agent.to_string()));
        all
    }

    fn is_well(&self, name: &str, aim: &config::Agent) -> bool {
        let circuit = self.circuit(name, aim);
        let health = circuit.map(|it| it.lock().health(self.clock.monotonic()));
        health != Some(Health::Unavailable)
    }

    /// A place among the copies in flight of a name; none where there are as many as may be, or
    /// chance does not fall on this run.
    pub(super) fn shadow(&self, name: &str, of: &config::Shadow) -> Option<Copying> {
        if share(self.draw(), 100) >= u64::from(of.percent) {
            return None;
        }
        let count = self.shadows.get(name)?;
        let most = usize::try_from(of.most).unwrap_or(usize::MAX);
        if count.fetch_add(1, Ordering::Relaxed) >= most {
            count.fetch_sub(1, Ordering::Relaxed);
            self.metrics.shadowed("dropped");
            return None;
        }
        Some(Copying(Arc::clone(count)))
    }
}

/// The agent that an entry of a choice stands for.
pub(super) fn target_of(aim: &config::Agent) -> AgentRef {
    AgentRef { upstream: aim.upstream.clone(), native: aim.id.clone() }
}

/// A copy in flight, until it is dropped.
#[derive(Debug)]
pub(super) struct Copying(Arc<AtomicUsize>);

impl Drop for Copying {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A run's say in what is known of its agent. Dropped without a word, it says nothing.
pub(super) struct Ticket {
    circuit: Arc<Mutex<Circuit>>,
    clock: Arc<dyn Clock>,
    pass: Pass,
    sign: Sign,
}

impl Ticket {
    /// The run has ended like this.
    pub(super) fn ended(mut self, ending: &Ending) {
        self.sign = match ending {
            Ending::Completed { .. } | Ending::Incomplete { .. } => Sign::Good,
            Ending::Failed(error) => sign_of(error),
            Ending::Cancelled => Sign::None,
        };
    }

    /// The run could not be sent.
    pub(super) fn failed(mut self, error: &Error) {
        self.sign = sign_of(error);
    }

    /// The agent has begun to answer: others need not wait for the end of the one that tries it.
    pub(super) fn answering(&self) {
        self.circuit.lock().tell(self.pass, Sign::Answering, self.clock.monotonic());
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.circuit.lock().tell(self.pass, self.sign, self.clock.monotonic());
    }
}

/// What a failure says of an agent. What its caller may be to blame for says nothing, or callers
/// could have an agent left out for others.
fn sign_of(error: &Error) -> Sign {
    let status = error.upstream_fault().and_then(|fault| fault.status);
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else fails is not the agent")]
    match error.kind() {
        Kind::UpstreamUnavailable
        | Kind::UpstreamTimeout
        | Kind::UpstreamProtocol
        | Kind::UpstreamMisconfigured => Sign::Bad,
        Kind::UpstreamError if matches!(status, Some(401 | 403 | 404 | 500..)) => Sign::Bad,
        _ => Sign::None,
    }
}

/// Whether a run that failed like this is known not to have been sent: there was no connection, or
/// the gateway itself did not call.
pub(super) fn was_not_sent(error: &Error) -> bool {
    let has_answered = error.upstream_fault().is_some_and(|fault| fault.status.is_some());
    matches!(error.kind(), Kind::UpstreamUnavailable | Kind::Overloaded) && !has_answered
}

/// Whether another agent of the same name may not be refused for the same reason.
pub(super) fn is_of_target(error: &Error) -> bool {
    matches!(
        error.kind(),
        Kind::Forbidden
            | Kind::AgentNotFound
            | Kind::UnsupportedByUpstream
            | Kind::RateLimited
            | Kind::ConcurrencyLimited
            | Kind::BudgetExhausted
            | Kind::Overloaded
            | Kind::UpstreamUnavailable
    )
}

/// The agents that a run may be for, in the order in which they are tried.
pub(super) struct Choice {
    /// The name that they share.
    name: String,
    aims: VecDeque<config::Agent>,
    /// Those that somebody else is trying already.
    later: VecDeque<config::Agent>,
    /// What is asked, as it came.
    request: Option<RunRequest>,
}

impl Choice {
    /// Whether there is another.
    pub(super) fn has_more(&self) -> bool {
        !(self.aims.is_empty() && self.later.is_empty())
    }

    /// What is asked; of the last agent it is taken and not copied.
    pub(super) fn request(&mut self) -> Option<RunRequest> {
        if self.has_more() { self.request.clone() } else { self.request.take() }
    }

    /// The next agent, with the run's say in what is known of it where the name has several.
    pub(super) fn next(&mut self, choices: &Choices) -> Option<(config::Agent, Option<Ticket>)> {
        while let Some(aim) = self.aims.pop_front() {
            let Some(circuit) = choices.circuit(&self.name, &aim) else { return Some((aim, None)) };
            let admitted = circuit.lock().admit(choices.clock.monotonic());
            match admitted {
                Ok(pass) => {
                    let (circuit, clock) = (Arc::clone(circuit), Arc::clone(&choices.clock));
                    return Some((aim, Some(Ticket { circuit, clock, pass, sign: Sign::None })));
                }
                Err(_) => self.later.push_back(aim),
            }
        }
        self.later.pop_front().map(|aim| (aim, None))
    }
}

impl Gateway {
    /// The order in which the agents of a name are tried for a run. `aims` are those that its
    /// caller can see; `stays` is the one that its conversation is with.
    pub(super) fn choice(
        &self,
        name: &str,
        named: &config::Agent,
        mut aims: Vec<config::Agent>,
        stays: Option<&AgentRef>,
        request: RunRequest,
    ) -> Choice {
        if let Some(stays) = stays
            && let Some(at) = aims.iter().position(|aim| target_of(aim) == *stays)
        {
            aims = vec![aims.swap_remove(at)];
        } else if stays.is_some() {
            aims.truncate(1);
        }
        let choices = &self.0.choices;
        if let Some(pool) = named.pool.as_ref().filter(|_| aims.len() > 1) {
            let candidate = |aim: &config::Agent| {
                let of = |it: &&config::Target| it.upstream == aim.upstream && it.id == aim.id;
                let platform = self.0.upstreams.get(&aim.upstream);
                Candidate {
                    weight: pool.targets.iter().find(of).map_or(1, |target| target.weight),
                    is_well: choices.is_well(name, aim)
                        && platform.is_some_and(|it| (it.health)() != Health::Unavailable),
                }
            };
            let candidates: Vec<Candidate> = aims.iter().map(candidate).collect();
            let order = order(pool.choose, &candidates, || choices.draw());
            aims = order.into_iter().filter_map(|at| aims.get(at).cloned()).collect();
        }
        let (name, later) = (name.to_owned(), VecDeque::new());
        Choice { name, aims: aims.into(), later, request: Some(request) }
    }
}
