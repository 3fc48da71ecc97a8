//! The sets that are asked, and who asks them.
//!
//! Invariant: every question is permitted by one policy, and no policy looks at more than a real
//! one would: a group or a class, an hour, a cost.

use std::fs;
use std::path::PathBuf;

use switchyard::model::principal::{Identity, PrincipalKind};
use switchyard::model::scope::Scope;
use switchyard::policy::access::{Access, KnownAgent, KnownUpstream, Source, World};

use crate::Outcome;

/// Where the policies say whom they are for.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// In their heads, as a large set should.
    Heads,
    /// In their conditions, so that each of them is looked at by every question.
    Conditions,
}

impl Shape {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Heads => "in their heads",
            Self::Conditions => "in their conditions",
        }
    }
}

/// An engine with so many policies.
pub(crate) fn engine(shape: Shape, count: usize) -> Outcome<Access> {
    let mut text = String::from(
        "@id(\"run-agents\") permit (principal, action == Action::\"run\", resource)\n\
         when { principal.scopes.contains(\"runs:write\") };\n",
    );
    for number in 1..count {
        let (head, condition) = match shape {
            Shape::Heads => (format!("principal in Group::\"acme/group-{number}\""), String::new()),
            Shape::Conditions => (
                "principal".to_owned(),
                format!("principal.groups.contains(\"group-{number}\") && "),
            ),
        };
        text.push_str(&format!(
            "@id(\"hours-{number}\") forbid ({head}, action == Action::\"run\", resource)\n\
             when {{ {condition}(context.hour < 8 || context.hour > 18) }};\n"
        ));
    }
    let folder = Folder::new()?;
    fs::write(folder.0.join("bench.cedar"), text)?;
    Ok(Access::new(Source::Folder(folder.0.clone()), &world())?)
}

/// A caller, one of many, in three of the groups.
pub(crate) fn caller(number: usize) -> Identity {
    Identity {
        workspace: "acme".to_owned(),
        subject: format!("key:0197f3c2-0000-7000-8000-{number:012}"),
        name: format!("automation {number}"),
        kind: PrincipalKind::Key,
        groups: (1..4).map(|step| format!("group-{}", 1 + number * step % 900)).collect(),
        scopes: [Scope::RunsRead, Scope::RunsWrite].into_iter().collect(),
        agents: None,
        class: Some("standard".to_owned()),
    }
}

fn world() -> World {
    World {
        upstreams: vec![KnownUpstream { name: "make-eu".to_owned(), kind: "make".to_owned() }],
        agents: vec![KnownAgent {
            alias: "support".to_owned(),
            upstream: "make-eu".to_owned(),
            id: "3c9a5f52-07f7-4b8e-9f0e-5a2f6c1d7b90".to_owned(),
        }],
    }
}

/// A folder, gone once it has been read.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Outcome<Self> {
        let name = format!("switchyard-bench-access-{}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(&folder.0)?;
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}
