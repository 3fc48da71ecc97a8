//! Bytes to text where a piece may end inside a character: the incomplete rest waits for the next
//! piece. For callers whose text comes in bytes.
//!
//! Invariant: the pieces joined are the text, whatever the cutting; bytes that are not UTF-8 are
//! U+FFFD, one for each maximal broken sequence (WHATWG Encoding), and at most three bytes wait.

/// Decodes bytes that come in pieces.
#[derive(Default)]
pub struct Utf8Pieces {
    waiting: [u8; 4],
    len: usize,
}

impl Utf8Pieces {
    /// Takes the next bytes and hands on what they complete.
    ///
    /// # Errors
    /// What `sink` fails with.
    pub fn feed<E>(
        &mut self,
        mut bytes: &[u8],
        sink: &mut impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some((first, rest)) = bytes.split_first().filter(|_| self.len > 0) {
            if let Some(place) = self.waiting.get_mut(self.len) {
                *place = *first;
            }
            let waiting = self.waiting.get(..=self.len).unwrap_or_default();
            match std::str::from_utf8(waiting) {
                Ok(character) => {
                    sink(character)?;
                    (self.len, bytes) = (0, rest);
                }
                Err(error) if error.error_len().is_none() => {
                    (self.len, bytes) = (self.len + 1, rest);
                }
                // What waited was broken; the byte is looked at anew.
                Err(_) => {
                    sink("\u{fffd}")?;
                    self.len = 0;
                }
            }
        }
        for chunk in bytes.utf8_chunks() {
            if !chunk.valid().is_empty() {
                sink(chunk.valid())?;
            }
            let broken = chunk.invalid();
            let is_cut = std::str::from_utf8(broken).is_err_and(|e| e.error_len().is_none());
            if is_cut && broken.as_ptr_range().end == bytes.as_ptr_range().end {
                self.len = broken.len();
                self.waiting.iter_mut().zip(broken).for_each(|(to, from)| *to = *from);
            } else if !broken.is_empty() {
                sink("\u{fffd}")?;
            }
        }
        Ok(())
    }

    /// The text is over: what waits is broken.
    ///
    /// # Errors
    /// What `sink` fails with.
    pub fn finish<E>(&mut self, sink: &mut impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        let is_waiting = self.len > 0;
        self.len = 0;
        if is_waiting { sink("\u{fffd}") } else { Ok(()) }
    }
}

impl std::fmt::Debug for Utf8Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Utf8Pieces({} bytes wait)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};
    use std::convert::Infallible;

    fn decode(pieces: &[&[u8]]) -> String {
        let mut text = String::new();
        let mut sink = |piece: &str| {
            text.push_str(piece);
            Ok::<(), Infallible>(())
        };
        let mut decoder = Utf8Pieces::default();
        pieces.iter().for_each(|piece| decoder.feed(piece, &mut sink).unwrap());
        decoder.finish(&mut sink).unwrap();
        text
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_cutting_are_what_the_standard_library_makes_of_them(
            bytes: Vec<u8>, text: String, cut in any::<proptest::sample::Index>(),
        ) {
            for bytes in [bytes, text.into_bytes()] {
                let (left, right) = bytes.split_at(cut.index(bytes.len() + 1));
                let each: Vec<&[u8]> = bytes.chunks(1).collect();
                let whole = String::from_utf8_lossy(&bytes);
                assert_eq!(decode(&[left, right]), whole);
                assert_eq!(decode(&each), whole);
            }
        }
    }
}
