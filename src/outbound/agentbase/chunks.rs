//! One message that comes in chunks, of which nobody says whether each is what is new (a delta)
//! or all so far (a snapshot), nor whether a full copy comes at the end. The decoder keeps one
//! for the answer and one for the thinking.
//!
//! A chunk that does not begin with all that came before is a delta. One that does is a snapshot,
//! except that chance can make a short delta look like one (`ha`, `ha`; `1`, `10`). So there:
//!
//! - it is held back, and the next chunk decides: if that in turn begins with the one held, they
//!   are snapshots; if not, the one held was a delta and is handed on, late by one chunk;
//! - if nothing follows, it is what the vendor's clients take it for: a snapshot, and a chunk
//!   that only equals what came before is the copy at the end and is dropped.
//!
//! The price is the last syllable of an answer that is nothing but the same chunk twice.
//! Invariant: what is handed on is a prefix of the message at every time; it is never taken back.

/// From so many bytes on, beginning with all that came before is no chance.
const SURE: usize = 16;

/// The chunks of one message.
#[derive(Default)]
pub(super) struct Chunks {
    /// All that was handed on.
    text: String,
    /// A chunk that begins with `text` and awaits its successor.
    held: Option<String>,
    /// Chunks were seen to be snapshots.
    is_snapshots: bool,
}

impl Chunks {
    /// Takes the next chunk; what of it, and of the one held, is new.
    pub(super) fn push(&mut self, chunk: String) -> Option<String> {
        let late = self.held.take().and_then(|held| self.settle(held, &chunk));
        let new = self.take(chunk);
        match (late, new) {
            (Some(late), Some(new)) => Some(late + &new),
            (late, new) => late.or(new),
        }
    }

    /// The message is over: what is new by that, and the whole message; none if there was no
    /// chunk.
    pub(super) fn finish(&mut self) -> Option<(Option<String>, String)> {
        let held = self.held.take();
        self.is_snapshots = false;
        let new = held.and_then(|held| self.grow(&held));
        let text = std::mem::take(&mut self.text);
        (!text.is_empty()).then_some((new, text))
    }

    fn take(&mut self, chunk: String) -> Option<String> {
        if self.text.is_empty() || !chunk.starts_with(&self.text) {
            return self.append(chunk);
        }
        let is_growth = chunk.len() > self.text.len();
        if is_growth && (self.is_snapshots || self.text.len() >= SURE) {
            self.is_snapshots = true;
            return self.grow(&chunk);
        }
        self.held = Some(chunk);
        None
    }

    /// Decides over the chunk held now that its successor is here.
    fn settle(&mut self, held: String, next: &str) -> Option<String> {
        // Snapshots grow: the same one twice says nothing, a delta may well come twice.
        let is_growth = held.len() > self.text.len() || next.len() > held.len();
        if is_growth && next.starts_with(&held) {
            self.is_snapshots = true;
            return self.grow(&held);
        }
        match self.is_snapshots {
            true => None,
            false => self.append(held),
        }
    }

    fn append(&mut self, delta: String) -> Option<String> {
        self.text.push_str(&delta);
        (!delta.is_empty()).then_some(delta)
    }

    fn grow(&mut self, snapshot: &str) -> Option<String> {
        let new = snapshot.get(self.text.len()..).unwrap_or_default().to_owned();
        self.append(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is handed on for each chunk, and the whole message.
    fn run(chunks: &[&str]) -> (Vec<String>, String) {
        let mut message = Chunks::default();
        let mut handed: Vec<_> =
            chunks.iter().map(|c| message.push((*c).to_owned()).unwrap_or_default()).collect();
        let (new, whole) = message.finish().unwrap_or_default();
        handed.extend(new);
        assert_eq!(handed.concat(), whole, "{chunks:?}");
        (handed, whole)
    }

    #[test]
    fn deltas_are_handed_on_at_once() {
        assert_eq!(run(&["Good", " mor", "ning."]).0, ["Good", " mor", "ning."]);
    }

    #[test]
    fn a_full_copy_after_deltas_is_dropped() {
        assert_eq!(run(&["Good", " day", "Good day"]).1, "Good day");
        assert_eq!(run(&["Good", " morning to you all", "Good morning to you all"]).1.len(), 23);
    }

    #[test]
    fn snapshots_are_cut_to_what_is_new() {
        let (handed, whole) = run(&["I", "I think", "I think so", "I think so.", "I think so."]);
        assert_eq!(whole, "I think so.");
        assert_eq!(handed, ["I", "", " think so", ".", ""]);
    }

    #[test]
    fn a_short_repetition_inside_deltas_is_kept() {
        assert_eq!(run(&["ha", "ha", " said the fox"]).1, "haha said the fox");
        assert_eq!(run(&["1", "10", " and so on"]).1, "110 and so on");
        assert_eq!(run(&["ha", "ha", "ha", "!"]).1, "hahaha!");
        assert_eq!(run(&["\n", "\n", "Text"]).1, "\n\nText");
    }

    #[test]
    fn what_cannot_be_told_apart_is_taken_for_a_copy() {
        assert_eq!(run(&["ha", "ha"]).1, "ha");
        assert_eq!(run(&["I", "I think"]).1, "I think");
    }

    #[test]
    fn a_long_chunk_that_begins_with_everything_is_a_snapshot_at_once() {
        let (handed, whole) = run(&["It was a dark and", "It was a dark and stormy night"]);
        assert_eq!(handed, ["It was a dark and", " stormy night"]);
        assert_eq!(whole, "It was a dark and stormy night");
    }

    #[test]
    fn an_empty_message_is_none() {
        assert!(Chunks::default().finish().is_none());
        assert_eq!(run(&["", ""]).1, "");
    }

    proptest::proptest! {
        #[test]
        fn what_is_handed_on_is_the_message(chunks in proptest::collection::vec("[ab]{0,3}", 0..12)) {
            let chunks: Vec<_> = chunks.iter().map(String::as_str).collect();
            run(&chunks);
        }

        #[test]
        fn growing_snapshots_make_the_last_one(words in proptest::collection::vec("[a-z]{1,6} ", 1..12)) {
            let snapshots: Vec<_> = (1..=words.len()).map(|n| words[..n].concat()).collect();
            let snapshots: Vec<_> = snapshots.iter().map(String::as_str).collect();
            proptest::prop_assert_eq!(run(&snapshots).1, words.concat());
        }
    }
}
