//! Bech32 (BIP 173), Bech32m (BIP 350) and the address encoding of Bitcoin Cash. The addresses
//! call it.
//!
//! Invariant: a text of both cases decodes to nothing, and nothing longer than [`MAX`] is read.

use super::super::checksum::index;

/// The longest text: a Cardano address of 103 characters is the longest that is looked for.
pub(super) const MAX: usize = 110;

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Which checksum was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// BIP 173.
    Bech32,
    /// BIP 350.
    Bech32m,
}

/// A decoded text: its values of five bits without the checksum.
pub(super) struct Decoded {
    values: [u8; MAX],
    len: usize,
    pub(super) variant: Variant,
}

impl Decoded {
    /// The values of five bits.
    pub(super) fn values(&self) -> &[u8] {
        self.values.get(..self.len).unwrap_or_default()
    }
}

/// Decodes a text whose part before the last `1` is `prefix`, in lower case.
pub(super) fn decode(text: &[u8], prefix: &[u8]) -> Option<Decoded> {
    let data = after(text, prefix)?.strip_prefix(b"1")?;
    let (values, len) = read(data)?;
    let data = values.get(..len)?;
    let high = prefix.iter().map(|byte| byte >> 5);
    let low = prefix.iter().map(|byte| byte & 31);
    let all = high.chain([0]).chain(low).chain(data.iter().copied());
    let variant = match all.fold(1, step) {
        1 => Variant::Bech32,
        0x2bc8_30a3 => Variant::Bech32m,
        _ => return None,
    };
    Some(Decoded { values, len: len.checked_sub(6)?, variant })
}

/// How many bytes values of five bits stand for; nothing where the bits that are left over are
/// more than four or not zero.
pub(super) fn byte_length(values: &[u8]) -> Option<usize> {
    let bits = values.len() * 5;
    let left = bits % 8;
    let last = values.last().copied().unwrap_or(0);
    (left < 5 && last & ((1 << left) - 1) == 0).then_some(bits / 8)
}

/// The values of an address of Bitcoin Cash, checksum included, with or without its prefix.
pub(super) fn is_cash_address(text: &[u8]) -> bool {
    const PREFIX: &[u8] = b"bitcoincash";
    let data = after(text, PREFIX).and_then(|rest| rest.strip_prefix(b":")).unwrap_or(text);
    let Some((values, len)) = read(data) else { return false };
    let Some(values) = values.get(..len) else { return false };
    let prefix = PREFIX.iter().map(|byte| byte & 31);
    // 42 values: a version byte, 160 bits of hash, and 40 bits of checksum.
    len == 42
        && matches!(values.first(), Some(0 | 1))
        && prefix.chain([0]).chain(values.iter().copied()).fold(1, cash_step) == 1
}

/// What follows a prefix, which the text may have in either case.
fn after<'t>(text: &'t [u8], prefix: &[u8]) -> Option<&'t [u8]> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    let is_mixed =
        text.iter().any(u8::is_ascii_lowercase) && text.iter().any(u8::is_ascii_uppercase);
    (head.eq_ignore_ascii_case(prefix) && !is_mixed).then_some(rest)
}

fn read(data: &[u8]) -> Option<([u8; MAX], usize)> {
    let mut values = [0; MAX];
    let is_mixed =
        data.iter().any(u8::is_ascii_lowercase) && data.iter().any(u8::is_ascii_uppercase);
    if data.len() > MAX || is_mixed {
        return None;
    }
    for (value, byte) in values.iter_mut().zip(data) {
        *value = index(ALPHABET, byte.to_ascii_lowercase())?;
    }
    Some((values, data.len()))
}

fn step(check: u32, value: u8) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let top = check >> 25;
    let shifted = (check & 0x01ff_ffff) << 5 ^ u32::from(value);
    let bits = GENERATOR.iter().enumerate().filter(|(bit, _)| top >> bit & 1 == 1);
    bits.fold(shifted, |check, (_, generator)| check ^ generator)
}

fn cash_step(check: u64, value: u8) -> u64 {
    const GENERATOR: [u64; 5] =
        [0x0098_f2bc_8e61, 0x0079_b76d_99e2, 0x00f3_3e5f_b3c4, 0x00ae_2eab_e2a8, 0x001e_4f43_e470];
    let top = check >> 35;
    let shifted = (check & 0x0007_ffff_ffff) << 5 ^ u64::from(value);
    let bits = GENERATOR.iter().enumerate().filter(|(bit, _)| top >> bit & 1 == 1);
    bits.fold(shifted, |check, (_, generator)| check ^ generator)
}
