//! The limits of several gateways together, counted in Redis: one script for each decision, all or
//! nothing. While Redis is away, each node counts its share or refuses, as configured.
//!
//! Invariant: a decision comes within the time-out, whatever Redis does.

mod leases;
mod link;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use redis::Script;
use ring::digest::{SHA256, digest};
use smallvec::SmallVec;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(super) use self::leases::LeasePermit;
use self::leases::{LEASE, Leases, micros};
pub use self::link::Absence;
use self::link::Link;
pub use self::settings::{DEFAULT_TIME_OUT, Settings, SettingsError, WhenAway};
use super::key::{Key, Subject};
use super::local::{Local, MAX_KEYS};
use super::outcome::{Outcome, Permit, Permits, SOON, State, States, Why};
use super::plan::{Plan, Planned};
use super::rule::{Quota, RuleKind, Stage};
use super::window::Pace;
use super::{Held, Peek, Watch};
use crate::clock::{Clock, Ids};
use crate::tasks::Tasks;
use crate::wire::hex::hex;

/// Bytes of a key's digest in its name: no two callers meet in 128 bits.
const DIGEST: usize = 16;

/// The counters in Redis.
#[derive(Debug)]
pub(super) struct Shared {
    plan: Plan,
    take: Script,
    link: Arc<Link>,
    leases: Arc<Leases>,
    prefix: String,
    /// What decides while Redis is away; none where requests are refused then.
    fallback: Option<Local>,
    watch: Arc<dyn Watch>,
    _closing: DropGuard,
}

/// A rule that a request is asked by, and the name of its counter.
struct Asked<'a> {
    rule: &'a Planned,
    name: String,
}

impl Shared {
    /// Counters that begin to connect. Decisions are made without Redis until they have.
    pub(super) fn new(
        plan: Plan,
        settings: Settings,
        clock: &Arc<dyn Clock>,
        ids: &dyn Ids,
        tasks: &Tasks,
        watch: Arc<dyn Watch>,
    ) -> Result<Self, SettingsError> {
        let client = settings.client()?;
        let closing = CancellationToken::new();
        let link = Arc::new(Link::new(client, settings.time_out, Arc::clone(&watch)));
        let leases = Leases::new(ids.next(clock.now()).simple().to_string());
        let take = Script::new(include_str!("take.lua"));
        let renew = Script::new(include_str!("renew.lua"));
        tasks.spawn("limits: link", Arc::clone(&link).keep(take.clone(), closing.clone()));
        let keep = Arc::clone(&leases).keep(Arc::clone(&link), renew, closing.clone());
        tasks.spawn("limits: leases", keep);
        let fallback = match settings.when_away {
            WhenAway::Local => Some(Local::new(&plan.share(settings.nodes), MAX_KEYS, clock)),
            WhenAway::Refuse => None,
        };
        let (prefix, _closing) = (settings.prefix, closing.drop_guard());
        Ok(Self { plan, take, link, leases, prefix, fallback, watch, _closing })
    }

    /// Asks all rules of a stage at once.
    pub(super) async fn ask(&self, stage: Stage, of: &Subject<'_>) -> Outcome {
        let asked = self.asked(stage, of);
        if asked.is_empty() {
            return Outcome::free();
        }
        let sets = asked.iter().filter(|asked| matches!(asked.rule.kind, RuleKind::Concurrent(_)));
        let mut leases: SmallVec<[LeasePermit; 2]> =
            sets.map(|asked| self.leases.prepare(&asked.name)).collect();
        match self.decide(&asked, Some(&leases)).await {
            Ok(answer) => decided(&asked, &answer, leases),
            Err(absence) => {
                // Before its connection is there, Redis has surely taken nothing.
                if absence == Absence::Unconnected {
                    leases.iter_mut().for_each(LeasePermit::refused);
                }
                self.watch.fell_back(absence);
                let away = || Outcome::refused(&"".into(), Why::Away, States::new(), SOON);
                self.fallback.as_ref().map_or_else(away, |local| local.ask(stage, of))
            }
        }
    }

    /// How full the counters of a stage are, without counting; of this node alone while Redis is
    /// away.
    pub(super) async fn peek(&self, stage: Stage, of: &Subject<'_>) -> Peek {
        let asked = self.asked(stage, of);
        if asked.is_empty() {
            return Peek::default();
        }
        match self.decide(&asked, None).await {
            Ok(answer) => looked(&asked, &answer),
            Err(_) => self.fallback.as_ref().map(|local| local.peek(stage, of)).unwrap_or_default(),
        }
    }

    /// What decides while Redis is away.
    pub(super) fn fallback(&self) -> Option<&Local> {
        self.fallback.as_ref()
    }

