//! What one issuer's tokens must be and what is taken from them: plain settings. The
//! configuration fills them; [`super::claims`] and [`super::mapping`] follow them.
//!
//! Invariant: rules that passed [`Rules::check`] name an audience, an algorithm and a workspace.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::algorithm::{Algorithm, Algorithms};
use super::claim_path::ClaimPath;
use super::mapping::is_workspace;
use crate::model::scope::Scopes;

/// How far the issuer's clock and ours may be apart, where nothing is said.
pub const SKEW: Duration = Duration::from_secs(60);
/// The most that may be said: a token must not live on for long after its end.
pub const MOST_SKEW: Duration = Duration::from_secs(5 * 60);

/// What a token must be, and who its bearer is.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The issuer's name in this configuration: the first part of every subject.
    pub name: Arc<str>,
    /// The exact value of `iss`.
    pub issuer: String,
    /// One of these must be in `aud`.
    pub audiences: Vec<String>,
    /// What tokens may be signed with.
    pub algorithms: Algorithms,
    /// Where the workspace comes from.
    pub workspace: Workspace,
    /// The claim that says who the caller is; `sub` by default.
    pub subject: ClaimPath,
    /// The claim by which people know the caller; `name` by default.
    pub display_name: ClaimPath,
    /// The claim with the groups: a list, or text with spaces or commas. Nothing by default.
    pub groups: Option<ClaimPath>,
    /// The claim with the scopes, of the same forms; `scope` by default. Names that are not ours
    /// are passed over.
    pub scopes_claim: Option<ClaimPath>,
    /// Scopes that every token of the issuer has.
    pub scopes: Scopes,
    /// Scopes that the members of a group have.
    pub scopes_of_groups: BTreeMap<String, Scopes>,
    /// The rate class of its callers.
    pub class: Option<String>,
    /// Claims that must be there, with one of some values.
    pub required: Vec<Required>,
    /// Claims that must be there and be times that have passed, as `auth_time` of Firebase.
    pub past: Vec<ClaimPath>,
    /// How far the clocks may be apart, at most [`MOST_SKEW`].
    pub skew: Duration,
    /// The most that may lie between `iat` and `exp`; `iat` is then needed.
    pub longest_life: Option<Duration>,
}

/// Where a caller's workspace comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Workspace {
    /// It is always this one.
    Fixed(String),
    /// This claim says it.
    Claim(ClaimPath),
}

/// A claim that must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Required {
    /// The claim.
    pub claim: ClaimPath,
    /// The values that will do: text as it is, numbers and booleans as JSON writes them; for a
    /// list, one of its items must. Empty where any value will do.
    pub one_of: Vec<String>,
}

/// Why rules cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRules {
    /// The name is empty, or not letters, digits, `.`, `_` and `-`, or longer than 80.
    #[error("the name of an issuer has 1 to 80 letters, digits, `.`, `_` and `-`")]
    Name,
    /// `issuer` is empty.
    #[error("`issuer` is missing")]
    Issuer,
    /// No audience is given, or an empty one.
    #[error("at least one audience is needed: without it, tokens for others would do")]
    Audience,
    /// No algorithm is given.
    #[error("at least one algorithm is needed")]
    Algorithm,
    /// The fixed workspace is no name.
    #[error("the workspace has 1 to 80 letters, digits, `.`, `_` and `-`")]
    Workspace,
    /// The skew is more than [`MOST_SKEW`].
    #[error("the clocks may be at most 5 minutes apart")]
    Skew,
}

impl Rules {
    /// Rules with defaults: RS256, the scopes of `scope`, no groups.
    pub fn new(name: &str, issuer: &str, audience: &str, workspace: Workspace) -> Self {
        Self {
            name: name.into(),
            issuer: issuer.to_owned(),
            audiences: vec![audience.to_owned()],
            // What OpenID Connect makes every provider offer (Discovery 1.0 section 3).
            algorithms: Algorithms::from_iter([Algorithm::RS256]),
            workspace,
            subject: ClaimPath::top("sub"),
            display_name: ClaimPath::top("name"),
            groups: None,
            scopes_claim: Some(ClaimPath::top("scope")),
            scopes: Scopes::NONE,
            scopes_of_groups: BTreeMap::new(),
            class: None,
            required: Vec::new(),
            past: Vec::new(),
            skew: SKEW,
            longest_life: None,
        }
    }

    /// Whether they can be followed.
    pub fn check(&self) -> Result<(), BadRules> {
        if !is_workspace(&self.name) {
            return Err(BadRules::Name);
        }
        if self.issuer.is_empty() {
            return Err(BadRules::Issuer);
        }
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            return Err(BadRules::Audience);
        }
        if self.algorithms.is_empty() {
            return Err(BadRules::Algorithm);
        }
        if matches!(&self.workspace, Workspace::Fixed(name) if !is_workspace(name)) {
            return Err(BadRules::Workspace);
        }
        if self.skew > MOST_SKEW {
            return Err(BadRules::Skew);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_would_let_anything_pass_are_found() {
        let good = Rules::new("corp", "https://id/", "us", Workspace::Fixed("acme".to_owned()));
        assert_eq!(good.check(), Ok(()));
        let bad = |change: fn(&mut Rules)| {
            let mut rules = good.clone();
            change(&mut rules);
            rules.check().unwrap_err()
        };
        assert_eq!(bad(|rules| rules.name = "a|b".into()), BadRules::Name);
        assert_eq!(bad(|rules| rules.issuer.clear()), BadRules::Issuer);
        assert_eq!(bad(|rules| rules.audiences.clear()), BadRules::Audience);
        assert_eq!(bad(|rules| rules.audiences.push(String::new())), BadRules::Audience);
        assert_eq!(bad(|rules| rules.algorithms = Algorithms::default()), BadRules::Algorithm);
        let nowhere = |rules: &mut Rules| rules.workspace = Workspace::Fixed("a b".to_owned());
        assert_eq!(bad(nowhere), BadRules::Workspace);
        assert_eq!(bad(|rules| rules.skew = MOST_SKEW + Duration::from_secs(1)), BadRules::Skew);
    }
}
