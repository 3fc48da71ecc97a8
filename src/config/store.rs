//! The section `store`: where everything is kept that must outlive the process, what seals it, and
//! for how long. [`super::load`] calls it.

use std::time::Duration;

use super::describe::{Key, Setting, Shape};
use super::reader::Section;
use super::secret::Secret;
use super::units::{GIB, MIB};

/// Where everything is kept that must outlive the process.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// `sqlite://<path>` or `postgres://…`; the latter may hold a password.
    pub url: Secret,
    /// What seals text at rest: 32 bytes in base64. None for one that stands in a file beside the
    /// SQLite file, made at the first start.
    pub key: Option<Secret>,
    /// The key before that one, which only opens.
    pub previous: Option<Secret>,
    /// How long ended runs are kept.
    pub keep: Duration,
    /// Bytes of all that is kept; beyond them, the oldest runs go earlier.
    pub max_bytes: usize,
}

const URL: &str = "sqlite://data/switchyard.db";

/// A month, in which a question about a run is still asked.
const KEEP: Setting<Duration> = Setting::new(
    "keep",
    "How long ended runs and idle threads are kept.",
    Duration::from_secs(30 * 24 * 3600),
    Duration::from_secs(3600)..=Duration::from_secs(10 * 366 * 24 * 3600),
    "a run must be there to be come back to, and for ever is no bound",
);
/// What a small disk can spare.
const MAX_BYTES: Setting<usize> = Setting::new(
    "max_bytes",
    "Bytes of all that is kept; beyond them the oldest ended runs go before their time.",
    20 * GIB,
    64 * MIB..=64 * 1024 * GIB,
    "less keeps no day of work, and disks end",
);

pub(super) fn read(root: &mut Section<'_>) -> Store {
    let about = "Where everything is kept that must outlive the process: keys, totals, runs, the \
                 audit.";
    let mut section = root.section("store", about);
    let about = "`sqlite://<path>` for one node, `postgres://…` where several share it.";
    let url = section.text(Key::new("url", Shape::Text, about).default(URL));
    let url = url.unwrap_or_else(|| URL.to_owned());
    let is_file = url.starts_with("sqlite://");
    if !is_file && !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        section.refuse("url", "must begin with `sqlite://`, `postgres://` or `postgresql://`");
    }
    let about = "What seals the text of callers and agents at rest: 32 bytes in base64. Left out, \
                 it is made once and stands in `<path>.key` beside a SQLite file; PostgreSQL needs \
                 one.";
    let key = section.optional_secret("key", about);
    if key.is_none() && !is_file && section.is_clean() {
        section.refuse("key", "is required where several nodes share the store");
    }
    let about = "The key before that one, while what it sealed is still kept.";
    let store = Store {
        key,
        previous: section.optional_secret("previous", about),
        url: Secret::new(url),
        keep: section.duration(&KEEP),
        max_bytes: section.bytes(&MAX_BYTES),
    };
    section.finish();
    store
}
