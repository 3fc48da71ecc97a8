//! Settles what a reservation could not settle by itself: its caller has gone, or the store did
//! not answer. Runs as a task.
//!
//! Invariant: it ends. What it could not settle by then is charged in full when it is overdue.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::model::amounts::Amounts;
use crate::store::Ledger;

/// The first pause between two tries; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The tries: the pauses between them come to 51 s, longer than a store takes to restart and well
/// within the margin after which the reservation is overdue.
const TRIES: u32 = 10;

/// Settles a reservation, again and again while that fails.
pub(super) async fn settle(
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    reservation: String,
    spent: Amounts,
) {
    let mut pause = FIRST_PAUSE;
    for left in (0..TRIES).rev() {
        match ledger.settle(&reservation, &spent, clock.now()).await {
            Ok(()) => return,
            Err(_) if left > 0 => tokio::time::sleep(pause).await,
            Err(error) => {
                let said = "a budget was not settled and will be charged what was reserved";
                tracing::error!(reservation, ?error, "{said}");
            }
        }
        pause *= 2;
    }
}
