//! What PII policy found, counted. Values never stand in it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often PII policy found a type of thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PiiCount {
    /// The type, `email`.
    pub entity: String,
    /// `to_upstream` or `to_caller`.
    pub direction: String,
    /// What was done.
    pub action: String,
    /// How often.
    pub count: u64,
}

impl PiiCount {
    /// Adds counts to others, so that each type, direction and action stands there once.
    pub fn add_all(to: &mut Vec<Self>, more: Vec<Self>) {
        for new in more {
            let is_same = |known: &&mut Self| {
                known.entity == new.entity
                    && known.direction == new.direction
                    && known.action == new.action
            };
            match to.iter_mut().find(is_same) {
                Some(known) => known.count += new.count,
                None => to.push(new),
            }
        }
    }
}
