//! Small reproducible randomness (splitmix64) for cutting byte streams; scripts use it.
//!
//! Invariant: the same seed gives the same numbers on every machine, so that a printed seed
//! replays a failure. It is no source of secrets.

/// A sequence of numbers that its seed decides.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A length from 1 to 512 for the next piece of a cut stream. Short ones are as likely as
    /// long ones, since the trouble sits at borders inside characters, line ends and chunk heads.
    pub fn piece_length(&mut self) -> usize {
        let most = 1_u64 << (self.number() % 10);
        usize::try_from(1 + self.number() % most).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_published_sequence() {
        let mut random = Random::new(1_234_567);
        assert_eq!(random.number(), 6_457_827_717_110_365_317);
        assert_eq!(random.number(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn pieces_are_short_and_long() {
        let mut random = Random::new(7);
        let lengths: Vec<usize> = (0..1_000).map(|_| random.piece_length()).collect();
        assert!(lengths.iter().all(|length| (1..=512).contains(length)));
        assert!(lengths.contains(&1));
        assert!(lengths.iter().any(|length| *length > 256));
    }
}
