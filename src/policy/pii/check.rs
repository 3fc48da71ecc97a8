//! Checks the rules of PII before they are used, and says all that is wrong at once.
//!
//! Invariant: settings without an error compile to a plan for every scope.

use std::collections::HashSet;

use super::catalogue;
use super::plan::Action;
use super::rules::{BOUNDS, Settings, longest_context, try_pattern};
use crate::error::FieldError;

/// All that is wrong, with paths from the `pii` part on.
pub(super) fn check(settings: &Settings) -> Vec<FieldError> {
    let mut errors = Vec::new();
    own_names(settings, &mut errors);
    patterns(settings, &mut errors);
    words(settings, &mut errors);
    rules(settings, &mut errors);
    errors
}

fn say(errors: &mut Vec<FieldError>, path: String, message: impl Into<String>) {
    errors.push(FieldError { path, message: message.into() });
}

fn own_names(settings: &Settings, errors: &mut Vec<FieldError>) {
    let patterns = settings.patterns.iter().map(|pattern| &pattern.name).enumerate();
    let words = settings.words.iter().map(|list| &list.name).enumerate();
    let named = patterns
        .map(|(at, name)| (format!("patterns[{at}].name"), name))
        .chain(words.map(|(at, name)| (format!("words[{at}].name"), name)));
    let mut known: HashSet<&str> = catalogue::built_in_names().collect();
    for (path, name) in named {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || name.len() > 40 || !name.bytes().all(is_plain) {
            say(errors, path, "a name has at most 40 lower-case letters, digits and underscores");
        } else if !known.insert(name) {
            say(errors, path, "this name is taken");
        }
    }
}

fn patterns(settings: &Settings, errors: &mut Vec<FieldError>) {
    let (_, most, _, _) = BOUNDS;
    if settings.patterns.len() > most {
        say(errors, "patterns".into(), format!("there are more than {most} patterns"));
        return;
    }
    for (at, pattern) in settings.patterns.iter().enumerate() {
        if let Err(error) = try_pattern(&pattern.name, &pattern.pattern) {
            say(errors, format!("patterns[{at}].pattern"), error.to_string());
        }
    }
}

fn words(settings: &Settings, errors: &mut Vec<FieldError>) {
    let (_, _, most, longest) = BOUNDS;
    if settings.words.iter().map(|list| list.words.len()).sum::<usize>() > most {
        say(errors, "words".into(), format!("there are more than {most} words"));
        return;
    }
    for (list, words) in settings.words.iter().enumerate() {
        for (at, word) in words.words.iter().enumerate() {
            let begins = word.chars().next().is_some_and(char::is_alphanumeric);
            if !begins || word.chars().count() > longest {
                let message = format!(
                    "a word begins with a letter or digit and has at most {longest} characters"
                );
                say(errors, format!("words[{list}].words[{at}]"), message);
            }
        }
    }
}

fn rules(settings: &Settings, errors: &mut Vec<FieldError>) {
    let (most, ..) = BOUNDS;
    if settings.rules.len() > most {
        say(errors, "rules".into(), format!("there are more than {most} rules"));
        return;
    }
    let known: HashSet<String> = catalogue::all(settings)
        .flat_map(|known| [Some(known.name().to_string()), known.group().map(str::to_owned)])
        .flatten()
        .chain(["*".to_owned()])
        .collect();
    for (at, rule) in settings.rules.iter().enumerate() {
        if rule.entities.is_empty() {
            say(errors, format!("rules[{at}].entities"), "name at least one kind, group or `*`");
        }
        for (place, name) in rule.entities.iter().enumerate() {
            if !known.contains(catalogue::meant(name)) {
                let path = format!("rules[{at}].entities[{place}]");
                say(errors, path, format!("there is no kind or group `{name}`"));
            }
        }
        for (place, word) in rule.context.iter().enumerate() {
            if word.trim().is_empty() || word.chars().count() > longest_context() {
                let path = format!("rules[{at}].context[{place}]");
                say(errors, path, format!("a word has 1 to {} characters", longest_context()));
            }
        }
        if rule.restore_in_arguments && rule.action != Action::Tokenize {
            let path = format!("rules[{at}].restore_in_arguments");
            say(errors, path, "only what `tokenize` replaces can be restored");
        }
        if rule.min_confidence > 100 {
            say(errors, format!("rules[{at}].min_confidence"), "it is a percentage, 0 to 100");
        }
    }
}
