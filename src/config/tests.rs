//! Tests of the configuration as a whole: reports over several sections, the reference file, the
//! schema.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::describe::Shape;
use super::load::{Reading, keys, read};
use super::report::Report;
use super::secret::tests::Pretend;
use super::{Config, HookInput, Secret, source};

const REFERENCE: &str = include_str!("../../config/reference.yaml");
const SMALLEST: &str = "\
upstreams: { zaia: { kind: zaia, base_url: 'https://a.example/', credential: '${env:TOKEN}' } }
";

fn reading(text: &str) -> Reading {
    read("g.yaml", text, &Pretend)
}

fn valid(text: &str) -> Config {
    reading(text).finish().unwrap()
}

fn lines(text: &str) -> Vec<String> {
    let report = reading(text).finish().unwrap_err();
    report.to_string().lines().map(str::to_owned).collect()
}

fn reference() -> String {
    let text = [
        "MAKE_TOKEN",
        "ZAIA_KEY",
        "AGENTBASE_KEY",
        "MCP_TOKEN",
        "PEPPER",
        "PII_KEY",
        "HOOK_SECRET_BEFORE",
        "HOOK_SECRET",
        "OLD_SEAL_KEY",
        "SEAL_KEY",
        "CHECKPOINT_KEY",
        "COLLECTOR_TOKEN",
        "OLD_CALLBACK_SECRET",
        "CALLBACK_SECRET",
    ];
    let text = text.iter().fold(REFERENCE.to_owned(), |text, name| text.replace(name, "TOKEN"));
    text.replace("/run/secrets/acp", "/run/secrets/key")
}

#[test]
fn the_smallest_file_has_every_default() {
    let config = valid(SMALLEST);
    assert!(config.identity.keys.is_empty() && config.identity.issuers.is_empty());
    assert_eq!(config.listen.api.to_string(), "127.0.0.1:8080");
    assert_eq!(config.listen.body_bytes, 8 * 1024 * 1024);
    assert!(config.listen.tls.is_none());
    let zaia = &config.upstreams["zaia"];
    assert_eq!(zaia.credential, Secret::new("tok-123"));
    assert_eq!(zaia.base_url.host(), Some("a.example"));
    assert_eq!(zaia.clocks.first_byte, Duration::from_secs(600));
    assert!(!zaia.native_callbacks);
    assert!(zaia.settings.is_empty());
    assert_eq!(config.runs.heartbeat, Duration::from_secs(15));
    assert!(config.log.json);
}

#[test]
fn what_is_written_is_what_is_read() {
    let config = valid(
        "
listen: { api: '0.0.0.0:80', body_bytes: 4096, drain: 5m, threads: 2, tls: { certificate: c, key: k } }
upstreams:
  base: { kind: agentbase, base_url: 'https://a.example', credential: '${file:/run/secrets/key}',
          native_callbacks: allow, run_path: '/${env:TOKEN}', list: [1, '${env:TOKEN}'],
          breaker: { failures: 2 } }
agents: { helper: { upstream: base, preset: { mode: fast } } }
hooks:
  helper: { template: 'a {{/b}}', reply_within: 250ms }
  base:x: { input: /text }
runs: { window_bytes: 8KiB }
log: { json: false, filter: 'warn,switchyard=debug' }
",
    );
    assert_eq!(config.listen.api.port(), 80);
    assert_eq!(config.listen.body_bytes, 4096);
    assert_eq!(config.listen.drain, Duration::from_secs(300));
    assert_eq!(config.listen.tls.unwrap().key.to_str(), Some("k"));
    let base = &config.upstreams["base"];
    assert_eq!(base.credential.reveal(), "key-456");
    assert!(base.native_callbacks);
    assert_eq!(base.breaker.failures, 2);
    let settings = json!({"run_path": "/tok-123", "list": [1, "tok-123"]});
    assert_eq!(Value::Object(base.settings.clone()), settings);
    assert_eq!(config.agents["helper"].id, "helper");
    assert_eq!(config.agents["helper"].preset["mode"], "fast");
    assert_eq!(config.hooks["helper"].input, HookInput::Template("a {{/b}}".to_owned()));
    assert_eq!(config.hooks["helper"].reply_within, Duration::from_millis(250));
    assert_eq!(config.hooks["base:x"].input, HookInput::Pointer("/text".to_owned()));
    assert_eq!(config.runs.window_bytes, 8192);
    assert!(!config.log.json);
}

