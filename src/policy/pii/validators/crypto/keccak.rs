//! Keccak-256 as Ethereum and Monero use it: the padding is that of the competition entry, not
//! that of SHA-3 (FIPS 202). The addresses' checksums call it; nothing secret goes through it.
//!
//! Invariant: one block of input is enough for an address; longer input is refused.

/// Bytes that one block takes.
const RATE: usize = 136;

const ROUNDS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// By how many bits each lane turns, and where it goes, along the path that visits all but one.
const PATH: [(usize, u32); 24] = [
    (10, 1),
    (7, 3),
    (11, 6),
    (17, 10),
    (18, 15),
    (3, 21),
    (5, 28),
    (16, 36),
    (8, 45),
    (21, 55),
    (24, 2),
    (4, 14),
    (15, 27),
    (23, 41),
    (19, 56),
    (13, 8),
    (12, 25),
    (2, 43),
    (20, 62),
    (14, 18),
    (22, 39),
    (9, 61),
    (6, 20),
    (1, 44),
];

/// The digest of less than one block.
pub(super) fn keccak_256(input: &[u8]) -> Option<[u8; 32]> {
    if input.len() >= RATE {
        return None;
    }
    let mut block = [0; RATE];
    block.iter_mut().zip(input).for_each(|(to, from)| *to = *from);
    block[input.len()] = 0x01;
    block[RATE - 1] |= 0x80;
    let mut state = [0_u64; 25];
    for (lane, bytes) in state.iter_mut().zip(block.as_chunks::<8>().0) {
        *lane = u64::from_le_bytes(*bytes);
    }
    ROUNDS.iter().for_each(|constant| permute(&mut state, *constant));
    let mut digest = [0; 32];
    for (bytes, lane) in digest.as_chunks_mut::<8>().0.iter_mut().zip(state) {
        *bytes = lane.to_le_bytes();
    }
    Some(digest)
}

fn permute(state: &mut [u64; 25], constant: u64) {
    let mut parity = [0_u64; 5];
    for (at, lane) in state.iter().enumerate() {
        parity[at % 5] ^= lane;
    }
    for (at, lane) in state.iter_mut().enumerate() {
        *lane ^= parity[(at + 4) % 5] ^ parity[(at + 1) % 5].rotate_left(1);
    }
    let mut carried = state[1];
    for (place, turn) in PATH {
        carried = std::mem::replace(&mut state[place], carried.rotate_left(turn));
    }
    for row in state.as_chunks_mut::<5>().0 {
        let before = *row;
        for (at, lane) in row.iter_mut().enumerate() {
            *lane ^= !before[(at + 1) % 5] & before[(at + 2) % 5];
        }
    }
    state[0] ^= constant;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digests_are_the_published_ones() {
        let hex = |input: &[u8]| -> String {
            keccak_256(input).unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
        };
        assert_eq!(hex(b""), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
        assert_eq!(hex(b"abc"), "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
        assert_eq!(keccak_256(&[0; 136]), None);
    }
}
