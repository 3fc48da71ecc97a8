//! Who the bearer of a token is: workspace, subject, name, groups and scopes, from its claims.
//! [`super::verify`] asks this once the signature holds.
//!
//! Invariant: an identity has a workspace and a subject that are clean names, and only scopes
//! that the rules or the token's own claim give it.

use serde_json::{Map, Value};

use super::claim_path::ClaimPath;
use super::refusal::Refusal;
use super::rules::{Rules, Workspace};
use crate::model::principal::{Identity, PrincipalKind};
use crate::model::scope::{Scope, Scopes};

/// The longest workspace name, in characters: keys carry it too.
const LONGEST_WORKSPACE: usize = 80;
/// The longest subject and group, in bytes (OpenID Connect Core section 2 gives `sub` 255).
const LONGEST_NAME: usize = 255;

/// Whether this can be a workspace's name.
pub fn is_workspace(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=LONGEST_WORKSPACE).contains(&name.len()) && name.bytes().all(fits)
}

/// Reads the bearer from the claims.
pub fn identity(claims: &Map<String, Value>, rules: &Rules) -> Result<Identity, Refusal> {
    let subject = match rules.subject.find(claims) {
        None => return Err(Refusal::MissingClaim),
        Some(Value::String(subject)) if is_clean(subject) => subject,
        Some(_) => return Err(Refusal::Claims),
    };
    let groups = names(claims, rules.groups.as_ref())?;
    if !groups.iter().all(|group| is_clean(group)) {
        return Err(Refusal::Claims);
    }
    let name = match rules.display_name.find(claims) {
        Some(Value::String(name)) if is_clean(name) => name,
        Some(_) | None => subject,
    };
    Ok(Identity {
        workspace: workspace(claims, rules)?.to_owned(),
        subject: format!("{}|{subject}", rules.name),
        name: name.clone(),
        kind: PrincipalKind::Token,
        scopes: scopes(claims, rules, &groups)?,
        groups: groups.into_iter().map(str::to_owned).collect(),
        agents: None,
        class: rules.class.clone(),
    })
}

fn workspace<'c>(claims: &'c Map<String, Value>, rules: &'c Rules) -> Result<&'c str, Refusal> {
    let name = match &rules.workspace {
        Workspace::Fixed(name) => Some(name.as_str()),
        Workspace::Claim(path) => path.find(claims).and_then(Value::as_str),
    };
    name.filter(|name| is_workspace(name)).ok_or(Refusal::Workspace)
}

fn scopes(claims: &Map<String, Value>, rules: &Rules, groups: &[&str]) -> Result<Scopes, Refusal> {
    let claimed = names(claims, rules.scopes_claim.as_ref())?;
    let by_group = groups
        .iter()
        .filter_map(|group| rules.scopes_of_groups.get(*group))
        .flat_map(|set| set.iter());
    let claimed = claimed.into_iter().filter_map(Scope::parse);
    Ok(rules.scopes.iter().chain(by_group).chain(claimed).collect())
}

/// The names in a claim: a list of texts, or one text with spaces or commas between them.
fn names<'c>(
    claims: &'c Map<String, Value>,
    path: Option<&ClaimPath>,
) -> Result<Vec<&'c str>, Refusal> {
    match path.and_then(|path| path.find(claims)) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => {
            Ok(text.split([' ', ',']).filter(|name| !name.is_empty()).collect())
        }
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().ok_or(Refusal::Claims)).collect()
        }
        Some(_) => Err(Refusal::Claims),
    }
}

/// Whether a name may stand in policies, logs and answers: not empty, not too long, and nothing
/// in it that a terminal or a reader would take for something else.
fn is_clean(name: &str) -> bool {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    (1..=LONGEST_NAME).contains(&name.len()) && !name.contains(hidden)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules() -> Rules {
        let org = Workspace::Claim(ClaimPath::parse("/app/org").unwrap());
        let mut rules = Rules::new("corp", "https://id/", "us", org);
        rules.groups = Some(ClaimPath::top("groups"));
        rules.scopes = Scopes::from_iter([Scope::RunsRead]);
        let admins = Scopes::from_iter([Scope::Admin]);
        rules.scopes_of_groups.insert("admins".to_owned(), admins);
        rules
    }

    fn read(changes: &Value) -> Result<Identity, Refusal> {
        let mut claims = json!({"sub": "u1", "app": {"org": "acme"}});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        identity(claims.as_object().unwrap(), &rules())
    }

    fn granted(changes: &Value) -> Vec<Scope> {
        read(changes).unwrap().scopes.iter().collect()
    }

    #[test]
    fn a_bearer_has_workspace_subject_and_name() {
        let plain = read(&json!({})).unwrap();
        assert_eq!((&plain.workspace[..], &plain.subject[..]), ("acme", "corp|u1"));
        assert_eq!((&plain.name[..], plain.kind), ("u1", PrincipalKind::Token));
        assert_eq!(read(&json!({"name": "Ada"})).unwrap().name, "Ada");
        assert_eq!(read(&json!({"name": "a\u{1b}[0m"})).unwrap().name, "u1");
        assert_eq!(read(&json!({"name": 1})).unwrap().name, "u1");
    }

    #[test]
    fn a_bearer_without_workspace_or_subject_is_refused() {
        for org in [json!(null), json!(""), json!("a b"), json!("a/b"), json!("é"), json!(1)] {
            let refused = read(&json!({"app": {"org": org}})).unwrap_err();
            assert_eq!(refused, Refusal::Workspace);
        }
        let long = "a".repeat(LONGEST_WORKSPACE + 1);
        assert_eq!(read(&json!({"app": {"org": long}})).unwrap_err(), Refusal::Workspace);
        assert_eq!(read(&json!({"sub": null})).unwrap_err(), Refusal::MissingClaim);
        for sub in [json!(""), json!(1), json!("a\n"), json!("\u{202e}a"), json!("a".repeat(256))] {
            assert_eq!(read(&json!({ "sub": sub })).unwrap_err(), Refusal::Claims);
        }
    }

    #[test]
    fn groups_are_a_list_or_a_text() {
        for groups in [json!(["a", "b c"]), json!("a,b"), json!("a b"), json!(", a  b ")] {
            let read = read(&json!({ "groups": groups })).unwrap();
            assert_eq!(read.groups.len(), 2, "{groups}");
        }
        assert!(read(&json!({})).unwrap().groups.is_empty());
        for groups in [json!(1), json!([1]), json!({}), json!([""]), json!(["a\u{0}"])] {
            assert_eq!(read(&json!({ "groups": groups })).unwrap_err(), Refusal::Claims);
        }
    }

    #[test]
    fn scopes_come_from_the_rules_the_groups_and_the_claim() {
        assert_eq!(granted(&json!({})), [Scope::RunsRead]);
        assert_eq!(granted(&json!({"groups": ["admins"]})), [Scope::RunsRead, Scope::Admin]);
        let claimed = granted(&json!({"scope": "openid runs:write email"}));
        assert_eq!(claimed, [Scope::RunsRead, Scope::RunsWrite]);
        assert_eq!(granted(&json!({"scope": ["proxy", "*"]})), [Scope::RunsRead, Scope::Proxy]);
        assert_eq!(read(&json!({"scope": [1]})).unwrap_err(), Refusal::Claims);
        assert_eq!(read(&json!({"scope": {"admin": true}})).unwrap_err(), Refusal::Claims);
    }
}