#[test]
fn everything_wrong_in_every_section_is_said_at_once_with_its_place() {
    let text = "\
listen:
  api: 0.0.0.0:8080
  body_bytes: lots
  header_bytes: 1KiB
  drian: 5s
upstreams:
  Make:
    kind: make
    base_url: https://user:hunter2@a.example
    credential: sk-hunter2
    clocks: { connect: 5, idle: 0s }
  zaia:
    base_url: [1]
    credentail: ${env:TOKEN}
agents:
  a:b: { upstream: zai }
hooks:
  nobody: { input: text, template: x }
runs: [1]
log: { json: 'yes', filter: 'switchyard=loud' }
identiti: none
";
    let expected = [
        "3:15: listen.body_bytes: must be a whole number of bytes, or with `KiB`, `MiB` or `GiB`, \
         is another text",
        "4:17: listen.header_bytes: must be from 8KiB to 1MiB: the HTTP library reads into no \
         less, and every connection may take it",
        "5:3: listen.drian: unknown key (did you mean `drain`?)",
        "7:3: upstreams.Make: is no name for an upstream (small letters, digits and `-`, at most \
         40)",
        "9:15: upstreams.Make.base_url: must hold no user name or password (the credential has \
         its own key)",
        "10:17: upstreams.Make.credential: stands in the file itself (secrets only as \
         ${env:NAME} or ${file:/path})",
        "11:24: upstreams.Make.clocks.connect: must be a whole number with `ms`, `s`, `m` or `h`, \
         like `25s`, is a number",
        "11:33: upstreams.Make.clocks.idle: must be from 10ms to 24h: less is shorter than a \
         network is, and more is for ever",
        "12:3: upstreams.zaia: `credential` is missing (is `credentail` a slip of the hand?)",
        "12:3: upstreams.zaia: `kind` is missing",
        "13:5: upstreams.zaia.base_url: must be a text, is a list",
        "16:3: agents.a:b: is no name for an agent (letters, digits, `.`, `_` and `-`, at most \
         80, since it is one segment of a path)",
        "16:20: agents.a:b.upstream: there is no upstream of this name (did you mean `zaia`?)",
        "18:3: hooks.nobody: there is no such agent",
        "18:20: hooks.nobody.input: is no JSON pointer (it begins with a slash, like `/text`)",
        "18:36: hooks.nobody.template: cannot stand beside `input` (one of them gives the \
         message)",
        "19:1: runs: must be a mapping, is a list",
        "20:14: log.json: must be `true` or `false`, is another text",
        "20:29: log.filter: is no filter (write a level, or `module=level` with commas)",
        "21:1: identiti: unknown key (did you mean `identity`?)",
    ];
    let expected: Vec<String> = expected.iter().map(|line| format!("g.yaml:{line}")).collect();
    assert_eq!(lines(text), expected);
}

#[test]
fn what_only_a_vendor_knows_stands_in_the_same_report() {
    let text = "
listen: { theads: 1 }
upstreams:
  zaia: { kind: zaia, base_url: 'https://a.example', credential: '${env:TOKEN}', team: x }
  none: { base_url: 'https://a.example' }
";
    let mut reading = reading(text);
    let checkable: Vec<_> = reading.upstreams().map(|upstream| upstream.name.clone()).collect();
    assert_eq!(checkable, ["zaia"]);
    reading.add("upstreams.zaia.team", "unknown key");
    let report = reading.finish().unwrap_err().to_string();
    assert!(report.contains("g.yaml:2:11: listen.theads: unknown key"), "{report}");
    assert!(report.contains("g.yaml:4:88: upstreams.zaia.team: unknown key"), "{report}");
}

