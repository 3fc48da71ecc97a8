//! When a callback is tried again. Whoever delivers callbacks asks after each try that was not the
//! last, and keeps the answer with the message.
//!
//! Invariant: pure, since the random number is given; and the wait that a receiver asks for only
//! ever makes a try later, to a day and its jitter at most.

use std::time::Duration;

/// What is waited before each try, by the number of tries before it: the schedule that Standard
/// Webhooks gives as its example. Over all it spans three days, three hours and a half.
const WAITS: [Duration; 10] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * HOUR),
    Duration::from_secs(5 * HOUR),
    Duration::from_secs(10 * HOUR),
    Duration::from_secs(14 * HOUR),
    Duration::from_secs(20 * HOUR),
    Duration::from_secs(24 * HOUR),
];
const HOUR: u64 = 3_600;

/// How often a message is tried at most.
pub const TRIES: u32 = WAITS.len() as u32;

/// The longest `Retry-After` that is heeded: the longest wait of the schedule.
pub const LONGEST_ASKED: Duration = Duration::from_secs(24 * HOUR);

/// By how much of itself a wait is shortened or lengthened at most, so that what failed at one time
/// is not tried again at one time.
const JITTER: f64 = 0.1;

/// How long to wait after `tries` tries, or nothing when there was the last: the message is dead.
/// `asked` is the receiver's `Retry-After`; `random` is any number, each as likely as the others.
pub fn wait(tries: u32, asked: Option<Duration>, random: u32) -> Option<Duration> {
    let own = *WAITS.get(usize::try_from(tries).ok()?)?;
    let part = f64::from(random) / f64::from(u32::MAX);
    let scheduled = own.mul_f64(1.0 - JITTER + 2.0 * JITTER * part);
    // Who asks is not called earlier, so here the jitter goes one way only.
    let asked = asked.unwrap_or_default().min(LONGEST_ASKED).mul_f64(1.0 + JITTER * part);
    Some(scheduled.max(asked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIDDLE: u32 = u32::MAX / 2;

    #[test]
    fn the_schedule_is_the_one_of_the_specification() {
        let mut since_start = 0;
        let spec = [
            "0:00:00", "0:00:05", "0:05:05", "0:35:05", "2:35:05", "7:35:05", "17:35:05",
            "31:35:05", "51:35:05", "75:35:05",
        ];
        for (tries, at) in (0..).zip(spec) {
            since_start += wait(tries, None, MIDDLE).unwrap().as_secs_f64().round() as u64;
            let [hours, minutes, seconds] =
                [since_start / HOUR, since_start / 60 % 60, since_start % 60];
            assert_eq!(format!("{hours}:{minutes:02}:{seconds:02}"), at);
        }
        assert_eq!(wait(TRIES, None, MIDDLE), None);
        assert_eq!(wait(TRIES, Some(Duration::ZERO), MIDDLE), None);
        assert_eq!(wait(u32::MAX, None, MIDDLE), None);
    }

    #[test]
    fn the_first_try_is_at_once_and_the_others_are_spread_by_a_tenth() {
        assert_eq!(wait(0, None, u32::MAX), Some(Duration::ZERO));
        assert_eq!(wait(1, None, 0), Some(Duration::from_millis(4_500)));
        assert_eq!(wait(1, None, u32::MAX), Some(Duration::from_millis(5_500)));
    }

    #[test]
    fn a_receiver_may_ask_for_later_but_not_for_sooner() {
        let asked = |seconds, random| wait(1, Some(Duration::from_secs(seconds)), random).unwrap();
        assert_eq!(asked(120, 0), Duration::from_secs(120));
        assert_eq!(asked(120, u32::MAX), Duration::from_secs(132));
        assert_eq!(asked(0, 0), Duration::from_millis(4_500));
        assert_eq!(asked(u64::MAX, 0), LONGEST_ASKED);
        let last = wait(TRIES - 1, Some(Duration::from_secs(1)), 0).unwrap();
        assert_eq!(last, Duration::from_secs(24 * HOUR).mul_f64(0.9));
    }

    proptest! {
        #[test]
        fn no_number_does_harm(tries: u32, seconds in proptest::option::of(any::<u64>()), random: u32) {
            let waited = wait(tries, seconds.map(Duration::from_secs), random);
            prop_assert_eq!(waited.is_none(), tries >= TRIES);
            prop_assert!(waited.unwrap_or_default() <= LONGEST_ASKED.mul_f64(1.0 + JITTER));
        }
    }
}
