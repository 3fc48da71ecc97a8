//! Keys by which a caller makes sure that a run happens once: the same request under the same key
//! is the same run, live or ended, on whichever node and after whichever crash.
//!
//! Invariant: of requests with one key, one is sent to a platform. Within a process they wait for
//! each other; between processes the store lets one of them bind the key.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::gateway::reader::Reader;
use crate::gateway::restore::View;
use crate::gateway::start::Admitted;
use crate::model::agent::AgentRef;
use crate::model::call::Call;
use crate::model::ids::RunId;
use crate::model::record::RunFacts;
use crate::store::rows::Binding;
use crate::wire::hex::hex;

/// How long a key is kept.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);

/// A key and the request that came with it, as digests.
#[derive(Clone, Debug)]
pub(super) struct Keyed {
    key: [u8; 32],
    fingerprint: [u8; 32],
}

impl Keyed {
    /// The key as records show it.
    pub(super) fn shown(&self) -> String {
        hex(&self.key)
    }

    /// The key bound to a run that is admitted now.
    pub(super) fn binding(&self, run: &RunId, now: Timestamp) -> Binding {
        Binding {
            key: self.key,
            fingerprint: self.fingerprint,
            run_id: run.clone(),
            expires_at: now.later(KEPT),
        }
    }
}

/// The keys whose requests are being admitted.
#[derive(Debug, Default)]
pub struct Keys(Mutex<HashMap<[u8; 32], Weak<tokio::sync::Mutex<()>>>>);

/// While it is held, no other request with the same key is looked at.
pub(super) struct KeyGuard(#[expect(dead_code, reason = "held")] OwnedMutexGuard<()>);

impl Keys {
    /// Waits until no other request with this key is being admitted.
    pub(super) async fn hold(&self, keyed: &Keyed) -> KeyGuard {
        let lock = {
            let mut all = self.0.lock();
            match all.get(&keyed.key).and_then(Weak::upgrade) {
                Some(lock) => lock,
                None => {
                    // Those that nobody waits for are only memory.
                    all.retain(|_, lock| lock.strong_count() > 0);
                    let lock = Arc::new(tokio::sync::Mutex::new(()));
                    all.insert(keyed.key, Arc::downgrade(&lock));
                    lock
                }
            }
        };
        KeyGuard(lock.lock_owned().await)
    }
}

impl Gateway {
    /// A caller's key with its request. It is the caller's own, and the operation's: the same word
    /// from another caller is another key.
    pub(super) fn keyed(&self, call: &Call, key: &str, target: &AgentRef, text: &[u8]) -> Keyed {
        let sealer = &self.0.keeper.runs.sealer;
        let who = call.principal();
        let scope = [
            who.workspace.as_bytes(),
            who.subject.as_bytes(),
            call.operation.as_bytes(),
            key.as_bytes(),
        ];
        let target = target.to_string();
        Keyed {
            key: sealer.digest("idempotency key", &scope),
            fingerprint: sealer.digest("request", &[target.as_bytes(), text]),
        }
    }

    /// The run that a key is bound to, if it is. `IdempotencyKeyReused` where it came with another
    /// request.
    pub(super) async fn replayed(
        &self,
        call: &Arc<Call>,
        keyed: &Keyed,
    ) -> Result<Option<Admitted>> {
        let rows = &self.0.keeper.runs.rows;
        let Some(bound) = rows.binding(&keyed.key, self.0.clock.now()).await? else {
            return Ok(None);
        };
        if bound.fingerprint != keyed.fingerprint {
            let said = "the key came with another request before";
            let error = Error::new(Kind::IdempotencyKeyReused, said);
            return Err(error.at("Idempotency-Key", "belongs to another request"));
        }
        self.attach(call, &bound.run_id).await.map(Some)
    }

    /// Reads a run of this caller's from its beginning.
    pub(super) async fn attach(&self, call: &Arc<Call>, id: &RunId) -> Result<Admitted> {
        let gone = || Error::new(Kind::RunNotFound, "the run of this key is no longer kept");
        let journal = self.locate(id).await?.ok_or_else(gone)?;
        if journal.owner != *call.principal() {
            return Err(gone());
        }
        let run = journal.run();
        call.facts
            .tell(RunFacts { id: Some(id.clone()), ..RunFacts::of(&run.agent, &journal.target()) });
        let view = View::own(&journal);
        let reader = Reader::new(Arc::clone(&journal), 0, false, view.clone());
        self.mirror(&journal);
        Ok(Admitted { run: view.run(run), reader, is_replayed: true })
    }
}
