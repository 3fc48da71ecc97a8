//! Wraps bytes as a gzip member (RFC 1952) without compressing them; the `gzip` scenario uses it
//! to answer in a coding that nobody asked for.
//!
//! Invariant: any gzip reader gives back the same bytes.

/// The bytes as one gzip member of stored blocks.
pub fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut blocks = bytes.chunks(usize::from(u16::MAX)).peekable();
    if blocks.peek().is_none() {
        push_block(&mut member, &[], true);
    }
    while let Some(block) = blocks.next() {
        push_block(&mut member, block, blocks.peek().is_none());
    }
    member.extend_from_slice(&crc32(bytes).to_le_bytes());
    // The trailer holds the length modulo 2^32.
    member.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    member
}

fn push_block(member: &mut Vec<u8>, block: &[u8], last: bool) {
    let length = block.len() as u16;
    member.push(u8::from(last));
    member.extend_from_slice(&length.to_le_bytes());
    member.extend_from_slice(&(!length).to_le_bytes());
    member.extend_from_slice(block);
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc >>= 1;
            if carry == 1 {
                crc ^= 0xedb8_8320;
            }
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_member_holds_the_bytes_in_stored_blocks() {
        let member = stored(b"abc");
        assert_eq!(&member[..2], &[0x1f, 0x8b]);
        assert_eq!(&member[10..18], &[1, 3, 0, 0xfc, 0xff, b'a', b'b', b'c']);
        assert_eq!(&member[22..], &[3, 0, 0, 0]);
        let long = stored(&vec![b'x'; 70_000]);
        assert_eq!(long.len(), 10 + 2 * 5 + 70_000 + 8);
    }
}
