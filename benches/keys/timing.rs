//! Whether time tells how much of a hash was right: candidates whose first 0, 8, 16 or 31 bytes
//! are those of a hash that is known, in random order, and Welch's t between each two kinds. Above
//! 4.5 the means differ, but for one chance in a hundred thousand.
//!
//! A comparison that gives up at the first wrong byte is measured as well. Where that is not found
//! out, the run has shown nothing, and says so.
//!
//! Invariant: what differs between kinds is made outside what is timed, in the same memory.

use std::hint::black_box;

use ring::rand::{SecureRandom, SystemRandom};
use switchyard::clock::{Clock, SystemClock};
use switchyard::model::key::SecretHash;
use switchyard::policy::identity::key::same;

use crate::Outcome;
use crate::rings;
use crate::welch::Times;

/// Right bytes at the beginning of the candidates of each kind.
const KINDS: [usize; 4] = [0, 8, 16, 31];
/// Comparisons under one reading of the clock, which itself takes longer than one.
const BATCH: usize = 16;
/// Candidates that are drawn before they are timed one after the other: to draw one leaves the
/// processor in a state that depends on its kind.
const DRAWN: usize = 10_000;
/// The bound of Welch's t that leakage tests use (ISO 17825).
const BOUND: f64 = 4.5;
/// Of all samples, the slowest are also left out once: those during which something else ran.
const CROPPED: f64 = 0.95;

/// Measures all, and says whether time tells anything.
pub(crate) fn report(is_quick: bool) -> Outcome<String> {
    let samples = if is_quick { 40_000 } else { 4_000_000 };
    let ring = rings::ring(1_000, false)?;
    let stored: Vec<_> = ring.known.iter().map(|text| ring.ring.hasher().hash(text)).collect();
    let mut random = Random::new()?;
    let mut text = format!(
        "\n{samples} samples of {BATCH} comparisons, kinds {KINDS:?} right bytes, in random order\n\
         | what | mean ns of each kind | largest t, all | largest t, without the slowest 5 % | |\n\
         | --- | --- | ---: | ---: | --- |\n"
    );
    let control = measure(&stored, samples / 10, &mut random, gives_up_early)?;
    text.push_str(&control.row("control: gives up early"));
    let compared = measure(&stored, samples, &mut random, same)?;
    text.push_str(&compared.row("the comparison"));
    let look_up = |_: &SecretHash, candidate: &SecretHash| {
        ring.ring.find_hash(std::slice::from_ref(candidate), ring.now).is_ok()
    };
    let looked_up = measure(&stored, samples, &mut random, look_up)?;
    text.push_str(&looked_up.row("a look-up among 1,000 keys"));
    if control.largest() < BOUND {
        return Err(format!("{text}the control was not found out: nothing is shown").into());
    }
    if compared.largest().max(looked_up.largest()) >= BOUND {
        return Err(format!("{text}time tells how much of a hash was right").into());
    }
    Ok(text)
}

/// Compares as no product may.
#[inline(never)]
fn gives_up_early(one: &SecretHash, other: &SecretHash) -> bool {
    for (a, b) in one.0.iter().zip(&other.0) {
        if black_box(a) != black_box(b) {
            return false;
        }
    }
    true
}

struct Measured {
    means: Vec<f64>,
    all: f64,
    cropped: f64,
}

impl Measured {
    fn largest(&self) -> f64 {
        self.all.max(self.cropped)
    }

    fn row(&self, name: &str) -> String {
        let means: Vec<_> = self.means.iter().map(|mean| format!("{mean:.2}")).collect();
        let verdict = if self.largest() < BOUND { "below 4.5" } else { "ABOVE 4.5" };
        let (all, cropped) = (self.all, self.cropped);
        format!("| {name} | {} | {all:.2} | {cropped:.2} | {verdict} |\n", means.join(", "))
    }
}

fn measure(
    stored: &[SecretHash],
    samples: usize,
    random: &mut Random,
    compare: impl Fn(&SecretHash, &SecretHash) -> bool,
) -> Outcome<Measured> {
    let clock = SystemClock::new();
    let mut taken: Vec<(u8, u32)> = Vec::with_capacity(samples);
    let (mut one, mut candidate) = (SecretHash([0; 32]), SecretHash([0; 32]));
    while taken.len() < samples {
        let drawn: Vec<_> = (0..DRAWN).filter_map(|_| draw(stored, random)).collect();
        for (kind, of, hash) in &drawn {
            one.0.copy_from_slice(&of.0);
            candidate.0.copy_from_slice(&hash.0);
            let start = clock.monotonic();
            for _ in 0..BATCH {
                black_box(compare(black_box(&one), black_box(&candidate)));
            }
            let took = clock.monotonic() - start;
            taken.push((*kind, u32::try_from(took.as_nanos()).unwrap_or(u32::MAX)));
        }
    }
    let samples = taken.len();
    let mut sorted: Vec<u32> = taken.iter().map(|(_, took)| *took).collect();
    sorted.sort_unstable();
    let slowest = sorted.get((samples as f64 * CROPPED) as usize).copied();
    let cropped = times(&taken, slowest.ok_or("there are no samples")?);
    let means = cropped.iter().map(|times| times.mean() / BATCH as f64).collect();
    Ok(Measured { means, all: largest(&times(&taken, u32::MAX)), cropped: largest(&cropped) })
}

/// A candidate of some kind, and the hash that it is like. It is another one each time: with one
/// alone, the few candidates that have 31 bytes of it would soon be better known to the caches.
fn draw(stored: &[SecretHash], random: &mut Random) -> Option<(u8, SecretHash, SecretHash)> {
    let of = *stored.get((random.next() >> 32) as usize % stored.len().max(1))?;
    let kind = (random.next() >> 32) as usize % KINDS.len();
    let right = KINDS.get(kind).copied().unwrap_or_default();
    let mut candidate = of;
    for (place, byte) in candidate.0.iter_mut().enumerate().skip(right) {
        // The first byte after the right ones is a wrong one in any case.
        *byte ^= random.byte() | u8::from(place == right);
    }
    Some((kind as u8, of, candidate))
}

/// The times of each kind, up to the slowest that counts.
fn times(taken: &[(u8, u32)], slowest: u32) -> [Times; KINDS.len()] {
    let mut kinds = [Times::default(); KINDS.len()];
    for (kind, took) in taken.iter().filter(|(_, took)| *took <= slowest) {
        if let Some(times) = kinds.get_mut(usize::from(*kind)) {
            times.add(f64::from(*took));
        }
    }
    kinds
}

/// The largest t, either way, between any two kinds.
fn largest(kinds: &[Times]) -> f64 {
    let pairs = kinds.iter().flat_map(|one| kinds.iter().map(move |other| one.t(other).abs()));
    // A kind and itself have a t of zero.
    pairs.fold(0.0, f64::max)
}

/// Random numbers without a call of the system for each (splitmix64).
struct Random(u64);

impl Random {
    fn new() -> Outcome<Self> {
        let mut seed = [0; 8];
        SystemRandom::new().fill(&mut seed).map_err(|_| "the system gives no random bits")?;
        Ok(Self(u64::from_le_bytes(seed)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn byte(&mut self) -> u8 {
        (self.next() >> 56) as u8
    }
}
