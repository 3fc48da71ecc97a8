//! A set of policies, read and checked: each has a name, a place and a text, and is valid against
//! the schema. Made at start and at each reload; the engine asks it.
//!
//! Invariant: a set is whole or it is not at all. One policy that does not hold refuses all.

use std::collections::HashMap;

use cedar_policy::{Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;

use super::report::{Fault, Report};
use super::source::File;
use super::split::split;
use crate::wire::hex::hex;

/// The schema that ships with the gateway.
pub(super) const SCHEMA: &str = include_str!("schema.cedarschema");

/// Ten times the largest set that `benches/access` measures, where a decision that has to look at
/// every policy takes some 1.5 ms.
const MAX_POLICIES: usize = 10_000;
/// Names stand in answers and log lines.
const MAX_NAME: usize = 128;

/// A checked set.
pub(super) struct Policies {
    /// All of them, by their names.
    pub(super) set: PolicySet,
    /// Where each stands.
    pub(super) places: HashMap<PolicyId, Place>,
    /// The same for the same texts and schema, and only then.
    pub(super) version: String,
    /// What the validator thinks odd, though it holds.
    pub(super) warnings: Vec<Fault>,
}

/// Where a policy stands, and what it says.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) text: String,
}

impl Policies {
    /// Parses and checks.
    pub(super) fn check(files: &[File], schema: &Schema) -> Result<Self, Report> {
        let (policies, places) = parse(files)?;
        let set = PolicySet::from_policies(policies)
            .map_err(|error| Fault::new("policies", None, error.to_string()))?;
        let verdict = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
        let fault = |id: &PolicyId, what: &dyn Diagnostic| match places.get(id) {
            Some(place) => place.fault(what),
            None => Fault::new("policies", None, words(what)),
        };
        let mut faults: Vec<Fault> =
            verdict.validation_errors().map(|error| fault(error.policy_id(), error)).collect();
        sort(&mut faults);
        Report::check(faults)?;
        let mut warnings: Vec<Fault> =
            verdict.validation_warnings().map(|odd| fault(odd.policy_id(), odd)).collect();
        sort(&mut warnings);
        Ok(Self { set, places, version: version(files), warnings })
    }
}

impl Place {
    /// What is wrong with the policy that stands here, at the line that is meant.
    fn fault(&self, what: &dyn Diagnostic) -> Fault {
        let offset = what.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
        let before = offset.and_then(|offset| self.text.as_bytes().get(..offset));
        let lines = before.map_or(0, |before| before.iter().filter(|byte| **byte == b'\n').count());
        Fault::new(&self.file, Some(self.line + lines), words(what))
    }
}

/// The finder's own words, and its advice.
fn words(what: &dyn Diagnostic) -> String {
    match what.help() {
        Some(help) => format!("{what} ({help})"),
        None => what.to_string(),
    }
}

fn sort(faults: &mut [Fault]) {
    faults.sort_by(|one, other| {
        (&one.file, one.line, &one.message).cmp(&(&other.file, other.line, &other.message))
    });
}

fn parse(files: &[File]) -> Result<(Vec<Policy>, HashMap<PolicyId, Place>), Report> {
    let (mut policies, mut faults) = (Vec::new(), Vec::new());
    let mut places: HashMap<PolicyId, Place> = HashMap::new();
    let pieces: Vec<_> = files.iter().map(|file| (file, split(&file.text))).collect();
    if pieces.iter().map(|(_, pieces)| pieces.len()).sum::<usize>() > MAX_POLICIES {
        let message = format!("there are more than {MAX_POLICIES} policies");
        return Err(Fault::new("policies", None, message).into());
    }
    for (file, pieces) in pieces {
        for (at, piece) in pieces.into_iter().enumerate() {
            let place =
                Place { file: file.name.clone(), line: piece.line, text: piece.text.to_owned() };
            if let Some(why) = piece.is_too_much() {
                faults.push(Fault::new(&place.file, Some(place.line), why));
                continue;
            }
            let policy = match Policy::parse(None, piece.text) {
                Ok(policy) => policy,
                Err(errors) => {
                    faults.push(place.fault(&errors));
                    continue;
                }
            };
            let name = match policy.annotation("id") {
                Some(name) if is_name(name) => PolicyId::new(name),
                Some(_) => {
                    let message = format!("@id is of 1 to {MAX_NAME} printable characters");
                    faults.push(Fault::new(&place.file, Some(place.line), message));
                    continue;
                }
                None => PolicyId::new(format!("{}#{}", file.name, at + 1)),
            };
            if let Some(first) = places.get(&name) {
                let message =
                    format!("`{name}` is the @id of {}:{} already", first.file, first.line);
                faults.push(Fault::new(&place.file, Some(place.line), message));
                continue;
            }
            policies.push(policy.new_id(name.clone()));
            places.insert(name, place);
        }
    }
    Report::check(faults)?;
    if policies.is_empty() {
        let message = "there is no policy, and so nothing would be permitted";
        return Err(Fault::new("policies", None, message).into());
    }
    Ok((policies, places))
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

/// 64 bits of SHA-256 over schema, names and texts: enough to tell sets apart, short enough to be
/// written beside every decision.
pub(super) fn version(files: &[File]) -> String {
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    let texts = files.iter().flat_map(|file| [file.name.as_str(), file.text.as_str()]);
    for text in std::iter::once(SCHEMA).chain(texts) {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hex(&hash.finish().as_ref()[..8])
}
