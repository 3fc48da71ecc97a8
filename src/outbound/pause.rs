//! Calls that a platform does not want for now: after its own 429 it is left alone until the time
//! that it named, and after its daily quota is used up until the day ends. The dispatcher notes
//! what platforms say; the layer in the ADMIT stack refuses meanwhile, before a run is promised.
//!
//! A rate is the whole account's, so it pauses the upstream for everybody; a quota is counted by
//! user there, so it pauses only for the caller who met it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use parking_lot::Mutex;

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};
use crate::http::passage;
use crate::model::plan::{Admission, Proposal};
use crate::model::principal::Principal;

/// A platform that wants more than this to pass is not believed.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Callers whose quota is known to be used up, at most; who is forgotten is told by the platform.
const MOST: usize = 10_000;
/// A day, in microseconds.
const DAY: i64 = 86_400_000_000;

/// The pauses of all upstreams. Clones are the same.
#[derive(Clone)]
pub struct Pauses {
    clock: Arc<dyn Clock>,
    until: Arc<Mutex<HashMap<Paused, (Kind, Timestamp)>>>,
}

/// What is paused: an upstream, for everybody or for one caller.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Paused {
    upstream: String,
    /// Workspace and subject.
    caller: Option<(String, String)>,
}

impl Paused {
    fn new(upstream: &str, caller: Option<&Principal>) -> Self {
        let caller = caller.map(|who| (who.workspace.clone(), who.subject.clone()));
        Self { upstream: upstream.to_owned(), caller }
    }
}

impl Pauses {
    /// No pause yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, until: Arc::default() }
    }

    /// Takes in how a platform refused a call of this caller's.
    pub fn note(&self, upstream: &str, who: &Principal, error: &Error) {
        let is_429 = error.upstream_fault().is_some_and(|fault| fault.status == Some(429));
        let now = self.clock.now();
        let (paused, until) = match (error.kind(), error.retry_in()) {
            (Kind::RateLimited, Some(after)) if is_429 => {
                (Paused::new(upstream, None), now.later(after.min(LONGEST)))
            }
            (Kind::BudgetExhausted, after) if is_429 => {
                let midnight = Timestamp((now.0.div_euclid(DAY) + 1) * DAY);
                let until = after.map_or(midnight, |after| now.later(after.min(LONGEST)));
                (Paused::new(upstream, Some(who)), until)
            }
            _ => return,
        };
        let mut pauses = self.until.lock();
        if pauses.len() >= MOST {
            pauses.retain(|_, (_, until)| *until > now);
        }
        if pauses.len() < MOST {
            pauses.insert(paused, (error.kind(), until));
        }
    }

    /// Refuses while a platform is paused for this caller.
    pub fn check(&self, upstream: &str, who: &Principal) -> Result<()> {
        let now = self.clock.now();
        let Some((kind, until)) = self.pause(upstream, who, now) else { return Ok(()) };
        let left = u64::try_from(until.0 - now.0).unwrap_or(0);
        let said = "the platform asked not to be called for now, and was not";
        Err(Error::new(kind, said)
            .retry_after(Duration::from_micros(left))
            .upstream(upstream, None, None))
    }

    /// Until when a platform is paused for everybody; none where it is not.
    pub fn everybody(&self, upstream: &str, now: Timestamp) -> Option<Timestamp> {
        let pauses = self.until.lock();
        let until = pauses.get(&Paused::new(upstream, None)).map(|(_, until)| *until);
        until.filter(|until| *until > now)
    }

    /// Why a platform is paused for this caller, and until when; none where it is not. The kind is
    /// that of [`Pauses::check`]'s refusal.
    pub fn pause(
        &self,
        upstream: &str,
        who: &Principal,
        now: Timestamp,
    ) -> Option<(Kind, Timestamp)> {
        let mut pauses = self.until.lock();
        if pauses.is_empty() {
            return None;
        }
        for paused in [Paused::new(upstream, None), Paused::new(upstream, Some(who))] {
            let Some((kind, until)) = pauses.get(&paused).copied() else { continue };
            if until > now {
                return Some((kind, until));
            }
            pauses.remove(&paused);
        }
        None
    }
}

/// The layer.
///
/// Order: inside of who may run at all; outside of limits and budgets, which a call that is not
/// made must not cost.
pub struct LeaveAlone(pub Pauses);

impl Step<Proposal> for LeaveAlone {
    type Response = Admission;

    async fn run<S: Rest<Proposal, Admission>>(
        &self,
        proposal: Proposal,
        next: Next<'_, S>,
    ) -> Result<Admission> {
        self.0.check(proposal.plan.upstream(), proposal.call.principal())?;
        next.run(proposal).await
    }
}

impl Step<Request<Body>> for LeaveAlone {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let passage = passage::of(&request)?;
        self.0.check(&passage.upstream, passage.call.principal())?;
        next.run(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::model::principal::Identity;

    fn who(subject: &str) -> Principal {
        let (workspace, subject) = ("acme".to_owned(), subject.to_owned());
        Principal::new(Identity { workspace, subject, ..Identity::default() })
    }

    fn refused(kind: Kind, after: Option<u64>) -> Error {
        let error = Error::new(kind, "no").upstream("acp", Some(429), None);
        after.map_or(error.clone(), |seconds| error.retry_after(Duration::from_secs(seconds)))
    }

    #[test]
    fn a_rate_pauses_everybody_for_as_long_as_the_platform_said() {
        let clock = ManualClock::at(Timestamp(0));
        let pauses = Pauses::new(Arc::new(clock.clone()));
        pauses.note("acp", &who("a"), &refused(Kind::RateLimited, Some(7)));
        let error = pauses.check("acp", &who("b")).unwrap_err();
        assert_eq!(
            (error.kind(), error.retry_in()),
            (Kind::RateLimited, Some(Duration::from_secs(7)))
        );
        assert!(pauses.check("zaia", &who("a")).is_ok());
        clock.advance(Duration::from_secs(7));
        assert!(pauses.check("acp", &who("b")).is_ok());
    }

    #[test]
    fn a_daily_quota_pauses_its_caller_until_the_day_ends() {
        let noon = Timestamp::parse("2026-03-01T12:00:00Z").unwrap();
        let clock = ManualClock::at(noon);
        let pauses = Pauses::new(Arc::new(clock.clone()));
        pauses.note("acp", &who("a"), &refused(Kind::BudgetExhausted, None));
        let error = pauses.check("acp", &who("a")).unwrap_err();
        assert_eq!(error.kind(), Kind::BudgetExhausted);
        assert_eq!(error.retry_in(), Some(Duration::from_secs(12 * 3600)));
        assert!(pauses.check("acp", &who("b")).is_ok());
        clock.advance(Duration::from_secs(12 * 3600));
        assert!(pauses.check("acp", &who("a")).is_ok());
    }

    #[test]
    fn only_the_platforms_own_429_pauses() {
        let pauses = Pauses::new(Arc::new(ManualClock::at(Timestamp(0))));
        let ours = Error::new(Kind::RateLimited, "no").retry_after(Duration::from_secs(9));
        pauses.note("acp", &who("a"), &ours);
        let other = Error::new(Kind::UpstreamError, "no").upstream("acp", Some(500), None);
        pauses.note("acp", &who("a"), &other.retry_after(Duration::from_secs(9)));
        assert!(pauses.check("acp", &who("a")).is_ok());
    }
}
