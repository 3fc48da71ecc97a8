//! How callers are known, from the configuration: keys, issuers, signed webhooks.

use std::collections::HashMap;

use super::Faults;
use crate::clock::Timestamp;
use crate::config::{self, Config};
use crate::model::key::Key;
use crate::model::principal::{Identity as Caller, Principal, PrincipalKind};
use crate::model::scope::Scope;
use crate::policy::identity::SignedHook;
use crate::policy::identity::issuer::IssuerSettings;
use crate::policy::identity::key::{HashText, Hasher, KeyRequest, configured};
use crate::policy::identity::token::{Algorithm, ClaimPath, Required, Rules, Workspace};
use crate::policy::identity::webhook::{
    DEFAULT_CAPACITY, DEFAULT_WINDOW, Seen, SigningSecret, Verifier,
};

/// What hashes credentials.
pub(in crate::app) fn hasher(config: &Config) -> Result<Hasher, (String, String)> {
    match &config.identity.pepper {
        None => Ok(Hasher::plain()),
        Some(pepper) => Hasher::peppered(pepper.reveal().as_bytes())
            .map_err(|error| ("identity.pepper".to_owned(), error.to_string())),
    }
}

/// The keys of the configuration.
pub(in crate::app) fn keys(config: &Config) -> Result<Vec<Key>, Faults> {
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
pub(in crate::app) fn issuers(config: &Config) -> Result<Vec<IssuerSettings>, Faults> {
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
pub(in crate::app) fn hooks(config: &Config) -> Result<HashMap<String, SignedHook>, Faults> {
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
