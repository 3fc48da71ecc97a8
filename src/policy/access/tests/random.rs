//! Random questions over random policies: a decision, kept or not, is the decision that all the
//! policies give when everything is put before them. This is what proves the key and the slices.

use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::{select, subsequence};

use super::*;
use crate::model::judge::Mode;
use crate::model::micro::Micro;
use crate::policy::access::Cause;
use crate::policy::access::question::makes_sense;

const RUNS: [&str; 2] =
    ["run_00000000000000000000000000000001", "run_00000000000000000000000000000002"];

/// Conditions that are valid whatever the head says.
const CONDITIONS: &[&str] = &[
    "true",
    "context.face == \"hooks\"",
    "context.mode != \"stream\"",
    "context has model && context.model == \"m1\"",
    "context has model",
    "!(context has tools)",
    "context has tools && context.tools.contains(\"t1\")",
    "context.mcp_servers.contains(\"https://b.example\")",
    "context.mcp_servers.isEmpty()",
    "context has max_cost_usd && context.max_cost_usd.lessThanOrEqual(decimal(\"1.0\"))",
    "context.hour >= 8 && context.hour < 18",
    "context.weekday > 5",
    "context.address.isInRange(ip(\"10.0.0.0/8\"))",
    "context.address.isIpv6()",
    "principal.name == \"one\"",
    "principal.kind == \"token\"",
    "principal.kind != \"key\"",
    "principal has class && principal.class == \"gold\"",
    "principal.scopes.contains(\"runs:write\")",
    "principal.groups.containsAny([\"g1\", \"g3\"])",
    "principal.workspace == \"w1\"",
    "principal in Group::\"w1/g1\"",
    "principal == Caller::\"w2/key:two\"",
    "resource in Agent::\"support\"",
    "resource in Upstream::\"base\"",
    "resource in Workspace::\"w1\"",
    "resource is Run && resource.owner == principal",
    "resource is Thread && resource.workspace == principal.workspace",
    "resource is Run && resource == Run::\"run_00000000000000000000000000000002\"",
    "resource is Agent && resource.kind == \"make\"",
    "resource is Agent && resource.id == \"r-1\"",
    "resource is Upstream && resource.kind == \"make\"",
    "Agent::\"help\".kind == \"make\" && context.hour < 12",
    // Whoever holds the whole context.
    "(if context.hour < 12 then context else context).face == \"acp\"",
];

/// Conditions that are in error now and then.
const FAILING: &[&str] = &[
    "resource is Run && resource.owner.name == \"one\"",
    "context.hour + 9223372036854775800 > 0",
    "context.weekday * 9000000000000000000 > 0",
];

const PRINCIPALS: &[&str] = &[
    "principal",
    "principal",
    "principal in Group::\"w1/g1\"",
    "principal in Group::\"w2/g2\"",
    "principal in Workspace::\"w1\"",
    "principal == Caller::\"w1/key:one\"",
    "principal is Caller in Workspace::\"w2\"",
];

const ACTIONS: &[&str] = &[
    "action",
    "action == Action::\"run\"",
    "action == Action::\"read\"",
    "action in [Action::\"run\", Action::\"cancel\", Action::\"read\"]",
    "action in [Action::\"use_tool\", Action::\"manage_agents\", Action::\"proxy\"]",
];

const RESOURCES: &[&str] = &[
    "resource",
    "resource",
    "resource in Agent::\"support\"",
    "resource in Upstream::\"base\"",
    "resource == Agent::\"base:r-1\"",
    "resource == Run::\"run_00000000000000000000000000000001\"",
    "resource is Run",
    "resource is Agent in Upstream::\"make-eu\"",
    "resource in Workspace::\"w2\"",
];

/// One policy; permits more often than forbids, or everything would be refused.
fn policy() -> impl Strategy<Value = String> {
    let effect = select(vec!["permit", "permit", "permit", "forbid"]);
    let one = || prop_oneof![4 => select(CONDITIONS), 1 => select(FAILING)];
    let condition = (one(), one(), select(vec!["&&", "||"]))
        .prop_map(|(one, other, joint)| format!("({one}) {joint} ({other})"));
    let head = (select(PRINCIPALS), select(ACTIONS), select(RESOURCES));
    (effect, head, condition, select(vec!["when", "unless"])).prop_map(
        |(effect, (principal, action, resource), condition, when)| {
            format!("{effect} ({principal}, {action}, {resource}) {when} {{ {condition} }};\n")
        },
    )
}

