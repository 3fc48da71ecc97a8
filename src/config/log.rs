//! The section `log`: what the process says of itself. [`super::load`] calls it.
//!
//! Invariant: the filter can be parsed.

use tracing_subscriber::EnvFilter;

use super::describe::{Key, Shape};
use super::reader::Section;

/// The log.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// JSON lines rather than text.
    pub json: bool,
    /// An `env_logger`-like filter, `info` by default.
    pub filter: String,
}

/// Logs are read by programs first.
const JSON: bool = true;
/// A line for each run, and what goes wrong.
const FILTER: &str = "info";

pub(super) fn read(root: &mut Section<'_>) -> Log {
    let mut section = root.section("log", "The log, on standard error.");
    let json = section.flag("json", "JSON lines rather than text for people.", JSON);
    let about = "What is logged: a level, or levels by module, like `info,switchyard=debug`.";
    let filter = section.text(Key::new("filter", Shape::Text, about).default(FILTER));
    let filter = filter.unwrap_or_else(|| FILTER.to_owned());
    if EnvFilter::try_new(&filter).is_err() {
        section.refuse("filter", "is no filter (write a level, or `module=level` with commas)");
    }
    section.finish();
    Log { json, filter }
}
