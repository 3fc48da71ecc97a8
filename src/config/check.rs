//! The part `check` of an upstream: how it is asked whether it is there. [`super::upstreams`] calls
//! it.
//!
//! Invariant: a check is over before the next one begins.

use std::time::Duration;

use super::describe::{Key, Setting, Shape};
use super::reader::Section;

/// How an upstream is asked whether it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is asked for, below the base URL.
    pub path: String,
    /// How often.
    pub every: Duration,
    /// How long an answer may take to begin.
    pub within: Duration,
}

const EVERY: Setting<Duration> = Setting::new(
    "every",
    "How often it is asked.",
    Duration::from_secs(10),
    Duration::from_millis(100)..=Duration::from_secs(3600),
    "more often is a load, and less often tells nothing",
);
const WITHIN: Setting<Duration> = Setting::new(
    "within",
    "How long its answer may take to begin; no longer than `every`.",
    Duration::from_secs(2),
    Duration::from_millis(10)..=Duration::from_secs(300),
    "less is shorter than a network is, and more tells nothing",
);

pub(super) fn read(upstream: &mut Section<'_>) -> Option<Check> {
    let about = "A `GET` now and then, whose outcome the breaker counts like any call's: 5xx, no \
                 connection and no answer are failures.";
    let mut section = upstream.optional_section("check", about)?;
    let about = "What is asked for, below the base URL.";
    let path = section.text(Key::new("path", Shape::Text, about).default("/"));
    let path = path.unwrap_or_else(|| "/".to_owned());
    if !path.starts_with('/') || path.parse::<http::uri::PathAndQuery>().is_err() {
        section.refuse("path", "must be a path that begins with `/`");
    }
    let check = Check { path, every: section.duration(&EVERY), within: section.duration(&WITHIN) };
    if check.within > check.every {
        section.refuse("within", "must be no longer than `every`");
    }
    section.finish();
    Some(check)
}
