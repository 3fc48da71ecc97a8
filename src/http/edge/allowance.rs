//! Says on each answer how the limits that it was held against stand: `RateLimit` and
//! `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11), and the `x-ratelimit-*-requests`
//! that clients of OpenAI's API read. (`Retry-After` is rescue's, as for every refusal.)
//!
//! Order: outside of rescue, since refusals carry them too.
//!
//! Invariant: nothing of a caller stands in a value, only names of limits and numbers.

use std::fmt::Write;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use smallvec::SmallVec;

use super::call;
use crate::error::Result;
use crate::http::body::Body;
use crate::http::layer::{Next, Rest, Step};
use crate::model::allowance::Allowance;

/// The current state of each window, the most binding one first.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The windows as they are configured, in the same order.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// The burst of the most binding window.
const LIMIT_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");
/// How many requests of it may be made now.
const REMAINING_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-requests");
/// When the whole burst of it may be made again: `250ms`, `1s`, `6m0s`, `1h0m0s`.
const RESET_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-reset-requests");

/// The layer.
pub struct AllowanceLayer;

impl Step<Request<Body>> for AllowanceLayer {
    type Response = Response<Body>;

    async fn run<S: Rest<Request<Body>, Response<Body>>>(
        &self,
        request: Request<Body>,
        next: Next<'_, S>,
    ) -> Result<Response<Body>> {
        let call = call::of(&request)?;
        let mut answer = next.run(request).await?;
        say(answer.headers_mut(), &call.facts.take_allowances());
        Ok(answer)
    }
}

fn say(headers: &mut HeaderMap, allowances: &[Allowance]) {
    let windows = by_weight(allowances);
    let Some(binding) = windows.first() else { return };
    let (mut now, mut policy) = (String::new(), String::new());
    for one in &windows {
        let comma = if now.is_empty() { "" } else { ", " };
        // Where both are there, `t` means the same moment as Retry-After.
        let reset = one.retry_after.map_or(seconds(one.full_in), |after| seconds(after).max(1));
        // Writing to a string cannot fail.
        write!(now, "{comma}\"{}\";r={};t={reset}", one.limit, one.remaining).ok();
        write!(policy, "{comma}\"{}\";q={}", one.limit, one.quota).ok();
        // The draft has whole seconds only; a shorter window goes without.
        if one.window.subsec_nanos() == 0 {
            write!(policy, ";w={}", one.window.as_secs()).ok();
        }
        write!(policy, ";switchyard-burst={}", one.burst).ok();
    }
    for (name, value) in
        [(RATE_LIMIT, now), (RATE_LIMIT_POLICY, policy), (RESET_REQUESTS, span(binding.full_in))]
    {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    headers.insert(LIMIT_REQUESTS, HeaderValue::from(binding.burst));
    headers.insert(REMAINING_REQUESTS, HeaderValue::from(binding.remaining));
}

/// The windows, the one that will stop the caller first in front: the one that refused, else the
/// one with the fewest requests left, of equal ones the one that stays so longer.
fn by_weight(allowances: &[Allowance]) -> SmallVec<[&Allowance; 4]> {
    let mut windows: SmallVec<[&Allowance; 4]> = allowances.iter().collect();
    let key =
        |of: &&Allowance| (of.retry_after.is_none(), of.remaining, std::cmp::Reverse(of.full_in));
    windows.sort_by_key(key);
    windows
}

/// Whole seconds, rounded up so that nobody comes back too early.
fn seconds(of: Duration) -> u64 {
    of.as_secs() + u64::from(of.subsec_nanos() > 0)
}

/// A time as OpenAI's API writes it.
fn span(of: Duration) -> String {
    if of < Duration::from_secs(1) {
        return format!("{}ms", of.as_micros().div_ceil(1_000));
    }
    let (hours, rest) = (seconds(of) / 3_600, seconds(of) % 3_600);
    match (hours, rest / 60, rest % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowance(limit: &str, remaining: u32, full_in: u64) -> Allowance {
        Allowance {
            limit: limit.into(),
            quota: 600,
            window: Duration::from_secs(60),
            burst: 50,
            remaining,
            full_in: Duration::from_millis(full_in),
            retry_after: None,
        }
    }

    #[test]
    fn all_limits_are_told_and_the_tightest_in_the_older_headers_too() {
        let mut headers = HeaderMap::new();
        say(&mut headers, &[allowance("per-key", 49, 100), allowance("hourly", 7, 2_001)]);
        let policy = "\"hourly\";q=600;w=60;switchyard-burst=50, \
                      \"per-key\";q=600;w=60;switchyard-burst=50";
        assert_eq!(headers["ratelimit-policy"], policy);
        assert_eq!(headers["ratelimit"], r#""hourly";r=7;t=3, "per-key";r=49;t=1"#);
        assert_eq!(headers["x-ratelimit-limit-requests"], "50");
        assert_eq!(headers["x-ratelimit-remaining-requests"], "7");
        assert_eq!(headers["x-ratelimit-reset-requests"], "3s");
        let mut none = HeaderMap::new();
        say(&mut none, &[]);
        assert!(none.is_empty());
    }

    #[test]
    fn the_limit_that_refused_stands_first_and_says_when_to_come_back() {
        let mut headers = HeaderMap::new();
        let mut refused = allowance("hourly", 0, 90_000);
        refused.retry_after = Some(Duration::from_millis(1_500));
        say(&mut headers, &[allowance("per-key", 0, 100_000), refused]);
        assert_eq!(headers["ratelimit"], r#""hourly";r=0;t=2, "per-key";r=0;t=100"#);
        assert_eq!(headers["x-ratelimit-reset-requests"], "1m30s");
    }

    #[test]
    fn a_time_is_written_as_those_clients_read_it() {
        let written = [0, 250, 1_000, 90_001, 3_600_000].map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(written, ["0ms", "250ms", "1s", "1m31s", "1h0m0s"]);
    }
}
