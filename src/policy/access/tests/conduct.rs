//! How the engine behaves whatever the policies say: default deny, who wins, errors, the schema,
//! the cache, explanations.

use std::net::Ipv6Addr;

use cedar_policy::{Entities, Schema};

use super::*;
use crate::model::micro::Micro;
use crate::policy::access::names::Names;
use crate::policy::access::policies::SCHEMA;
use crate::policy::access::question::makes_sense;
use crate::policy::access::request::Words;
use crate::policy::access::uses::Uses;
use crate::policy::access::verdict::Cause;
use crate::policy::access::world::Prepared;

const ANYTHING: &str = "@id(\"all\") permit (principal, action, resource);\n";

/// One question for each resource that an action has.
fn every_question<'a>(who: &'a Identity, owner: &'a Identity) -> Vec<Question<'a>> {
    let resources = [
        Resource::Agent(SUPPORT),
        Resource::Upstream("make-eu"),
        Resource::Run(of(owner, SUPPORT)),
        Resource::Thread(of(owner, RESEARCHER)),
        Resource::Gateway,
    ];
    let pairs = Action::EACH.into_iter().flat_map(|action| resources.map(|one| (action, one)));
    pairs.map(|(action, resource)| ask(who, action, resource)).collect()
}

#[test]
fn a_question_makes_sense_exactly_where_the_schema_has_it_and_fits_the_schema() {
    let schema = Schema::from_cedarschema_str(SCHEMA).unwrap().0;
    let names = Names::new().unwrap();
    let prepared = Prepared::new(&world(), &names).unwrap();
    let words = Words { names: &names, world: &prepared };
    let mut who = caller("acme", "who", &[Scope::RunsRead], &["a", "b"]);
    who.class = Some("gold".into());
    let tools = ["t".to_owned()];
    let mut sensible = 0;
    for mut question in every_question(&who, &who) {
        question.circumstances.model = Some("m");
        question.circumstances.tools = Some(&tools);
        question.circumstances.mcp_servers = &["https://mcp.example"];
        question.circumstances.max_cost_usd = Some(Micro(1));
        let asked = words.put(&question, Uses::ALL).unwrap();
        let request = cedar_policy::Request::new(
            asked.request.principal().unwrap().clone(),
            asked.request.action().unwrap().clone(),
            asked.request.resource().unwrap().clone(),
            asked.request.context().unwrap().clone(),
            Some(&schema),
        );
        // Of a tool only where it is about one, which the schema insists on.
        assert_eq!(request.is_ok(), makes_sense(&question), "{:?}", request.err());
        Entities::from_entities(asked.entities.iter().cloned(), Some(&schema)).unwrap();
        sensible += usize::from(makes_sense(&question));
    }
    assert_eq!(sensible, schema.request_envs().count());
}

#[test]
fn what_makes_no_sense_is_permitted_by_nobody() {
    let access = engine(ANYTHING);
    let who = caller("acme", "who", &[], &[]);
    for question in every_question(&who, &who) {
        assert_eq!(access.decide(&question).allowed(), makes_sense(&question));
        assert_eq!(access.explain(&question).is_ok(), makes_sense(&question));
    }
}

#[test]
fn nothing_is_permitted_by_default_and_a_forbid_has_the_last_word() {
    let who = caller("acme", "who", &[], &[]);
    let forbids = "@id(\"no\") @reason(\"not here\") forbid (principal, action, resource);";
    let denying = engine(forbids);
    let both = engine(&format!("{ANYTHING}{forbids}"));
    let elsewhere = engine("permit (principal in Workspace::\"other\", action, resource);");
    for question in every_question(&who, &who).into_iter().filter(makes_sense) {
        for access in [&denying, &both] {
            let verdict = access.decide(&question);
            assert_eq!(
                (verdict.cause(), verdict.policies()),
                (Cause::Forbidden, &["no".into()][..])
            );
            assert!(verdict.refusal().message().ends_with("`no`: not here"));
        }
        let verdict = elsewhere.decide(&question);
        assert_eq!((verdict.cause(), verdict.policies()), (Cause::Unpermitted, &[][..]));
    }
}

