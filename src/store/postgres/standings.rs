//! Accounts and the parts that are held of them: locked and loaded, and written back.
//!
//! Statements that are polled together are usually, but not always, run in their order: one that
//! is not prepared yet comes later. Nothing that is right here rests on it.
//!
//! Invariant: accounts are made in the order of their names and locked in that of their numbers.

use futures_util::future::try_join;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::columns::amounts;
use super::pool::Failure;
use super::session::Work;
use crate::model::amounts::{Amounts, Ceilings};
use crate::model::micro::Micro;
use crate::store::failure::Damaged;
use crate::store::tally::{self, Holding, Part, Standing};
use crate::store::{Account, Balance, unavailable};

/// Locks and loads these accounts, which are sorted by name, and makes those that are missing.
pub(super) async fn open(work: &Work<'_>, accounts: &[&Account]) -> Result<Vec<Standing>, Failure> {
    let budgets: Vec<&str> = accounts.iter().map(|account| &*account.budget).collect();
    let subjects: Vec<&str> = accounts.iter().map(|account| &*account.subject).collect();
    let starts: Vec<i64> = accounts.iter().map(|account| account.window_start.0).collect();
    let ends: Vec<i64> = accounts.iter().map(|account| tally::end_of(account)).collect();
    let make = "INSERT INTO budget_accounts (budget, subject, window_start, window_end) \
                SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) \
                AS wanted (budget, subject, window_start, window_end) \
                WHERE NOT EXISTS (SELECT 1 FROM budget_accounts a WHERE a.budget = wanted.budget \
                AND a.subject = wanted.subject AND a.window_start = wanted.window_start \
                AND a.window_end = wanted.window_end) ON CONFLICT DO NOTHING";
    let lock = "SELECT a.id, spent_usd, spent_tokens, spent_credits, spent_runs, reserved_usd, \
                reserved_tokens, reserved_credits, reserved_runs, holds, place \
                FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY \
                AS wanted (budget, subject, window_start, window_end, place) \
                JOIN budget_accounts a USING (budget, subject, window_start, window_end) \
                ORDER BY a.id FOR UPDATE OF a";
    let values: [&(dyn ToSql + Sync); 4] = [&budgets, &subjects, &starts, &ends];
    let (_, rows) = try_join(work.execute(make, &values), work.query(lock, &values)).await?;
    let mut standings = Vec::with_capacity(rows.len());
    for row in &rows {
        standings.push((row.try_get::<_, i64>(10)?, standing(row)?));
    }
    if standings.len() != accounts.len() {
        // One was pruned in between, or the statements ran in the other order.
        return Err(Failure::Again(unavailable(Damaged("account"))));
    }
    standings.sort_unstable_by_key(|(place, _)| *place);
    Ok(standings.into_iter().map(|(_, standing)| standing).collect())
}

/// Locks and loads what reservations hold; without parts where none of them is held.
pub(super) async fn load(work: &Work<'_>, reservations: &[&str]) -> Result<Holding, Failure> {
    // The claims are locked too: only so does one that waited see what they have become.
    let parts = "SELECT account, most_usd, most_tokens, most_credits, most_runs, usd, tokens, \
                 credits, runs FROM budget_reservations r JOIN budget_claims c \
                 ON c.reservation = r.id WHERE r.id = ANY($1) \
                 ORDER BY r.id, position FOR UPDATE";
    let lock = "SELECT id, spent_usd, spent_tokens, spent_credits, spent_runs, reserved_usd, \
                reserved_tokens, reserved_credits, reserved_runs, holds FROM budget_accounts \
                WHERE id IN (SELECT account FROM budget_claims WHERE reservation = ANY($1)) \
                ORDER BY id FOR UPDATE";
    let values: [&(dyn ToSql + Sync); 1] = [&reservations];
    let (parts, rows) = try_join(work.query(parts, &values), work.query(lock, &values)).await?;
    let standings = rows.iter().map(standing).collect::<Result<Vec<_>, _>>()?;
    let part = |row: &Row| -> Result<Part, Failure> {
        let account: i64 = row.try_get(0)?;
        let standing = standings.binary_search_by_key(&Some(account), |standing| standing.id);
        Ok(Part {
            standing: standing.map_err(|_| Damaged("claim"))?,
            ceilings: Ceilings {
                usd: row.try_get::<_, Option<i64>>(1)?.map(Micro),
                tokens: row.try_get(2)?,
                credits: row.try_get::<_, Option<i64>>(3)?.map(Micro),
                runs: row.try_get(4)?,
            },
            amounts: amounts(row, 5)?,
        })
    };
    let parts = parts.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    Ok(Holding { standings, parts })
}

