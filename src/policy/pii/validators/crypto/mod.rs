//! Addresses and private keys of the large chains. The engine reaches them through [`ENTITIES`].
//!
//! Invariant: whatever has a checksum is checked by it; Solana's addresses have none.

mod base58;
mod bech32;
mod keccak;
mod rows;

use super::checksum::index;
use base58::{Alphabet, BITCOIN, RIPPLE, decode, decode_checked};
use bech32::{Variant, byte_length};
pub use rows::ENTITIES;

/// The longest Bitcoin address: a segregated witness program of 40 bytes (BIP 173).
pub const BTC_ADDRESS_MAX: usize = 90;
/// `0x` and forty digits.
pub const ETH_ADDRESS_MAX: usize = 42;
/// Base58 of 32 bytes.
pub const SOL_ADDRESS_MAX: usize = 44;
/// Base58 of 25 bytes.
pub const BASE58_ADDRESS_MAX: usize = 35;
/// The longest of the others: a Cardano address.
pub const LONG_ADDRESS_MAX: usize = bech32::MAX;

fn has_version(candidate: &[u8], alphabet: &Alphabet, versions: &[u8]) -> bool {
    // Base58 of 25 bytes with a version below 0x50 takes 26 to 35 characters.
    (25..=BASE58_ADDRESS_MAX).contains(&candidate.len())
        && decode_checked::<25>(candidate, alphabet)
            .is_some_and(|bytes| versions.contains(&bytes[0]))
}

/// The version and length of a segregated witness program (BIP 141, 173, 350).
fn is_witness(candidate: &[u8], prefix: &[u8]) -> bool {
    if candidate.len() > BTC_ADDRESS_MAX {
        return false;
    }
    let Some(decoded) = bech32::decode(candidate, prefix) else { return false };
    let Some((version, program)) = decoded.values().split_first() else { return false };
    let length = byte_length(program);
    match decoded.variant {
        Variant::Bech32 => *version == 0 && matches!(length, Some(20 | 32)),
        Variant::Bech32m => (1..=16).contains(version) && matches!(length, Some(2..=40)),
    }
}

/// A Bitcoin address of the main network, of any kind.
pub fn btc_address(candidate: &[u8]) -> bool {
    match candidate {
        [b'1' | b'3', ..] => has_version(candidate, BITCOIN, &[0x00, 0x05]),
        [b'b' | b'B', ..] => is_witness(candidate, b"bc"),
        _ => false,
    }
}

/// A private key of Bitcoin in the wallet import format, for compressed keys or not.
pub fn btc_private_key(candidate: &[u8]) -> bool {
    match candidate {
        [b'5', ..] if candidate.len() == 51 => {
            decode_checked::<37>(candidate, BITCOIN).is_some_and(|bytes| bytes[0] == 0x80)
        }
        [b'K' | b'L', ..] if candidate.len() == 52 => decode_checked::<38>(candidate, BITCOIN)
            .is_some_and(|bytes| bytes[0] == 0x80 && bytes[33] == 0x01),
        _ => false,
    }
}

/// An extended private key (BIP 32): `xprv` and its kin of BIP 49 and 84.
pub fn extended_private_key(candidate: &[u8]) -> bool {
    matches!(candidate, [b'x' | b'y' | b'z', b'p', b'r', b'v', ..])
        && candidate.len() == 111
        && decode_checked::<82>(candidate, BITCOIN).is_some()
}

/// An Ethereum address: all digits of one case, or in the cases that its hash asks for (EIP-55).
pub fn eth_address(candidate: &[u8]) -> bool {
    let Some(digits) = candidate.strip_prefix(b"0x") else { return false };
    if digits.len() != 40 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return false;
    }
    let has_lower = digits.iter().any(u8::is_ascii_lowercase);
    let has_upper = digits.iter().any(u8::is_ascii_uppercase);
    !(has_lower && has_upper) || has_case_of_hash(digits)
}

fn has_case_of_hash(digits: &[u8]) -> bool {
    let mut lower = [0; 40];
    lower.iter_mut().zip(digits).for_each(|(to, from)| *to = from.to_ascii_lowercase());
    let Some(hash) = keccak::keccak_256(&lower) else { return false };
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.iter().zip(nibbles).all(|(digit, nibble)| {
        digit.is_ascii_digit() || digit.is_ascii_uppercase() == (nibble >= 8)
    })
}

/// A Solana address: 32 bytes, without a checksum, so that text of both cases and digits is
/// asked for.
pub fn sol_address(candidate: &[u8]) -> bool {
    (32..=SOL_ADDRESS_MAX).contains(&candidate.len())
        && candidate.iter().any(u8::is_ascii_lowercase)
        && candidate.iter().any(u8::is_ascii_uppercase)
        && candidate.iter().any(u8::is_ascii_digit)
        && decode::<32>(candidate, BITCOIN).is_some()
}

