//! Changes of one agent, one after another: a platform has no conditions of its own, so what is
//! read, compared and written must be one step to everybody who changes the same agent here.
//!
//! Invariant: nobody waits for a change of another agent, and nothing is kept of an agent that is
//! not being changed.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use crate::model::agent::AgentRef;

/// Who changes which agent.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<AgentRef, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits until nobody else changes this agent; nobody does while the guard is held.
    pub(super) async fn at(&self, agent: &AgentRef) -> OwnedMutexGuard<()> {
        let turn = {
            let mut all = self.0.lock();
            all.retain(|_, turn| turn.strong_count() > 0);
            let known = all.get(agent).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let turn = Arc::default();
                all.insert(agent.clone(), Arc::downgrade(&turn));
                turn
            })
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn changes_of_one_agent_wait_for_each_other_and_leave_nothing() {
        let turns = Turns::default();
        let of = |native: &str| AgentRef { upstream: "up".to_owned(), native: native.to_owned() };
        let first = turns.at(&of("a")).await;
        let (a, b) = (of("a"), of("b"));
        let mut second = Box::pin(turns.at(&a));
        assert!(second.as_mut().now_or_never().is_none());
        drop(turns.at(&b).now_or_never().unwrap());
        drop(first);
        drop(second.await);
        drop(turns.at(&b).await);
        assert_eq!(turns.0.lock().len(), 1);
    }
}
