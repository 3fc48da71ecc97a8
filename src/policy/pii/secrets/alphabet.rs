//! Sets of bytes that the parts of a secret are written in.
//!
//! Invariant: a set holds ASCII alone.

/// A set of ASCII bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alphabet(u128);

impl Alphabet {
    /// The bytes of a text, where `a-z` stands for a range and a dash at the end for itself.
    pub const fn of(text: &str) -> Self {
        let mut set = 0;
        let mut rest = text.as_bytes();
        while let Some((first, tail)) = rest.split_first() {
            let (last, others) = match tail {
                [b'-', last, others @ ..] => (*last, others),
                others => (*first, others),
            };
            let mut byte = *first;
            while byte <= last && byte < 128 {
                set |= 1 << byte;
                byte += 1;
            }
            rest = others;
        }
        Self(set)
    }

    /// Whether it has the byte.
    pub const fn has(self, byte: u8) -> bool {
        byte < 128 && self.0 >> byte & 1 == 1
    }

    /// The bytes of both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Its bytes, in order.
    pub fn bytes(self) -> impl Iterator<Item = u8> {
        (0..128).filter(move |byte| self.has(*byte))
    }
}

/// Nothing.
pub(super) const NONE: Alphabet = Alphabet(0);
/// Decimal digits.
pub(super) const DIGITS: Alphabet = Alphabet::of("0-9");
/// Hexadecimal digits in lower case.
pub(super) const HEX: Alphabet = Alphabet::of("0-9a-f");
/// Hexadecimal digits in either case.
pub(super) const HEX_ANY: Alphabet = Alphabet::of("0-9a-fA-F");
/// Hexadecimal digits and the dashes of a UUID.
pub(super) const UUID: Alphabet = Alphabet::of("0-9a-fA-F-");
/// Capitals and digits.
pub(super) const CAPITALS: Alphabet = Alphabet::of("0-9A-Z");
/// Base32 (RFC 4648 section 6).
pub(super) const BASE_32: Alphabet = Alphabet::of("A-Z2-7");
/// Small letters and digits.
pub(super) const SMALL: Alphabet = Alphabet::of("0-9a-z");
/// Letters alone.
pub(super) const LETTERS: Alphabet = Alphabet::of("a-zA-Z");
/// Letters and digits.
pub(super) const ALNUM: Alphabet = Alphabet::of("0-9a-zA-Z");
/// Base64 (RFC 4648 section 4) without padding.
pub(super) const BASE_64: Alphabet = Alphabet::of("0-9a-zA-Z+/");
/// Base64 with padding.
pub(super) const BASE_64_PADDED: Alphabet = Alphabet::of("0-9a-zA-Z+/=");
/// Base64 for URLs (RFC 4648 section 5).
pub(super) const URL_64: Alphabet = Alphabet::of("0-9a-zA-Z_-");
/// The same with padding.
pub(super) const URL_64_PADDED: Alphabet = Alphabet::of("0-9a-zA-Z_=-");
/// The same with full stops.
pub(super) const DOTTED: Alphabet = Alphabet::of("0-9a-zA-Z_.=-");
/// What bech32 is written in, in capitals.
pub(super) const BECH_32: Alphabet = Alphabet::of("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_its_ranges_and_the_dash_at_the_end() {
        assert_eq!(Alphabet::of("a-c_-").bytes().collect::<Vec<_>>(), b"-_abc");
        assert_eq!(ALNUM.bytes().count(), 62);
        assert_eq!(URL_64.bytes().count(), 64);
        assert_eq!(BECH_32.bytes().count(), 32);
        assert!(!ALNUM.has(200) && !NONE.has(b'a'));
    }
}