/// Writes accounts back.
pub(super) async fn save(work: &Work<'_>, standings: &[Standing]) -> Result<(), Failure> {
    let sql = "UPDATE budget_accounts a SET spent_usd = n.a, spent_tokens = n.b, \
               spent_credits = n.c, spent_runs = n.d, reserved_usd = n.e, reserved_tokens = n.f, \
               reserved_credits = n.g, reserved_runs = n.h, holds = n.i \
               FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], \
               $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[]) \
               AS n (id, a, b, c, d, e, f, g, h, i) WHERE a.id = n.id";
    let column = |of: fn(&Standing) -> i64| standings.iter().map(of).collect::<Vec<i64>>();
    let ids: Vec<Option<i64>> = standings.iter().map(|standing| standing.id).collect();
    work.execute(
        sql,
        &[
            &ids,
            &column(|standing| standing.balance.spent.usd.0),
            &column(|standing| standing.balance.spent.tokens),
            &column(|standing| standing.balance.spent.credits.0),
            &column(|standing| standing.balance.spent.runs),
            &column(|standing| standing.balance.reserved.usd.0),
            &column(|standing| standing.balance.reserved.tokens),
            &column(|standing| standing.balance.reserved.credits.0),
            &column(|standing| standing.balance.reserved.runs),
            &column(|standing| standing.holds),
        ],
    )
    .await?;
    Ok(())
}

/// Writes the parts of one reservation, new ones and raised ones.
pub(super) async fn save_parts(
    work: &Work<'_>,
    reservation: &str,
    Holding { standings, parts }: &Holding,
) -> Result<(), Failure> {
    let sql = "INSERT INTO budget_claims (reservation, position, account, most_usd, most_tokens, \
               most_credits, most_runs, usd, tokens, credits, runs) \
               SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], \
               $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], \
               $11::bigint[]) ON CONFLICT (reservation, position) DO UPDATE SET \
               usd = excluded.usd, tokens = excluded.tokens, credits = excluded.credits, \
               runs = excluded.runs";
    let positions: Vec<i64> = parts.iter().zip(0..).map(|(_, position)| position).collect();
    let account = |part: &Part| standings.get(part.standing).and_then(|standing| standing.id);
    let accounts: Vec<Option<i64>> = parts.iter().map(account).collect();
    let most = |of: fn(&Ceilings) -> Option<i64>| {
        parts.iter().map(|p| of(&p.ceilings)).collect::<Vec<_>>()
    };
    let wanted = |of: fn(&Amounts) -> i64| parts.iter().map(|p| of(&p.amounts)).collect::<Vec<_>>();
    work.execute(
        sql,
        &[
            &reservation,
            &positions,
            &accounts,
            &most(|most| most.usd.map(|usd| usd.0)),
            &most(|most| most.tokens),
            &most(|most| most.credits.map(|credits| credits.0)),
            &most(|most| most.runs),
            &wanted(|wanted| wanted.usd.0),
            &wanted(|wanted| wanted.tokens),
            &wanted(|wanted| wanted.credits.0),
            &wanted(|wanted| wanted.runs),
        ],
    )
    .await?;
    Ok(())
}

fn standing(row: &Row) -> Result<Standing, tokio_postgres::Error> {
    let balance: Balance = Balance { spent: amounts(row, 1)?, reserved: amounts(row, 5)? };
    Ok(Standing { id: row.try_get(0)?, balance, holds: row.try_get(9)? })
}
