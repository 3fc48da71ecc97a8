//! The section `audit`: when a record must be durable, how long records are kept, and who signs the
//! log. [`super::load`] calls it.

use std::time::Duration;

use super::describe::{Key, Shape};
use super::reader::Section;
use super::secret::Secret;

/// When a record must be durable, how long records are kept, and who signs the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Audit {
    /// When the record of a run must be durable.
    pub durability: Durability,
    /// Whether what was said is sealed into records.
    pub payloads: bool,
    /// How long records are kept; none for ever.
    pub keep: Option<Duration>,
    /// What the log is called in its checkpoints.
    pub origin: String,
    /// The key that signs checkpoints, as `PRIVATE+KEY+…`; none for one that is made of the
    /// store's key.
    pub key: Option<Secret>,
    /// Where checkpoints go: `file:<folder>` or an address.
    pub to: Vec<String>,
}

/// When the record of a run must be durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Before the platform sees a byte.
    Strict,
    /// Before the caller sees one: the wait hides behind the platform's own time.
    #[default]
    Overlap,
}

const ORIGIN: &str = "switchyard";

pub(super) fn read(root: &mut Section<'_>) -> Audit {
    let about = "The record of what was asked, decided and done, and its proof.";
    let mut section = root.section("audit", about);
    let about = "When the record of a run is on disk: `strict` before the platform sees a byte, \
                 `overlap` before the caller sees one.";
    let word = Key::new("durability", Shape::Text, about).default("overlap");
    let word = section.choice(word, &["strict", "overlap"]);
    let about = "What was said in a run: `none` of it is in its records, or it is there `sealed` \
                 with a key of the workspace, after `pii` and its rules `to_audit`.";
    let payloads = Key::new("payloads", Shape::Text, about).default("none");
    let payloads = section.choice(payloads, &["none", "sealed"]).as_deref() == Some("sealed");
    let about = "How long records are kept; left out, for ever. The proof of later ones goes on.";
    let keep = section.optional_duration("keep", about);
    let mut checkpoint =
        section.section("checkpoint", "Signed statements of how far the log goes, each second.");
    let about = "What the log is called in them; one name for each log.";
    let origin = checkpoint.text(Key::new("origin", Shape::Text, about).default(ORIGIN));
    let origin = origin.unwrap_or_else(|| ORIGIN.to_owned());
    let is_plain = |c: char| c.is_ascii_graphic() && c != '+';
    if origin.is_empty() || !origin.chars().all(is_plain) {
        checkpoint.refuse("origin", "must be printable ASCII without spaces and `+`");
    }
    let about = "The key that signs them, `PRIVATE+KEY+<origin>+…`, as `switchyard audit key` \
                 makes it; left out, it is made of the store's key.";
    let key = checkpoint.optional_secret("key", about);
    let about = "Where they go besides the store: `file:<folder>`, or an address that is sent \
                 each of them.";
    let to = checkpoint.texts(Key::new("to", Shape::Texts, about));
    for target in &to {
        let known = ["file:", "https://", "http://"].iter().any(|it| target.starts_with(it));
        if !known {
            checkpoint.refuse("to", "each must begin with `file:`, `https://` or `http://`");
            break;
        }
    }
    checkpoint.finish();
    section.finish();
    let durability = match word.as_deref() {
        Some("strict") => Durability::Strict,
        Some(_) | None => Durability::Overlap,
    };
    Audit { durability, payloads, keep, origin, key, to }
}
