//! The manual, `config/policies/README.md`: its examples are taken from the page, laid over the
//! starter set, and asked what the page says of them; its tables are held to the schema.

use cedar_policy::Schema;

use super::*;
use crate::model::micro::Micro;
use crate::policy::access::policies::SCHEMA;

const MANUAL: &str = include_str!("../../../../config/policies/README.md");

/// The starter set with the example of a heading laid over it.
fn example(heading: &str) -> Access {
    let (_, section) = MANUAL.split_once(&format!("### {heading}\n")).unwrap();
    let (_, text) = section.split_once("```cedar\n").unwrap();
    let (text, _) = text.split_once("```").unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config/policies/");
    let read = |name: &str| fs::read_to_string(format!("{folder}{name}")).unwrap();
    let (runs, tools) = (read("runs.cedar"), read("tools.cedar"));
    let files = [("runs.cedar", runs.as_str()), ("tools.cedar", &tools), ("example.cedar", text)];
    let access = Access::new(Folder::new(&files).source(), &world()).unwrap();
    assert_eq!(access.in_force().warnings, []);
    access
}

fn writer(workspace: &str, groups: &[&str]) -> Identity {
    caller(workspace, "writer", &[Scope::RunsWrite], groups)
}

/// Who decided, and whether it lets in.
fn decided(access: &Access, question: &Question<'_>) -> (bool, Vec<String>) {
    let verdict = access.decide(question);
    (verdict.allowed(), verdict.policies().to_vec())
}

fn yes(policy: &str) -> (bool, Vec<String>) {
    (true, vec![policy.to_owned()])
}

fn no(policy: &str) -> (bool, Vec<String>) {
    (false, vec![policy.to_owned()])
}

#[test]
fn office_hours() {
    let access = example("Office hours");
    let (desk, other) = (writer("acme", &["support"]), writer("acme", &["sales"]));
    let mut question = ask(&desk, Action::Run, Resource::Agent(SUPPORT));
    for (hour, weekday, expected) in [
        (8, 1, yes("run-agents")),
        (17, 5, yes("run-agents")),
        (18, 5, no("support-office-hours")),
        (7, 1, no("support-office-hours")),
        (12, 6, no("support-office-hours")),
    ] {
        question.circumstances.when = When { hour, weekday };
        assert_eq!(decided(&access, &question), expected, "{hour} {weekday}");
    }
    let others = ask(&other, Action::Run, Resource::Agent(SUPPORT));
    assert_eq!(decided(&access, &others), no("support-desk-only"));
    let another = ask(&other, Action::Run, Resource::Agent(RESEARCHER));
    assert_eq!(decided(&access, &another), yes("run-agents"));
}

#[test]
fn a_cost_cap_for_a_class() {
    let access = example("A cost cap for a class");
    let trial = Identity { class: Some("trial".into()), ..writer("acme", &[]) };
    let free = writer("acme", &[]);
    for (who, cost, expected) in [
        (&trial, Some("0.5"), yes("run-agents")),
        (&trial, Some("0.500001"), no("trial-cost-cap")),
        (&trial, None, no("trial-cost-cap")),
        (&free, None, yes("run-agents")),
    ] {
        let mut question = ask(who, Action::Run, Resource::Agent(SUPPORT));
        question.circumstances.max_cost_usd = cost.and_then(Micro::parse);
        assert_eq!(decided(&access, &question), expected, "{cost:?}");
    }
}

#[test]
fn a_dangerous_tool() {
    let access = example("A dangerous tool");
    let (operator, other) = (writer("acme", &["operators"]), writer("acme", &[]));
    for (who, tool, expected) in [
        (&operator, "delete_records", yes("use-tools")),
        (&other, "delete_records", no("delete-records-operators-only")),
        (&other, "search", yes("use-tools")),
    ] {
        let question = ask(who, Action::UseTool(tool), Resource::Agent(SUPPORT));
        assert_eq!(decided(&access, &question), expected, "{tool}");
    }
}

#[test]
fn a_workspace_from_its_own_network() {
    let access = example("A workspace from its own network");
    let (acme, other) = (writer("acme", &[]), writer("other", &[]));
    for (who, address, expected) in [
        (&acme, "203.0.113.9", yes("run-agents")),
        (&acme, "2001:db8:acce::1", yes("run-agents")),
        (&acme, "203.0.114.9", no("acme-network")),
        (&other, "203.0.114.9", yes("run-agents")),
    ] {
        let mut question = ask(who, Action::Run, Resource::Agent(SUPPORT));
        question.circumstances.address = address.parse().unwrap();
        assert_eq!(decided(&access, &question), expected, "{address}");
    }
}

#[test]
fn colleagues() {
    let access = example("Colleagues");
    let owner = caller("acme", "owner", &[], &[]);
    let (colleague, stranger) = (writer("acme", &[]), writer("other", &[]));
    let research = Resource::Run(of(&owner, RESEARCHER));
    let nobody = (false, Vec::new());
    for (who, action, resource, expected) in [
        (&colleague, Action::Read, research, yes("colleagues-read-research")),
        (&stranger, Action::Read, research, nobody.clone()),
        (&colleague, Action::Cancel, research, nobody.clone()),
        (&colleague, Action::Read, Resource::Run(of(&owner, SUPPORT)), nobody),
    ] {
        assert_eq!(decided(&access, &ask(who, action, resource)), expected);
    }
}

#[test]
fn every_snippet_of_the_manual_is_a_valid_set() {
    let snippets: Vec<&str> = MANUAL.split("```cedar\n").skip(1).collect();
    assert_eq!(snippets.len(), 6);
    for snippet in snippets {
        engine(snippet.split_once("```").unwrap().0);
    }
}

#[test]
fn the_tables_name_every_entity_action_and_attribute_of_the_schema() {
    let json = Schema::from_cedarschema_str(SCHEMA).unwrap().0;
    let named = |name: &str| MANUAL.contains(&format!("`{name}`"));
    for kind in json.entity_types() {
        assert!(named(&kind.to_string()), "{kind}");
    }
    for action in json.actions() {
        assert!(named(action.id().unescaped()), "{action}");
    }
    let attributes = SCHEMA.lines().filter(|line| line.starts_with("    "));
    for line in attributes.filter(|line| !line.trim().starts_with("//")) {
        let name = line.trim().split([':', '?']).next().unwrap();
        if !["principal", "resource", "context"].contains(&name) {
            assert!(named(name), "{name}");
        }
    }
}
