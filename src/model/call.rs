//! One call to the gateway, from its first byte to its last: what every layer, face and platform
//! may need to know of it, in fields rather than in a bag.

use std::any::Any;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Timestamp;
use crate::model::allowance::Allowance;
use crate::model::principal::Principal;
use crate::model::record::RunFacts;

/// One call.
#[derive(Debug)]
pub struct Call {
    /// Its id: the caller's own `X-Request-Id` where it sent a usable one, else a UUIDv7.
    pub id: String,
    /// The trace it belongs to.
    pub trace: TraceContext,
    /// The operation's name, from a closed set.
    pub operation: &'static str,
    /// The face that it came in by, by its name.
    pub face: &'static str,
    /// Where it comes from: the peer, or whom a trusted proxy names.
    pub address: IpAddr,
    /// When its head arrived.
    pub received_at: Timestamp,
    /// The same on the monotonic clock.
    pub received: Duration,
    /// What is found out on the way.
    pub facts: Facts,
}

/// What is found out about a call on the way.
#[derive(Debug, Default)]
pub struct Facts {
    upstream_us: AtomicU64,
    principal: OnceLock<Principal>,
    allowances: Mutex<Vec<Allowance>>,
    is_admitted: AtomicBool,
    about: Mutex<Option<RunFacts>>,
    subject: Mutex<Option<String>>,
    permits: OnceLock<Weak<dyn Any + Send + Sync>>,
}

impl Call {
    /// Who calls; nobody, who may do nothing, until identity has said more.
    pub fn principal(&self) -> &Principal {
        static NOBODY: LazyLock<Principal> = LazyLock::new(Principal::anonymous);
        self.facts.principal.get().unwrap_or(&NOBODY)
    }

    /// Says who calls. The first word stands.
    pub fn identify(&self, principal: Principal) {
        // Only identity calls it, and only once.
        self.facts.principal.set(principal).ok();
    }
}

impl Facts {
    /// Notes how a limit stands, for the headers of the answer.
    pub fn limited(&self, allowances: impl IntoIterator<Item = Allowance>) {
        self.allowances.lock().extend(allowances);
    }

    /// How the limits that applied stand; told once.
    pub fn take_allowances(&self) -> Vec<Allowance> {
        std::mem::take(&mut *self.allowances.lock())
    }

    /// Notes that a run has been admitted for it: from now on its platform may have it.
    pub fn admitted(&self) {
        self.is_admitted.store(true, Ordering::Relaxed);
    }

    /// Whether a run has been admitted for it.
    pub fn is_admitted(&self) -> bool {
        self.is_admitted.load(Ordering::Relaxed)
    }

    /// Notes which run it is about, for its record.
    pub fn tell(&self, about: RunFacts) {
        *self.about.lock() = Some(about);
    }

    /// Which run it is about.
    pub fn told(&self) -> Option<RunFacts> {
        self.about.lock().clone()
    }

    /// Notes what it is done to, for its record.
    pub fn concerns(&self, subject: String) {
        *self.subject.lock() = Some(subject);
    }

    /// What it is done to.
    pub fn subject(&self) -> Option<String> {
        self.subject.lock().clone()
    }

    /// Notes what its answer holds until the last byte, so that a run that outlives the answer can
    /// hold it too.
    pub fn holds<T: Any + Send + Sync>(&self, permits: &Arc<T>) {
        let permits: Weak<T> = Arc::downgrade(permits);
        // Only one layer has what lasts as long as an answer.
        self.permits.set(permits).ok();
    }

    /// What its answer holds, while it does.
    pub fn held(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.permits.get()?.upgrade()
    }

    /// Adds time that was spent waiting for a platform.
    pub fn waited_for_upstream(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.upstream_us.fetch_add(micros, Ordering::Relaxed);
    }

    /// Time spent waiting for a platform so far.
    pub fn upstream_time(&self) -> Duration {
        Duration::from_micros(self.upstream_us.load(Ordering::Relaxed))
    }
}

/// W3C trace context (<https://www.w3.org/TR/trace-context/>), as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// `traceparent` of this call; the caller's trace id with a span id of ours, or a new one.
    pub parent: String,
    /// `tracestate`, passed on as it came.
    pub state: Option<String>,
}

impl TraceContext {
    /// The 32 hex digits of the trace id; empty where there is none.
    pub fn trace_id(&self) -> &str {
        self.parent.get(3..35).unwrap_or("")
    }
}