#[test]
fn secrets_stand_in_no_debug_text_and_no_report() {
    let text = SMALLEST.replace("kind: zaia", "kind: zaia, other: '${env:TOKEN}'");
    let agents = "agents: { a: { upstream: zaia, preset: { key: '${env:TOKEN}' } } }\n";
    let config = valid(&format!("{text}{agents}"));
    assert_eq!(config.upstreams["zaia"].settings["other"], "tok-123");
    assert!(!format!("{config:?}").contains("tok-123"));

    let every_text_is_wrong = "
identity: ${env:TOKEN}
limits: [{ name: '${env:TOKEN} x', by: '${env:TOKEN}', requests: '${env:TOKEN}', per: '${env:TOKEN}' }]
budgets: [{ name: '${env:TOKEN}', by: '${env:TOKEN}', usd: '${env:TOKEN}', per: '${env:TOKEN}' }]
store: { url: '${env:TOKEN}' }
counters: { url: '${env:TOKEN}', when_away: '${env:TOKEN}' }
listen: { api: '${env:TOKEN}', body_bytes: '${env:TOKEN}', drain: '${env:TOKEN}', threads: '${env:TOKEN}' }
upstreams:
  a: { kind: x, base_url: 'ftp://${env:TOKEN}', credential: 'x ${env:TOKEN}', native_callbacks: '${env:TOKEN}' }
agents: { b: { upstream: '${env:TOKEN}', preset: '${env:TOKEN}' } }
hooks: { b: { input: '${env:TOKEN}' }, a:b: { template: '{{${env:TOKEN}' } }
log: { json: '${env:TOKEN}', filter: 'a=${env:TOKEN}' }
";
    let report = lines(every_text_is_wrong);
    assert!(report.len() >= 12, "{report:#?}");
    assert!(!report.concat().contains("tok-123"), "{report:#?}");
}

#[test]
fn a_reference_to_nothing_is_said_at_its_place() {
    let text = SMALLEST.replace("TOKEN", "ABSENT");
    let expected = "g.yaml:1:78: upstreams.zaia.credential: the environment variable ABSENT is \
                    not set";
    assert_eq!(lines(&text), [expected]);
}

#[test]
fn a_file_that_names_no_platform_is_refused() {
    assert_eq!(lines(""), ["g.yaml:1:1: `upstreams` is missing"]);
    assert_eq!(lines("upstreams: {}"), ["g.yaml:1:1: upstreams: names no platform"]);
    assert_eq!(lines("upstreams:"), ["g.yaml:1:10: upstreams: names no platform"]);
    assert!(lines("- 1")[0].contains("must be a mapping, is a list"));
}

#[test]
fn a_part_is_no_larger_than_the_whole() {
    let text = SMALLEST.replace(
        "kind: zaia",
        "kind: zaia, clocks: { idle: 2h, total: 1h }, caps: { line: 2MiB, event: 1MiB }",
    );
    let report = lines(&text);
    assert!(report[0].contains("clocks.idle: is longer than the whole call"), "{report:?}");
    assert!(report[1].contains("caps.line: is larger than `event`"), "{report:?}");
    assert_eq!(report.len(), 2);
    let short = SMALLEST.replace("kind: zaia", "kind: zaia, clocks: { total: 1m }");
    assert_eq!(valid(&short).upstreams["zaia"].clocks.total, Duration::from_secs(60));
}

/// The path of every value of a file with names that the operator chooses as `*`, and the value.
fn patterns(value: &Value, pattern: &str, all: &mut Vec<(String, Value)>) {
    all.push((pattern.to_owned(), value.clone()));
    for item in value.as_array().into_iter().flatten() {
        patterns(item, &format!("{pattern}[]"), all);
    }
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        let name = match pattern {
            "upstreams" | "agents" | "hooks" | "callbacks.secrets" | "telemetry.traces.headers" => {
                "*"
            }
            _ => name,
        };
        patterns(value, &super::places::below(pattern, name), all);
    }
}

#[test]
fn the_reference_file_is_valid_and_says_each_key_and_its_default() {
    let config = valid(&reference());
    let smallest = valid(SMALLEST);
    assert_eq!(format!("{:?}", config.runs), format!("{:?}", smallest.runs));
    assert_eq!(format!("{:?}", config.log), format!("{:?}", smallest.log));

    let mut report = Report::new("reference.yaml");
    let value = source::parse(REFERENCE, &mut report).unwrap();
    let mut there = Vec::new();
    patterns(&value, "", &mut there);
    for key in keys().iter().filter(|key| key.shape != Shape::Rest) {
        let found: Vec<_> = there.iter().filter(|(path, _)| *path == key.pattern).collect();
        assert!(!found.is_empty(), "config/reference.yaml lacks {}", key.pattern);
        if let Some(default) = &key.default {
            // An upstream that needs another value stands beside one that has the default.
            let is_said = found.iter().any(|(_, value)| value == default);
            assert!(is_said, "config/reference.yaml: {} is not {default}", key.pattern);
        }
    }
}

