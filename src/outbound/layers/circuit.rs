//! The engine of the circuit breaker: plain and synchronous, told the time. The breaker layer
//! asks it before each call and tells it how the call went.
//!
//! Invariant: while it is open, at most one call is let through at a time, as a probe.

use std::time::Duration;

use crate::config;
use crate::model::upstream::Health;

/// Whether calls to one upstream go through.
#[derive(Debug)]
pub struct Circuit {
    settings: config::Breaker,
    /// The longest that it stays open before a probe.
    longest: Duration,
    /// How often it has opened since it last was well.
    opened: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Calls go through; so many have failed in a row.
    Closed { failures: u32 },
    /// Calls are refused until then.
    Open { until: Duration },
    /// One call is on its way to find out.
    Probing,
}

/// What a call that goes through is to the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// One of many.
    Ordinary,
    /// The one that finds out.
    Probe,
}

/// How a call went, as far as the platform's health goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The platform has begun to answer.
    Answering,
    /// The platform has answered.
    Good,
    /// The platform is sick.
    Bad,
    /// The call says nothing of the platform.
    None,
}

impl Circuit {
    /// A closed circuit.
    pub fn new(settings: config::Breaker) -> Self {
        let state = State::Closed { failures: 0 };
        Self { settings, longest: settings.open, opened: 0, state }
    }

    /// A closed circuit that stays open twice as long each time that it opens again before it was
    /// well, but no longer than this.
    pub fn backing_off(settings: config::Breaker, longest: Duration) -> Self {
        Self { longest, ..Self::new(settings) }
    }

    /// Asks for a call to go through; else when to come back.
    pub fn admit(&mut self, now: Duration) -> Result<Pass, Duration> {
        match self.state {
            State::Closed { .. } => Ok(Pass::Ordinary),
            State::Open { until } if until > now => Err(until - now),
            State::Open { .. } => {
                self.state = State::Probing;
                Ok(Pass::Probe)
            }
            // Nobody knows how long the probe takes; a second is soon enough to ask again.
            State::Probing => Err(Duration::from_secs(1)),
        }
    }

    /// Tells how a call went. A call that was let through before the circuit opened no longer
    /// counts.
    pub fn tell(&mut self, pass: Pass, sign: Sign, now: Duration) {
        match (self.state, pass, sign) {
            // A probe that is being answered closes the circuit, or a long stream would hold all
            // others off; but the next failure opens it again at once.
            (State::Probing, Pass::Probe, Sign::Answering) => {
                let failures = self.settings.failures.saturating_sub(1);
                self.state = State::Closed { failures };
            }
            (State::Probing, Pass::Probe, Sign::Good) => self.well(),
            (State::Probing, Pass::Probe, Sign::Bad) => self.open(now),
            // The probe's caller has left: the next one probes.
            (State::Probing, Pass::Probe, Sign::None) => self.state = State::Open { until: now },
            (State::Closed { .. }, _, Sign::Good) => self.well(),
            (State::Closed { failures }, _, Sign::Bad) if failures + 1 < self.settings.failures => {
                self.state = State::Closed { failures: failures + 1 };
            }
            (State::Closed { .. }, _, Sign::Bad) => self.open(now),
            (State::Closed { .. } | State::Open { .. } | State::Probing, _, _) => {}
        }
    }

    /// How the upstream is doing.
    pub fn health(&self, now: Duration) -> Health {
        match self.state {
            State::Closed { .. } => Health::Healthy,
            State::Open { until } if until > now => Health::Unavailable,
            State::Open { .. } | State::Probing => Health::Probing,
        }
    }

    /// How long calls are still refused; none where they are not.
    pub fn rests(&self, now: Duration) -> Option<Duration> {
        match self.state {
            State::Open { until } if until > now => Some(until - now),
            State::Open { .. } | State::Closed { .. } | State::Probing => None,
        }
    }

    fn well(&mut self) {
        self.state = State::Closed { failures: 0 };
        self.opened = 0;
    }

