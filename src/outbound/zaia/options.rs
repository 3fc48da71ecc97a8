//! `upstream_options` for Zaia: there are none, since each of its fields has a unified name.
//! Called by `request.rs`.

use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result};

/// Zaia's fields and their unified names.
const UNIFIED: &[(&str, &str)] = &[
    ("messages", "input"),
    ("attachments", "input[].attachments"),
    ("context", "context"),
    ("output", "output_schema"),
];

/// Refuses every option, by its place.
pub(super) fn check(given: &Map<String, Value>) -> Result<()> {
    if given.is_empty() {
        return Ok(());
    }
    let error = Error::new(Kind::InvalidRequest, "upstream_options are not valid");
    Err(given.keys().fold(error, |error, key| {
        let unified = UNIFIED.iter().find(|(native, _)| native == key);
        let message = match unified {
            Some((_, unified)) => format!("use {unified}"),
            None => "this upstream has no options of its own".to_owned(),
        };
        error.at(format!("upstream_options.{key}"), message)
    }))
}
