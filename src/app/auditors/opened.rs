//! Records with their payloads opened, for who may see what was said.

use serde_json::{Value, json};

use crate::error::Result;
use crate::gateway::audit::AuditItem;
use crate::model::record::Record;
use crate::store::payloads::Payloads;

/// A record as one line of JSON, its payload as the JSON that was sealed, or as `{"erased": true}`.
pub(super) async fn line(payloads: &Payloads, item: &AuditItem) -> Result<String> {
    let read = item.record.as_ref().and_then(|text| serde_json::from_str(text.get()).ok());
    let Some(record): Option<Record> = read else { return Ok(item.line()) };
    let (Some(payload), Some(who)) = (&record.payload, &record.principal) else {
        return Ok(item.line());
    };
    let opened = payloads.open(&who.workspace, &record.id, payload).await?;
    let opened = opened.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    let mut shown = serde_json::from_str::<Value>(&item.line()).unwrap_or_default();
    shown["record"]["payload"] = opened.unwrap_or_else(|| json!({ "erased": true }));
    Ok(shown.to_string())
}
