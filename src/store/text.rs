//! How the parts of a key that are lists stand in one column: scopes as words, names as JSON.
//!
//! Invariant: what is read is what was written; a scope of a later version gives no right.

use super::failure::Damaged;
use crate::model::scope::{Scope, Scopes};

pub(super) fn of_scopes(scopes: Scopes) -> String {
    let names: Vec<&str> = scopes.iter().map(Scope::name).collect();
    names.join(" ")
}

pub(super) fn to_scopes(text: &str) -> Scopes {
    text.split(' ').filter_map(Scope::parse).collect()
}

pub(super) fn of_names(names: &[String]) -> String {
    serde_json::Value::from(names).to_string()
}

pub(super) fn to_names(text: &str) -> Result<Vec<String>, Damaged> {
    serde_json::from_str(text).map_err(|_| Damaged("list of names"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_back_as_they_were_written() {
        let scopes: Scopes = [Scope::AuditRead, Scope::RunsRead].into_iter().collect();
        assert_eq!(of_scopes(scopes), "runs:read audit:read");
        assert_eq!(to_scopes(&of_scopes(scopes)), scopes);
        assert_eq!(to_scopes(&of_scopes(Scopes::NONE)), Scopes::NONE);
        let names = ["a \"b\"".to_owned(), String::new(), "ü, c".to_owned()];
        assert_eq!(to_names(&of_names(&names)).unwrap(), names);
        assert!(to_names("nonsense").is_err());
    }

    #[test]
    fn a_scope_that_is_not_known_gives_no_right() {
        assert_eq!(to_scopes("runs:read planets:move"), [Scope::RunsRead].into_iter().collect());
    }
}
