//! Keys that are public but no proof of anything: RSA keys whose private part can be computed,
//! and points of Ed25519 under which a signature can be made without one. [`super::key`] asks it
//! for every key that an issuer publishes.
//!
//! Invariant: a key that passes is of a size and shape that its algorithm's security rests on.

/// The least RSA modulus, in bits (RFC 7518 section 3.3).
const LEAST_RSA_BITS: usize = 2048;
/// The largest RSA modulus that is verified, in bits: ring's own limit.
const MOST_RSA_BITS: usize = 8192;

/// Whether an RSA key may be used; big-endian, without leading zeros.
pub(super) fn rsa_is_sound(modulus: &[u8], exponent: &[u8]) -> bool {
    let Some(first) = modulus.first() else { return false };
    let bits = modulus.len() * 8 - first.leading_zeros() as usize;
    let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    (LEAST_RSA_BITS..=MOST_RSA_BITS).contains(&bits)
        && odd(modulus)
        && odd(exponent)
        // With exponent 1 every message is its own signature.
        && exponent != [1]
        && !has_roca(modulus)
}

/// The generator of the moduli that the broken generator made.
const ROCA_GENERATOR: u32 = 65_537;
/// The primes of the published fingerprint: those up to 167.
const ROCA_PRIMES: &[u32] = &[
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether the key has the fingerprint of ROCA (CVE-2017-15361): modulo each of the primes it is
/// a power of 65,537. A random modulus has it with a chance of less than one in 2^27.
fn has_roca(modulus: &[u8]) -> bool {
    ROCA_PRIMES.iter().all(|prime| {
        let rest = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let mut power = 1;
        for _ in 0..*prime {
            if power == rest {
                return true;
            }
            power = power * (ROCA_GENERATOR % prime) % prime;
        }
        false
    })
}

/// The encodings of Ed25519's points of small order, without the sign bit: under such a "key"
/// anybody can make a signature.
const SMALL_ORDER: [[u8; 32]; 7] = [
    with_ends(0x00, 0x00, 0x00),
    with_ends(0x01, 0x00, 0x00),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    with_ends(0xec, 0xff, 0x7f),
    with_ends(0xed, 0xff, 0x7f),
    with_ends(0xee, 0xff, 0x7f),
];

const fn with_ends(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut point = [between; 32];
    point[0] = first;
    point[31] = last;
    point
}

/// Whether an Ed25519 public key may be used.
pub(super) fn ed25519_is_sound(point: &[u8; 32]) -> bool {
    let mut unsigned = *point;
    if let Some(last) = unsigned.last_mut() {
        *last &= 0x7f;
    }
    !SMALL_ORDER.contains(&unsigned)
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    /// An odd number of so many bits, that has no fingerprint.
    fn modulus(bits: usize) -> Vec<u8> {
        let mut number = vec![0xa7; bits.div_ceil(8)];
        number[0] = 1 << ((bits - 1) % 8);
        number
    }

    #[test]
    fn an_rsa_key_has_a_size_and_an_exponent() {
        let usual = [1, 0, 1];
        assert!(rsa_is_sound(&modulus(2048), &usual));
        assert!(rsa_is_sound(&modulus(8192), &usual));
        assert!(rsa_is_sound(&modulus(2048), &[3]));
        for (bits, exponent) in [(1024, &usual[..]), (2047, &usual), (8193, &usual)] {
            assert!(!rsa_is_sound(&modulus(bits), exponent), "{bits}");
        }
        for exponent in [&[][..], &[1], &[2], &[1, 0, 0]] {
            assert!(!rsa_is_sound(&modulus(2048), exponent), "{exponent:?}");
        }
        assert!(!rsa_is_sound(&[], &usual));
    }

    #[test]
    fn anybody_can_sign_under_a_point_of_small_order_and_so_it_is_no_key() {
        let mut signatures = 0;
        for key in SMALL_ORDER {
            assert!(!ed25519_is_sound(&key));
            let mut signed = key;
            signed[31] |= 0x80;
            assert!(!ed25519_is_sound(&signed));
            // With s = 0 a signature holds where R = -[k]A, and that has small order too.
            for point in SMALL_ORDER {
                let signature = [point, [0; 32]].concat();
                for message in 0..16_u8 {
                    let forged =
                        UnparsedPublicKey::new(&ED25519, key).verify(&[message], &signature);
                    signatures += usize::from(forged.is_ok());
                }
            }
        }
        assert!(signatures > 16, "the attack is real: {signatures} signatures hold without a key");
        assert!(ed25519_is_sound(&[0x58; 32]));
    }
}