    fn open(&mut self, now: Duration) {
        let doubled = self.settings.open.saturating_mul(1 << self.opened.min(16));
        self.opened = self.opened.saturating_add(1);
        self.state = State::Open { until: now + doubled.min(self.longest) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn circuit() -> Circuit {
        Circuit::new(config::Breaker { failures: 3, open: OPEN })
    }

    /// A circuit that opened at second 0.
    fn opened() -> Circuit {
        let mut circuit = circuit();
        for _ in 0..3 {
            assert_eq!(circuit.admit(at(0)), Ok(Pass::Ordinary));
            circuit.tell(Pass::Ordinary, Sign::Bad, at(0));
        }
        circuit
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_does_not_let_them() {
        let mut circuit = circuit();
        for sign in [Sign::Bad, Sign::Bad, Sign::Good, Sign::Bad, Sign::Bad, Sign::None] {
            circuit.tell(Pass::Ordinary, sign, at(0));
        }
        assert_eq!(circuit.health(at(0)), Health::Healthy);
        circuit.tell(Pass::Ordinary, Sign::Bad, at(0));
        assert_eq!(circuit.health(at(0)), Health::Unavailable);
        assert_eq!(circuit.admit(at(4)), Err(at(6)));
        assert_eq!((circuit.rests(at(4)), circuit.rests(at(10))), (Some(at(6)), None));
    }

    #[test]
    fn the_beginning_of_an_answer_does_not_forgive_broken_streams() {
        let mut circuit = circuit();
        for _ in 0..3 {
            circuit.tell(Pass::Ordinary, Sign::Answering, at(0));
            circuit.tell(Pass::Ordinary, Sign::Bad, at(0));
        }
        assert_eq!(circuit.health(at(0)), Health::Unavailable);
    }

    #[test]
    fn one_probe_at_a_time_finds_out() {
        let mut circuit = opened();
        assert_eq!(circuit.health(at(10)), Health::Probing);
        assert_eq!(circuit.admit(at(10)), Ok(Pass::Probe));
        assert_eq!(circuit.admit(at(11)), Err(at(1)));
        circuit.tell(Pass::Probe, Sign::Bad, at(12));
        assert_eq!(circuit.admit(at(21)), Err(at(1)));
        assert_eq!(circuit.admit(at(22)), Ok(Pass::Probe));
        circuit.tell(Pass::Probe, Sign::Good, at(23));
        assert_eq!(circuit.health(at(23)), Health::Healthy);
    }

    #[test]
    fn one_that_backs_off_is_open_twice_as_long_each_time_until_it_was_well() {
        let settings = config::Breaker { failures: 1, open: at(2) };
        let mut circuit = Circuit::backing_off(settings, at(7));
        let mut now = at(0);
        assert_eq!(circuit.admit(now), Ok(Pass::Ordinary));
        circuit.tell(Pass::Ordinary, Sign::Bad, now);
        for open in [2, 4, 7, 7] {
            assert_eq!(circuit.admit(now), Err(at(open)));
            now += at(open);
            assert_eq!(circuit.admit(now), Ok(Pass::Probe));
            circuit.tell(Pass::Probe, Sign::Bad, now);
        }
        now += at(7);
        assert_eq!(circuit.admit(now), Ok(Pass::Probe));
        circuit.tell(Pass::Probe, Sign::Good, now);
        circuit.tell(Pass::Ordinary, Sign::Bad, now);
        assert_eq!(circuit.admit(now), Err(at(2)));
    }

    #[test]
    fn a_probe_that_is_being_answered_lets_others_through_on_parole() {
        let mut circuit = opened();
        assert_eq!(circuit.admit(at(10)), Ok(Pass::Probe));
        circuit.tell(Pass::Probe, Sign::Answering, at(11));
        assert_eq!(circuit.admit(at(11)), Ok(Pass::Ordinary));
        circuit.tell(Pass::Probe, Sign::Bad, at(12));
        assert_eq!(circuit.health(at(12)), Health::Unavailable);
    }

    #[test]
    fn a_probe_whose_caller_left_hands_over_to_the_next() {
        let mut circuit = opened();
        assert_eq!(circuit.admit(at(10)), Ok(Pass::Probe));
        circuit.tell(Pass::Probe, Sign::None, at(11));
        assert_eq!(circuit.admit(at(11)), Ok(Pass::Probe));
    }

    #[test]
    fn calls_from_before_the_opening_count_no_more() {
        let mut circuit = opened();
        circuit.tell(Pass::Ordinary, Sign::Good, at(1));
        circuit.tell(Pass::Ordinary, Sign::Bad, at(9));
        assert_eq!(circuit.health(at(9)), Health::Unavailable);
        assert_eq!(circuit.admit(at(10)), Ok(Pass::Probe));
        circuit.tell(Pass::Ordinary, Sign::Good, at(11));
        assert_eq!(circuit.health(at(11)), Health::Probing);
    }
}
