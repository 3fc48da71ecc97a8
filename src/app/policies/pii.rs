//! What must not leave, from the configuration.

use super::Faults;
use super::bounds::{references, unknown};
use crate::config::{self, Config, Only};
use crate::policy::pii::plan::{Action, HashKey};
use crate::policy::pii::rules::{
    PatternSettings, RuleSettings, Rules, Settings, Way, WordSettings,
};

/// A key that is shorter can be guessed, and with it what a hash stands for.
const KEY_BYTES: usize = 16;

/// The rules of PII; `key` is what hashes and tokens are made with where none is configured.
pub(in crate::app) fn pii(config: &Config, key: &[u8; 32]) -> Result<Rules, Faults> {
    let key = match &config.pii.key {
        Some(key) if key.reveal().len() < KEY_BYTES => {
            let said = format!("what it refers to is shorter than {KEY_BYTES} bytes");
            return Err(vec![("pii.key".to_owned(), said)]);
        }
        Some(key) => HashKey::new(key.reveal().as_bytes()),
        None => HashKey::new(key),
    };
    let settings = Settings {
        rules: config.pii.rules.iter().map(|rule| rule_settings(config, rule)).collect(),
        patterns: config.pii.patterns.iter().map(pattern).collect(),
        words: config.pii.words.iter().map(words).collect(),
    };
    Rules::compile(settings, key).map_err(|errors| {
        errors.into_iter().map(|error| (format!("pii.{}", error.path), error.message)).collect()
    })
}

/// All that is wrong with them.
pub(super) fn pii_faults(config: &Config) -> Faults {
    let mut faults = pii(config, &[0; 32]).err().unwrap_or_default();
    for (at, rule) in config.pii.rules.iter().enumerate() {
        let only = Only {
            // All agents of an upstream are named by the upstream.
            agents: rule
                .agents
                .iter()
                .filter(|name| !is_whole_upstream(config, name))
                .cloned()
                .collect(),
            upstreams: rule.upstreams.clone(),
            ..Only::default()
        };
        faults.extend(unknown(config, &only, &format!("pii.rules[{at}]")));
    }
    faults
}

/// Whether a name is that of all agents of an upstream that there is: `acp:*`.
fn is_whole_upstream(config: &Config, name: &str) -> bool {
    name.strip_suffix(":*").is_some_and(|upstream| config.upstreams.contains_key(upstream))
}

fn rule_settings(config: &Config, rule: &config::PiiRule) -> RuleSettings {
    let action = Action::ALL.iter().find(|action| action.name() == rule.action);
    RuleSettings {
        name: rule.name.clone(),
        entities: rule.entities.clone(),
        direction: match rule.direction.as_str() {
            "to_upstream" => Way::ToUpstream,
            "to_caller" => Way::ToCaller,
            "to_audit" => Way::ToAudit,
            _ => Way::Both,
        },
        faces: rule.faces.clone(),
        upstreams: rule.upstreams.clone(),
        agents: references(config, &rule.agents),
        groups: rule.groups.clone(),
        // Only of a draft with a fault that is reported already.
        action: action.copied().unwrap_or(Action::Block),
        min_confidence: u8::try_from(rule.min_confidence).unwrap_or(u8::MAX),
        context: rule.context.clone(),
        restore_in_arguments: rule.restore_in_arguments,
    }
}

fn pattern(of: &config::PiiPattern) -> PatternSettings {
    PatternSettings { name: of.name.clone(), pattern: of.pattern.clone() }
}

fn words(of: &config::PiiWords) -> WordSettings {
    WordSettings { name: of.name.clone(), words: of.words.clone() }
}
