//! The operations on budgets. Each locks its reservation, then its accounts by their numbers,
//! asks the tally, and writes back what it made of them.

use async_trait::async_trait;
use futures_util::future::try_join;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::cause::failed;
use super::columns::amounts;
use super::pool::{Failure, Operation, Pool, Verdict};
use super::session::Work;
use super::standings;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::amounts::Amounts;
use crate::store::failure::{not_held, reserved_otherwise};
use crate::store::tally::{self, Holding};
use crate::store::{Account, Balance, Claim, Reserved};

/// How many overdue reservations are charged in one transaction: some milliseconds of work.
pub(super) const CHARGED_AT_ONCE: u64 = 200;

/// See [`crate::store::Ledger::reserve`].
pub(super) struct Reserve<'a> {
    pub(super) reservation: &'a str,
    pub(super) claims: &'a [Claim],
    pub(super) until: Timestamp,
}

#[async_trait]
impl Operation for Reserve<'_> {
    type Output = Reserved;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<Reserved>, Failure> {
        let (accounts, parts) = tally::parts_of(self.claims);
        let insert = "INSERT INTO budget_reservations (id, due_at) VALUES ($1, $2) \
                      ON CONFLICT DO NOTHING";
        let until = self.until.0;
        let values: [&(dyn ToSql + Sync); 2] = [&self.reservation, &until];
        let insert = work.execute(insert, &values);
        let (inserted, standings) =
            try_join(async { Ok(insert.await?) }, standings::open(work, &accounts)).await?;
        let mut wanted = Holding { standings, parts };
        if inserted == 0 {
            let held = standings::load(work, &[self.reservation]).await?;
            return if held.is_as(&wanted) {
                Ok(Verdict::Undo(Reserved::Held))
            } else {
                Err(Failure::Refused(reserved_otherwise()))
            };
        }
        let verdict = tally::reserve(&mut wanted.standings, &wanted.parts);
        if verdict != Reserved::Held {
            return Ok(Verdict::Undo(verdict));
        }
        try_join(
            standings::save(work, &wanted.standings),
            standings::save_parts(work, self.reservation, &wanted),
        )
        .await?;
        Ok(Verdict::Keep(Reserved::Held))
    }
}

/// See [`crate::store::Ledger::raise`].
pub(super) struct Raise<'a> {
    pub(super) reservation: &'a str,
    pub(super) amounts: &'a Amounts,
}

#[async_trait]
impl Operation for Raise<'_> {
    type Output = Reserved;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<Reserved>, Failure> {
        let mut held = standings::load(work, &[self.reservation]).await?;
        if held.parts.is_empty() {
            return Err(Failure::Refused(not_held()));
        }
        let verdict = tally::raise(&mut held.standings, &mut held.parts, self.amounts);
        if verdict != Reserved::Held {
            return Ok(Verdict::Undo(verdict));
        }
        try_join(
            standings::save(work, &held.standings),
            standings::save_parts(work, self.reservation, &held),
        )
        .await?;
        Ok(Verdict::Keep(verdict))
    }
}

/// See [`crate::store::Ledger::settle`].
pub(super) struct Settle<'a> {
    pub(super) reservation: &'a str,
    pub(super) spent: &'a Amounts,
}

#[async_trait]
impl Operation for Settle<'_> {
    type Output = ();
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<()>, Failure> {
        let mut held = standings::load(work, &[self.reservation]).await?;
        if held.parts.is_empty() {
            return Ok(Verdict::Undo(()));
        }
        tally::settle(&mut held.standings, &held.parts, Some(self.spent));
        end(work, &[self.reservation], &held).await?;
        Ok(Verdict::Keep(()))
    }
}

/// See [`crate::store::Ledger::charge_overdue`]; a part of them.
pub(super) struct ChargeOverdue {
    pub(super) now: Timestamp,
}

#[async_trait]
impl Operation for ChargeOverdue {
    type Output = u64;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<u64>, Failure> {
        // What another node is charging or settling is its own.
        let due = "SELECT id FROM budget_reservations WHERE due_at <= $1 \
                   ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED";
        let limit = i64::try_from(CHARGED_AT_ONCE).unwrap_or(i64::MAX);
        let rows = work.query(due, &[&self.now.0, &limit]).await?;
        let due = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<&str>, _>>()?;
        if due.is_empty() {
            return Ok(Verdict::Undo(0));
        }
        let mut held = standings::load(work, &due).await?;
        tally::settle(&mut held.standings, &held.parts, None);
        end(work, &due, &held).await?;
        Ok(Verdict::Keep(u64::try_from(due.len()).unwrap_or(u64::MAX)))
    }
}

/// See [`crate::store::Ledger::prune`].
pub(super) struct Prune {
    pub(super) before: Timestamp,
}

#[async_trait]
impl Operation for Prune {
    type Output = u64;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<u64>, Failure> {
        // What is in use is left for the next time, as waiting would break the order of locks.
        let prune = "DELETE FROM budget_accounts WHERE id IN (SELECT id FROM budget_accounts \
                     WHERE window_end < $1 AND holds = 0 FOR UPDATE SKIP LOCKED)";
        Ok(Verdict::Keep(work.execute(prune, &[&self.before.0]).await?))
    }
}

pub(super) async fn balance(pool: &Pool, account: &Account) -> Result<Balance> {
    let wanted = "SELECT spent_usd, spent_tokens, spent_credits, spent_runs, reserved_usd, \
                  reserved_tokens, reserved_credits, reserved_runs FROM budget_accounts \
                  WHERE budget = $1 AND subject = $2 AND window_start = $3 AND window_end = $4";
    let Account { budget, subject, window_start, .. } = account;
    let end = tally::end_of(account);
    let rows = pool.query(wanted, &[budget, subject, &window_start.0, &end]).await?;
    rows.first().map_or(Ok(Balance::default()), balance_of)
}

pub(super) async fn most_used(pool: &Pool, budget: &str, now: Timestamp) -> Result<Amounts> {
    let most = "SELECT MAX(spent_usd::float8 + reserved_usd), \
                MAX(spent_tokens::float8 + reserved_tokens), \
                MAX(spent_credits::float8 + reserved_credits), \
                MAX(spent_runs::float8 + reserved_runs) FROM budget_accounts \
                WHERE budget = $1 AND window_start <= $2 AND window_end > $2";
    let rows = pool.query(most, &[&budget, &now.0]).await?;
    let Some(row) = rows.first() else { return Ok(Amounts::default()) };
    let whole = |at: usize| row.try_get::<_, Option<f64>>(at).map(Option::unwrap_or_default);
    let all = || Ok([whole(0)?, whole(1)?, whole(2)?, whole(3)?]);
    all().map(tally::rounded).map_err(|error: tokio_postgres::Error| failed(&error))
}

fn balance_of(row: &Row) -> Result<Balance> {
    let four = |from| amounts(row, from).map_err(|error| failed(&error));
    Ok(Balance { spent: four(0)?, reserved: four(4)? })
}

async fn end(work: &Work<'_>, reservations: &[&str], held: &Holding) -> Result<(), Failure> {
    let delete = "DELETE FROM budget_reservations WHERE id = ANY($1)";
    let deleted = async { Ok(work.execute(delete, &[&reservations]).await?) };
    try_join(standings::save(work, &held.standings), deleted).await?;
    Ok(())
}
