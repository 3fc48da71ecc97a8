//! Base58 with and without a checksum, into buffers of fixed size. The addresses call it.
//!
//! Invariant: a text decodes in one way only, to exactly as many bytes as were asked for.

use ring::digest::{SHA256, digest};

/// Bitcoin's alphabet.
pub(super) const BITCOIN: &Alphabet =
    &Alphabet::new(b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz");

/// The alphabet of the XRP ledger.
pub(super) const RIPPLE: &Alphabet =
    &Alphabet::new(b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz");

/// An alphabet, and for each byte its place in it.
pub(super) struct Alphabet {
    first: u8,
    places: [u8; 128],
}

/// The mark of a byte that no alphabet has.
const NOWHERE: u8 = 255;

impl Alphabet {
    const fn new(letters: &[u8; 58]) -> Self {
        let mut places = [NOWHERE; 128];
        let mut at = 0;
        while at < letters.len() {
            places[letters[at] as usize] = at as u8;
            at += 1;
        }
        Self { first: letters[0], places }
    }

    /// The place of a byte.
    pub(super) fn place(&self, byte: u8) -> Option<u8> {
        self.places.get(usize::from(byte)).copied().filter(|place| *place != NOWHERE)
    }
}

/// The bytes that a text stands for.
pub(super) fn decode<const N: usize>(text: &[u8], alphabet: &Alphabet) -> Option<[u8; N]> {
    // A byte takes less than 1.37 characters.
    if text.len() > N * 11 / 8 + 1 {
        return None;
    }
    let mut bytes = [0; N];
    for character in text {
        let mut carry = u32::from(alphabet.place(*character)?);
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let ones = text.iter().take_while(|byte| **byte == alphabet.first).count();
    (zeros == ones).then_some(bytes)
}

/// The same, where the last four bytes are the beginning of the doubled SHA-256 of the others.
pub(super) fn decode_checked<const N: usize>(text: &[u8], alphabet: &Alphabet) -> Option<[u8; N]> {
    let bytes = decode::<N>(text, alphabet)?;
    let (payload, check) = bytes.split_last_chunk::<4>()?;
    let hash = digest(&SHA256, digest(&SHA256, payload).as_ref());
    hash.as_ref().starts_with(check).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_are_leading_ones() {
        assert_eq!(decode::<3>(b"112", BITCOIN), Some([0, 0, 1]));
        assert_eq!(decode::<3>(b"12", BITCOIN), None);
        assert_eq!(decode::<1>(b"5Q", BITCOIN), Some([255]));
        assert_eq!(decode::<1>(b"5R", BITCOIN), None);
        assert_eq!(decode::<1>(b"0", BITCOIN), None);
    }
}
