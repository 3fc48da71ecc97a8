//! The window against the clock, against threads and against a model.

use proptest::prelude::*;

use super::*;
use crate::clock::{ManualClock, Timestamp};
use crate::policy::limits::key::Subject;
use crate::policy::limits::rule::Dimension;

fn key(agent: &str) -> Key {
    Key::new(&[Dimension::Agent], &Subject { agent: Some(agent), ..Subject::default() })
}

fn window(requests: u32, per: Duration, burst: u32, most: usize) -> (Window, ManualClock) {
    let clock = ManualClock::at(Timestamp(1_700_000_000_000_000));
    let quota = Quota { requests, per, burst };
    (Window::new(quota, most, Arc::new(clock.clone())).unwrap(), clock)
}

fn passes(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Pass(_))
}

#[test]
fn of_ten_thousand_at_the_same_moment_exactly_the_burst_passes() {
    let (window, _) = window(1_000, Duration::from_secs(1), 100, 10);
    let together = std::sync::Barrier::new(100);
    let passed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                let key = key("a");
                together.wait();
                let mine = (0..100).filter(|_| passes(window.take(&key))).count();
                passed.fetch_add(mine as u64, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(passed.into_inner(), 100);
}

#[test]
fn a_refusal_says_when_to_come_back_and_then_it_passes() {
    let (window, clock) = window(60, Duration::from_secs(60), 2, 10);
    let second = Duration::from_secs(1);
    let full = |remaining, full_in| Verdict::Pass(Reading { remaining, full_in });
    assert_eq!(window.take(&key("a")), full(1, second));
    assert_eq!(window.take(&key("a")), full(0, second * 2));
    assert_eq!(window.take(&key("a")), Verdict::Wait(second));
    clock.advance(Duration::from_millis(999));
    assert_eq!(window.take(&key("a")), Verdict::Wait(Duration::from_millis(1)));
    clock.advance(Duration::from_millis(1));
    assert_eq!(window.take(&key("a")), full(0, second * 2));
    assert_eq!(window.take(&key("b")), full(1, second));
}

#[test]
fn a_look_takes_nothing() {
    let (window, clock) = window(60, Duration::from_secs(60), 2, 10);
    let reading = |remaining, millis| Reading { remaining, full_in: Duration::from_millis(millis) };
    assert_eq!(window.peek(&key("a")), reading(2, 0));
    assert_eq!(window.keys(), 0);
    window.take(&key("a"));
    clock.advance(Duration::from_millis(400));
    assert_eq!(window.peek(&key("a")), reading(1, 600));
    assert_eq!(window.peek(&key("a")), reading(1, 600));
}

#[test]
fn a_sweep_forgets_what_is_full_again_and_nothing_else() {
    let (window, clock) = window(60, Duration::from_secs(60), 5, 10);
    window.take(&key("once"));
    for _ in 0..5 {
        window.take(&key("often"));
    }
    clock.advance(Duration::from_secs(3));
    window.sweep();
    assert_eq!(window.keys(), 1);
    assert_eq!(window.peek(&key("often")).remaining, 3);
    assert_eq!(window.peek(&key("once")).remaining, 5);
    clock.advance(Duration::from_secs(3));
    window.sweep();
    assert_eq!(window.keys(), 0);
}

#[test]
fn a_full_store_refuses_new_keys_until_old_ones_are_full_again() {
    let (window, clock) = window(1, Duration::from_secs(10), 1, 3);
    for name in ["a", "b", "c"] {
        assert!(passes(window.take(&key(name))));
    }
    assert_eq!(window.take(&key("d")), Verdict::Crowded);
    assert_eq!(window.take(&key("a")), Verdict::Wait(Duration::from_secs(10)));
    assert_eq!(window.keys(), 3);
    // After ten seconds they are full; governor keeps them one interval longer.
    clock.advance(Duration::from_secs(20));
    assert!(passes(window.take(&key("d"))));
    assert_eq!(window.keys(), 1);
}

#[test]
fn a_flood_of_new_keys_sweeps_once_a_second_at_most() {
    let (window, clock) = window(1, Duration::from_millis(100), 1, 1);
    assert!(passes(window.take(&key("a"))));
    assert_eq!(window.take(&key("b")), Verdict::Crowded);
    clock.advance(Duration::from_millis(900));
    assert_eq!(window.take(&key("b")), Verdict::Crowded);
    clock.advance(Duration::from_millis(101));
    assert!(passes(window.take(&key("b"))));
}

#[test]
fn the_widest_window_that_may_be_configured_counts_without_overflow() {
    let day = Duration::from_secs(86_400);
    let (window, clock) = window(1, day, 3_660, 10);
    for left in (0..3_660).rev() {
        let Verdict::Pass(reading) = window.take(&key("a")) else { panic!("refused") };
        assert_eq!(reading.remaining, left);
    }
    assert_eq!(window.take(&key("a")), Verdict::Wait(day));
    clock.advance(day);
    assert!(passes(window.take(&key("a"))));
}

/// A bucket of time: it fills as time passes, and each request takes an interval out of it.
struct Bucket {
    level: u128,
    at: u128,
}

proptest! {
    #[test]
    fn it_passes_what_a_bucket_that_refills_would(
        requests in 1u32..50,
        per_millis in 1u64..5_000,
        burst in 1u32..20,
        steps in proptest::collection::vec((0u64..400_000, 0usize..3, prop::bool::weighted(0.05)), 1..300),
    ) {
        let (window, clock) = window(requests, Duration::from_millis(per_millis), burst, 10);
        let interval = window.quota().interval().as_nanos();
        let most = interval * u128::from(burst);
        let keys = ["a", "b", "c"].map(key);
        let mut buckets = keys.each_ref().map(|_| Bucket { level: most, at: 0 });
        let mut passed = [0u128; 3];
        let mut now = 0u128;
        for (micros, which, sweep) in steps {
            clock.advance(Duration::from_micros(micros));
            now += u128::from(micros) * 1_000;
            if sweep {
                window.sweep();
            }
            let bucket = &mut buckets[which];
            bucket.level = most.min(bucket.level + (now - bucket.at));
            bucket.at = now;
            let passes = bucket.level >= interval;
            let wait = interval.saturating_sub(bucket.level);
            if passes {
                bucket.level -= interval;
                passed[which] += 1;
            }
            match window.take(&keys[which]) {
                Verdict::Pass(reading) => {
                    prop_assert!(passes);
                    prop_assert_eq!(u128::from(reading.remaining), bucket.level / interval);
                    prop_assert_eq!(reading.full_in.as_nanos(), most - bucket.level);
                }
                Verdict::Wait(told) => {
                    prop_assert!(!passes);
                    prop_assert_eq!(told.as_nanos(), wait);
                }
                Verdict::Crowded => prop_assert!(false, "there is room for three"),
            }
            prop_assert!(passed[which] <= u128::from(burst) + now / interval);
        }
    }
}