/// A Tron address.
pub fn trx_address(candidate: &[u8]) -> bool {
    candidate.starts_with(b"T") && has_version(candidate, BITCOIN, &[0x41])
}

/// A Litecoin address.
pub fn ltc_address(candidate: &[u8]) -> bool {
    match candidate {
        [b'L' | b'M', ..] => {
            has_version(candidate, BITCOIN, &[0x30, 0x32]) || is_witness(candidate, b"ltc")
        }
        [b'l', ..] => is_witness(candidate, b"ltc"),
        _ => false,
    }
}

/// A Dogecoin address.
pub fn doge_address(candidate: &[u8]) -> bool {
    matches!(candidate, [b'D' | b'A' | b'9', ..]) && has_version(candidate, BITCOIN, &[0x1e, 0x16])
}

/// A classic address of the XRP ledger.
pub fn xrp_address(candidate: &[u8]) -> bool {
    candidate.starts_with(b"r") && has_version(candidate, RIPPLE, &[0x00])
}

/// A Bitcoin Cash address in its own encoding, with or without `bitcoincash:`.
pub fn bch_address(candidate: &[u8]) -> bool {
    matches!(candidate.len(), 42 | 54) && bech32::is_cash_address(candidate)
}

/// A Dash address.
pub fn dash_address(candidate: &[u8]) -> bool {
    matches!(candidate, [b'X' | b'7', ..]) && has_version(candidate, BITCOIN, &[0x4c, 0x10])
}

/// A transparent Zcash address.
pub fn zec_address(candidate: &[u8]) -> bool {
    matches!(candidate, [b't', b'1' | b'3', ..])
        && candidate.len() == 35
        && decode_checked::<26>(candidate, BITCOIN)
            .is_some_and(|bytes| matches!(bytes, [0x1c, 0xb8 | 0xbd, ..]))
}

/// A Cardano address of the Shelley era (CIP 19): 29 or 57 bytes.
pub fn ada_address(candidate: &[u8]) -> bool {
    let Some(decoded) = bech32::decode(candidate, b"addr") else { return false };
    decoded.variant == Variant::Bech32 && matches!(byte_length(decoded.values()), Some(29 | 57))
}

/// A Cosmos Hub address.
pub fn atom_address(candidate: &[u8]) -> bool {
    let Some(decoded) = bech32::decode(candidate, b"cosmos") else { return false };
    decoded.variant == Variant::Bech32 && matches!(byte_length(decoded.values()), Some(20 | 32))
}

/// A Stellar account or secret seed: base32 with a CRC-16 (SEP 23).
pub fn xlm_address(candidate: &[u8]) -> bool {
    if candidate.len() != 56 || !matches!(candidate, [b'G' | b'S', ..]) {
        return false;
    }
    let (mut bytes, mut filled, mut held, mut bits) = ([0_u8; 35], 0, 0_u32, 0);
    for character in candidate {
        let Some(value) = index(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", *character) else {
            return false;
        };
        held = (held & 0x7f) << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            let Some(byte) = bytes.get_mut(filled) else { return false };
            *byte = (held >> bits) as u8;
            filled += 1;
        }
    }
    let Some((payload, check)) = bytes.split_last_chunk::<2>() else { return false };
    crc_16(payload) == u16::from_le_bytes(*check)
}

/// CRC-16/XMODEM.
fn crc_16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |check, byte| {
        (0..8).fold(check ^ u16::from(*byte) << 8, |check: u16, _| {
            if check & 0x8000 == 0 { check << 1 } else { check << 1 ^ 0x1021 }
        })
    })
}

/// A Monero address or subaddress: Base58 in blocks of eight bytes, with a Keccak checksum.
pub fn xmr_address(candidate: &[u8]) -> bool {
    if candidate.len() != 95 || !matches!(candidate, [b'4' | b'8', ..]) {
        return false;
    }
    let mut bytes = [0_u8; 69];
    for (block, text) in bytes.chunks_mut(8).zip(candidate.chunks(11)) {
        let mut number = 0_u128;
        for character in text {
            let Some(value) = BITCOIN.place(*character) else { return false };
            number = number * 58 + u128::from(value);
        }
        if number >> (block.len() * 8) != 0 {
            return false;
        }
        block.iter_mut().rev().for_each(|byte| {
            *byte = number as u8;
            number >>= 8;
        });
    }
    let Some((payload, check)) = bytes.split_last_chunk::<4>() else { return false };
    matches!(payload, [18 | 42, ..])
        && keccak::keccak_256(payload).is_some_and(|hash| hash.starts_with(check))
}
