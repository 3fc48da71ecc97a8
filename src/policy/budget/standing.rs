//! How an account stands, as `explain` and the gauges show it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::model::amounts::{Amounts, Ceilings};
use crate::store::{Account, Balance, Claim};

/// How an account stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Standing {
    /// The configured name of the budget.
    pub budget: String,
    /// Whose account it is.
    pub subject: String,
    /// What ended runs have cost.
    pub spent: Amounts,
    /// What runs in flight have reserved.
    pub reserved: Amounts,
    /// What both together may come to, in each unit that has a ceiling.
    pub ceilings: Ceilings,
    /// What the run that is asked about would reserve.
    pub wanted: Amounts,
    /// Whether that would be reserved.
    pub has_room: bool,
    /// When it begins anew; null for a budget in total.
    pub resets_at: Option<Timestamp>,
}

impl Standing {
    pub(super) fn new(claim: Claim, balance: Balance) -> Self {
        let has_room = balance.has_room(&claim);
        let Claim { account, ceilings, amounts: wanted } = claim;
        let Account { budget, subject, window_start: _, window_end: resets_at } = account;
        let Balance { spent, reserved } = balance;
        Self { budget, subject, spent, reserved, ceilings, wanted, has_room, resets_at }
    }
}
