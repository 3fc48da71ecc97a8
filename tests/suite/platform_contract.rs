//! Holds what is sent to Make and Zaia about agents against what they publish: method, path,
//! parameters and body. The schemas of bodies stand in `tests/golden/agents/`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};

/// Upstream kind, method, path with `{}` for an id, parameters, schema of the body.
type Call =
    (&'static str, &'static str, &'static str, &'static [&'static str], Option<&'static str>);
const CALLS: &[Call] = &[
    ("make", "GET", "/ai-agents/v1/agents", &["teamId"], None),
    ("make", "POST", "/ai-agents/v1/agents", &["teamId"], Some("create")),
    ("make", "GET", "/ai-agents/v1/agents/{}", &["teamId"], None),
    ("make", "PATCH", "/ai-agents/v1/agents/{}", &["teamId"], Some("change")),
    ("make", "DELETE", "/ai-agents/v1/agents/{}", &["teamId"], None),
    ("zaia", "GET", "/api/v1/agents", ZAIA_LIST, None),
    ("zaia", "POST", "/api/v1/agents", &[], Some("create")),
    ("zaia", "GET", "/api/v1/agents/{}", &[], None),
    ("zaia", "PATCH", "/api/v1/agents/{}", &[], Some("change")),
    ("zaia", "DELETE", "/api/v1/agents/{}", &[], None),
    ("zaia", "POST", "/api/v1/agents/{}/tools", &[], Some("tools")),
    ("zaia", "POST", "/api/v1/agents/{}/mcps", &[], Some("mcps")),
    ("zaia", "DELETE", "/api/v1/agents/{}/tools/{}", &[], None),
    ("zaia", "DELETE", "/api/v1/agents/{}/mcps/{}", &[], None),
];
const ZAIA_LIST: &[&str] =
    &["joins", "pageNumber", "pageSize", "referenceIds", "search", "squadIds", "versionIds"];

type Schemas = HashMap<(&'static str, &'static str), jsonschema::Validator>;

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| {
    let read = |kind: &str, name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/agents");
        let file = folder.join(kind).join(format!("{name}.schema.json"));
        let schema: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        jsonschema::validator_for(&schema).unwrap()
    };
    let named = CALLS.iter().filter_map(|(kind, _, _, _, name)| Some((*kind, (*name)?)));
    named.map(|(kind, name)| ((kind, name), read(kind, name))).collect()
});

/// What a call breaks of what the platform publishes; nothing where it breaks nothing. `path` is
/// below the platform's base URL. Platforms that publish nothing take everything.
pub fn broken(kind: &str, method: &str, target: &str, body: &[u8]) -> Option<String> {
    if !matches!(kind, "make" | "zaia") {
        return None;
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let fits = |pattern: &str| {
        let (wanted, given): (Vec<_>, Vec<_>) =
            (pattern.split('/').collect(), path.split('/').collect());
        wanted.len() == given.len()
            && wanted.iter().zip(given).all(|(a, b)| *a == "{}" && !b.is_empty() || *a == b)
    };
    let call = CALLS.iter().find(|call| call.0 == kind && call.1 == method && fits(call.2));
    let Some((_, _, _, parameters, schema)) = call else {
        return Some(format!("{kind} publishes no {method} {path}"));
    };
    let given: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if let Some((name, _)) = given.iter().find(|(name, _)| !parameters.contains(&name.as_str())) {
        return Some(format!("{method} {path} takes no parameter {name}"));
    }
    let number = |name: &str| given.iter().find(|(key, _)| key == name)?.1.parse::<u64>().ok();
    if kind == "make" && number("teamId").is_none_or(|id| id == 0) {
        return Some("teamId is missing".to_owned());
    }
    if number("pageSize").is_some_and(|size| !(1..=100).contains(&size)) {
        return Some("pageSize is out of its range".to_owned());
    }
    let Some(name) = schema else {
        return (!body.is_empty()).then(|| format!("{method} {path} takes no body"));
    };
    let (_, validator) = SCHEMAS.iter().find(|((of, named), _)| of == &kind && named == name)?;
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut errors = validator.iter_errors(&body);
    errors.next().map(|error| format!("{method} {path}: {}: {error}", error.instance_path()))
}

#[test]
fn a_call_that_is_not_published_is_found() {
    let good = json!({ "name": "x" }).to_string();
    let path = "/ai-agents/v1/agents/a?teamId=1";
    assert_eq!(broken("make", "PATCH", path, good.as_bytes()), None);
    assert_eq!(broken("acp", "BREW", "/x", b""), None);
    for (kind, method, target, body) in [
        ("make", "PUT", path, good.as_str()),
        ("make", "PATCH", "/ai-agents/v1/agents/a", &good),
        ("make", "PATCH", "/ai-agents/v1/agents/a?teamId=1&x=2", &good),
        ("make", "PATCH", path, r#"{"outputParser":{"type":"text"}}"#),
        ("make", "PATCH", path, r#"{"mcpConfigs":[{"mcpConnectionId":1}]}"#),
        ("make", "PATCH", path, r#"{"contexts":[]}"#),
        ("make", "POST", "/ai-agents/v1/agents?teamId=1", &good),
        ("make", "DELETE", path, "{}"),
        ("zaia", "POST", "/api/v1/agents", &good),
        ("zaia", "GET", "/api/v1/agents?pageSize=101", ""),
        ("zaia", "PATCH", "/api/v1/agents/a", r#"{"llm":"gpt-1"}"#),
        ("zaia", "POST", "/api/v1/agents/a/tools", r#"{"tool":{"name":"abc"}}"#),
        ("zaia", "POST", "/api/v1/agents/a/mcps", r#"{"mcp":{"name":"abc"}}"#),
    ] {
        assert!(
            broken(kind, method, target, body.as_bytes()).is_some(),
            "{method} {target} {body}"
        );
    }
}
