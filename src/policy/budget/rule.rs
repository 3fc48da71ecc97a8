//! A budget as it was configured: whom it is for, and whose account a run is charged to. The
//! engine asks it before each run, and `explain` when somebody asks.
//!
//! Invariant: two callers, or agents, that a budget keeps apart never share a subject.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::window::Per;
use crate::clock::Timestamp;
use crate::model::agent::AgentRef;
use crate::model::amounts::{Amounts, Ceilings};
use crate::model::principal::Principal;
use crate::store::Account;

/// A budget.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its configured name. With the subject and the window it names an account, so a budget that
    /// is renamed begins anew.
    pub name: String,
    /// What has an account of its own; with nothing here, all callers share one.
    pub by: Vec<Dimension>,
    /// The runs that it is about.
    pub only: Only,
    /// What may be spent in a window.
    pub ceilings: Ceilings,
    /// How long a window is.
    pub per: Per,
    /// What is reserved for a run of which nothing better is known. Runs are always one each.
    pub reserve: Amounts,
}

/// What may have an account of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// Each workspace: `acme`.
    Workspace,
    /// Each caller in its workspace: `acme/key:key_…`.
    Principal,
    /// Each agent: `make-eu:8d2f`.
    Agent,
}

/// The runs that a budget is about. An empty list restricts nothing.
#[derive(Clone, Debug, Default)]
pub struct Only {
    /// Of callers in these workspaces.
    pub workspaces: Vec<String>,
    /// On these agents: `<upstream>:<id>`, or `<upstream>:*`. No aliases: an agent has one budget
    /// under all of its names.
    pub agents: Vec<String>,
    /// Of callers whose credential has one of these rate classes.
    pub classes: Vec<String>,
}

/// What is escaped in a part of a subject: what separates parts, what divides a part, and what a
/// store could not keep (a NUL). Percent-encoding also escapes all that is not ASCII.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');
/// In the first half of a part, its divider as well; the second half may hold it.
const ESCAPED_WORKSPACE: &AsciiSet = &ESCAPED.add(b'/');
const ESCAPED_UPSTREAM: &AsciiSet = &ESCAPED.add(b':');

impl Rule {
    /// Whether it is about the runs of this caller on this agent.
    pub fn applies(&self, principal: &Principal, agent: &AgentRef) -> bool {
        let Only { workspaces, agents, classes } = &self.only;
        let class = principal.class.as_deref();
        (workspaces.is_empty() || workspaces.contains(&principal.workspace))
            && (agents.is_empty() || agents.iter().any(|pattern| matches(pattern, agent)))
            && (classes.is_empty() || classes.iter().any(|one| Some(one.as_str()) == class))
    }

    /// The account that a run of this caller on this agent is charged to, if it begins now.
    pub fn account(&self, principal: &Principal, agent: &AgentRef, now: Timestamp) -> Account {
        let (window_start, window_end) = self.per.window(now);
        let subject = self.subject(principal, agent);
        Account { budget: self.name.clone(), subject, window_start, window_end }
    }

    /// Whose account it is: the parts in the order of [`Dimension`], separated by spaces; `*` for
    /// everybody's.
    fn subject(&self, principal: &Principal, agent: &AgentRef) -> String {
        let mut dimensions = self.by.clone();
        dimensions.sort_unstable();
        dimensions.dedup();
        let parts: Vec<String> = dimensions
            .into_iter()
            .map(|dimension| match dimension {
                Dimension::Workspace => escaped(&principal.workspace, ESCAPED_WORKSPACE),
                Dimension::Principal => {
                    let workspace = escaped(&principal.workspace, ESCAPED_WORKSPACE);
                    format!("{workspace}/{}", escaped(&principal.subject, ESCAPED))
                }
                Dimension::Agent => {
                    let upstream = escaped(&agent.upstream, ESCAPED_UPSTREAM);
                    format!("{upstream}:{}", escaped(&agent.native, ESCAPED))
                }
            })
            .collect();
        if parts.is_empty() { "*".to_owned() } else { parts.join(" ") }
    }
}

