//! The policies, sorted by the action and the thing that their heads name, so that a question
//! meets only those that can have a say in it. Made once for each set.
//!
//! Invariant: a policy that is not met would have been neither satisfied nor in error: its head
//! names an action, a principal or a resource that is not the question's.

use std::collections::HashMap;

use cedar_policy::{
    ActionConstraint, EntityUid, Policy, PolicySet, PrincipalConstraint, ResourceConstraint,
};

use super::names::Names;
use super::policies::Policies;
use super::report::Unspeakable;
use super::request::Asked;
use super::uses::Uses;
use crate::model::judge::Action;

/// The policies that may have a say in one action.
#[derive(Default)]
pub(super) struct Slice {
    /// What of the circumstances they look at.
    pub(super) uses: Uses,
    /// Whether one of them names a run or a thread. Otherwise they cannot tell two apart that have
    /// the same owner and agent.
    pub(super) names_one: bool,
    anyone: PolicySet,
    by_principal: HashMap<EntityUid, PolicySet>,
    by_resource: HashMap<EntityUid, PolicySet>,
}

/// The slice of each action.
pub(super) struct Slices(Vec<Slice>);

impl Slices {
    pub(super) fn new(policies: &Policies, names: &Names) -> Result<Self, Unspeakable> {
        let mut slices: Vec<Slice> = Action::EACH.iter().map(|_| Slice::default()).collect();
        for policy in policies.set.policies() {
            let uses = Uses::of(&policy.to_json()?);
            let names_one =
                policy.entity_literals().iter().any(|literal| names.is_run_or_thread(literal));
            for (action, slice) in Action::EACH.into_iter().zip(&mut slices) {
                if applies(policy, names.action(action).as_ref()) {
                    slice.uses = slice.uses.and(uses);
                    slice.names_one |= names_one;
                    slice.add(policy.clone())?;
                }
            }
        }
        Ok(Self(slices))
    }

    pub(super) fn of(&self, action: Action<'_>) -> Option<&Slice> {
        self.0.get(action.index())
    }
}

impl Slice {
    fn add(&mut self, policy: Policy) -> Result<(), Unspeakable> {
        let set = if let Some(principal) = principal_of(&policy) {
            self.by_principal.entry(principal).or_default()
        } else if let Some(resource) = resource_of(&policy) {
            self.by_resource.entry(resource).or_default()
        } else {
            &mut self.anyone
        };
        Ok(set.add(policy)?)
    }

    /// The policies that may have a say in a question, in sets.
    pub(super) fn met<'a>(&'a self, asked: &'a Asked) -> impl Iterator<Item = &'a PolicySet> {
        let by_principal = asked.principals.iter().filter_map(|uid| self.by_principal.get(uid));
        let by_resource = asked.resources.iter().filter_map(|uid| self.by_resource.get(uid));
        std::iter::once(&self.anyone).chain(by_principal).chain(by_resource)
    }
}

fn applies(policy: &Policy, action: Option<&EntityUid>) -> bool {
    match (policy.action_constraint(), action) {
        (ActionConstraint::Any, _) => true,
        // The schema has no groups of actions, so that to be in one is to be it.
        (ActionConstraint::In(list), Some(action)) => list.contains(action),
        (ActionConstraint::Eq(one), Some(action)) => one == *action,
        (ActionConstraint::In(_) | ActionConstraint::Eq(_), None) => true,
    }
}

fn principal_of(policy: &Policy) -> Option<EntityUid> {
    match policy.principal_constraint() {
        PrincipalConstraint::In(uid)
        | PrincipalConstraint::Eq(uid)
        | PrincipalConstraint::IsIn(_, uid) => Some(uid),
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) => None,
    }
}

fn resource_of(policy: &Policy) -> Option<EntityUid> {
    match policy.resource_constraint() {
        ResourceConstraint::In(uid)
        | ResourceConstraint::Eq(uid)
        | ResourceConstraint::IsIn(_, uid) => Some(uid),
        ResourceConstraint::Any | ResourceConstraint::Is(_) => None,
    }
}
