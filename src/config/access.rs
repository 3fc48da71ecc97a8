//! The sections `access` and `tools`: which policies decide, and what becomes of a tool that they
//! forbid. [`super::load`] calls it.

use std::path::PathBuf;

use super::describe::{Key, Shape};
use super::reader::Section;

/// Which policies decide.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Access {
    /// The folder with their files; none for those that the gateway brings.
    pub policies: Option<PathBuf>,
}

/// What becomes of a run that uses a tool that it may not use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnViolation {
    /// The tool's result is hidden and the run ends.
    #[default]
    End,
    /// The tool's result is hidden and the run goes on.
    Hide,
    /// The run goes on, and the event says that it was denied.
    Record,
}

pub(super) fn read_access(root: &mut Section<'_>) -> Access {
    let mut section = root.section("access", "Which policies decide who may do what.");
    let about = "The folder with their files (`*.cedar`); left out, the ones that the gateway \
                 brings, which let every caller do what its scopes say.";
    let policies = section.text(Key::new("policies", Shape::Text, about));
    section.finish();
    Access { policies: policies.map(PathBuf::from) }
}

pub(super) fn read_tools(root: &mut Section<'_>) -> OnViolation {
    let mut section = root.section("tools", "The tools of agents.");
    let about = "What becomes of a run that is seen to use a tool that it may not use: `end` \
                 hides the tool's result and ends the run, `hide` hides the result, `record` \
                 only says so.";
    let word = Key::new("on_violation", Shape::Text, about).default("end");
    let word = section.choice(word, &["end", "hide", "record"]);
    section.finish();
    match word.as_deref() {
        Some("hide") => OnViolation::Hide,
        Some("record") => OnViolation::Record,
        Some(_) | None => OnViolation::End,
    }
}
