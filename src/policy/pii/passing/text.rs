//! Treats a body in one piece: JSON in place, forms by pair, everything else as one text. Requests
//! and answers both come here.

use bytes::Bytes;
use serde_json::Value;

use super::super::json::JsonTreatment;
use super::super::scan::Failure;
use super::super::vault::Vault;
use super::weave::weave;
use super::{Form, pairs};
use crate::model::vault::TokenVault;
use crate::wire;
use crate::wire::json::Bounds;

const NO_TEXT: Failure = Failure::Unreadable { what: "it is not UTF-8" };
const NO_JSON: Failure = Failure::Unreadable { what: "it is not JSON with one meaning" };

/// The body, treated; as it came where nothing is found. Tokens of `restores` become values again.
///
/// # Errors
/// What a rule blocks, or what cannot be read.
pub(super) fn treat(
    by: &mut JsonTreatment,
    form: Form,
    body: Bytes,
    restores: Option<&Vault>,
) -> Result<Bytes, Failure> {
    if body.is_empty() {
        return Ok(body);
    }
    match form {
        Form::Json => json(by, body, restores),
        Form::Pairs => {
            let text = std::str::from_utf8(&body).map_err(|_| NO_TEXT)?;
            pairs::treat(by, text).map(Bytes::from)
        }
        Form::Events | Form::Text => {
            let text = std::str::from_utf8(&body).map_err(|_| NO_TEXT)?;
            let mut treated = text.to_owned();
            by.text("", &mut treated)?;
            let restored = restores.and_then(|vault| vault.restore(&treated));
            Ok(restored.unwrap_or(treated).into())
        }
        Form::Unread => Err(Failure::Unreadable { what: "it is of a form that is not read" }),
    }
}

fn json(by: &mut JsonTreatment, body: Bytes, restores: Option<&Vault>) -> Result<Bytes, Failure> {
    // Of a key that comes twice, one value would not be seen.
    wire::json::check(&body, Bounds { depth: 100, values: 1_000_000 }).map_err(|_| NO_JSON)?;
    let text = std::str::from_utf8(&body).map_err(|_| NO_TEXT)?;
    let text = text.trim_start_matches('\u{feff}');
    let before: Value = serde_json::from_str(text).map_err(|_| NO_JSON)?;
    let mut value = before.clone();
    by.treat("", &mut value)?;
    if let Some(vault) = restores {
        vault.restore_json(&mut value);
    }
    // Unchanged, it stays byte for byte as it came.
    if value == before {
        return Ok(body);
    }
    weave(text, &before, &value).map(Bytes::from).ok_or(Failure::Internal)
}
