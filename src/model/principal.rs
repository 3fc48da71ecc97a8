//! Who is calling. Runs and threads belong to a principal; policies ask what it is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::scope::Scopes;

/// A caller, as identity has established it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Principal(Arc<Identity>);

/// What is known of a caller.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The workspace that the caller belongs to.
    pub workspace: String,
    /// Who it is within the workspace, unique there: `key:<key id>`, `<issuer>|<sub>`,
    /// `hook:<agent>`. With the workspace it is what owns runs and threads.
    pub subject: String,
    /// What people call it: the name of the key, the subject of a token.
    pub name: String,
    /// By what it was established.
    pub kind: PrincipalKind,
    /// The groups that it is in.
    pub groups: Vec<String>,
    /// What its credential may be used for at all.
    pub scopes: Scopes,
    /// The agents that its credential is for: aliases, `<upstream>:<id>`, or `<upstream>:*`; none
    /// where it is for all.
    pub agents: Option<Vec<String>>,
    /// The rate class, which limits may name.
    pub class: Option<String>,
}

/// By what a caller was established.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// By nothing.
    #[default]
    Anonymous,
    /// By a key.
    Key,
    /// By a token of a configured issuer.
    Token,
    /// By the signature of a webhook.
    Webhook,
}

impl PrincipalKind {
    /// Its name, for policies and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Key => "key",
            Self::Token => "token",
            Self::Webhook => "webhook",
        }
    }
}

impl Principal {
    /// A caller of whom this is known.
    pub fn new(identity: Identity) -> Self {
        Self(Arc::new(identity))
    }

    /// A caller of whom nothing is known. It has no scope, and so may do nothing.
    pub fn anonymous() -> Self {
        Self::new(Identity::default())
    }
}

impl std::ops::Deref for Principal {
    type Target = Identity;
    fn deref(&self) -> &Identity {
        &self.0
    }
}

/// Two principals are the same caller when workspace and subject are: scopes and groups change
/// with the credential, and what a caller owns stays its own.
impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.workspace == other.workspace && self.subject == other.subject)
    }
}

impl Eq for Principal {}
