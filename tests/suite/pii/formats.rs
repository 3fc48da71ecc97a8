//! Every format of secrets by a sample that is one and a sample that only looks like one, as they
//! stand in `tests/pii/secrets.txt`. With `UPDATE_GOLDEN=1` a format that has none yet gets a line
//! that is drawn after its form, for a person to look at.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;
use switchyard::policy::pii::secrets::form::{ENDLESS, Part};
use switchyard::policy::pii::secrets::{Place, SecretFormat, formats};
use switchyard::policy::pii::{Direction, HashKey, Rules, Scope, Treatment};

/// Stands in the middle of each value, so that no tool that looks for secrets takes this file for
/// a leak; it is taken out when the file is read.
const BREAK: char = '·';

/// Name, what holds one, and what only looks as if it did.
pub type Sample = (String, String, String);

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/pii/secrets.txt")
}

/// The samples by format.
pub fn samples() -> Vec<Sample> {
    let text = std::fs::read_to_string(file()).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let fields = |line: &str| {
        let mut fields =
            line.split('\t').map(|field| field.replace(BREAK, "").replace("\\n", "\n"));
        (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap())
    };
    lines.map(fields).collect()
}

#[test]
fn each_format_of_secrets_finds_its_sample_and_not_what_looks_like_it() {
    let mut samples: BTreeMap<String, (String, String)> =
        samples().into_iter().map(|(name, good, bad)| (name, (good, bad))).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        for format in formats() {
            samples.entry(format.name.to_owned()).or_insert_with(|| drawn(format));
        }
        write(&samples);
    }
    let mut wrong = Vec::new();
    for format in formats() {
        let Some((good, bad)) = samples.get(format.name) else {
            wrong.push(format!("{} has no sample", format.name));
            continue;
        };
        if !found(good).iter().any(|name| name == format.name) {
            wrong.push(format!("{}: {good} is found as {:?}", format.name, found(good)));
        }
        if found(bad).iter().any(|name| name == format.name) {
            wrong.push(format!("{}: {bad} is found", format.name));
        }
    }
    assert!(wrong.is_empty(), "{}: {wrong:#?}", wrong.len());
    assert!(samples.len() >= 150);
}

/// What is found in a text, by name.
fn found(text: &str) -> Vec<String> {
    let rules = json!({ "rules": [{ "entities": ["secret"], "action": "report" }] });
    let rules =
        Rules::compile(serde_json::from_value(rules).unwrap(), HashKey::new(b"key")).unwrap();
    let scope = Scope {
        direction: Direction::ToUpstream,
        face: "unified",
        upstream: "u",
        agent: "u:a",
        groups: &[],
        workspace: "w",
    };
    let mut treatment = Treatment::new(rules.plan(&scope).unwrap(), None);
    let spans = treatment.spans(text).unwrap();
    spans.into_iter().map(|(name, _, _)| name.to_string()).collect()
}

fn write(samples: &BTreeMap<String, (String, String)>) {
    let mut text = String::from(
        "# A sample of each format of secrets, and one that only looks like it: name, tab, sample,\n\
         # tab, near miss. All are drawn by chance. `·` is taken out when the file is read, and `\\n`\n\
         # is a line break.\n",
    );
    let broken = |text: &str| {
        let middle = text.floor_char_boundary(text.len() * 2 / 3);
        format!("{}{BREAK}{}", &text[..middle], &text[middle..]).replace('\n', "\\n")
    };
    for (name, (good, bad)) in samples {
        text.push_str(&format!("{name}\t{}\t{}\n", broken(good), broken(bad)));
    }
    std::fs::write(file(), text).unwrap();
}

/// A sample after the form of a format; and one that is a character shorter than the shortest.
fn drawn(format: &SecretFormat) -> (String, String) {
    let state = format.name.bytes();
    let mut state = state.fold(7_u64, |state, byte| state.wrapping_mul(31) + u64::from(byte));
    let mut next = |limit: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    let prefix = format.form.prefixes.first().copied().unwrap_or_default();
    let (mut value, mut shortest) = (prefix.to_owned(), prefix.to_owned());
    for part in format.form.parts {
        match part {
            Part::Text(fixed) => {
                value.push_str(fixed);
                shortest.push_str(fixed);
            }
            Part::Run { alphabet, min, max } => {
                let bytes: Vec<char> = alphabet.bytes().map(char::from).collect();
                let count = if *max == ENDLESS { min + 24 } else { (*max).min(min + 60) };
                while value.is_empty() && count > 0 {
                    value
                        .extend(Some(bytes[next(bytes.len())]).filter(char::is_ascii_alphanumeric));
                }
                let more = count - u16::from(value.len() == 1 && prefix.is_empty());
                (0..more).for_each(|_| value.push(bytes[next(bytes.len())]));
                (0..*min).for_each(|_| shortest.push(bytes[next(bytes.len())]));
            }
        }
    }
    shortest.pop();
    let before = match format.place {
        Place::Assigned(words) => format!("my_{}=", words[0]),
        Place::After(words) => format!("the {} ", words[0]),
        Place::Prefix | Place::Jwt | Place::Pem => "use ".to_owned(),
    };
    let told = |good: &str, bad: &str| (good.to_owned(), bad.to_owned());
    // Those whose structure shows itself are not drawn.
    match format.name {
        "jwt" => told(
            "use eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJzdWIiOiAiZjkyYjczMTgifQ.j0b5RWX_gahPzI35",
            "use eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiAiZjkyYjczMTgifQ.j0b5RWX_gahPzI35",
        ),
        "private_key" => told(
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PUBLIC KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PUBLIC KEY-----",
        ),
        "basic_credentials" => told("Basic YWxhZGRpbjpvcGVuc2VzYW1l", "Basic training is over"),
        "bearer_token" => told("Bearer mF_9.B5f-4.1JqM2x7", "The bearer of good news today"),
        "password" => told("password: hunter2!", "password: changeme"),
        "generic_secret" => {
            told("api_secret=9f8a7b6c5d4e3f2a1b0c", "api_secret=documentation-page")
        }
        _ => (format!("{before}{value} now"), format!("{before}{shortest} now")),
    }
}
