//! The section `profiles`: how agents are read from their platforms. [`super::load`] calls it.

use std::time::Duration;

use super::describe::Setting;
use super::reader::Section;

/// How agents are read from their platforms.
#[derive(Clone, Debug, PartialEq)]
pub struct Profiles {
    /// How long what was read may be given to others.
    pub kept_for: Duration,
    /// Agents and pages of lists that are kept.
    pub kept: usize,
    /// How long a list waits for a platform.
    pub list_within: Duration,
}

/// Long enough for a page that many look at, short enough that nobody notices a change elsewhere.
const KEPT_FOR: Setting<Duration> = Setting::new(
    "kept_for",
    "How long an agent that was read is given to others who ask; changes through the gateway are \
     seen at once.",
    Duration::from_secs(30),
    Duration::from_secs(1)..=Duration::from_secs(3_600),
    "less asks for every caller anew, and more shows what is long gone",
);
/// At some tens of KiB each a few MiB.
const KEPT: Setting<u32> = Setting::new(
    "kept",
    "Agents and pages of lists that are kept.",
    1_000,
    1..=1_000_000,
    "none would ask for every caller anew, and it is memory",
);
/// As long as people wait for a list.
const LIST_WITHIN: Setting<Duration> = Setting::new(
    "list_within",
    "How long a list waits for a platform before it goes on without it.",
    Duration::from_secs(10),
    Duration::from_millis(100)..=Duration::from_secs(120),
    "less leaves platforms out that are well, and more is longer than anybody waits",
);

pub(super) fn read(root: &mut Section<'_>) -> Profiles {
    let mut section = root.section("profiles", "How agents are read from their platforms.");
    let profiles = Profiles {
        kept_for: section.duration(&KEPT_FOR),
        kept: section.count(&KEPT) as usize,
        list_within: section.duration(&LIST_WITHIN),
    };
    section.finish();
    profiles
}