fn escaped(text: &str, set: &'static AsciiSet) -> String {
    utf8_percent_encode(text, set).to_string()
}

fn matches(pattern: &str, agent: &AgentRef) -> bool {
    let rest = pattern.strip_prefix(agent.upstream.as_str()).and_then(|it| it.strip_prefix(':'));
    rest.is_some_and(|native| native == "*" || native == agent.native)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;
    use crate::model::principal::Identity;

    fn rule(by: &[Dimension], only: Only) -> Rule {
        Rule {
            name: "daily".to_owned(),
            by: by.to_vec(),
            only,
            ceilings: Ceilings::default(),
            per: Per::Day,
            reserve: Amounts::default(),
        }
    }

    fn caller(workspace: &str, subject: &str, class: Option<&str>) -> Principal {
        Principal::new(Identity {
            workspace: workspace.to_owned(),
            subject: subject.to_owned(),
            class: class.map(str::to_owned),
            ..Identity::default()
        })
    }

    fn agent(upstream: &str, native: &str) -> AgentRef {
        AgentRef { upstream: upstream.to_owned(), native: native.to_owned() }
    }

    #[test]
    fn a_subject_is_written_in_one_order() {
        let (caller, agent) = (caller("acme", "key:key_1", None), agent("make-eu", "8d2f"));
        let all = [Dimension::Workspace, Dimension::Principal, Dimension::Agent];
        let subject = |by: &[Dimension]| rule(by, Only::default()).subject(&caller, &agent);
        for (by, expected) in [
            (&all[..1], "acme"),
            (&all[1..2], "acme/key:key_1"),
            (&all[2..], "make-eu:8d2f"),
            (&all[..0], "*"),
            (&[Dimension::Agent, Dimension::Workspace, Dimension::Agent], "acme make-eu:8d2f"),
        ] {
            assert_eq!(subject(by), expected);
        }
    }

    #[test]
    fn a_budget_is_about_what_its_filters_name() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let applies = |only: Only, class| {
            rule(&[], only).applies(&caller("acme", "s", class), &agent("make", "1"))
        };
        assert!(applies(Only::default(), None));
        for (workspaces, expected) in [(["acme", "b"], true), (["acme2", "b"], false)] {
            let only = Only { workspaces: words(&workspaces), ..Only::default() };
            assert_eq!(applies(only, None), expected);
        }
        for (pattern, expected) in [
            ("make:1", true),
            ("make:*", true),
            ("make:2", false),
            ("make:", false),
            ("mak:*", false),
            ("make", false),
            ("make-eu:*", false),
        ] {
            let only = Only { agents: words(&[pattern]), ..Only::default() };
            assert_eq!(applies(only, None), expected, "{pattern}");
        }
        let only = Only { classes: words(&["batch"]), ..Only::default() };
        assert!(applies(only.clone(), Some("batch")));
        assert!(!applies(only.clone(), Some("other")));
        assert!(!applies(only, None));
    }

    proptest! {
        #[test]
        fn what_a_budget_keeps_apart_never_shares_a_subject(
            one in ["[a:/ %é\0]{0,3}", "[a:/ %é\0]{0,3}", "[a:/ %é\0]{0,3}", "[a:/ %é\0]{0,3}"],
            other in ["[a:/ %é\0]{0,3}", "[a:/ %é\0]{0,3}", "[a:/ %é\0]{0,3}", "[a:/ %é\0]{0,3}"],
        ) {
            let subject = |by: &[Dimension], words: &[String; 4]| {
                let [workspace, subject, upstream, native] = words;
                rule(by, Only::default())
                    .subject(&caller(workspace, subject, None), &agent(upstream, native))
            };
            let both = [Dimension::Principal, Dimension::Agent];
            prop_assert_eq!(subject(&both, &one) == subject(&both, &other), one == other);
            let principal = [Dimension::Principal];
            let same = subject(&principal, &one) == subject(&principal, &other);
            prop_assert_eq!(same, one[..2] == other[..2]);
        }
    }
}
