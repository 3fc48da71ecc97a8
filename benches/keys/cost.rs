//! What a check costs: for keys that are known, unknown and mistyped, in rings of several sizes,
//! with and without a pepper; and what a key takes.
//!
//! Invariant: each kind of credential is tried before it is measured, and must be judged as such.

use std::hint::black_box;
use std::time::Duration;

use switchyard::clock::{Clock, SystemClock};
use switchyard::policy::identity::key::Refused;

use crate::Outcome;
use crate::rings::{ASKED, Ring, ring};

/// A table of all cases.
pub(crate) fn table(is_quick: bool) -> Outcome<String> {
    let long = Duration::from_millis(if is_quick { 20 } else { 1_000 });
    let sizes: &[usize] = if is_quick { &[1, 1_000] } else { &[1, 1_000, 100_000] };
    // First of all, while the process has no freed memory that it could use again.
    let many = if is_quick { 1_000 } else { 100_000 };
    let before = resident()?;
    let ring_of_many = ring(many, false)?;
    let bytes = resident()?.saturating_sub(before) / many;
    drop(ring_of_many);
    let mut text = format!(
        "{many} keys: {bytes} bytes each\n\n\
         | keys | pepper | known, ns | unknown, ns | mistyped, ns |\n\
         | ---: | --- | ---: | ---: | ---: |\n"
    );
    for (keys, has_pepper) in sizes.iter().flat_map(|keys| [(*keys, false), (*keys, true)]) {
        let ring = ring(keys, has_pepper)?;
        let known = nanos(&ring, &ring.known, None, long)?;
        let unknown = nanos(&ring, &ring.unknown, Some(Refused::Unknown), long)?;
        let mistyped = nanos(&ring, &ring.mistyped, Some(Refused::Mistyped), long)?;
        let pepper = if has_pepper { "yes" } else { "no" };
        text.push_str(&format!(
            "| {keys} | {pepper} | {known:.0} | {unknown:.0} | {mistyped:.0} |\n"
        ));
    }
    Ok(text)
}

/// Nanoseconds for one check: the median of many short runs, most of which nothing interrupts.
fn nanos(
    ring: &Ring,
    credentials: &[String],
    expected: Option<Refused>,
    long: Duration,
) -> Outcome<f64> {
    if credentials.iter().any(|text| ring.ring.find(text, ring.now).err() != expected) {
        return Err("a credential is not judged as it should be".into());
    }
    let clock = SystemClock::new();
    let (start, mut samples) = (clock.monotonic(), Vec::new());
    while clock.monotonic() - start < long {
        let began = clock.monotonic();
        for text in credentials.iter().cycle().take(ASKED) {
            black_box(ring.ring.find(black_box(text), ring.now).is_ok());
        }
        samples.push((clock.monotonic() - began).as_nanos() as f64 / ASKED as f64);
    }
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().ok_or_else(|| "nothing was measured".into())
}

/// Bytes of memory that this process holds; of Linux alone.
fn resident() -> Outcome<usize> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    Ok(kilobytes.ok_or("the system does not say how much memory is held")?.parse::<usize>()? << 10)
}
