//! Which questions make sense at all: the actions and the resources that the schema brings
//! together. Asked before any policy is.
//!
//! Invariant: it says what the schema says; a test holds the two together.

use crate::model::judge::{Action, Question, Resource};

/// Whether the action is one for such a resource. What is not is never permitted, whatever a
/// policy says.
pub(super) const fn makes_sense(question: &Question<'_>) -> bool {
    match question.action {
        Action::Run | Action::UseTool(_) => matches!(question.resource, Resource::Agent(_)),
        Action::Read => true,
        Action::Cancel => matches!(question.resource, Resource::Run(_) | Resource::Thread(_)),
        Action::ManageAgents | Action::Proxy => {
            matches!(question.resource, Resource::Agent(_) | Resource::Upstream(_))
        }
        Action::Administer => matches!(question.resource, Resource::Gateway),
    }
}
