//! What policy is built from: the configuration's sections in the engines' own words. `check`
//! builds them to find what only the engines know to be wrong; the start builds them to run.
//!
//! Invariant: every fault has the path of the setting that it is about.

use std::collections::HashMap;

use crate::clock::Timestamp;
use crate::config::{self, Config};
use crate::model::principal::{Identity as Caller, Principal, PrincipalKind};
use crate::model::scope::Scope;
use crate::policy::access::{Access, KnownAgent, KnownUpstream, Source, World};
use crate::policy::budget;
use crate::policy::identity::SignedHook;
use crate::policy::identity::issuer::IssuerSettings;
use crate::policy::identity::key::{HashText, Hasher, KeyRequest, configured};
use crate::policy::identity::token::{Algorithm, ClaimPath, Required, Rules, Workspace};
use crate::policy::identity::webhook::{
    DEFAULT_CAPACITY, DEFAULT_WINDOW, Seen, SigningSecret, Verifier,
};
use crate::policy::limits;

/// What is wrong, by path.
pub(super) type Faults = Vec<(String, String)>;

/// All that only the engines know to be wrong.
pub(super) fn faults(config: &Config) -> Faults {
    let mut faults = Vec::new();
    faults.extend(hasher(config).err());
    faults.extend(keys(config).err().unwrap_or_default());
    faults.extend(issuers(config).err().unwrap_or_default());
    faults.extend(hooks(config).err().unwrap_or_default());
    let rules = limits::check(&limit_rules(config)).err().unwrap_or_default();
    faults.extend(rules.into_iter().map(|error| ("limits".to_owned(), error.to_string())));
    for (at, limit) in config.limits.iter().enumerate() {
        faults.extend(unknown(config, &limit.only, &format!("limits[{at}]")));
    }
    for (at, budget) in config.budgets.iter().enumerate() {
        faults.extend(unknown(config, &budget.only, &format!("budgets[{at}]")));
    }
    faults.extend(access(config).err().unwrap_or_default());
    faults
}

/// What hashes credentials.
pub(super) fn hasher(config: &Config) -> Result<Hasher, (String, String)> {
    match &config.identity.pepper {
        None => Ok(Hasher::plain()),
        Some(pepper) => Hasher::peppered(pepper.reveal().as_bytes())
            .map_err(|error| ("identity.pepper".to_owned(), error.to_string())),
    }
}