#[test]
fn every_key_is_described_once() {
    let keys = keys();
    let patterns: BTreeSet<_> = keys.iter().map(|key| &key.pattern).collect();
    assert_eq!(patterns.len(), keys.len());
    for key in &keys {
        assert!(key.about.ends_with('.'), "{}: {}", key.pattern, key.about);
    }
    assert!(patterns.iter().any(|pattern| *pattern == "upstreams.*.clocks.first_byte"));
}

/// The schema of the real platforms.
fn kept_schema() -> Value {
    serde_json::from_str(include_str!("../../config/schema.json")).unwrap()
}

#[test]
fn the_schema_takes_what_is_valid_and_refuses_what_is_not() {
    let validator = jsonschema::draft202012::new(&kept_schema()).unwrap();
    let takes = |text: &str| {
        let value = source::parse(text, &mut Report::new("")).unwrap();
        validator.is_valid(&value)
    };
    let reference = source::parse(REFERENCE, &mut Report::new("")).unwrap();
    let faults: Vec<_> = validator.iter_errors(&reference).map(|it| it.to_string()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(takes(SMALLEST));
    assert!(takes(&format!("{SMALLEST}listen: {{ drain: '${{env:DRAIN}}', body_bytes: 5 }}")));
    assert!(takes(include_str!("../../config/example.yaml")));
    assert!(takes(include_str!("../../config/demo.yaml")));
    assert!(takes(include_str!("../../config/production.yaml")));
    for (valid, wrong) in [
        ("team_id: 123", "team_id: many"),
        ("team_id: 123", "team_id: 123\n    zone: eu1"),
        ("team_id: 123", "team_id: 123\n    workspace: acme"),
        ("kind: zaia", "kind: mike"),
        ("${env:MAKE_TOKEN}", "sk-123"),
        ("drain: 30s", "drain: 30"),
        ("drain: 30s", "drian: 30s"),
        ("threads: 0", "threads: -1"),
        ("body_bytes: 8MiB", "body_bytes: 8MB"),
        ("native_callbacks: deny", "native_callbacks: maybe"),
        ("credential_scheme: raw", "credential_scheme: token"),
        ("path_style: workspace", "path_style: none"),
        ("run_path: /", "run_path: /\n    path: /"),
        ("mode: fast", "colour: red"),
        ("rules: [Never guess.]", "rules: Never guess."),
        ("name: lawyer", "title: lawyer"),
    ] {
        assert!(REFERENCE.contains(valid), "{valid}");
        assert!(!takes(&REFERENCE.replacen(valid, wrong, 1)), "{wrong}");
    }
}

/// The paths of a schema that no value of the file has.
fn lacking(root: &Value, schema: &Value, values: &[&Value], path: &str, lacks: &mut Vec<String>) {
    if let Some(target) = schema["$ref"].as_str() {
        let schema = root.pointer(target.trim_start_matches('#')).unwrap();
        return lacking(root, schema, values, path, lacks);
    }
    for schema in schema["anyOf"].as_array().into_iter().flatten() {
        lacking(root, schema, values, path, lacks);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = super::places::below(path, name);
        let values: Vec<_> = values.iter().filter_map(|value| value.get(name)).collect();
        if values.is_empty() {
            lacks.push(path);
        } else {
            lacking(root, property, &values, &path, lacks);
        }
    }
    if schema["items"].is_object() {
        let items = values.iter().flat_map(|value| value.as_array().into_iter().flatten());
        let items: Vec<_> = items.collect();
        lacking(root, &schema["items"], &items, &format!("{path}[]"), lacks);
    }
}

#[test]
fn the_reference_file_says_each_key_of_each_platform() {
    let schema = kept_schema();
    let file = source::parse(REFERENCE, &mut Report::new("")).unwrap();
    let mut lacks = Vec::new();
    for (kind, own) in schema["$defs"].as_object().unwrap() {
        let upstreams = file["upstreams"].as_object().unwrap();
        match kind.split_once('.') {
            None => {
                let values: Vec<_> = upstreams.values().filter(|up| up["kind"] == **kind).collect();
                assert!(!values.is_empty(), "config/reference.yaml has no upstream of kind {kind}");
                lacking(&schema, own, &values, kind, &mut lacks);
            }
            Some((_, "preset")) => {
                let agents = file["agents"].as_object().unwrap().values();
                let values: Vec<_> = agents.filter_map(|agent| agent.get("preset")).collect();
                lacking(&schema, own, &values, kind, &mut lacks);
            }
            Some(_) => {}
        }
    }
    assert!(lacks.is_empty(), "config/reference.yaml lacks {lacks:?}");
}

const HASH: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[test]
fn what_is_wrong_with_callers_and_their_bounds_is_said_with_its_place() {
    let text = format!(
        "{SMALLEST}\
listen: {{ trusted_proxies: [10.0.0.0/8, here] }}
identity:
  pepper: plain
  keys:
    - {{ name: n8n, workspace: acme, hash: sha256:12, scopes: [runs:all] }}
    - {{ name: a b, workspace: '', hash: {hash}, expires_at: tomorrow }}
  issuers:
    - {{ name: corp, issuer: 'http://id.example', algorithms: [HS256] }}
    - {{ name: corp, firebase: p, issuer: x, workspace: a, workspace_claim: b }}
limits:
  - {{ name: a, by: [principal, colour], requests: 0, per: 1m }}
  - {{ name: b, by: principal, requests: 5 }}
  - {{ name: c, by: tool, concurrent: 3 }}
  - {{ name: e, by: principal, tools: [pay], concurrent: 3 }}
budgets:
  - {{ name: c, by: principal, per: week }}
  - {{ name: d, by: address, usd: -1, per: day }}
counters: {{ url: 'http://x' }}
store: {{ url: data/x.db }}
tools: {{ on_violation: shout }}
",
        hash = HASH,
    );
    let expected = [
        "2:11: listen.trusted_proxies: holds what is no address or network",
        "4:11: identity.pepper: stands in the file itself",
        "6:43: identity.keys[0].hash: is no hash",
        "6:54: identity.keys[0].scopes: each must be",
        "7:15: identity.keys[1].name: is no name",
        "7:31: identity.keys[1].workspace: must not be empty",
        "7:126: identity.keys[1].expires_at: must be an RFC 3339 time",
        "9:29: identity.issuers[0].issuer: must begin with `https://`",
        "9:50: identity.issuers[0].algorithms: each must be",
        "10:15: identity.issuers[1].name: is the name of an earlier issuer",
        "10:42: identity.issuers[1].issuer: is what `firebase` stands for",
        "10:76: identity.issuers[1].workspace_claim: cannot stand beside",
        "12:16: limits[0].by: each must be",
        "12:51: limits[0].requests: must be a whole number, at least 1",
        "13:5: limits[1]: must have either",
        "14:38: limits[2].concurrent: cannot be counted by tool",
        "15:57: limits[3].concurrent: cannot be counted by tool",
        "17:5: budgets[0]: must have one of",
        "17:36: budgets[0].per: must be",
        "18:20: budgets[1].by: each must be",
        "18:34: budgets[1].usd: must be a decimal number",
        "19:18: counters.url: must be",
        "20:15: store.url: must begin with",
        "21:24: tools.on_violation: must be",
    ];
    let lines = lines(&text);
    for line in expected {
        let wanted = format!("g.yaml:{line}");
        assert!(
            lines.iter().any(|found| found.starts_with(&wanted)),
            "no `{wanted}` in {lines:#?}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        prop_assert!(reading(&text).finish().is_err() || text.contains("upstreams"));
    }

    #[test]
    fn no_text_of_yaml_signs_makes_it_panic(text in "[-\\[\\]{}:,&*a?|>!%#'\" \n\t0~$<\r.@`\\\\]{0,80}") {
        drop(reading(&text).finish());
    }

    #[test]
    fn no_change_to_a_real_file_makes_it_panic(at in 0..REFERENCE.len(), put in "\\PC{0,3}", cut in 0..40usize) {
        let text = reference();
        let head: String = text.chars().take(at).collect();
        let tail: String = text.chars().skip(at + cut).collect();
        drop(reading(&format!("{head}{put}{tail}")).finish());
    }
}