/// A question that owns what it is about.
#[derive(Clone, Debug)]
struct Owning {
    who: Identity,
    owner: Identity,
    action: usize,
    tool: &'static str,
    resource: usize,
    agent: usize,
    run: usize,
    face: usize,
    mode: usize,
    model: Option<&'static str>,
    tools: Option<Vec<String>>,
    servers: Vec<&'static str>,
    cost: Option<i64>,
    when: (u8, u8),
    address: &'static str,
}

impl Owning {
    fn with<T>(&self, then: impl FnOnce(&Question<'_>) -> T) -> T {
        let action = Action::EACH[self.action];
        let action = if action.tool().is_some() { Action::UseTool(self.tool) } else { action };
        let agent = [SUPPORT, RESEARCHER, Agent { upstream: "gone", id: "8d2f" }][self.agent];
        let owned = Owned { id: RUNS[self.run], ..of(&self.owner, agent) };
        let resources = [
            Resource::Agent(agent),
            Resource::Upstream(agent.upstream),
            Resource::Run(owned),
            Resource::Thread(owned),
            Resource::Gateway,
        ];
        let circumstances = Circumstances {
            face: ["unified", "hooks", "acp"][self.face],
            mode: [Mode::Whole, Mode::Stream][self.mode],
            model: self.model,
            tools: self.tools.as_deref(),
            mcp_servers: &self.servers,
            max_cost_usd: self.cost.map(Micro),
            when: When { hour: self.when.0, weekday: self.when.1 },
            address: self.address.parse().unwrap(),
        };
        let resource = resources[self.resource];
        then(&Question { principal: &self.who, action, resource, circumstances })
    }
}

fn identity() -> impl Strategy<Value = Identity> {
    let scopes = subsequence(vec![Scope::RunsRead, Scope::RunsWrite, Scope::Admin], 0..=3);
    let groups = subsequence(vec!["g1", "g2", "g3"], 0..=2);
    let names = (select(vec!["w1", "w2"]), select(vec!["one", "two"]), select(vec!["one", "two"]));
    let class = select(vec![None, Some("gold"), Some("tin")]);
    let kind = select(vec![PrincipalKind::Key, PrincipalKind::Token]);
    (names, scopes, groups, class, kind).prop_map(
        |((workspace, subject, name), scopes, groups, class, kind)| Identity {
            name: name.into(),
            kind,
            class: class.map(str::to_owned),
            ..caller(workspace, subject, &scopes, &groups)
        },
    )
}

/// Few values of each, so that questions often differ in one thing only.
fn question() -> impl Strategy<Value = Owning> {
    // Reading runs as often as running agents; what makes no sense is left out below.
    let about = (0..7_usize, 0..5_usize).prop_filter("makes no sense", |(action, resource)| {
        let who = Identity::default();
        let agent = Resource::Agent(SUPPORT);
        let owned = of(&who, SUPPORT);
        let resources = [
            agent,
            Resource::Upstream("base"),
            Resource::Run(owned),
            Resource::Thread(owned),
            Resource::Gateway,
        ];
        makes_sense(&ask(&who, Action::EACH[*action], resources[*resource]))
    });
    let things = (select(vec!["t1", "t2"]), 0..3_usize, 0..2_usize, 0..3_usize, 0..2_usize);
    let model = select(vec![None, Some("m1"), Some("m2")]);
    let tools = select(vec![None, Some(vec![]), Some(vec!["t1".to_owned()])]);
    let servers = subsequence(vec!["https://a.example", "https://b.example"], 0..=2);
    let cost = select(vec![None, Some(999_999), Some(1_000_000), Some(1_000_001)]);
    let when = (select(vec![7_u8, 8, 12, 18]), select(vec![1_u8, 6]));
    let address = select(vec!["10.0.0.1", "11.0.0.1", "::1", "::ffff:10.0.0.1"]);
    ((identity(), identity()), about, things, (model, tools, servers, cost), when, address)
        .prop_map(|((who, owner), about, things, asked, when, address)| Owning {
            who,
            owner,
            action: about.0,
            resource: about.1,
            tool: things.0,
            agent: things.1,
            run: things.2,
            face: things.3,
            mode: things.4,
            model: asked.0,
            tools: asked.1,
            servers: asked.2,
            cost: asked.3,
            when,
            address,
        })
}

/// Questions of few callers and about few things: each is followed by ones that differ from it in
/// one part.
fn questions() -> impl Strategy<Value = Vec<Owning>> {
    let varied = (question(), proptest::collection::vec((0..22_usize, question()), 24));
    varied.prop_flat_map(|(first, changes)| {
        let mut all = vec![first];
        for (part, other) in changes {
            let mut next = all.last().unwrap().clone();
            match part {
                0 => next.who = other.who,
                1 => next.owner = other.owner,
                12 => next.who.workspace = other.who.workspace,
                13 => next.who.subject = other.who.subject,
                14 => next.who.name = other.who.name,
                15 => next.who.kind = other.who.kind,
                16 => next.who.groups = other.who.groups,
                17 => next.who.scopes = other.who.scopes,
                18 => next.who.class = other.who.class,
                19 => next.owner.workspace = other.owner.workspace,
                20 => next.owner.subject = other.owner.subject,
                21 => next.owner = next.who.clone(),
                2 => (next.action, next.resource) = (other.action, other.resource),
                3 => next.tool = other.tool,
                4 => next.agent = other.agent,
                5 => next.run = other.run,
                6 => (next.face, next.mode) = (other.face, other.mode),
                7 => next.model = other.model,
                8 => next.tools = other.tools,
                9 => next.servers = other.servers,
                10 => (next.cost, next.address) = (other.cost, other.address),
                _ => next.when = other.when,
            }
            all.push(next);
        }
        Just(all)
    })
}

proptest! {
    // A set is checked for each case, which takes its time; there are 50 questions in each.
    #![proptest_config(proptest::test_runner::Config::with_cases(48))]
    #[test]
    fn a_kept_decision_is_the_decision_of_all_the_policies(
        policies in proptest::collection::vec(policy(), 1..12),
        questions in questions(),
    ) {
        let access = engine(&policies.concat());
        for owning in questions.iter().chain(&questions) {
            owning.with(|question| {
                let kept = access.decide(question);
                let fresh = access.decide_afresh(question);
                prop_assert_eq!(&kept, &fresh);
                let whole = access.explain(question).unwrap();
                prop_assert_eq!(kept.allowed(), whole.allowed);
                let mut named: Vec<&str> = match kept.cause() {
                    Cause::Failed => whole.failed.iter().map(|policy| policy.id.as_str()).collect(),
                    Cause::Permitted | Cause::Forbidden | Cause::Unpermitted => {
                        whole.policies.iter().map(|policy| policy.id.as_str()).collect()
                    }
                };
                named.sort_unstable();
                prop_assert_eq!(kept.policies(), &named[..]);
                prop_assert!(kept.version() == whole.policy_version);
                Ok(())
            })?;
        }
    }
}

#[test]
fn the_random_questions_reach_every_cause_and_are_often_answered_from_what_is_kept() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut causes, mut asked, mut kept) = ([0_usize; 4], 0, 0);
    for _ in 0..30 {
        let policies = proptest::collection::vec(policy(), 1..12).new_tree(&mut runner).unwrap();
        let access = engine(&policies.current().concat());
        for owning in questions().new_tree(&mut runner).unwrap().current() {
            causes[owning.with(|question| access.decide(question)).cause() as usize] += 1;
            asked += 1;
        }
        kept += access.generation.load().kept();
    }
    assert!(causes.iter().all(|count| *count > 2), "{causes:?}");
    assert!(kept < asked * 9 / 10, "{kept} of {asked}");
}
