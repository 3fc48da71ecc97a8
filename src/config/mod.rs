//! The configuration, from the operator's YAML to valid types: what the rest of the gateway is
//! built from. A file per section reads it; all errors are found at once, each with its place.

mod access;
mod agents;
mod audit;
mod bounds;
mod budgets;
mod callbacks;
mod check;
mod describe;
mod hooks;
mod identity;
mod issuers;
mod limits;
mod listen;
mod load;
mod log;
mod overload;
mod pii;
mod places;
mod pool;
mod profiles;
mod reader;
mod redact;
mod report;
mod runs;
mod schema;
mod secret;
mod source;
mod store;
mod suggest;
mod telemetry;
mod units;
mod upstreams;

#[cfg(test)]
mod tests;

pub use access::{Access, OnViolation};
pub use agents::Agent;
pub use audit::{Audit, Durability};
pub use bounds::{Breaker, Caps, Clocks};
pub use budgets::{Budget, Period};
pub use callbacks::Callbacks;
pub use check::Check;
pub use hooks::{Hook, HookInput, Signed};
pub use identity::{ConfiguredKey, Identity};
pub use issuers::Issuer;
pub use limits::{Counters, Limit, Only, Rate, WhenAway};
pub use listen::{Listen, Tls};
pub use load::{Config, Reading, read};
pub use log::Log;
pub use overload::{Overload, Queue};
pub use pii::{Pii, PiiPattern, PiiRule, PiiWords};
pub use places::{Place, Places};
pub use pool::{Choose, Eject, Pool, Shadow, Target};
pub use profiles::Profiles;
pub use redact::redacted;
pub use report::Report;
pub use runs::Runs;
pub use schema::{Vendors, schema};
pub use secret::{Process, Secret, Surroundings};
pub use store::Store;
pub use telemetry::Traces;
pub use upstreams::Upstream;
