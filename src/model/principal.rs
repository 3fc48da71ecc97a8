//! Who is calling. Runs and threads belong to a principal.

/// A caller, as identity has established it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The workspace that the caller belongs to.
    pub workspace: String,
    /// Who it is within the workspace.
    pub subject: String,
}

impl Principal {
    /// The one caller that there is while `identity: none` holds.
    pub fn anonymous() -> Self {
        Self { workspace: "default".to_owned(), subject: "anonymous".to_owned() }
    }
}
