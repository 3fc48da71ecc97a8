//! The house, held to its plan: who imports whom, how long files may be, and which names may
//! stand where. Reads the source as text, so that it also sees what no build would.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders and files of `src/`, from the bottom up: each may import what stands on an earlier
/// line, never what stands on a later one.
const FLOORS: &[&[&str]] = &[
    &["model", "error", "clock", "tasks"],
    &["config", "wire"],
    &["telemetry"],
    &["http"],
    &["outbound", "store"],
    &["inbound", "policy", "gateway"],
    &["server", "stack", "simulator"],
    &["app"],
    &["cli"],
    &["main"],
];

/// Who may import a sibling on the same floor.
const SIBLINGS: &[(&str, &str)] = &[("inbound", "gateway"), ("model", "error"), ("model", "clock")];

/// Who may import nothing but these, though they stand lower.
const ONLY: &[(&str, &[&str])] = &[
    ("config", &["model", "error", "clock"]),
    ("wire", &["error"]),
    ("simulator", &["clock", "tasks", "error"]),
];

/// Names that may stand in one place only: a file, or a folder.
const PLACES: &[(&str, &str)] = &[
    ("pingora_core::", "server/listen.rs"),
    ("prometheus::", "telemetry/metrics"),
    ("opentelemetry::", "telemetry/traces"),
    ("tracing_opentelemetry::", "telemetry/traces"),
    ("std::env::var", "config/secret.rs"),
    ("governor::", "policy/limits/"),
    ("redis::", "policy/limits/"),
    ("jsonwebtoken::", "policy/identity/"),
    ("cedar_policy::", "policy/access/"),
    ("rusqlite::", "store/"),
    ("tokio_postgres::", "store/"),
];

/// Lines of a file that are not tests, at most.
const CEILING: usize = 400;

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.sort();
    assert!(found.len() > 50, "the source was not found");
    let name = |path: &PathBuf| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    found.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// The folder, or top-level file, that a source file belongs to.
fn room(file: &str) -> &str {
    let first = file.split('/').next().unwrap();
    first.strip_suffix(".rs").unwrap_or(first)
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The part of a file before its tests.
fn product(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
}

fn is_test_file(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.contains("/tests/")
}

/// Why `from` may not import `to`, if it may not.
fn forbidden(from: &str, to: &str) -> Option<String> {
    if from == to || from == "lib" {
        return None;
    }
    let Some(lower) = floor(to) else { return Some(format!("`{to}` is not in the plan")) };
    let Some(upper) = floor(from) else { return Some(format!("`{from}` is not in the plan")) };
    if let Some((_, only)) = ONLY.iter().find(|(room, _)| *room == from)
        && !only.contains(&to)
    {
        return Some(format!("`{from}` may import only {only:?}"));
    }
    if from == "inbound" && to == "outbound" {
        return Some("faces and vendors never meet".to_owned());
    }
    if lower == upper && !SIBLINGS.contains(&(from, to)) {
        return Some("siblings do not import each other".to_owned());
    }
    (lower > upper).then(|| "imports go downwards only".to_owned())
}

/// The rooms that a line names after `crate::`, in braces too.
fn imported(line: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut rooms = Vec::new();
    for part in line.split("crate::").skip(1) {
        match part.strip_prefix('{') {
            Some(list) => rooms.extend(list.split(',').map(|item| word(item.trim()))),
            None => rooms.push(word(part)),
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

#[test]
fn imports_go_downwards_only() {
    let mut wrong = Vec::new();
    for (file, text) in sources().iter().filter(|(file, _)| !is_test_file(file)) {
        for (number, line) in product(text).filter(|(_, line)| !line.trim().starts_with("//")) {
            for to in imported(line) {
                if let Some(rule) = forbidden(room(file), &to) {
                    wrong.push(format!("src/{file}:{number}: imports `{to}`: {rule}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_import_rule_would_find_what_it_forbids() {
    assert_eq!(imported("use crate::{outbound::make, wire};"), ["outbound", "wire"]);
    assert_eq!(imported("    let x = crate::gateway::Gateway::new();"), ["gateway"]);
    for (from, to) in [
        ("inbound", "outbound"),
        ("outbound", "inbound"),
        ("model", "wire"),
        ("wire", "model"),
        ("policy", "gateway"),
        ("simulator", "wire"),
        ("http", "stack"),
        ("config", "http"),
        ("gateway", "somewhere"),
    ] {
        assert!(forbidden(from, to).is_some(), "{from} imports {to}");
    }
    assert_eq!(forbidden("inbound", "gateway"), None);
    assert_eq!(forbidden("gateway", "outbound"), None);
}

#[test]
fn files_hold_one_idea() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let length = product(&text).count();
        if length > CEILING && !is_test_file(&file) {
            wrong.push(format!("src/{file}: {length} lines, the ceiling is {CEILING}"));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("src/{file}: does not say what it is"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn some_names_stand_in_one_place_only() {
    let mut wrong = Vec::new();
    for (file, text) in sources().iter().filter(|(file, _)| !is_test_file(file)) {
        for (number, line) in product(text).filter(|(_, line)| !line.trim().starts_with("//")) {
            for (name, place) in PLACES {
                if line.contains(name) && !file.starts_with(place) {
                    wrong.push(format!("src/{file}:{number}: `{name}` belongs in src/{place}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_model_names_no_vendor_and_no_protocol() {
    let vendors = ["zaia", "agentbase", "Make", "ACP", "acp"];
    let protocols = ["http::", "hyper", "sse", "SSE"];
    let mut wrong = Vec::new();
    for (file, text) in sources().iter().filter(|(file, _)| room(file) == "model") {
        for (number, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != ':').collect();
            for name in vendors.iter().chain(&protocols) {
                if words.contains(name) || (name.ends_with("::") && line.contains(name)) {
                    wrong.push(format!("src/{file}:{}: names `{name}`", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_vendor_is_named_in_its_folder_and_one_line() {
    // The simulator plays the platforms and the demo configures them; nothing else knows them.
    let elsewhere = ["simulator", "cli", "app", "main", "inbound"];
    let mut wrong = Vec::new();
    for (file, text) in sources().iter().filter(|(file, _)| !is_test_file(file)) {
        if elsewhere.contains(&room(file)) {
            continue;
        }
        for vendor in ["zaia", "agentbase"] {
            let own = file.starts_with(&format!("outbound/{vendor}/"));
            let lines = product(text).filter(|(_, line)| !line.trim().starts_with("//"));
            let named = lines.filter(|(_, line)| line.to_lowercase().contains(vendor)).count();
            let allowed = if file == "outbound/mod.rs" { 2 } else { 0 };
            if !own && named > allowed {
                wrong.push(format!("src/{file}: names `{vendor}` {named} times"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
