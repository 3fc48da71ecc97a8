//! The names of things in policies: `Caller::"acme/key:1"`. The types' names are parsed once;
//! after that a name is put together without parsing.
//!
//! Invariant: two things never have the same name. A workspace or an upstream is cut from what
//! follows it by `/` or `:`, and a workspace's own `/` is written `%2F`.

use std::borrow::Cow;
use std::str::FromStr;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

use super::report::Unspeakable;
use crate::model::judge::{Action, Agent};

/// The types of the schema, and its actions.
pub(super) struct Names {
    caller: EntityTypeName,
    group: EntityTypeName,
    workspace: EntityTypeName,
    upstream: EntityTypeName,
    agent: EntityTypeName,
    run: EntityTypeName,
    thread: EntityTypeName,
    gateway: EntityTypeName,
    actions: Vec<EntityUid>,
}

impl Names {
    /// Parses the types' names.
    pub(super) fn new() -> Result<Self, Unspeakable> {
        let name = EntityTypeName::from_str;
        let kind = name("Action")?;
        let action = |action: Action<'_>| uid(&kind, action.name());
        Ok(Self {
            caller: name("Caller")?,
            group: name("Group")?,
            workspace: name("Workspace")?,
            upstream: name("Upstream")?,
            agent: name("Agent")?,
            run: name("Run")?,
            thread: name("Thread")?,
            gateway: name("Gateway")?,
            actions: Action::EACH.map(action).into(),
        })
    }

    pub(super) fn action(&self, action: Action<'_>) -> Option<EntityUid> {
        self.actions.get(action.index()).cloned()
    }

    pub(super) fn caller(&self, workspace: &str, subject: &str) -> EntityUid {
        uid(&self.caller, &format!("{}/{subject}", escaped(workspace)))
    }

    pub(super) fn group(&self, workspace: &str, group: &str) -> EntityUid {
        uid(&self.group, &format!("{}/{group}", escaped(workspace)))
    }

    pub(super) fn workspace(&self, name: &str) -> EntityUid {
        uid(&self.workspace, name)
    }

    pub(super) fn upstream(&self, name: &str) -> EntityUid {
        uid(&self.upstream, name)
    }

    /// An agent by its own name. The names of upstreams have no colon.
    pub(super) fn agent(&self, agent: Agent<'_>) -> EntityUid {
        uid(&self.agent, &format!("{}:{}", agent.upstream, agent.id))
    }

    /// An agent by an alias, which has no colon either.
    pub(super) fn alias(&self, alias: &str) -> EntityUid {
        uid(&self.agent, alias)
    }

    pub(super) fn run(&self, id: &str) -> EntityUid {
        uid(&self.run, id)
    }

    pub(super) fn thread(&self, id: &str) -> EntityUid {
        uid(&self.thread, id)
    }

    pub(super) fn gateway(&self) -> EntityUid {
        uid(&self.gateway, "gateway")
    }

    /// Whether it is a run or a thread, of which there are too many to tell apart for nothing.
    pub(super) fn is_run_or_thread(&self, uid: &EntityUid) -> bool {
        [&self.run, &self.thread].contains(&uid.type_name())
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn escaped(workspace: &str) -> Cow<'_, str> {
    if workspace.contains(['/', '%']) {
        Cow::Owned(workspace.replace('%', "%25").replace('/', "%2F"))
    } else {
        Cow::Borrowed(workspace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_policies_write_them() {
        let names = Names::new().unwrap();
        let agent = Agent { upstream: "make-eu", id: "a:b" };
        for (uid, text) in [
            (names.caller("acme", "key:1"), r#"Caller::"acme/key:1""#),
            (names.group("acme", "support/eu"), r#"Group::"acme/support/eu""#),
            (names.agent(agent), r#"Agent::"make-eu:a:b""#),
            (names.gateway(), r#"Gateway::"gateway""#),
            (names.action(Action::UseTool("x")).unwrap(), r#"Action::"use_tool""#),
        ] {
            assert_eq!(uid, EntityUid::from_str(text).unwrap());
        }
    }

    #[test]
    fn no_workspace_can_take_the_name_of_anothers_caller() {
        let names = Names::new().unwrap();
        let pairs = [("a", "b/c"), ("a/b", "c"), ("a%2Fb", "c"), ("a%", "b"), ("a%25", "b")];
        for (at, one) in pairs.iter().enumerate() {
            for other in pairs.iter().skip(at + 1) {
                assert_ne!(names.caller(one.0, one.1), names.caller(other.0, other.1));
            }
        }
    }
}