    fn asked(&self, stage: Stage, of: &Subject<'_>) -> SmallVec<[Asked<'_>; 4]> {
        let rules = self.plan.rules(stage).iter();
        let keyed = rules.filter_map(|rule| Some((rule, rule.key(of)?)));
        keyed.map(|(rule, key)| Asked { rule, name: self.name(rule, &key) }).collect()
    }

    /// The name of a counter in Redis: the rule's for operators, the key's digest so that no
    /// caller's name or address is kept there.
    fn name(&self, rule: &Planned, key: &Key) -> String {
        let kind = match rule.kind {
            RuleKind::Concurrent(_) => "permits",
            RuleKind::Window(_) => "window",
        };
        let digest = digest(&SHA256, key.as_bytes());
        format!("{}{kind}:{}:{}", self.prefix, rule.name, hex(&digest.as_ref()[..DIGEST]))
    }

    /// Runs the script; without `leases` it only looks.
    async fn decide(
        &self,
        asked: &[Asked<'_>],
        leases: Option<&[LeasePermit]>,
    ) -> Result<Vec<i64>, Absence> {
        let sets = sets(asked).count();
        let mut invocation = self.take.prepare_invoke();
        invocation.arg(sets).arg(asked.len() - sets);
        invocation.arg(u8::from(leases.is_some())).arg(micros(LEASE));
        let mut leases = leases.unwrap_or_default().iter();
        for Asked { rule, name } in asked {
            invocation.key(name);
            match rule.kind {
                RuleKind::Concurrent(limit) => {
                    let id = leases.next().map(LeasePermit::name).unwrap_or_default();
                    invocation.arg(limit).arg(id);
                }
                RuleKind::Window(quota) => {
                    invocation.arg(micros(interval(&quota))).arg(quota.burst);
                }
            }
        }
        let run = |mut connection| async move { invocation.invoke_async(&mut connection).await };
        let answer: Vec<i64> = self.link.decide(run).await?;
        if answer.len() == 2 + asked.len() { Ok(answer) } else { Err(Absence::Failed) }
    }
}

/// How long one request takes to come back, rounded up to the microsecond, by which Redis counts.
fn interval(quota: &Quota) -> Duration {
    let micros = quota.interval().as_nanos().div_ceil(1_000);
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// How full the windows are, by what the script answered.
fn looked(asked: &[Asked<'_>], answer: &[i64]) -> Peek {
    let mut peek = Peek::default();
    for (Asked { rule, .. }, number) in asked.iter().zip(answer.iter().skip(2)) {
        let number = u64::try_from(*number).unwrap_or(0);
        match rule.kind {
            RuleKind::Concurrent(limit) => peek.permits.push(Held {
                rule: Arc::clone(&rule.name),
                limit,
                out: u32::try_from(number).unwrap_or(u32::MAX),
            }),
            RuleKind::Window(quota) => {
                let pace = Pace::new(interval(&quota), quota.burst);
                let reading = pace.full_in(number.saturating_mul(1_000));
                peek.windows.push(State::new(&rule.name, &quota, reading));
            }
        }
    }
    peek
}

/// Those that are counted in sets, not in windows.
fn sets<'a, 'b>(asked: &'a [Asked<'b>]) -> impl Iterator<Item = &'a Asked<'b>> {
    asked.iter().filter(|of| matches!(of.rule.kind, RuleKind::Concurrent(_)))
}

/// What the script decided.
fn decided(asked: &[Asked<'_>], answer: &[i64], leases: SmallVec<[LeasePermit; 2]>) -> Outcome {
    let mut states = looked(asked, answer).windows;
    let refused = answer.first().and_then(|place| usize::try_from(*place).ok()).unwrap_or(0);
    let Some(by) = refused.checked_sub(1).and_then(|place| asked.get(place)) else {
        let mut permits = Permits::default();
        for (mut lease, of) in leases.into_iter().zip(sets(asked)) {
            lease.taken();
            permits.hold(&of.rule.name, Permit::Lease { _held: lease }, of.rule.lasts());
        }
        return Outcome::Allowed { states, permits };
    };
    for mut lease in leases {
        lease.refused();
    }
    match by.rule.kind {
        RuleKind::Concurrent(_) => {
            Outcome::refused(&by.rule.name, Why::Concurrency, States::new(), SOON)
        }
        RuleKind::Window(_) => {
            // As if they had been asked one after the other: the refusing window is the last.
            let asked_windows = states.iter().position(|state| state.rule == by.rule.name);
            states.truncate(asked_windows.map_or(0, |at| at + 1));
            let wait = answer.get(1).and_then(|wait| u64::try_from(*wait).ok()).unwrap_or(0);
            Outcome::refused(&by.rule.name, Why::Rate, states, Duration::from_micros(wait))
        }
    }
}
