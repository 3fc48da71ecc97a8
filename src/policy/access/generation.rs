//! One version of the policies at work: asked, it looks into its cache, and otherwise evaluates.
//! The engine swaps one for the next; a question keeps the one that it began with.
//!
//! Invariant: what is in the cache was evaluated by the same policies, since the cache is born and
//! dies with them.

use std::sync::Arc;

use cedar_policy::{Authorizer, Decision, PolicyId, Response};
use moka::sync::Cache;

use super::key::key;
use super::names::Names;
use super::policies::Policies;
use super::question::makes_sense;
use super::report::Unspeakable;
use super::request::{Asked, Words};
use super::slices::{Slice, Slices};
use super::uses::Attribute;
use super::verdict::{Cause, Verdict};
use crate::model::judge::{Action, Question};

/// What the cache may hold: some 100,000 decisions with ordinary keys.
const CACHE_BYTES: u64 = 32 << 20;
/// What a decision takes beside its key, roughly.
const ENTRY_BYTES: usize = 200;
/// A question with a longer key (hundreds of tools) is evaluated each time, so that a few callers
/// cannot push all others out.
const MAX_KEY: usize = 4 << 10;

/// One version of the policies.
pub(super) struct Generation {
    pub(super) policies: Policies,
    pub(super) version: Arc<str>,
    slices: Slices,
    cache: Cache<Box<[u8]>, Verdict>,
    authorizer: Authorizer,
}

/// What came of evaluating.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) permits: Vec<PolicyId>,
    pub(super) forbids: Vec<PolicyId>,
    /// The policies in error, with what is wrong.
    pub(super) failed: Vec<(PolicyId, String)>,
}

impl Generation {
    pub(super) fn new(policies: Policies, names: &Names) -> Result<Self, Unspeakable> {
        let slices = Slices::new(&policies, names)?;
        let cache = Cache::<Box<[u8]>, Verdict>::builder()
            .max_capacity(CACHE_BYTES)
            .weigher(|key, _| u32::try_from(key.len() + ENTRY_BYTES).unwrap_or(u32::MAX))
            .build();
        let version = policies.version.as_str().into();
        Ok(Self { policies, version, slices, cache, authorizer: Authorizer::new() })
    }

    /// Answers from the cache, or evaluates and keeps the answer.
    pub(super) fn decide(&self, question: &Question<'_>, words: Words<'_>) -> Verdict {
        let Some(slice) = self.slice(question) else { return self.nobody(Cause::Unpermitted) };
        let key = key(question, slice);
        if let Some(verdict) = self.cache.get(key.as_slice()) {
            return verdict;
        }
        let verdict = self.evaluate(question, slice, words);
        if key.len() <= MAX_KEY {
            self.cache.insert(key.into_boxed_slice(), verdict.clone());
        }
        verdict
    }

    /// Whether the answer over a tool may depend on which it is.
    pub(super) fn tells_tools_apart(&self) -> bool {
        let slice = self.slices.of(Action::UseTool(""));
        slice.is_none_or(|slice| slice.uses.has(Attribute::Tool))
    }

    /// Answers without looking into the cache.
    pub(super) fn decide_afresh(&self, question: &Question<'_>, words: Words<'_>) -> Verdict {
        match self.slice(question) {
            Some(slice) => self.evaluate(question, slice, words),
            None => self.nobody(Cause::Unpermitted),
        }
    }

    fn slice(&self, question: &Question<'_>) -> Option<&Slice> {
        self.slices.of(question.action).filter(|_| makes_sense(question))
    }

    fn evaluate(&self, question: &Question<'_>, slice: &Slice, words: Words<'_>) -> Verdict {
        let Ok(asked) = words.put(question, slice.uses) else { return self.nobody(Cause::Failed) };
        let mut outcome = Outcome::default();
        for set in slice.met(&asked) {
            let response = self.authorizer.is_authorized(&asked.request, set, &asked.entities);
            outcome.add(&response);
        }
        self.verdict(&outcome)
    }

    /// Evaluates every policy, whatever its head says.
    pub(super) fn evaluate_all(&self, asked: &Asked) -> Outcome {
        let set = &self.policies.set;
        let mut outcome = Outcome::default();
        outcome.add(&self.authorizer.is_authorized(&asked.request, set, &asked.entities));
        outcome
    }

    /// What an outcome means.
    pub(super) fn verdict(&self, outcome: &Outcome) -> Verdict {
        let names =
            |ids: &mut dyn Iterator<Item = &PolicyId>| ids.map(PolicyId::to_string).collect();
        let (cause, policies) = match outcome.cause() {
            cause @ Cause::Forbidden => (cause, names(&mut outcome.forbids.iter())),
            cause @ Cause::Failed => (cause, names(&mut outcome.failed.iter().map(|(id, _)| id))),
            cause @ Cause::Permitted => (cause, names(&mut outcome.permits.iter())),
            cause @ Cause::Unpermitted => (cause, Vec::new()),
        };
        let mut reasons: Vec<&str> = outcome
            .forbids
            .iter()
            .filter_map(|id| self.policies.set.annotation(id, "reason"))
            .collect();
        reasons.sort_unstable();
        let reason = reasons.first().map(|reason| (*reason).to_owned());
        Verdict::new(cause, policies, reason, self.version.clone())
    }

    /// A refusal that no policy has decided: the question makes no sense, or cannot be put.
    fn nobody(&self, cause: Cause) -> Verdict {
        Verdict::new(cause, Vec::new(), None, self.version.clone())
    }

    /// How many decisions are kept, once the cache has caught up.
    #[cfg(test)]
    pub(super) fn kept(&self) -> u64 {
        self.cache.run_pending_tasks();
        self.cache.entry_count()
    }
}

impl Outcome {
    fn add(&mut self, response: &Response) {
        let deciding = response.diagnostics().reason().cloned();
        match response.decision() {
            Decision::Allow => self.permits.extend(deciding),
            Decision::Deny => self.forbids.extend(deciding),
        }
        for error in response.diagnostics().errors() {
            match error {
                cedar_policy::AuthorizationError::PolicyEvaluationError(error) => {
                    self.failed.push((error.policy_id().clone(), error.inner().to_string()));
                }
            }
        }
    }

    /// A policy that forbids has the last word; then one in error, since nobody knows what it
    /// would have said.
    pub(super) fn cause(&self) -> Cause {
        if !self.forbids.is_empty() {
            Cause::Forbidden
        } else if !self.failed.is_empty() {
            Cause::Failed
        } else if !self.permits.is_empty() {
            Cause::Permitted
        } else {
            Cause::Unpermitted
        }
    }
}
