//! What is asked for when a key is made, and whether it can be had. [`super::create`] checks every
//! request here, whether it comes from a command, the admin API or configuration.
//!
//! Invariant: all that is wrong is said at once, each thing at its field.

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::model::scope::Scopes;

use super::form::{is_word, is_workspace};

/// Of a name, and of a group; what fits a line of a list.
const MAX_TEXT: usize = 80;
/// Groups of a key: policies ask for each of them on every request.
const MAX_GROUPS: usize = 32;
/// Agents of a key: the list is gone through on every request.
const MAX_AGENTS: usize = 256;
/// Of one entry of `agents`: an upstream's name and its platform's own id.
const MAX_AGENT: usize = 200;

/// What a key is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRequest {
    /// What people call it, 1 to 80 characters.
    pub name: String,
    /// The workspace that it is for, 1 to 80 of `[A-Za-z0-9._-]`.
    pub workspace: String,
    /// What it may be used for at all; at least one.
    pub scopes: Scopes,
    /// The groups that its holder is in, at most 32.
    pub groups: Vec<String>,
    /// The agents that it is for, 1 to 256; none for all.
    pub agents: Option<Vec<String>>,
    /// The rate class.
    pub class: Option<String>,
    /// When it stops to be valid.
    pub expires_at: Option<Timestamp>,
}

impl KeyRequest {
    /// Checks all but the expiry: a configured key may have expired, and the gateway starts.
    pub(super) fn check(&self) -> Result<()> {
        check(self, None)
    }

    /// Checks all, for a key that is new.
    pub(super) fn check_new(&self, now: Timestamp) -> Result<()> {
        check(self, Some(now))
    }
}

fn check(wanted: &KeyRequest, now: Option<Timestamp>) -> Result<()> {
    let mut wrong = Vec::new();
    let mut test = |is_right: bool, path: String, message: &'static str| {
        if !is_right {
            wrong.push((path, message));
        }
    };
    test(
        is_name(&wanted.name),
        "name".to_owned(),
        "is 1 to 80 letters, digits and . _ - @ : / + ( ), with single spaces between",
    );
    test(
        is_workspace(&wanted.workspace),
        "workspace".to_owned(),
        "is 1 to 80 letters, digits and . _ -",
    );
    test(wanted.scopes != Scopes::NONE, "scopes".to_owned(), "is empty: such a key is of no use");
    test(wanted.groups.len() <= MAX_GROUPS, "groups".to_owned(), "has more than 32 entries");
    for (place, group) in wanted.groups.iter().enumerate().take(MAX_GROUPS) {
        let is_new = wanted.groups.iter().take(place).all(|before| before != group);
        let path = format!("groups[{place}]");
        test(is_name(group) && is_new, path, "is no name of 1 to 80 characters, or stands twice");
    }
    if let Some(agents) = &wanted.agents {
        let fits = (1..=MAX_AGENTS).contains(&agents.len());
        test(fits, "agents".to_owned(), "has not 1 to 256 entries (leave it out for all agents)");
        for (place, agent) in agents.iter().enumerate().take(MAX_AGENTS) {
            let path = format!("agents[{place}]");
            test(is_agent(agent), path, "is no alias, `<upstream>:<id>` or `<upstream>:*`");
        }
    }
    let is_class = |class: &String| is_workspace(class);
    test(
        wanted.class.as_ref().is_none_or(is_class),
        "class".to_owned(),
        "is 1 to 80 letters, digits and . _ -",
    );
    let is_over = wanted.expires_at.zip(now).is_some_and(|(expires_at, now)| expires_at <= now);
    test(!is_over, "expires_at".to_owned(), "is not in the future");
    let mut wrong = wrong.into_iter();
    let Some((path, message)) = wrong.next() else { return Ok(()) };
    let first = Error::invalid(path, message);
    Err(wrong.fold(first, |error, (path, message)| error.at(path, message)))
}

/// Words in one line, of any script, that no terminal, log or table can trip over: no control
/// characters, nothing that turns the direction of text.
fn is_name(text: &str) -> bool {
    let may_stand = |c: char| c.is_alphanumeric() || " ._-@:/+()".contains(c);
    (1..=MAX_TEXT).contains(&text.chars().count())
        && text.chars().all(may_stand)
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains("  ")
}

fn is_agent(text: &str) -> bool {
    let (alias, id) = text.split_once(':').unwrap_or((text, "-"));
    text.len() <= MAX_AGENT
        && !alias.is_empty()
        && alias.bytes().all(is_word)
        && !id.is_empty()
        && id.bytes().all(|c| c.is_ascii_graphic())
        && (id == "*" || !id.contains('*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scope::Scope;

    fn right() -> KeyRequest {
        KeyRequest {
            name: "n8n (Büro)".to_owned(),
            workspace: "acme".to_owned(),
            scopes: [Scope::RunsWrite].into_iter().collect(),
            groups: vec!["support".to_owned()],
            agents: Some(vec!["support".into(), "make-eu:8d2f:1".into(), "acp:*".into()]),
            class: Some("gold".to_owned()),
            expires_at: Some(Timestamp(100)),
        }
    }

    fn paths(change: impl FnOnce(&mut KeyRequest)) -> Vec<String> {
        let mut wanted = right();
        change(&mut wanted);
        let error = wanted.check_new(Timestamp(99)).unwrap_err();
        error.fields().iter().map(|field| field.path.clone()).collect()
    }

    #[test]
    fn what_is_right_is_taken() {
        right().check_new(Timestamp(99)).unwrap();
        let least = KeyRequest { groups: vec![], agents: None, class: None, ..right() };
        KeyRequest { expires_at: None, ..least }.check_new(Timestamp(99)).unwrap();
    }

    #[test]
    fn each_field_has_its_bounds() {
        let long = "a".repeat(81);
        for name in ["", " a", "a ", "a  b", "a\nb", "a\u{202e}b", "<b>", &long] {
            assert_eq!(paths(|w| w.name = name.to_owned()), ["name"], "{name:?}");
        }
        for workspace in ["", "a b", "a/b", "ä", &long] {
            assert_eq!(paths(|w| w.workspace = workspace.to_owned()), ["workspace"]);
        }
        assert_eq!(paths(|w| w.scopes = Scopes::NONE), ["scopes"]);
        assert_eq!(paths(|w| w.groups.push("support".to_owned())), ["groups[1]"]);
        assert_eq!(paths(|w| w.groups = (0..33).map(|n| n.to_string()).collect()), ["groups"]);
        assert_eq!(paths(|w| w.agents = Some(vec![])), ["agents"]);
        assert_eq!(paths(|w| w.agents = Some(vec!["a".to_owned(); 257])), ["agents"]);
        let agent = "a".repeat(201);
        for agent in ["", ":", "a:", ":a", "a b", "*", "a:b*", "a:\n", &agent] {
            assert_eq!(paths(|w| w.agents = Some(vec![agent.to_owned()])), ["agents[0]"]);
        }
        assert_eq!(paths(|w| w.class = Some(String::new())), ["class"]);
        assert_eq!(paths(|w| w.expires_at = Some(Timestamp(99))), ["expires_at"]);
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let nothing = KeyRequest::default().check_new(Timestamp(0)).unwrap_err();
        assert_eq!(nothing.kind().status(), 400);
        let paths: Vec<_> = nothing.fields().iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["name", "workspace", "scopes"]);
    }
}
