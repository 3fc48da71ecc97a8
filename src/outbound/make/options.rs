//! `upstream_options` for Make: its own fields that have no unified name. Called by `request.rs`.
//!
//! Invariant: an option that has a unified name is refused, so that policy sees all of what it
//! must judge in one place.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::wire::HistoryConfig;
use crate::error::{Error, Kind, Result};
use crate::outbound::typed;

/// Make's own fields of a run.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Options {
    pub history_config: Option<HistoryConfig>,
    pub invocation_config: Option<Invocation>,
    pub callback_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Invocation {
    /// Passed on as it is: nobody says in which unit it counts.
    pub timeout: Option<u64>,
}

/// Make's fields that have a unified name, and that name.
const UNIFIED: &[(&str, &str)] = &[
    ("messages", "input"),
    ("threadId", "thread_id"),
    ("systemPrompt", "instructions with instructions_mode \"replace\""),
    ("additionalSystemPrompt", "instructions"),
    ("llmConfig", "model and limits.max_output_tokens"),
    ("outputParser", "output_schema"),
    ("scenarios", "tools"),
    ("mcpConfigs", "tools"),
];

/// Reads the options of a request; every error at once.
pub(super) fn read(given: &Map<String, Value>, native_callbacks: bool) -> Result<Options> {
    let mut rest = given.clone();
    let mut wrong: Vec<(String, String)> = Vec::new();
    for (native, unified) in UNIFIED {
        if rest.shift_remove(*native).is_some() {
            wrong.push(((*native).to_owned(), format!("use {unified}")));
        }
    }
    if let Some(Value::Object(invocation)) = rest.get_mut("invocationConfig")
        && invocation.shift_remove("recursionLimit").is_some()
    {
        let unified = "use limits.max_steps".to_owned();
        wrong.push(("invocationConfig.recursionLimit".to_owned(), unified));
    }
    if rest.contains_key("callbackUrl") && !native_callbacks {
        let why = "this upstream does not allow native callbacks; use callback".to_owned();
        wrong.push(("callbackUrl".to_owned(), why));
    }
    let read = typed::read::<Options>(&rest);
    if let Err(errors) = &read {
        wrong.extend(errors.iter().map(|error| (error.path.clone(), error.message.clone())));
    }
    match read {
        Ok(options) if wrong.is_empty() => Ok(options),
        _ => Err(wrong.into_iter().fold(
            Error::new(Kind::InvalidRequest, "upstream_options are not valid"),
            |error, (path, message)| error.at(format!("upstream_options.{path}"), message),
        )),
    }
}
