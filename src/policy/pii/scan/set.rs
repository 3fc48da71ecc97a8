//! A set of bytes, small enough to be copied.

/// 256 bits, one a byte.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    /// ASCII letters, digits and these.
    pub(super) fn alphanumeric_and(extra: &[u8]) -> Self {
        let mut set = Self::default();
        (0..=u8::MAX)
            .filter(|byte| byte.is_ascii_alphanumeric() || extra.contains(byte))
            .for_each(|byte| set.insert(byte));
        set
    }

    /// What is in a test.
    pub(super) fn of(test: impl Fn(u8) -> bool) -> Self {
        let mut set = Self::default();
        (0..=u8::MAX).filter(|byte| test(*byte)).for_each(|byte| set.insert(byte));
        set
    }

    /// Adds a byte.
    pub(super) fn insert(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    /// Adds the bytes of another set.
    pub(super) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(all, more)| *all |= more);
    }

    /// Whether a byte is in it.
    #[inline(always)]
    pub(super) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte >> 6)).is_some_and(|word| word >> (byte & 63) & 1 == 1)
    }
}

impl std::fmt::Debug for ByteSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let members: String = (0..0x80u8).filter(|byte| self.has(*byte)).map(char::from).collect();
        write!(f, "ByteSet({members:?})")
    }
}
