//! What the policies say to a question, and what the caller is told of it.
//!
//! Invariant: a verdict allows only where a policy permits, none forbids, and none was in error.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Kind};

/// What the policies say. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Verdict(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    cause: Cause,
    policies: Vec<String>,
    reason: Option<String>,
    version: Arc<str>,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Policies permit it, and none forbids.
    Permitted,
    /// Policies forbid it.
    Forbidden,
    /// No policy permits it.
    Unpermitted,
    /// Policies could not be evaluated, and so nothing is let through.
    Failed,
}

/// How many policies a refusal names: the first few help, a list of hundreds does not.
const NAMED: usize = 5;

impl Verdict {
    pub(super) fn new(
        cause: Cause,
        mut policies: Vec<String>,
        reason: Option<String>,
        version: Arc<str>,
    ) -> Self {
        policies.sort_unstable();
        Self(Arc::new(Inner { cause, policies, reason, version }))
    }

    /// Whether the caller may.
    pub fn allowed(&self) -> bool {
        self.0.cause == Cause::Permitted
    }

    /// Why.
    pub fn cause(&self) -> Cause {
        self.0.cause
    }

    /// The policies that decided, by name and in the order of names: those that permit, or those
    /// that forbid, or those in error. None where nothing permits.
    pub fn policies(&self) -> &[String] {
        &self.0.policies
    }

    /// The version of the set that decided.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// The answer to a caller that is not let in: 403, with the policies that decided and, where
    /// one has it, its `@reason`.
    pub fn refusal(&self) -> Error {
        let policies = &self.0.policies;
        let named: Vec<String> =
            policies.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
        let more = if policies.len() > NAMED { " and others" } else { "" };
        let word = if policies.len() == 1 { "policy" } else { "policies" };
        let named = format!("{word} {}{more}", named.join(", "));
        let mut message = match self.0.cause {
            Cause::Forbidden => format!("forbidden by {named}"),
            Cause::Failed if policies.is_empty() => "it cannot be put to the policies".to_owned(),
            Cause::Failed => format!("refused, because {named} could not be evaluated"),
            Cause::Unpermitted | Cause::Permitted => "no policy permits it".to_owned(),
        };
        if let Some(reason) = &self.0.reason {
            message.push_str(": ");
            message.push_str(reason);
        }
        Error::new(Kind::Forbidden, message)
    }
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verdict")
            .field("cause", &self.0.cause)
            .field("policies", &self.0.policies)
            .field("version", &self.0.version)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(cause: Cause, policies: &[&str], reason: Option<&str>) -> Verdict {
        let policies = policies.iter().map(|name| (*name).to_owned()).collect();
        Verdict::new(cause, policies, reason.map(str::to_owned), "v".into())
    }

    #[test]
    fn a_refusal_names_the_policies_that_decided() {
        for (verdict, message) in [
            (
                verdict(Cause::Forbidden, &["night"], Some("come back at eight")),
                "forbidden by policy `night`: come back at eight",
            ),
            (
                verdict(Cause::Failed, &["b", "a"], None),
                "refused, because policies `a`, `b` could not be evaluated",
            ),
            (verdict(Cause::Failed, &[], None), "it cannot be put to the policies"),
            (verdict(Cause::Unpermitted, &[], None), "no policy permits it"),
            (
                verdict(Cause::Forbidden, &["1", "2", "3", "4", "5", "6"], None),
                "forbidden by policies `1`, `2`, `3`, `4`, `5` and others",
            ),
        ] {
            assert!(!verdict.allowed());
            let error = verdict.refusal();
            assert_eq!((error.kind(), error.message()), (Kind::Forbidden, message));
        }
        assert!(verdict(Cause::Permitted, &["a"], None).allowed());
    }
}
