//! Numbers in base 62, of fixed length: the alphabet that survives every URL, shell and double
//! click. Secrets and their checksums are written with it.
//!
//! Invariant: the same number always has the same text, and no two numbers share one.

/// Digits, capitals, small letters, as in GitHub's tokens.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Writes a number, whose words stand the highest first, in `LENGTH` digits, the highest first.
/// The number is divided down in place: nothing of it is left behind, provided that it fits.
pub(super) fn encode<const LENGTH: usize>(number: &mut [u32]) -> [u8; LENGTH] {
    let mut digits = [b'0'; LENGTH];
    for place in digits.iter_mut().rev() {
        let rest = divide(number);
        *place = DIGITS.get(rest).copied().unwrap_or(b'0');
    }
    digits
}

/// Divides by 62 in place; what remains.
fn divide(number: &mut [u32]) -> usize {
    let base = DIGITS.len() as u64;
    let rest = number.iter_mut().fold(0, |rest, word| {
        let value = rest << 32 | u64::from(*word);
        // The rest is below 62, so the quotient has 32 bits.
        *word = (value / base) as u32;
        value % base
    });
    rest as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a number back, to see that nothing was lost.
    fn decode(text: &[u8]) -> [u32; 8] {
        let mut number = [0u32; 8];
        for digit in text {
            let value = DIGITS.iter().position(|known| known == digit).unwrap();
            let mut carry = value as u64;
            for word in number.iter_mut().rev() {
                carry += u64::from(*word) * 62;
                *word = carry as u32;
                carry >>= 32;
            }
            assert_eq!(carry, 0);
        }
        number
    }

    #[test]
    fn the_greatest_numbers_fit() {
        let mut most = [u32::MAX; 8];
        let text: [u8; 43] = encode(&mut most);
        assert_eq!((decode(&text), most), ([u32::MAX; 8], [0; 8]));
        let mut checksum = [u32::MAX];
        assert_eq!(&encode::<6>(&mut checksum), b"4gfFC3");
        assert_eq!(checksum, [0]);
    }

    proptest! {
        #[test]
        fn every_number_reads_back(number: [u32; 8]) {
            let mut spent = number;
            let text: [u8; 43] = encode(&mut spent);
            prop_assert_eq!(decode(&text), number);
            prop_assert_eq!(spent, [0; 8]);
        }
    }
}
