//! What a credential may be used for at all. Access policies decide over what remains.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! scopes {
    ($($(#[$doc:meta])* $scope:ident = $name:literal;)*) => {
        /// One thing that a credential may be used for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Scope { $($(#[$doc])* #[serde(rename = $name)] $scope,)* }

        impl Scope {
            /// Every scope.
            pub const ALL: &'static [Scope] = &[$(Scope::$scope,)*];
            /// Its name, as keys and tokens carry it.
            pub const fn name(self) -> &'static str { match self { $(Scope::$scope => $name,)* } }
        }
    };
}

scopes! {
    /// Read runs, their events and threads.
    RunsRead = "runs:read";
    /// Start and cancel runs.
    RunsWrite = "runs:write";
    /// Read agents and upstreams.
    AgentsRead = "agents:read";
    /// Change agents.
    AgentsWrite = "agents:write";
    /// Use the reverse proxy.
    Proxy = "proxy";
    /// Administer the gateway.
    Admin = "admin";
    /// Read the audit.
    AuditRead = "audit:read";
}

impl Scope {
    /// The scope of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.name() == name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// No scope at all.
    pub const NONE: Self = Self(0);

    /// Whether `scope` is in it.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// The scopes in it, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | 1 << scope as u8))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Scope::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_by_its_own_name_only() {
        for scope in Scope::ALL.iter().copied() {
            assert_eq!(Scope::parse(scope.name()), Some(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.name());
        }
        assert_eq!(Scope::parse("Runs:Read"), None);
        assert_eq!(Scope::parse("*"), None);
    }

    #[test]
    fn a_set_has_what_was_put_into_it_and_nothing_else() {
        let set: Scopes = [Scope::RunsWrite, Scope::AuditRead].into_iter().collect();
        let found: Vec<_> = set.iter().collect();
        assert_eq!(found, [Scope::RunsWrite, Scope::AuditRead]);
        assert!(!set.has(Scope::Admin) && !Scopes::NONE.has(Scope::RunsRead));
    }
}
