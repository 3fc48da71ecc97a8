//! Begins records: what every record of this life of the process has in common. Whoever makes a
//! record asks the scribe for a blank one and fills it in.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::clock::{Clock, Ids};
use crate::model::ids::{BootId, RecordId};
use crate::model::record::{Record, Stage, Verdict};

/// The version of the program, as records have it.
pub const BUILD: &str = env!("CARGO_PKG_VERSION");

/// Begins records. Cheap to clone.
#[derive(Clone)]
pub struct Scribe(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    boot: RwLock<BootId>,
}

impl Scribe {
    /// The scribe of a life that begins now.
    pub fn new(clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        let boot = RwLock::new(BootId::new(&*ids, clock.now()));
        Self(Arc::new(Inner { clock, ids, boot }))
    }

    /// The life that this is.
    pub fn boot(&self) -> BootId {
        self.0.boot.read().clone()
    }

    /// Another life begins in the same process: the one before no longer counts.
    pub fn reborn(&self) -> BootId {
        let boot = BootId::new(&*self.0.ids, self.0.clock.now());
        *self.0.boot.write() = boot.clone();
        boot
    }

    /// A blank record.
    pub fn record(&self, stage: Stage, decision: Verdict) -> Record {
        let at = self.0.clock.now();
        let uptime = self.0.clock.monotonic().as_micros();
        Record {
            id: RecordId::new(&*self.0.ids, at),
            at,
            boot: self.boot(),
            uptime_us: u64::try_from(uptime).unwrap_or(u64::MAX),
            build: BUILD.to_owned(),
            stage,
            decision,
            call: None,
            principal: None,
            run: None,
            policy: None,
            pii: Vec::new(),
            tool: None,
            outcome: None,
            count: None,
            subject: None,
            payload: None,
        }
    }
}

impl fmt::Debug for Scribe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[scribe of {}]", self.boot())
    }
}
