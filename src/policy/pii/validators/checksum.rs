//! The check digits that many registries share. The validators call them.
//!
//! Invariant: every function is total: a value that is no digit makes the answer wrong, never the
//! program.

/// The sum of each value times its weight. The longer list's rest counts nothing.
pub(super) fn weighted(values: &[u8], weights: &[u8]) -> u32 {
    values.iter().zip(weights).map(|(value, weight)| u32::from(*value) * u32::from(*weight)).sum()
}

/// The sum by Luhn (ISO/IEC 7812-1 annex B) over digit values, the last counted once, modulo 10.
pub(super) fn luhn_remainder(values: &[u8]) -> u8 {
    const DOUBLED: [u8; 10] = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];
    let mut sum = 0_u32;
    for (place, value) in values.iter().rev().enumerate() {
        let counted =
            if place % 2 == 0 { *value } else { *DOUBLED.get(usize::from(*value)).unwrap_or(&0) };
        sum += u32::from(counted);
    }
    (sum % 10) as u8
}

/// Whether the last digit is right by Luhn.
pub(super) fn luhn(values: &[u8]) -> bool {
    luhn_remainder(values) == 0
}

/// The remainder of the number that the digit values spell.
pub(super) fn remainder(values: &[u8], modulus: u32) -> u32 {
    let step = |rest: u64, value: &u8| (rest * 10 + u64::from(*value)) % u64::from(modulus.max(1));
    values.iter().fold(0, step) as u32
}

/// The remainder by 97 of letters and digits, a letter counted as two digits from A = 10
/// (ISO/IEC 7064 MOD 97-10).
pub(super) fn remainder_97<'c>(characters: impl Iterator<Item = &'c u8>) -> Option<u32> {
    let mut rest = 0_u32;
    for byte in characters {
        rest = match byte {
            b'0'..=b'9' => rest * 10 + u32::from(byte - b'0'),
            b'A'..=b'Z' => rest * 100 + u32::from(byte - b'A') + 10,
            _ => return None,
        } % 97;
    }
    Some(rest)
}

/// Whether the last digit is right by ISO/IEC 7064 MOD 11,10.
pub(super) fn mod_11_10(values: &[u8]) -> bool {
    let mut check = 5_u32;
    for value in values {
        let doubled = (if check == 0 { 10 } else { check }) * 2 % 11;
        check = (doubled + u32::from(*value)) % 10;
    }
    check == 1
}

/// Whether the last digit is right by Verhoeff: the dihedral group of order ten, and a permutation
/// that repeats after eight places.
pub(super) fn verhoeff(values: &[u8]) -> bool {
    let mut check = 0_u8;
    for (place, value) in values.iter().rev().enumerate() {
        let mut permuted = *value;
        for _ in 0..place % 8 {
            const STEP: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
            permuted = *STEP.get(usize::from(permuted)).unwrap_or(&0);
        }
        check = dihedral(check, permuted);
    }
    check == 0
}

/// The product of two elements of the dihedral group of the pentagon: 0 to 4 turn it, 5 to 9 turn
/// it and flip it.
fn dihedral(a: u8, b: u8) -> u8 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b - 5) % 5,
        (false, true) => 5 + (a - 5 + 5 - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    }
}

/// The place of a byte in an alphabet.
pub(super) fn index(alphabet: &[u8], byte: u8) -> Option<u8> {
    alphabet.iter().position(|letter| *letter == byte).and_then(|place| u8::try_from(place).ok())
}

/// The value of a digit or letter, from A = 10.
pub(super) fn base_36(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'Z' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples_hold() {
        assert!(luhn(&[7, 9, 9, 2, 7, 3, 9, 8, 7, 1, 3]));
        assert!(!luhn(&[7, 9, 9, 2, 7, 3, 9, 8, 7, 1, 4]));
        assert!(verhoeff(&[2, 3, 6, 3]));
        assert!(!verhoeff(&[2, 3, 6, 4]));
        // ISO/IEC 7064: 0794 has check digit 5, and 794 with MOD 97-10 has 44.
        assert!(mod_11_10(&[0, 7, 9, 4, 5]));
        assert!(!mod_11_10(&[0, 7, 9, 4, 6]));
        assert_eq!(remainder_97(b"79444".iter()), Some(1));
        assert_eq!(remainder(&[1, 0, 0], 97), 3);
    }

    #[test]
    fn values_that_are_no_digits_do_no_harm() {
        for function in [luhn, mod_11_10] {
            function(&[255; 20]);
        }
        assert_eq!(remainder_97(b"a".iter()), None);
    }
}
