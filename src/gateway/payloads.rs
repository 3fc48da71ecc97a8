//! What was said in a run, for its records, where that is configured: as the platform was asked and
//! as the caller is answered, with tokens in the place of values, treated by the rules for the
//! audit, and sealed with the workspace's key.
//!
//! Invariant: credentials and the bytes of files are never in it; what may not be kept, or is too
//! large, is named in its place. The key is had before the run is admitted, so that its end needs
//! no store.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::model::call::Call;
use crate::model::content::Json;
use crate::model::ids::RecordId;
use crate::model::payload::ToAudit;
use crate::model::plan::Plan;
use crate::model::run::Run;
use crate::store::health::unrecorded;
use crate::store::payloads::{PayloadKey, Payloads};

/// Bytes from which on texts are too large for a record.
const MOST: usize = 256 * 1024;

/// How payloads come into records.
pub struct Keeps {
    /// What has the keys.
    pub payloads: Payloads,
    /// What treats texts.
    pub policy: Arc<dyn ToAudit>,
}

impl Keeps {
    /// What seals the payloads of a run. `AuditUnavailable` where its key cannot be had.
    pub(super) async fn of(
        &self,
        call: &Arc<Call>,
        plan: &Arc<Plan>,
        now: Timestamp,
    ) -> Result<Said> {
        let key = self.payloads.key_for(&call.principal().workspace, now).await;
        Ok(Said {
            key: key.map_err(unrecorded)?,
            policy: Arc::clone(&self.policy),
            call: Arc::clone(call),
            plan: Arc::clone(plan),
        })
    }
}

impl std::fmt::Debug for Keeps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[keeps payloads]")
    }
}

/// Seals what was said in one run.
#[derive(Clone)]
pub(super) struct Said {
    key: PayloadKey,
    policy: Arc<dyn ToAudit>,
    call: Arc<Call>,
    plan: Arc<Plan>,
}

impl Said {
    /// What was asked.
    pub(super) fn asked(&self, record: &RecordId) -> Result<String> {
        self.sealed(record, asked(&self.plan)?)
    }

    /// What was answered, the tools' words included.
    pub(super) fn answered(&self, record: &RecordId, run: &Run) -> Result<String> {
        let said = json!({
            "output": run.output,
            "output_json": run.output_json,
            "steps": run.steps,
        });
        self.sealed(record, said)
    }

    fn sealed(&self, record: &RecordId, said: Value) -> Result<String> {
        let Json(said) = self.kept(Json(said));
        self.key.seal(record, said.to_string().as_bytes())
    }

    /// What may be kept of it.
    fn kept(&self, mut said: Json) -> Json {
        let bytes = said.weight();
        if bytes > MOST {
            return Json(json!({ "left_out": "too_large", "bytes": bytes }));
        }
        match self.policy.treat(&self.call, &self.plan, &mut said.0) {
            Ok(()) => said,
            Err(_) => Json(json!({ "left_out": "policy" })),
        }
    }
}

fn asked(plan: &Plan) -> Result<Value> {
    let mut asked = serde_json::to_value(&plan.request)
        .map_err(|cause| Error::new(Kind::Internal, "the request has no JSON").caused_by(cause))?;
    for server in asked["mcp_servers"].as_array_mut().into_iter().flatten() {
        server.as_object_mut().map(|server| server.remove("authorization"));
    }
    let messages = asked["input"].as_array_mut().into_iter().flatten();
    let files = messages.filter_map(|message| message.get_mut("attachments")?.as_array_mut());
    for file in files.flatten().filter_map(Value::as_object_mut) {
        if let Some(data) = file.remove("base64") {
            file.insert("bytes".to_owned(), bytes_of(&data).into());
        }
    }
    Ok(asked)
}

fn bytes_of(data: &Value) -> usize {
    data.as_str().map_or(0, |text| text.len() / 4 * 3)
}
