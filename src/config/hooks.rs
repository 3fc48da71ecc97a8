//! The section `hooks`: webhooks in, by the agent they run. [`super::load`] calls it.
//!
//! Invariant: the agent resolves, and every pointer is one (RFC 6901).

use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;

use super::agents::Agent;
use super::describe::{Key, Setting, Shape};
use super::identity::read_workspace;
use super::reader::Section;
use super::secret::Secret;
use super::suggest::did_you_mean;
use super::upstreams::Upstream;

/// A webhook in.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// Where the message stands.
    pub input: HookInput,
    /// How long a caller waits before it is answered 202.
    pub reply_within: Duration,
    /// How it may be called without a credential: by a signature over the request.
    pub signed: Option<Signed>,
}

/// A caller that signs its requests (Standard Webhooks).
#[derive(Clone, Debug, PartialEq)]
pub struct Signed {
    /// The secrets that it may sign with, `whsec_…`; two while they are rotated.
    pub secrets: Vec<Secret>,
    /// The workspace that it belongs to.
    pub workspace: String,
    /// Its rate class.
    pub class: Option<String>,
    /// The groups that it is in.
    pub groups: Vec<String>,
}

/// Where the message of a webhook stands.
#[derive(Clone, PartialEq, Eq)]
pub enum HookInput {
    /// In the payload's `input`.
    Input,
    /// At a JSON pointer (RFC 6901) into the payload.
    Pointer(String),
    /// In a text with `{{/json/pointer}}` places.
    Template(String),
}

impl fmt::Debug for HookInput {
    /// Without the text of a template: it is a prompt.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HookInput::Input => f.write_str("Input"),
            HookInput::Pointer(pointer) => write!(f, "Pointer({pointer:?})"),
            HookInput::Template(text) => write!(f, "Template([{} bytes])", text.len()),
        }
    }
}

/// Below the 30 s after which Zapier gives up.
const REPLY_WITHIN: Setting<Duration> = Setting::new(
    "reply_within",
    "How long a caller waits before it is answered 202 and the run goes on.",
    Duration::from_secs(25),
    Duration::from_millis(100)..=Duration::from_secs(3600),
    "less answers nobody, and no caller waits longer",
);

pub(super) fn read(
    root: &mut Section<'_>,
    upstreams: &IndexMap<String, Upstream>,
    agents: &IndexMap<String, Agent>,
) -> IndexMap<String, Hook> {
    let about = "Webhooks in, by agent: an alias of `agents`, or `<upstream>:<native id>`.";
    let entries = root.entries(Key::new("hooks", Shape::Entries, about));
    let read = |(agent, mut section): (String, Section<'_>)| {
        let resolves = match agent.split_once(':') {
            Some((upstream, id)) => upstreams.contains_key(upstream) && !id.is_empty(),
            None => agents.contains_key(&agent),
        };
        if !resolves {
            let hint = did_you_mean(&agent, agents.keys().map(String::as_str));
            section.refuse_key(format!("there is no such agent{hint}"));
        }
        let hook = Hook {
            input: read_input(&mut section),
            reply_within: section.duration(&REPLY_WITHIN),
            signed: read_signed(&mut section),
        };
        section.finish();
        (agent, hook)
    };
    entries.into_iter().map(read).collect()
}

fn read_signed(hook: &mut Section<'_>) -> Option<Signed> {
    let about = "A caller that signs its requests (Standard Webhooks) in place of a credential.";
    let mut section = hook.optional_section("signed", about)?;
    let secret = section.secret("secret", "The secret that it signs with, `whsec_…`.");
    let about = "The secret before that one, while it is rotated.";
    let previous = section.optional_secret("previous", about);
    let about = "The workspace that it belongs to.";
    let workspace = read_workspace(&mut section, "workspace", about);
    let about = "Its rate class, which limits and policies may name.";
    let class = section.text(Key::new("class", Shape::Text, about));
    let about = "The groups that it is in, for access policies.";
    let groups = section.texts(Key::new("groups", Shape::Texts, about));
    section.finish();
    let secrets = [Some(secret?), previous].into_iter().flatten().collect();
    Some(Signed { secrets, workspace: workspace?, class, groups })
}

fn read_input(section: &mut Section<'_>) -> HookInput {
    let about = "Where the message stands in the payload: a JSON pointer like `/text`.";
    let pointer = section.text(Key::new("input", Shape::Text, about));
    let about = "The message as a text with places, like `New ticket: {{/ticket/title}}`.";
    let template = section.text(Key::new("template", Shape::Text, about));
    if section.has("input") && section.has("template") {
        section.refuse("template", "cannot stand beside `input` (one of them gives the message)");
    }
    if pointer.as_deref().is_some_and(|pointer| !is_pointer(pointer)) {
        section.refuse("input", "is no JSON pointer (it begins with a slash, like `/text`)");
    }
    if let Err(message) = template.as_deref().map_or(Ok(()), check_template) {
        section.refuse("template", message);
    }
    match (pointer, template) {
        (Some(pointer), _) => HookInput::Pointer(pointer),
        (None, Some(template)) => HookInput::Template(template),
        (None, None) => HookInput::Input,
    }
}

/// Whether it is a JSON pointer into something, and `~` stands only in `~0` and `~1`.
fn is_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1);
    text.starts_with('/') && escapes.into_iter().all(|after| after.starts_with(['0', '1']))
}

fn check_template(text: &str) -> Result<(), &'static str> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((place, after)) = after.split_once("}}") else {
            return Err("holds a place `{{` without its end `}}`");
        };
        if !is_pointer(place.trim()) {
            return Err("holds a place that is no JSON pointer (write it like `{{/text}}`)");
        }
        rest = after;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_begins_with_a_slash_and_escapes_only_what_can_be() {
        for pointer in ["/", "/a/0", "/a~0b~1c"] {
            assert!(is_pointer(pointer), "{pointer}");
        }
        for other in ["", "a", "/a~", "/a~2"] {
            assert!(!is_pointer(other), "{other}");
        }
    }

    #[test]
    fn the_places_of_a_template_are_pointers_and_end() {
        assert!(check_template("no place").is_ok());
        assert!(check_template("a {{/b}} c {{ /d/0 }} }}").is_ok());
        for wrong in ["{{/a", "{{a}}", "{{}}", "{{ }}"] {
            assert!(check_template(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_template_is_not_printed() {
        assert_eq!(format!("{:?}", HookInput::Template("tok".to_owned())), "Template([3 bytes])");
    }
}
