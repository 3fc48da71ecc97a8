//! How the gateway is doing, on one page: what operators read, and what the page shows. Whoever
//! wires the gateway implements [`Tells`].
//!
//! Invariant: read only, bounded in number and in length, and facts only: nothing that callers or
//! agents have said.

pub mod handle;
pub mod page;
mod snapshot;
mod stream;

use async_trait::async_trait;

pub use self::snapshot::{
    AuditStatus, BoundKind, BoundsStatus, CheckStatus, GatewayStatus, LeftOut, NearEnd, Refusal,
    RunEnded, RunInFlight, RunsStatus, Status, UpstreamStatus,
};

/// Tells how the gateway is doing.
#[async_trait]
pub trait Tells: Send + Sync {
    /// How it is now. What cannot be read now is told as it last was.
    async fn status(&self) -> Status;
}
