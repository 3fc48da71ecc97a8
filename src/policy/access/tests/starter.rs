//! The starter set, as a table: who may do what by default.

use super::*;

#[test]
fn the_starter_set_lets_a_scope_do_its_own_and_an_owner_see_its_own() {
    let access = starter();
    let writer = caller("acme", "writer", &[Scope::RunsWrite], &[]);
    let other = caller("acme", "other", &[Scope::RunsRead, Scope::RunsWrite], &[]);
    let none = caller("acme", "none", &[], &[]);
    let admin = caller("acme", "admin", &[Scope::Admin], &[]);
    let auditor = caller("acme", "auditor", &[Scope::AuditRead], &[]);
    let reader = caller("acme", "reader", &[Scope::AgentsRead], &[]);
    let builder = caller("acme", "builder", &[Scope::AgentsWrite], &[]);
    let proxy = caller("acme", "proxy", &[Scope::Proxy], &[]);
    let agent = Resource::Agent(SUPPORT);
    let upstream = Resource::Upstream("make-eu");
    let run = Resource::Run(of(&writer, SUPPORT));
    let thread = Resource::Thread(of(&writer, SUPPORT));
    let gone = Resource::Run(of(&writer, Agent { upstream: "gone", id: "x" }));
    let table: &[(&Identity, Action<'_>, Resource<'_>, &str)] = &[
        (&writer, Action::Run, agent, "run-agents"),
        (&none, Action::Run, agent, ""),
        (&admin, Action::Run, agent, ""),
        (&writer, Action::Read, run, "read-own"),
        (&writer, Action::Read, thread, "read-own"),
        (&writer, Action::Read, gone, "read-own"),
        (&other, Action::Read, run, ""),
        (&admin, Action::Read, run, ""),
        (&other, Action::Read, thread, ""),
        (&writer, Action::Cancel, run, "cancel-own"),
        (&writer, Action::Cancel, thread, "cancel-own"),
        (&other, Action::Cancel, run, ""),
        (&reader, Action::Read, agent, "read-agents"),
        (&reader, Action::Read, upstream, "read-agents"),
        (&writer, Action::Read, agent, ""),
        (&builder, Action::ManageAgents, agent, "manage-agents"),
        (&builder, Action::ManageAgents, upstream, "manage-agents"),
        (&reader, Action::ManageAgents, agent, ""),
        (&proxy, Action::Proxy, upstream, "use-proxy"),
        (&writer, Action::Proxy, upstream, ""),
        (&admin, Action::Administer, Resource::Gateway, "administer"),
        (&writer, Action::Administer, Resource::Gateway, ""),
        (&auditor, Action::Read, Resource::Gateway, "read-audit"),
        (&auditor, Action::Administer, Resource::Gateway, ""),
        (&writer, Action::UseTool("search"), agent, "use-tools"),
    ];
    for (who, action, resource, policy) in table.iter().copied() {
        let verdict = access.decide(&ask(who, action, resource));
        let decided: Vec<&str> = verdict.policies().iter().map(String::as_str).collect();
        let expected: Vec<&str> =
            Some(policy).filter(|name| !name.is_empty()).into_iter().collect();
        assert_eq!(decided, expected, "{} {}", who.name, action.name());
        assert_eq!(verdict.allowed(), !policy.is_empty());
        let explained = access.explain(&ask(who, action, resource)).unwrap();
        assert_eq!(explained.allowed, verdict.allowed());
        assert_eq!(explained.policy_version, verdict.version());
    }
}

#[test]
fn the_starter_set_is_the_folder_that_ships() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config/policies");
    let shipped = Access::new(Source::Folder(folder.into()), &World::default()).unwrap();
    assert_eq!(shipped.in_force(), starter().in_force());
    assert_eq!(shipped.in_force().warnings, []);
}

#[test]
fn the_example_that_is_commented_out_holds_once_it_is_not() {
    let text = include_str!("../../../../config/policies/runs.cedar");
    let (before, example) = text.split_once("slashes away:\n//\n").unwrap();
    let example: String =
        example.lines().map(|line| line.trim_start_matches("// ").to_owned() + "\n").collect();
    let access = engine(&format!("{before}\n{example}"));
    let owner = caller("acme", "owner", &[], &[]);
    let colleague = caller("acme", "colleague", &[], &[]);
    let stranger = caller("other", "stranger", &[], &[]);
    let run = Resource::Run(of(&owner, SUPPORT));
    let verdict = access.decide(&ask(&colleague, Action::Read, run));
    assert_eq!(verdict.policies(), ["colleagues-read"]);
    assert!(!access.decide(&ask(&stranger, Action::Read, run)).allowed());
    assert!(!access.decide(&ask(&colleague, Action::Cancel, run)).allowed());
}
