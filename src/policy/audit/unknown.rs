//! Refusals that come in floods, counted: those of callers that nobody knows, and those of callers
//! that ask too often. One record a minute stands for all of the same kind, so that nobody can fill
//! the disk by being refused.
//!
//! Invariant: the number of kinds is bounded; beyond it, refusals are counted without an address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use crate::clock::Timestamp;
use crate::error::{Error, Kind};
use crate::model::call::Call;
use crate::model::record::{CallFacts, Outcome, Record, Stage, Verdict, Who};
use crate::model::scribe::Scribe;

/// Kinds that are told apart in a minute.
const KINDS: usize = 4_096;

/// One kind of refusal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Refusal {
    address: Option<IpAddr>,
    /// Workspace and subject of a caller that is known.
    who: Option<(String, String)>,
    code: &'static str,
}

/// What has been refused since it was last told.
#[derive(Debug, Default)]
pub(super) struct Unknown(HashMap<Refusal, Counted>);

#[derive(Debug)]
struct Counted {
    count: u64,
    first: Timestamp,
    who: Option<Who>,
}

/// Whether a refusal is counted rather than recorded by itself.
pub(super) fn is_counted(error: &Error, who: Option<&Who>) -> bool {
    let is_too_often = matches!(
        error.kind(),
        Kind::RateLimited | Kind::ConcurrencyLimited | Kind::Overloaded | Kind::Draining
    );
    // What a platform says of its own limits concerns one run.
    who.is_none() || is_too_often && error.upstream_fault().is_none()
}

impl Unknown {
    /// Counts one.
    pub(super) fn add(&mut self, call: &Call, error: &Error, who: Option<Who>, now: Timestamp) {
        let mut refusal = Refusal {
            address: Some(network(call.address)),
            who: who.as_ref().map(|who| (who.workspace.clone(), who.subject.clone())),
            code: error.kind().code(),
        };
        if self.0.len() >= KINDS && !self.0.contains_key(&refusal) {
            refusal.address = None;
            refusal.who = None;
        }
        let who = who.filter(|_| refusal.who.is_some());
        let counted = self.0.entry(refusal);
        counted.or_insert(Counted { count: 0, first: now, who }).count += 1;
    }

    /// What is to be told now: what began a minute ago or earlier, or all of it.
    pub(super) fn take(&mut self, scribe: &Scribe, now: Timestamp, all: bool) -> Vec<Record> {
        const MINUTE: u64 = 60_000;
        let is_due = |counted: &Counted| all || now.millis_since(counted.first) >= MINUTE;
        let due = self.0.extract_if(|_, counted| is_due(counted));
        let record = |(refusal, counted): (Refusal, Counted)| Record {
            call: Some(CallFacts { address: refusal.address, ..CallFacts::default() }),
            principal: counted.who,
            outcome: Some(Outcome {
                code: Some(refusal.code.to_owned()),
                duration_ms: Some(now.millis_since(counted.first)),
                ..Outcome::default()
            }),
            count: Some(counted.count),
            ..scribe.record(Stage::Unknown, Verdict::Deny)
        };
        due.map(record).collect()
    }
}

/// An address, or the network that one user of IPv6 has.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(it) => match it.to_ipv4_mapped() {
            Some(mapped) => mapped.into(),
            None => Ipv6Addr::from(u128::from(it) & (u128::MAX << 64)).into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::{CountingIds, ManualClock};
    use crate::model::call::{Facts, TraceContext};

    fn call(address: &str) -> Call {
        Call {
            id: "req".to_owned(),
            trace: TraceContext::default(),
            operation: "create_run",
            face: "unified",
            address: address.parse().unwrap(),
            received_at: Timestamp(0),
            received: std::time::Duration::ZERO,
            facts: Facts::default(),
        }
    }

    fn scribe() -> Scribe {
        Scribe::new(Arc::new(ManualClock::default()), Arc::new(CountingIds::default()))
    }

    const MINUTE: i64 = 60_000_000;

    #[test]
    fn refusals_of_one_kind_are_one_record_a_minute() {
        let mut unknown = Unknown::default();
        let refused = Error::new(Kind::Unauthenticated, "no");
        for address in ["1.2.3.4", "1.2.3.4", "2001:db8::1", "2001:db8::2", "::ffff:1.2.3.4"] {
            unknown.add(&call(address), &refused, None, Timestamp(0));
        }
        unknown.add(&call("1.2.3.4"), &Error::new(Kind::NotFound, "no"), None, Timestamp(0));
        assert!(unknown.take(&scribe(), Timestamp(MINUTE - 1), false).is_empty());
        let mut told: Vec<_> = unknown
            .take(&scribe(), Timestamp(MINUTE), false)
            .into_iter()
            .map(|it| {
                let address = it.call.unwrap().address.unwrap().to_string();
                (address, it.outcome.unwrap().code.unwrap(), it.count.unwrap())
            })
            .collect();
        told.sort();
        let row = |address: &str, code: &str, n| (address.to_owned(), code.to_owned(), n);
        assert_eq!(
            told,
            [
                row("1.2.3.4", "not_found", 1),
                row("1.2.3.4", "unauthenticated", 3),
                row("2001:db8::", "unauthenticated", 2)
            ]
        );
        assert!(unknown.take(&scribe(), Timestamp(MINUTE), true).is_empty());
    }

    #[test]
    fn their_number_is_bounded_and_none_is_left_out() {
        let mut unknown = Unknown::default();
        let refused = Error::new(Kind::Unauthenticated, "no");
        let most = u32::try_from(KINDS).unwrap() + 100;
        for n in 0..most {
            let address = std::net::Ipv4Addr::from(n).to_string();
            unknown.add(&call(&address), &refused, None, Timestamp(0));
        }
        let told = unknown.take(&scribe(), Timestamp(0), true);
        assert_eq!(told.len(), KINDS + 1);
        assert_eq!(told.iter().map(|it| it.count.unwrap()).sum::<u64>(), u64::from(most));
    }

    #[test]
    fn who_is_known_and_refused_for_another_reason_has_a_record_for_each() {
        let who = Who {
            workspace: "acme".to_owned(),
            kind: "key".to_owned(),
            subject: "key:1".to_owned(),
            name: "n8n".to_owned(),
        };
        let counted = |kind, who| is_counted(&Error::new(kind, "no"), who);
        assert!(counted(Kind::Forbidden, None));
        assert!(!counted(Kind::Forbidden, Some(&who)));
        assert!(counted(Kind::RateLimited, Some(&who)));
        let of_platform = Error::new(Kind::RateLimited, "no").upstream("make", Some(429), None);
        assert!(!is_counted(&of_platform, Some(&who)));
    }
}
