//! What callers are held to, from the configuration: limits and budgets.

use super::Faults;
use crate::config::{self, Config};
use crate::http::operation::Operation;
use crate::policy::{budget, limits};

/// The limits.
pub(in crate::app) fn limit_rules(config: &Config) -> Vec<limits::Rule> {
    let rule = |limit: &config::Limit| limits::Rule {
        name: limit.name.clone(),
        by: limit.by.iter().filter_map(|word| dimension(word)).collect(),
        only: filters(config, &limit.only),
        kind: match limit.rate {
            config::Rate::Window { requests, per, burst } => {
                limits::RuleKind::Window(limits::Quota { requests, per, burst })
            }
            config::Rate::Concurrent(most) => limits::RuleKind::Concurrent(most),
        },
    };
    config.limits.iter().map(rule).collect()
}

fn dimension(word: &str) -> Option<limits::Dimension> {
    use limits::Dimension::{Address, Agent, Operation, Principal, Tool, Upstream, Workspace};

    Some(match word {
        "address" => Address,
        "principal" => Principal,
        "workspace" => Workspace,
        "agent" => Agent,
        "upstream" => Upstream,
        "operation" => Operation,
        "tool" => Tool,
        _ => return None,
    })
}

fn filters(config: &Config, only: &config::Only) -> limits::Filters {
    let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    limits::Filters {
        workspaces: some(&only.workspaces),
        agents: some(&references(config, &only.agents)),
        upstreams: some(&only.upstreams),
        operations: some(&only.operations),
        classes: some(&only.classes),
        tools: some(&only.tools),
    }
}

/// The budgets.
pub(in crate::app) fn budget_rules(config: &Config) -> Vec<budget::Rule> {
    let rule = |it: &config::Budget| budget::Rule {
        name: it.name.clone(),
        by: it.by.iter().filter_map(|word| account(word)).collect(),
        only: budget::Only {
            workspaces: it.only.workspaces.clone(),
            agents: references(config, &it.only.agents),
            classes: it.only.classes.clone(),
        },
        ceilings: it.ceilings,
        per: match it.per {
            config::Period::Day => budget::Per::Day,
            config::Period::Month => budget::Per::Month,
            config::Period::Total => budget::Per::Total,
        },
        reserve: it.reserve,
    };
    config.budgets.iter().map(rule).collect()
}

fn account(word: &str) -> Option<budget::Dimension> {
    match word {
        "principal" => Some(budget::Dimension::Principal),
        "workspace" => Some(budget::Dimension::Workspace),
        "agent" => Some(budget::Dimension::Agent),
        _ => None,
    }
}

/// Agents by what their names stand for, so that an agent is the same under all of its names.
pub(super) fn references(config: &Config, agents: &[String]) -> Vec<String> {
    let references = |name: &String| match config.agents.get(name) {
        Some(alias) => alias.references(),
        None => vec![name.clone()],
    };
    agents.iter().flat_map(references).collect()
}

/// Names in a filter that stand for nothing: it would never hold.
pub(super) fn unknown(config: &Config, only: &config::Only, path: &str) -> Faults {
    let mut faults = Vec::new();
    let is_agent = |name: &String| match name.split_once(':') {
        Some((upstream, id)) => {
            config.upstreams.contains_key(upstream) && !id.is_empty() && id != "*"
        }
        None => config.agents.contains_key(name),
    };
    let is_operation =
        |name: &String| Operation::ALL.iter().any(|operation| operation.name() == *name);
    let mut hold = |key: &str, names: &[String], is_known: &dyn Fn(&String) -> bool| {
        for name in names.iter().filter(|name| !is_known(name)) {
            faults.push((format!("{path}.{key}"), format!("there is no `{name}`")));
        }
    };
    hold("agents", &only.agents, &is_agent);
    hold("upstreams", &only.upstreams, &|name| config.upstreams.contains_key(name));
    hold("operations", &only.operations, &is_operation);
    faults
}

/// Where limits are counted together; none for this process alone.
pub(in crate::app) fn shared_counters(config: &Config) -> Option<limits::Settings> {
    let counters = &config.counters;
    let url = counters.redis.as_ref()?;
    Some(limits::Settings {
        url: url.reveal().into(),
        nodes: counters.nodes,
        when_away: match counters.when_away {
            config::WhenAway::Local => limits::WhenAway::Local,
            config::WhenAway::Refuse => limits::WhenAway::Refuse,
        },
        time_out: counters.timeout,
        prefix: counters.prefix.clone(),
    })
}
