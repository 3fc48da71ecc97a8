//! The code of a token: forty bits and a check of twenty in Crockford's base 32.
//!
//! Invariant: a code reads back in either case, and with `O`, `I` and `L` for the digits that they
//! look like.

/// Characters of a code.
pub(in crate::policy::pii) const LENGTH: usize = 12;
/// Those of them that are the check.
const CHECK: usize = 4;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The character of the lowest five bits.
pub(in crate::policy::pii) fn digit(bits: u64) -> char {
    ALPHABET.get((bits & 31) as usize).copied().map_or('0', char::from)
}

/// The five bits of a character.
pub(in crate::policy::pii) fn value(character: u8) -> Option<u64> {
    let upper = match character.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    ALPHABET.iter().position(|known| *known == upper).map(|place| place as u64)
}

/// Writes the code of forty bits.
pub(in crate::policy::pii) fn write(id: u64, out: &mut String) {
    let whole = (id & 0xFF_FFFF_FFFF) << (5 * CHECK) | check(id);
    (0..LENGTH).rev().for_each(|place| out.push(digit(whole >> (5 * place))));
}

/// Reads a code, given the bits of its characters in order. Nothing where the check is wrong.
pub(in crate::policy::pii) fn read(values: &[u64; LENGTH]) -> Option<u64> {
    let whole = values.iter().fold(0, |whole, value| whole << 5 | value);
    let id = whole >> (5 * CHECK);
    (check(id) == whole & 0xF_FFFF).then_some(id)
}

fn check(id: u64) -> u64 {
    u64::from(crc32fast::hash(&id.to_be_bytes()) & 0xF_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_and_no_neighbour_of_it_does() {
        let mut text = String::new();
        write(0x12_3456_789A, &mut text);
        let values: Vec<u64> = text.bytes().map(|byte| value(byte).unwrap()).collect();
        let values: [u64; LENGTH] = values.try_into().unwrap();
        assert_eq!(read(&values), Some(0x12_3456_789A));
        for place in 0..LENGTH {
            for other in (0..32).filter(|other| *other != values[place]) {
                let mut changed = values;
                changed[place] = other;
                assert_eq!(read(&changed), None);
            }
        }
    }
}
