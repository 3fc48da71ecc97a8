//! Why a question is answered as it is, for `switchyard explain` and `POST /admin/explain`: the
//! same policies and the same evaluation, with everything said. Nothing is run.
//!
//! Invariant: an explanation allows exactly what the engine allows, though it takes neither the
//! cache nor the short ways of a decision.

use cedar_policy::{Effect, Entities, PolicyId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::generation::Generation;
use super::question::makes_sense;
use super::report::Unspeakable;
use super::request::{Asked, Words};
use super::uses::Uses;
use super::verdict::Cause;
use crate::model::judge::Question;

/// Why a question is answered as it is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Explanation {
    /// Whether the caller may.
    pub allowed: bool,
    /// Why, in a sentence.
    pub because: String,
    /// The policies that decided: those that forbid where there are any, else those that permit.
    pub policies: Vec<Deciding>,
    /// The policies that could not be evaluated. One is enough for a refusal.
    pub failed: Vec<Failed>,
    /// The version of the policies.
    pub policy_version: String,
    /// The question as the policies saw it.
    pub question: Put,
}

/// A policy that decided.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Deciding {
    /// Its `@id`, or its file and number.
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: String,
    /// The file that it stands in.
    pub file: String,
    /// The line that it begins on.
    pub line: usize,
    /// Its `@description`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its `@reason`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its text.
    pub text: String,
}

/// A policy that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Failed {
    /// Its `@id`, or its file and number.
    pub id: String,
    /// The file that it stands in.
    pub file: String,
    /// The line that it begins on.
    pub line: usize,
    /// What went wrong.
    pub message: String,
}

/// A question as the policies saw it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Put {
    /// Who asks.
    pub principal: String,
    /// What it wants to do.
    pub action: String,
    /// To what.
    pub resource: String,
    /// The circumstances.
    pub context: Value,
    /// The principal, the resource and its owner: their attributes, and what they are in.
    pub entities: Vec<Value>,
}

/// Explains what this version of the policies says.
pub(super) fn explain(
    generation: &Generation,
    question: &Question<'_>,
    words: Words<'_>,
) -> Result<Explanation, Unspeakable> {
    if !makes_sense(question) {
        return Err("the action is not one for such a resource".into());
    }
    let asked = words.put(question, Uses::ALL)?;
    let outcome = generation.evaluate_all(&asked);
    let (cause, deciding) = match outcome.cause() {
        cause @ (Cause::Forbidden | Cause::Failed) => (cause, &outcome.forbids),
        cause @ (Cause::Permitted | Cause::Unpermitted) => (cause, &outcome.permits),
    };
    let because = match cause {
        Cause::Permitted => "a policy permits it and none forbids it",
        Cause::Forbidden => "a policy forbids it",
        Cause::Unpermitted => "no policy permits it",
        Cause::Failed => "a policy could not be evaluated",
    };
    let mut policies: Vec<Deciding> = deciding.iter().map(|id| generation.deciding(id)).collect();
    policies.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
    let mut failed: Vec<Failed> =
        outcome.failed.iter().map(|(id, message)| generation.failed(id, message)).collect();
    failed.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
    Ok(Explanation {
        allowed: cause == Cause::Permitted,
        because: because.to_owned(),
        policies,
        failed,
        policy_version: generation.version.as_ref().to_owned(),
        question: put(&asked)?,
    })
}

impl Generation {
    fn deciding(&self, id: &PolicyId) -> Deciding {
        let (file, line, text) = self.place(id);
        let policy = self.policies.set.policy(id);
        let annotation =
            |name: &str| policy.and_then(|policy| policy.annotation(name)).map(str::to_owned);
        let effect = match policy.map(cedar_policy::Policy::effect) {
            Some(Effect::Permit) => "permit",
            Some(Effect::Forbid) | None => "forbid",
        };
        Deciding {
            id: id.to_string(),
            effect: effect.to_owned(),
            file,
            line,
            description: annotation("description"),
            reason: annotation("reason"),
            text,
        }
    }

    fn failed(&self, id: &PolicyId, message: &str) -> Failed {
        let (file, line, _) = self.place(id);
        Failed { id: id.to_string(), file, line, message: message.to_owned() }
    }

    fn place(&self, id: &PolicyId) -> (String, usize, String) {
        let place = self.policies.places.get(id).cloned();
        place.map(|place| (place.file, place.line, place.text)).unwrap_or_default()
    }
}

fn put(asked: &Asked) -> Result<Put, Unspeakable> {
    let name =
        |uid: Option<&cedar_policy::EntityUid>| uid.map(ToString::to_string).unwrap_or_default();
    let request = &asked.request;
    let context = match request.context() {
        Some(context) => plain(context.to_json_value()?),
        None => Value::Object(Map::new()),
    };
    Ok(Put {
        principal: name(request.principal()),
        action: name(request.action()),
        resource: name(request.resource()),
        context,
        entities: entities(asked)?,
    })
}

/// The question's own entities, without those of the world that merely stand by.
fn entities(asked: &Asked) -> Result<Vec<Value>, Unspeakable> {
    let (request, all) = (&asked.request, &asked.entities);
    let mut own = vec![request.principal().cloned(), request.resource().cloned()];
    own.push(asked.owner.clone());
    let mut shown = Vec::new();
    for uid in own.into_iter().flatten() {
        let Some(entity) = all.get(&uid) else { continue };
        let Value::Array(list) =
            Entities::from_entities([entity.clone()], None)?.to_json_value()?
        else {
            continue;
        };
        shown.extend(list.into_iter().map(plain));
    }
    for entity in &mut shown {
        // Sets have no order of their own.
        if let Some(Value::Array(parents)) = entity.get_mut("parents") {
            parents.sort_by_cached_key(Value::to_string);
        }
    }
    Ok(shown)
}

/// Cedar's JSON, without its escapes: an entity by its name, an address or a decimal as text.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(object) => match named(&object) {
            Some(name) => Value::String(name),
            None => object.into_iter().map(|(key, value)| (key, plain(value))).collect(),
        },
        Value::Array(items) => items.into_iter().map(plain).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

fn named(object: &Map<String, Value>) -> Option<String> {
    let entity = object.get("__entity").and_then(Value::as_object).unwrap_or(object);
    if let (2, Some(kind), Some(id)) = (entity.len(), entity.get("type"), entity.get("id")) {
        return Some(format!("{}::{id}", kind.as_str()?));
    }
    object.get("__extn")?.get("arg")?.as_str().map(str::to_owned)
}