#[test]
fn a_policy_in_error_refuses_and_is_named() {
    // Nothing is known of another's groups; and numbers have an end.
    let access = engine(&format!(
        "{ANYTHING}
        @id(\"owner\") permit (principal, action == Action::\"read\", resource is Run)
        when {{ resource.owner.groups.contains(\"x\") }};
        @id(\"sum\") permit (principal, action == Action::\"run\", resource)
        when {{ context.hour + 9223372036854775807 > 0 }};"
    ));
    let (who, other) = (caller("acme", "who", &[], &[]), caller("acme", "other", &[], &[]));
    let others = ask(&who, Action::Read, Resource::Run(of(&other, SUPPORT)));
    let own = ask(&who, Action::Read, Resource::Run(of(&who, SUPPORT)));
    let noon = ask(&who, Action::Run, Resource::Agent(SUPPORT));
    let mut midnight = noon;
    midnight.circumstances.when.hour = 0;
    for (question, failed) in
        [(others, Some("owner")), (own, None), (noon, Some("sum")), (midnight, None)]
    {
        let verdict = access.decide(&question);
        assert_eq!(verdict.allowed(), failed.is_none());
        let explained = access.explain(&question).unwrap();
        let named: Vec<&str> = explained.failed.iter().map(|policy| policy.id.as_str()).collect();
        assert_eq!(named, failed.into_iter().collect::<Vec<_>>());
        if let Some(failed) = failed {
            assert_eq!(
                (verdict.cause(), verdict.policies()),
                (Cause::Failed, &[failed.into()][..])
            );
        }
    }
}

#[test]
fn an_agent_is_in_its_aliases_and_its_upstream_and_so_are_its_runs() {
    let who = caller("acme", "who", &[], &[]);
    for (head, support, researcher) in [
        ("resource in Agent::\"support\"", true, false),
        ("resource in Agent::\"help\"", true, false),
        ("resource in Agent::\"researcher\"", false, true),
        ("resource in Agent::\"make-eu:8d2f\"", true, false),
        ("resource in Upstream::\"base\"", false, true),
        ("resource is Agent in Upstream::\"make-eu\"", true, false),
        ("resource == Agent::\"make-eu:8d2f\"", true, false),
        ("resource == Agent::\"support\"", false, false),
    ] {
        let access = engine(&format!("permit (principal, action, {head});"));
        for (agent, expected) in [(SUPPORT, support), (RESEARCHER, researcher)] {
            let run = ask(&who, Action::Run, Resource::Agent(agent));
            assert_eq!(access.decide(&run).allowed(), expected, "{head}");
            let own = ask(&who, Action::Read, Resource::Run(of(&who, agent)));
            let of_run = expected && head.contains(" in ") && !head.contains("is Agent");
            assert_eq!(access.decide(&own).allowed(), of_run, "{head}");
        }
    }
}

#[test]
fn a_policy_may_read_what_it_names_itself_where_that_is_configured() {
    let who = caller("acme", "who", &[], &[]);
    let run = ask(&who, Action::Run, Resource::Agent(RESEARCHER));
    for (condition, cause) in [
        ("Agent::\"support\".kind == \"make\"", Cause::Permitted),
        ("Upstream::\"base\".kind == resource.kind", Cause::Permitted),
        ("Agent::\"support\" in Upstream::\"make-eu\"", Cause::Permitted),
        ("Agent::\"nobody\".kind == \"make\"", Cause::Failed),
    ] {
        let access = engine(&format!(
            "permit (principal, action == Action::\"run\", resource) when {{ {condition} }};"
        ));
        assert_eq!(access.decide(&run).cause(), cause, "{condition}");
    }
}

#[test]
fn an_ipv4_address_inside_an_ipv6_one_is_the_ipv4_one() {
    let access = engine(
        "permit (principal, action, resource) when { context.address.isInRange(ip(\"10.0.0.0/8\")) };",
    );
    let who = caller("acme", "who", &[], &[]);
    let mut question = ask(&who, Action::Run, Resource::Agent(SUPPORT));
    for (address, allowed) in
        [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("11.1.2.3", false), ("::10.1.2.3", false)]
    {
        question.circumstances.address = address.parse().unwrap();
        assert_eq!(access.decide(&question).allowed(), allowed, "{address}");
    }
    question.circumstances.address = Ipv6Addr::LOCALHOST.into();
    assert!(!access.decide(&question).allowed());
}

#[test]
fn what_no_policy_looks_at_shares_one_decision() {
    let access = engine(&format!(
        "{ANYTHING} forbid (principal, action == Action::\"cancel\", resource)
        when {{ context.hour < 6 }};"
    ));
    let who = caller("acme", "who", &[], &[]);
    let ids: Vec<String> = (0..24).map(|number| format!("run_{number:032x}")).collect();
    let ask_all = |action: Action<'_>| {
        for (hour, id) in (0..24).zip(&ids) {
            let owned = Owned { id, ..of(&who, SUPPORT) };
            let mut question = ask(&who, action, Resource::Run(owned));
            question.circumstances.when.hour = hour;
            access.decide(&question);
        }
        access.generation.load().kept()
    };
    assert_eq!(ask_all(Action::Read), 1);
    assert_eq!(ask_all(Action::Cancel), 25);
}

#[test]
fn a_question_beyond_measure_is_answered_and_not_kept() {
    let access = engine(
        "permit (principal, action == Action::\"run\", resource)
        when { context has tools && context.tools.contains(\"t999\") };",
    );
    let who = caller("acme", "who", &[], &[]);
    let tools: Vec<String> = (0..1000).map(|number| format!("t{number}")).collect();
    let mut question = ask(&who, Action::Run, Resource::Agent(SUPPORT));
    question.circumstances.tools = Some(&tools);
    assert!(access.decide(&question).allowed());
    assert_eq!(access.generation.load().kept(), 0);
    question.circumstances.tools = Some(&tools[..9]);
    assert!(!access.decide(&question).allowed());
    assert_eq!(access.generation.load().kept(), 1);
}

#[test]
fn an_explanation_says_which_policy_decided_where_it_stands_and_what_was_asked() {
    let access = engine(
        "// Nights.\n\n@id(\"night\")\n@description(\"Nobody at night.\")\n@reason(\"it is night\")\n\
         forbid (principal, action, resource)\nwhen { context.hour < 6 };\npermit (principal, action, \
         resource);\n",
    );
    let (who, owner) = (caller("acme", "who", &[], &["b", "a"]), caller("acme", "owner", &[], &[]));
    let mut question = ask(&who, Action::Read, Resource::Run(of(&owner, SUPPORT)));
    let day = access.explain(&question).unwrap();
    assert_eq!((day.allowed, day.policies[0].id.as_str()), (true, "p.cedar#2"));
    question.circumstances.when.hour = 5;
    question.circumstances.max_cost_usd = Some(Micro(2_500_000));
    let night = serde_json::to_value(access.explain(&question).unwrap()).unwrap();
    let caller = |name: &str| format!("Caller::\"acme/key:{name}\"");
    let expected = serde_json::json!({
        "allowed": false,
        "because": "a policy forbids it",
        "policies": [{
            "id": "night",
            "effect": "forbid",
            "file": "p.cedar",
            "line": 3,
            "description": "Nobody at night.",
            "reason": "it is night",
            "text": "@id(\"night\")\n@description(\"Nobody at night.\")\n@reason(\"it is night\")\n\
                     forbid (principal, action, resource)\nwhen { context.hour < 6 };",
        }],
        "failed": [],
        "policy_version": access.decide(&question).version(),
        "question": {
            "principal": caller("who"),
            "action": "Action::\"read\"",
            "resource": "Run::\"run_00000000000000000000000000000001\"",
            "context": {
                "face": "unified", "mode": "whole", "mcp_servers": [], "max_cost_usd": "2.5000",
                "hour": 5, "weekday": 1, "address": "10.1.2.3",
            },
            "entities": [
                {
                    "uid": caller("who"),
                    "attrs": {
                        "workspace": "acme", "subject": "key:who", "name": "who", "kind": "key",
                        "scopes": [], "groups": ["a", "b"],
                    },
                    "parents": ["Group::\"acme/a\"", "Group::\"acme/b\"", "Workspace::\"acme\""],
                },
                {
                    "uid": "Run::\"run_00000000000000000000000000000001\"",
                    "attrs": { "owner": caller("owner"), "workspace": "acme" },
                    "parents": [
                        "Agent::\"help\"", "Agent::\"make-eu:8d2f\"", "Agent::\"support\"",
                        "Upstream::\"make-eu\"", "Workspace::\"acme\"",
                    ],
                },
                {
                    "uid": caller("owner"),
                    "attrs": { "workspace": "acme", "subject": "key:owner" },
                    "parents": ["Workspace::\"acme\""],
                },
            ],
        },
    });
    assert_eq!(night, expected, "{night:#}");
}

#[test]
fn a_thousand_policies_are_one_set() {
    let text: String = (0..1000)
        .map(|number| {
            format!(
                "@id(\"p{number}\") permit (principal in Group::\"acme/g{number}\", action == \
                 Action::\"run\", resource) when {{ context.hour >= 8 }};\n"
            )
        })
        .collect();
    let access = engine(&text);
    assert_eq!(access.in_force().policies, 1000);
    let who = caller("acme", "who", &[], &["g17", "g998", "other"]);
    let question = ask(&who, Action::Run, Resource::Agent(SUPPORT));
    assert_eq!(access.decide(&question).policies(), ["p17", "p998"]);
    assert!(!access.decide(&ask(&who, Action::Proxy, Resource::Upstream("base"))).allowed());
}
