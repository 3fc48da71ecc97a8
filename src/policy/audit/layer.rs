//! Sees to it that no answer leaves without a record. What became a run is recorded by the gateway,
//! with the run; this records every other answer and every refusal.
//!
//! Order: inside rescue, so that it sees what was refused and why; outside of everything that may
//! refuse.

use std::sync::Arc;

use http::{Request, Response, StatusCode};

use super::recorder::Recorder;
use super::unknown::is_counted;
use crate::error::{Error, Result};
use crate::http::body::Body;
use crate::http::edge::call;
use crate::http::layer::{Next, Rest, Step};
use crate::http::operation::{Care, Operation};
use crate::model::call::Call;
use crate::model::record::{CallFacts, Outcome, PolicyFacts, Record, Stage, Verdict, Who};

/// The layer.
#[derive(Debug)]
pub struct Recorded(pub Arc<Recorder>);

impl Step<Request<Body>> for Recorded {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let call = call::of(&request)?;
        let route = call::route_of(&request)?;
        let (operation, subject) = (route.operation, route.segments.first().cloned());
        let answer = next.run(request).await;
        // The run has records of its own.
        if call.facts.is_admitted() {
            return answer;
        }
        // Not the answer itself, whose body others cannot look at meanwhile.
        let came_of_it = match &answer {
            Ok(response) => Ok(response.status()),
            Err(error) => Err(error.clone()),
        };
        let subject = call.facts.subject().or(subject);
        self.0.record(&call, operation, subject, came_of_it).await?;
        answer
    }
}

impl Recorder {
    async fn record(
        &self,
        call: &Call,
        operation: Operation,
        subject: Option<String>,
        answer: Result<StatusCode>,
    ) -> Result<()> {
        let who = Who::of(call.principal());
        match answer {
            Ok(status) => {
                let care = operation.recorded();
                if care == Care::Never {
                    return Ok(());
                }
                let outcome = Outcome { http_status: Some(status.as_u16()), ..Outcome::default() };
                let record = self.of(call, who, Stage::Answered, Verdict::Allow, outcome);
                let record = Record { subject, ..record };
                if care == Care::Relaxed {
                    self.keep_soon(&record)
                } else {
                    self.keep(&[record]).await
                }
            }
            Err(error) if is_counted(&error, who.as_ref()) => {
                self.count(call, &error, who, call.received_at);
                Ok(())
            }
            Err(error) => {
                let record = self.of(call, who, Stage::Refused, Verdict::Deny, outcome_of(&error));
                let rules = error.rules().to_vec();
                let policy =
                    (!rules.is_empty()).then(|| PolicyFacts { version: String::new(), rules });
                self.keep(&[Record { subject, policy, ..record }]).await
            }
        }
    }

    fn of(
        &self,
        call: &Call,
        who: Option<Who>,
        stage: Stage,
        decision: Verdict,
        outcome: Outcome,
    ) -> Record {
        let begun = self.scribe.record(stage, decision);
        let duration_ms = Some(begun.at.millis_since(call.received_at));
        Record {
            call: Some(CallFacts::of(call)),
            principal: who,
            run: call.facts.told(),
            outcome: Some(Outcome { duration_ms, ..outcome }),
            ..begun
        }
    }
}

fn outcome_of(error: &Error) -> Outcome {
    Outcome {
        http_status: Some(error.kind().status()),
        code: Some(error.kind().code().to_owned()),
        ..Outcome::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{CountingIds, ManualClock, Timestamp};
    use crate::error::Kind;
    use crate::http::edge::harness::{Fixture, done, get};
    use crate::model::scribe::Scribe;
    use crate::policy::audit::testing::MemoryLog;
    use crate::store::health::Health;
    use crate::telemetry::metrics::Metrics;

    fn recorder() -> (Arc<MemoryLog>, Arc<Recorder>) {
        let log = Arc::new(MemoryLog::default());
        let clock = Arc::new(ManualClock::default());
        let scribe = Scribe::new(Arc::clone(&clock) as _, Arc::new(CountingIds::default()));
        let metrics = Metrics::new(Timestamp(0)).unwrap();
        let health = Health::new(metrics.audit().clone(), clock);
        let recorder = Recorder::new(Arc::clone(&log) as _, scribe, health);
        (log, Arc::new(recorder))
    }

    #[tokio::test]
    async fn a_read_is_recorded_soon_and_what_says_nothing_is_not() {
        let (log, recorder) = recorder();
        let layer = || Recorded(Arc::clone(&recorder));
        Fixture::default().through(layer(), get("/v1/runs/run_1"), done).await.unwrap();
        assert!(log.records().is_empty());
        recorder.flush(false).await;
        let records = log.records();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].call.as_ref().unwrap().operation, "get_run");
        assert_eq!(records[0].subject.as_deref(), Some("run_1"));
    }

    #[tokio::test]
    async fn what_cannot_be_recorded_is_not_answered() {
        let (log, recorder) = recorder();
        let mut request = get("/v1/runs");
        *request.method_mut() = http::Method::POST;
        log.fail(true);
        let refused =
            Fixture::default().through(Recorded(Arc::clone(&recorder)), request, done).await;
        assert_eq!(refused.unwrap_err().kind(), Kind::AuditUnavailable);
        // From now on it is refused at once.
        assert!(recorder.health.is_failing());
    }

    #[tokio::test]
    async fn reads_wait_for_a_log_that_fails_and_are_counted_beyond_a_bound() {
        let (log, recorder) = recorder();
        log.fail(true);
        for _ in 0..8_192 + 5 {
            let record = recorder.scribe.record(Stage::Answered, Verdict::Allow);
            recorder.keep_soon(&record).unwrap();
        }
        recorder.flush(false).await;
        log.fail(false);
        recorder.flush(false).await;
        let records = log.records();
        assert_eq!(records.iter().filter(|it| it.stage == Stage::Answered).count(), 8_191);
        let gap: u64 = records.iter().filter_map(|it| it.count).sum();
        assert_eq!(gap, 6, "the first record of the gap took the place of one read");
    }
}
