//! The hashes of the log's Merkle tree, SHA-256 as in RFC 6962 (2.1), and their text. The tree, the
//! proofs and the export are made of these.
//!
//! Invariant: a leaf is never hashed as a node is, so that no record can pass for a subtree; a
//! hash has one text, and any other text is no hash.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{Context, Digest, SHA256, digest};

/// A SHA-256 hash: of a record, of a subtree, or of the whole tree.
pub type Hash = [u8; HASH_BYTES];

/// Bytes of a hash.
pub const HASH_BYTES: usize = 32;
/// Bytes of a hash in base64.
pub(super) const HASH_TEXT_BYTES: usize = 44;

/// The hash of a record: of the byte 0 and the record's bytes (RFC 6962, 2.1).
pub fn leaf_hash(record: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(record);
    bytes(context.finish())
}

/// The hash of two neighbours: of the byte 1 and both hashes (RFC 6962, 2.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    // One call over one buffer: nodes are as many as records.
    let mut data = [1; 1 + 2 * HASH_BYTES];
    for (to, from) in data.iter_mut().skip(1).zip(left.iter().chain(right)) {
        *to = *from;
    }
    bytes(digest(&SHA256, &data))
}

/// The root of a tree without leaves: the hash of nothing (RFC 6962, 2.1).
pub fn empty_root() -> Hash {
    bytes(digest(&SHA256, &[]))
}

/// The hash in base64 (RFC 4648, section 4).
pub fn to_text(hash: &Hash) -> String {
    STANDARD.encode(hash)
}

/// The hash whose text this is. None where it is anything else, be it another spelling of a hash.
pub fn from_text(text: &[u8]) -> Option<Hash> {
    if text.len() != HASH_TEXT_BYTES {
        return None;
    }
    // The decoder wants room for whole groups of three bytes.
    let mut room = [0; HASH_BYTES + 1];
    let length = STANDARD.decode_slice(text, &mut room).ok()?;
    room.get(..length)?.try_into().ok()
}

fn bytes(digest: Digest) -> Hash {
    let mut hash = [0; HASH_BYTES];
    for (to, from) in hash.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_one_text() {
        let hash = leaf_hash(b"record");
        let text = to_text(&hash);
        assert_eq!(text.len(), HASH_TEXT_BYTES);
        assert_eq!(from_text(text.as_bytes()), Some(hash));
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut other = text.clone().into_bytes();
                other[at] ^= 1 << bit;
                assert_ne!(from_text(&other), Some(hash));
            }
        }
        assert_eq!(from_text(&text.as_bytes()[..43]), None);
        assert_eq!(from_text(STANDARD.encode([0; 31]).as_bytes()), None);
        assert_eq!(from_text(STANDARD.encode([0; 33]).as_bytes()), None);
    }

    #[test]
    fn a_leaf_that_looks_like_a_node_has_another_hash() {
        let (left, right) = (leaf_hash(b"a"), leaf_hash(b"b"));
        let both = [left, right].concat();
        assert_ne!(leaf_hash(&both), node_hash(&left, &right));
    }
}
