//! The configuration as operators may see it: as it was written, with the defaults of what was
//! left out, and without secrets. The face for operators calls it.
//!
//! Invariant: what a reference stands for is never shown, because it is never put in; what stands
//! at the key of a secret or of a hash is cut whatever it is.

use serde_json::{Map, Value, json};

use super::describe::{Key, Shape};
use super::load::{Config, keys};

/// What is shown of what is cut.
const CUT: &str = "[cut]";
/// Keys of texts that are no references, but are nobody's business.
const PRIVATE: &[&str] = &["identity.keys[].hash", "agents.*.preset"];
/// Keys of URLs, which may hold a password.
const URLS: &[&str] = &["store.url", "counters.url"];

/// The configuration without its secrets.
pub fn redacted(config: &Config) -> Value {
    let keys = keys();
    let mut value = config.written.0.clone();
    show(&mut value, "", &keys);
    value
}

fn show(value: &mut Value, pattern: &str, keys: &[Key]) {
    let key = keys.iter().find(|key| key.pattern == pattern);
    if key.is_some_and(|key| key.shape == Shape::Secret) || PRIVATE.contains(&pattern) {
        *value = json!(CUT);
        return;
    }
    if URLS.contains(&pattern) {
        if let Value::String(url) = value {
            *url = without_password(url);
        }
        return;
    }
    // What is not there has its default, in the sections that are always there.
    let is_section = pattern.is_empty()
        || key.is_some_and(|key| key.shape == Shape::Section)
        || pattern.ends_with('*')
        || pattern.ends_with("[]");
    if is_section {
        if value.is_null() {
            *value = Value::Object(Map::new());
        }
        if let Value::Object(fields) = value {
            add_defaults(fields, pattern, keys);
        }
    }
    let is_entries = key.is_some_and(|key| key.shape == Shape::Entries);
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = if is_entries { "*" } else { name };
                show(value, &super::places::below(pattern, name), keys);
            }
        }
        Value::Array(items) => {
            items.iter_mut().for_each(|item| show(item, &format!("{pattern}[]"), keys));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn add_defaults(fields: &mut Map<String, Value>, parent: &str, keys: &[Key]) {
    for key in keys.iter().filter(|key| super::places::below(parent, key.name) == key.pattern) {
        if fields.contains_key(key.name) {
            continue;
        }
        let has_defaults = |inner: &&Key| {
            inner.pattern.starts_with(&format!("{}.", key.pattern)) && inner.default.is_some()
        };
        if let Some(default) = &key.default {
            fields.insert(key.name.to_owned(), default.clone());
        } else if key.shape == Shape::Section
            && key.name != "tls"
            && key.name != "signed"
            && keys.iter().any(|inner| has_defaults(&inner))
        {
            fields.insert(key.name.to_owned(), Value::Object(Map::new()));
        }
    }
}

fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (user, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => (format!("{CUT}@"), rest),
        None => (String::new(), rest),
    };
    // A password may stand among the parameters as well.
    match rest.split_once('?') {
        Some((place, _)) => format!("{scheme}://{user}{place}?{CUT}"),
        None => format!("{scheme}://{user}{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::read;
    use super::super::secret::tests::Pretend;
    use super::*;

    #[test]
    fn a_url_shows_where_it_leads_and_nothing_else() {
        for (url, shown) in [
            ("sqlite://data/x.db", "sqlite://data/x.db"),
            ("redis://h:6379/0", "redis://h:6379/0"),
            ("redis://:p@h/0", "redis://[cut]@h/0"),
            ("postgres://h/sw?user=u&password=p", "postgres://h/sw?[cut]"),
            ("postgres://u:p@h/sw?sslmode=require", "postgres://[cut]@h/sw?[cut]"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn secrets_are_cut_and_defaults_are_shown() {
        let text = "\
store: { url: 'postgres://switchyard:hunter2@db.example/switchyard', key: '${env:TOKEN}' }
identity:
  pepper: '${env:TOKEN}'
  keys:
    - name: n8n
      workspace: acme
      scopes: runs:write
      hash: 'sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
upstreams:
  zaia: { kind: zaia, base_url: 'https://a.example', credential: '${env:TOKEN}', other: '${env:TOKEN}' }
agents: { a: { upstream: zaia, preset: { instructions: Be kind. } } }
";
        let config = read("g.yaml", text, &Pretend).finish().unwrap();
        let shown = redacted(&config);
        for (pointer, wanted) in [
            ("/store/url", "postgres://[cut]@db.example/switchyard"),
            ("/identity/pepper", CUT),
            ("/identity/keys/0/hash", CUT),
            ("/identity/keys/0/name", "n8n"),
            ("/upstreams/zaia/credential", CUT),
            ("/upstreams/zaia/other", "${env:TOKEN}"),
            ("/upstreams/zaia/clocks/connect", "5s"),
            ("/agents/a/preset", CUT),
            ("/runs/heartbeat", "15s"),
        ] {
            assert_eq!(shown.pointer(pointer), Some(&json!(wanted)), "{pointer} in {shown:#}");
        }
        let text = shown.to_string();
        for secret in ["hunter2", "tok-123", "aaaa", "kind."] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(shown.pointer("/listen/tls").is_none());
    }
}
