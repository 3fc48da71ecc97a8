//! Check digits, computed after the published rules. Called by the makers of values.
//!
//! Invariant: nothing here is shared with the engine, so that an error of its own rules is not
//! repeated in what it is tested with.

/// The value of each digit or letter, A = 10.
pub(super) fn values(text: &str) -> impl DoubleEndedIterator<Item = u32> {
    text.chars().filter_map(|character| character.to_digit(36))
}

/// The sum of the values, each by its weight; what is beyond the weights does not count.
pub(super) fn weighted(text: &str, weights: &[u32]) -> u32 {
    values(text).zip(weights).map(|(value, weight)| value * weight).sum()
}

/// Eleven less the rest by eleven: 1 to 11.
pub(super) fn eleven_less(text: &str, weights: &[u32]) -> u32 {
    11 - weighted(text, weights) % 11
}

/// The digit that makes the text divisible by ten under these weights.
pub(super) fn to_ten(sum: u32) -> u32 {
    (10 - sum % 10) % 10
}

/// The digit that Luhn's rule appends (ISO/IEC 7812-1 annex B).
pub(super) fn luhn(text: &str) -> u32 {
    let doubled = |digit: u32| digit * 2 / 10 + digit * 2 % 10;
    let sum = values(text)
        .rev()
        .enumerate()
        .map(|(at, digit)| if at % 2 == 0 { doubled(digit) } else { digit })
        .sum();
    to_ten(sum)
}

/// The rest by 97, a letter counting as its two digits (ISO 7064 as ISO 13616 uses it).
pub(super) fn rest_97(text: &str) -> u32 {
    values(text).fold(0, |rest, value| (rest * if value > 9 { 100 } else { 10 } + value) % 97)
}

/// The rest of a number in digits.
pub(super) fn rest(text: &str, by: u64) -> u64 {
    values(text).fold(0, |rest, digit| (rest * 10 + u64::from(digit)) % by)
}

/// The digit that ISO 7064 MOD 11,10 appends.
pub(super) fn mod_11_10(text: &str) -> u32 {
    let product = values(text).fold(10, |product, digit| {
        let sum = (product + digit) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10
}

/// The digit that Verhoeff's rule appends: the dihedral group of ten is computed, not tabled.
pub(super) fn verhoeff(text: &str) -> u32 {
    const ONCE: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let turned = |digit: u32, times: usize| (0..times).fold(digit, |at, _| ONCE[at as usize]);
    let product = |a: u32, b: u32| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b) % 5,
        (false, true) => 5 + (a - b) % 5,
        (false, false) => (5 + a - b) % 5,
    };
    let all = values(text)
        .rev()
        .enumerate()
        .fold(0, |all, (at, digit)| product(all, turned(digit, (at + 1) % 8)));
    (0..10).find(|inverse| product(all, *inverse) == 0).unwrap_or(0)
}

/// The character that the rule of Indian tax numbers appends: base 36, each second value doubled.
pub(super) fn base_36(text: &str) -> char {
    let sum: u32 = values(text)
        .enumerate()
        .map(|(at, value)| value * (1 + at as u32 % 2))
        .map(|product| product / 36 + product % 36)
        .sum();
    char::from_digit((36 - sum % 36) % 36, 36).unwrap_or('0').to_ascii_uppercase()
}

/// The letter of an Italian tax code: values at odd places by the ministry's table.
pub(super) fn codice_fiscale(text: &str) -> char {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let place = |value: u32| if value > 9 { value - 10 } else { value };
    let sum: u32 = values(text)
        .map(place)
        .enumerate()
        .map(|(at, value)| if at % 2 == 0 { ODD[value as usize] } else { value })
        .sum();
    char::from(b'A' + (sum % 26) as u8)
}

/// The check character of a vehicle's number, for its ninth place (49 CFR 565.15).
pub(super) fn vehicle(text: &str) -> char {
    const LETTERS: &[u8] = b"12345678.12345.7.923456789";
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => u32::from(LETTERS[usize::from(byte - b'A')] - b'0'),
        _ => u32::from(byte - b'0'),
    };
    let sum: u32 = text.bytes().zip(WEIGHTS).map(|(byte, weight)| value(byte) * weight).sum();
    char::from_digit(sum % 11, 10).unwrap_or('X')
}

/// Base58 with the first four bytes of the double hash behind (as Bitcoin writes addresses).
pub(super) fn base_58_check(payload: &[u8]) -> String {
    const DIGITS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    use ring::digest::{SHA256, digest};
    let sum = digest(&SHA256, digest(&SHA256, payload).as_ref());
    let mut rest = payload.to_vec();
    rest.extend(sum.as_ref().iter().take(4));
    let zeros = rest.iter().take_while(|byte| **byte == 0).count();
    let mut text = Vec::new();
    while rest.iter().any(|byte| *byte != 0) {
        let mut carry = 0;
        for byte in &mut rest {
            let value = carry * 256 + u32::from(*byte);
            (*byte, carry) = ((value / 58) as u8, value % 58);
        }
        text.push(DIGITS[carry as usize]);
    }
    text.extend(std::iter::repeat_n(b'1', zeros));
    text.reverse();
    String::from_utf8(text).unwrap_or_default()
}

/// A CRC-32 in six digits of base 62, as GitHub appends it to its tokens.
pub(super) fn base_62_crc(text: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let all = text.bytes().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ ((crc & 1) * 0xEDB8_8320))
    });
    let sum = u64::from(!all);
    (0..6).rev().map(|at| char::from(DIGITS[(sum / 62_u64.pow(at) % 62) as usize])).collect()
}