/// The keys of the configuration.
pub(super) fn keys(config: &Config) -> Result<Vec<crate::model::key::Key>, Faults> {
    let has_pepper = config.identity.pepper.is_some();
    let mut faults = Vec::new();
    let mut keys = Vec::new();
    for (at, key) in config.identity.keys.iter().enumerate() {
        let path = format!("identity.keys[{at}]");
        let hash = HashText::parse(&key.hash).and_then(|hash| hash.usable(has_pepper));
        let hash = hash.map_err(|error| (format!("{path}.hash"), error.to_string()));
        let wanted = KeyRequest {
            name: key.name.clone(),
            workspace: key.workspace.clone(),
            scopes: key.scopes,
            groups: key.groups.clone(),
            agents: key.agents.clone(),
            class: key.class.clone(),
            expires_at: key.expires_at,
        };
        match hash {
            Ok(hash) => match configured(wanted, hash, Timestamp(0)) {
                Ok(key) => keys.push(key),
                Err(error) => faults.extend(
                    error
                        .fields()
                        .iter()
                        .map(|field| (format!("{path}.{}", field.path), field.message.clone())),
                ),
            },
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(keys) } else { Err(faults) }
}

/// The issuers.
pub(super) fn issuers(config: &Config) -> Result<Vec<IssuerSettings>, Faults> {
    let mut faults = Vec::new();
    let mut settings = Vec::new();
    for (at, issuer) in config.identity.issuers.iter().enumerate() {
        let path = format!("identity.issuers[{at}]");
        match issuer_settings(issuer, &path) {
            Ok(one) => match one.check() {
                Ok(()) => settings.push(one),
                Err(error) => faults.push((path, error.to_string())),
            },
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(settings) } else { Err(faults) }
}

fn issuer_settings(
    issuer: &config::Issuer,
    path: &str,
) -> Result<IssuerSettings, (String, String)> {
    let claim = |name: &str, text: &str| {
        let no_path = "is no claim (write `org`, `app.org` or `/app/org`)";
        ClaimPath::parse(text).ok_or_else(|| (format!("{path}.{name}"), no_path.to_owned()))
    };
    let optional = |name: &str, text: &Option<String>| {
        text.as_deref().map(|text| claim(name, text)).transpose()
    };
    let workspace = match (&issuer.workspace, &issuer.workspace_claim) {
        (Some(workspace), _) => Workspace::Fixed(workspace.clone()),
        (None, text) => {
            Workspace::Claim(claim("workspace_claim", text.as_deref().unwrap_or_default())?)
        }
    };
    let mut settings = match &issuer.firebase {
        Some(project) => IssuerSettings::firebase(&issuer.name, project, workspace),
        None => {
            let mut rules = Rules::new(&issuer.name, &issuer.issuer, "", workspace);
            rules.audiences.clone_from(&issuer.audiences);
            rules.algorithms =
                issuer.algorithms.iter().filter_map(|name| Algorithm::parse(name)).collect();
            rules.scopes_claim = None;
            IssuerSettings { jwks_url: issuer.jwks_url.clone(), ..IssuerSettings::new(rules) }
        }
    };
    let rules = &mut settings.rules;
    rules.subject = claim("subject_claim", &issuer.subject_claim)?;
    if let Some(name) = optional("name_claim", &issuer.name_claim)? {
        rules.display_name = name;
    }
    rules.groups = optional("groups_claim", &issuer.groups_claim)?;
    rules.scopes_claim = optional("scopes_claim", &issuer.scopes_claim)?;
    rules.scopes = issuer.scopes;
    rules.scopes_of_groups = issuer.group_scopes.iter().cloned().collect();
    rules.class.clone_from(&issuer.class);
    for name in &issuer.required_claims {
        let claim = claim("required_claims", name)?;
        rules.required.push(Required { claim, one_of: Vec::new() });
    }
    rules.skew = issuer.skew;
    settings.refresh = issuer.refresh;
    settings.min_interval = issuer.min_interval;
    settings.stale = issuer.stale;
    settings.timeout = issuer.timeout;
    settings.allow_http = issuer.allow_http;
    Ok(settings)
}

/// The hooks whose callers sign their requests.
pub(super) fn hooks(config: &Config) -> Result<HashMap<String, SignedHook>, Faults> {
    let mut faults = Vec::new();
    let mut hooks = HashMap::new();
    for (agent, hook) in &config.hooks {
        let Some(signed) = &hook.signed else { continue };
        let mut secrets = Vec::new();
        for (name, secret) in ["secret", "previous"].into_iter().zip(&signed.secrets) {
            match SigningSecret::parse(secret.reveal()) {
                Ok(secret) => secrets.push(secret),
                Err(error) => {
                    faults.push((format!("hooks.{agent}.signed.{name}"), error.to_string()));
                }
            }
        }
        let principal = Principal::new(Caller {
            workspace: signed.workspace.clone(),
            subject: format!("hook:{agent}"),
            name: agent.clone(),
            kind: PrincipalKind::Webhook,
            groups: signed.groups.clone(),
            scopes: [Scope::RunsWrite].into_iter().collect(),
            agents: Some(vec![agent.clone()]),
            class: signed.class.clone(),
        });
        let verifier = Verifier::new(secrets, DEFAULT_WINDOW);
        let seen = Seen::new(DEFAULT_CAPACITY);
        hooks.insert(agent.clone(), SignedHook { verifier, seen, principal });
    }
    if faults.is_empty() { Ok(hooks) } else { Err(faults) }
}

/// The access policies.
pub(super) fn access(config: &Config) -> Result<Access, Faults> {
    let source = match &config.access.policies {
        Some(folder) => Source::Folder(folder.clone()),
        None => Source::Starter,
    };
    let upstreams = config
        .upstreams
        .values()
        .map(|upstream| KnownUpstream { name: upstream.name.clone(), kind: upstream.kind.clone() });
    let agents = config.agents.iter().map(|(alias, agent)| KnownAgent {
        alias: alias.clone(),
        upstream: agent.upstream.clone(),
        id: agent.id.clone(),
    });
    let world = World { upstreams: upstreams.collect(), agents: agents.collect() };
    Access::new(source, &world).map_err(|report| {
        let path = "access.policies".to_owned();
        report.faults().iter().map(|fault| (path.clone(), fault.to_string())).collect()
    })
}

/// The limits.
pub(super) fn limit_rules(config: &Config) -> Vec<limits::Rule> {
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
pub(super) fn budget_rules(config: &Config) -> Vec<budget::Rule> {
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
fn references(config: &Config, agents: &[String]) -> Vec<String> {
    let reference = |name: &String| match config.agents.get(name) {
        Some(alias) => format!("{}:{}", alias.upstream, alias.id),
        None => name.clone(),
    };
    agents.iter().map(reference).collect()
}

/// Names in a filter that stand for nothing: it would never hold.
fn unknown(config: &Config, only: &config::Only, path: &str) -> Faults {
    let mut faults = Vec::new();
    let is_agent = |name: &String| match name.split_once(':') {
        Some((upstream, id)) => config.upstreams.contains_key(upstream) && !id.is_empty(),
        None => config.agents.contains_key(name),
    };
    let is_operation = |name: &String| {
        crate::http::operation::Operation::ALL.iter().any(|operation| operation.name() == *name)
    };
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
pub(super) fn shared_counters(config: &Config) -> Option<limits::Settings> {
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
