//! Who is asked about: the holder of a key, or the bearer of a token that need not exist. Called
//! by the explainer.

use super::{Explainer, passed, refused};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::inbound::admin::explain::{Asked, ExplainedStep};
use crate::model::key::{Key, KeyId};
use crate::model::principal::{Identity, Principal, PrincipalKind};
use crate::model::scope::Scope;

/// Keys that are looked through at a time.
const PAGE: usize = 500;

impl Explainer {
    /// The caller that is asked about, and what becomes of its credential.
    pub(super) async fn caller(&self, asked: &Asked) -> Result<(Principal, ExplainedStep)> {
        match (&asked.key, &asked.subject) {
            (Some(key), None) => {
                let key = self.key(key, asked.workspace.as_deref()).await?;
                let step = credential(&key, self.clock.now());
                Ok((holder(&key), step))
            }
            (None, Some(subject)) => {
                let needed = || Error::invalid("workspace", "is needed with `subject`");
                let principal = Principal::new(Identity {
                    workspace: asked.workspace.clone().ok_or_else(needed)?,
                    subject: subject.clone(),
                    name: subject.clone(),
                    kind: PrincipalKind::Token,
                    groups: asked.groups.clone(),
                    scopes: asked.scopes.iter().copied().collect(),
                    agents: None,
                    class: asked.class.clone(),
                });
                Ok((principal, passed("identity", "the bearer of a token that holds")))
            }
            (Some(_), Some(_)) | (None, None) => {
                Err(Error::invalid("key", "name a caller by either `key` or `subject`"))
            }
        }
    }

    /// A key by its id, or by its name.
    async fn key(&self, wanted: &str, workspace: Option<&str>) -> Result<Key> {
        let is_meant = |key: &Key| {
            key.id.as_str() == wanted
                || key.name == wanted && workspace.is_none_or(|of| key.workspace == of)
        };
        let mut found: Vec<Key> =
            self.configured.iter().filter(|key| is_meant(key)).cloned().collect();
        if let Some(id) = KeyId::parse(wanted) {
            found.extend(self.keys.store.get(&id).await?);
        }
        if found.is_empty() {
            let mut after = None;
            loop {
                let page = self.keys.store.list(workspace, after.as_ref(), PAGE).await?;
                let is_last = page.len() < PAGE;
                after = page.last().map(|key| key.id.clone());
                found.extend(page.into_iter().filter(is_meant));
                if is_last {
                    break;
                }
            }
        }
        // A name may have been a revoked key's before it was this one's.
        found.sort_by_key(|key| key.revoked_at.is_some());
        let is_alone =
            found.len() == 1 || found.get(1).is_some_and(|other| other.revoked_at.is_some());
        match found.into_iter().next() {
            Some(key) if is_alone || key.id.as_str() == wanted => Ok(key),
            Some(_) => Err(Error::invalid("workspace", "more than one key has this name")),
            None => Err(Error::invalid("key", "there is no such key")),
        }
    }
}

fn credential(key: &Key, now: Timestamp) -> ExplainedStep {
    if let Some(at) = key.revoked_at {
        return refused("identity", format!("the key `{}` was revoked at {at}", key.name));
    }
    match key.expires_at {
        Some(at) if at <= now => {
            refused("identity", format!("the key `{}` expired at {at}", key.name))
        }
        Some(_) | None => {
            passed("identity", format!("the key `{}` of {}", key.name, key.workspace))
        }
    }
}

fn holder(key: &Key) -> Principal {
    Principal::new(Identity {
        workspace: key.workspace.clone(),
        subject: format!("key:{}", key.id),
        name: key.name.clone(),
        kind: PrincipalKind::Key,
        groups: key.groups.clone(),
        scopes: key.scopes,
        agents: key.agents.clone(),
        class: key.class.clone(),
    })
}

/// Whether a credential has what the operation needs.
pub(super) fn scope(principal: &Principal, scope: Scope) -> ExplainedStep {
    if principal.scopes.has(scope) {
        passed("scope", format!("the credential has `{scope}`"))
    } else {
        refused("scope", format!("the credential lacks `{scope}`"))
    }
}
