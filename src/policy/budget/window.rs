//! When a budget begins anew: UTC calendar days and months. [`super::rule`] asks it.
//!
//! Invariant: every point in time is in exactly one window of a length, and windows of a length
//! follow each other without a gap.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::clock::Timestamp;

/// How long a budget is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// A calendar day in UTC.
    Day,
    /// A calendar month in UTC.
    Month,
    /// For ever; it never begins anew.
    Total,
}

impl Per {
    /// The window that `now` is in: its first moment, and the first moment after it, which a
    /// budget in total does not have.
    pub fn window(self, now: Timestamp) -> (Timestamp, Option<Timestamp>) {
        match self {
            Self::Day => day(now),
            // The calendar ends with the year 9999; days go on.
            Self::Month => month(now).unwrap_or_else(|| day(now)),
            Self::Total => (Timestamp(0), None),
        }
    }
}

fn day(now: Timestamp) -> (Timestamp, Option<Timestamp>) {
    const DAY: i64 = 86_400_000_000;
    let start = now.0.saturating_sub(now.0.rem_euclid(DAY));
    (Timestamp(start), Some(Timestamp(start.saturating_add(DAY))))
}

fn month(now: Timestamp) -> Option<(Timestamp, Option<Timestamp>)> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(now.0) * 1_000).ok()?;
    let first = at.date().replace_day(1).ok()?;
    // No month is longer than 31 days, and none so short that this would pass the next one.
    let next = first.checked_add(Duration::days(31))?.replace_day(1).ok()?;
    let timestamp = |date: time::Date| {
        Timestamp(date.midnight().assume_utc().unix_timestamp().saturating_mul(1_000_000))
    };
    Some((timestamp(first), Some(timestamp(next))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn days_and_months_are_the_calendars_in_utc() {
        for (per, now, start, end) in [
            (Per::Day, "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
            (Per::Day, "2026-02-28T23:59:59.9Z", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"),
            (Per::Day, "2026-01-01T00:30:00+01:00", "2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z"),
            (Per::Month, "2026-01-31T12:00:00Z", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
            (Per::Month, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            (Per::Month, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            (Per::Day, "1969-12-31T23:00:00Z", "1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(per.window(at(now)), (at(start), Some(at(end))), "{per:?} {now}");
        }
        assert_eq!(Per::Total.window(at("2026-03-01T00:00:00Z")), (Timestamp(0), None));
    }

    proptest! {
        #[test]
        fn windows_hold_their_time_and_meet(micros in 0_i64..200_000_000_000_000_000) {
            for per in [Per::Day, Per::Month] {
                let (start, end) = per.window(Timestamp(micros));
                let end = end.unwrap();
                prop_assert!(start.0 <= micros && micros < end.0);
                prop_assert_eq!(per.window(start), (start, Some(end)));
                prop_assert_eq!(per.window(Timestamp(end.0 - 1)), (start, Some(end)));
                prop_assert_eq!(per.window(end).0, end);
            }
        }

        #[test]
        fn no_time_is_too_far_for_a_window(micros in any::<i64>()) {
            for per in [Per::Day, Per::Month, Per::Total] {
                let (start, end) = per.window(Timestamp(micros));
                prop_assert!(end.is_none_or(|end| start < end));
            }
        }
    }
}
