//! The statements about budgets. The writer and the readers run these, inside their transactions;
//! as there is one writer at a time, what is loaded stays true until it is written back.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Failure;
use crate::clock::Timestamp;
use crate::model::amounts::{Amounts, Ceilings};
use crate::model::micro::Micro;
use crate::store::failure::{not_held, reserved_otherwise};
use crate::store::tally::{self, Holding, Part, Standing};
use crate::store::{Account, Balance, Claim, Reserved};

/// How many overdue reservations are charged in one command: some milliseconds of work.
pub(super) const CHARGED_AT_ONCE: u64 = 200;

pub(super) fn reserve(
    file: &Connection,
    reservation: &str,
    claims: &[Claim],
    until: Timestamp,
) -> Result<Reserved, Failure> {
    let (accounts, parts) = tally::parts_of(claims);
    let loaded: rusqlite::Result<Vec<Standing>> =
        accounts.iter().map(|account| Ok(find(file, account)?.unwrap_or_default())).collect();
    let mut wanted = Holding { standings: loaded?, parts };
    let held = load(file, reservation)?;
    if !held.parts.is_empty() {
        return if held.is_as(&wanted) {
            Ok(Reserved::Held)
        } else {
            Err(Failure::Refused(reserved_otherwise()))
        };
    }
    let Holding { standings, parts } = &mut wanted;
    let verdict = tally::reserve(standings, parts);
    if verdict != Reserved::Held {
        return Ok(verdict);
    }
    for (account, standing) in accounts.into_iter().zip(standings.iter_mut()) {
        if standing.id.is_none() {
            standing.id = Some(open(file, account)?);
        }
        save(file, standing)?;
    }
    let insert = "INSERT INTO budget_reservations (id, due_at) VALUES (?1, ?2)";
    file.prepare_cached(insert)?.execute(params![reservation, until.0])?;
    let insert = "INSERT INTO budget_claims (reservation, position, account, most_usd, \
                  most_tokens, most_credits, most_runs, usd, tokens, credits, runs) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let mut insert = file.prepare_cached(insert)?;
    for (part, position) in parts.iter().zip(0_i64..) {
        let (most, wanted) = (&part.ceilings, &part.amounts);
        insert.execute(params![
            reservation,
            position,
            standings.get(part.standing).and_then(|standing| standing.id),
            most.usd.map(|usd| usd.0),
            most.tokens,
            most.credits.map(|credits| credits.0),
            most.runs,
            wanted.usd.0,
            wanted.tokens,
            wanted.credits.0,
            wanted.runs,
        ])?;
    }
    Ok(Reserved::Held)
}

pub(super) fn raise(
    file: &Connection,
    reservation: &str,
    amounts: &Amounts,
) -> Result<Reserved, Failure> {
    let Holding { mut standings, mut parts } = load(file, reservation)?;
    if parts.is_empty() {
        return Err(Failure::Refused(not_held()));
    }
    let verdict = tally::raise(&mut standings, &mut parts, amounts);
    if verdict != Reserved::Held {
        return Ok(verdict);
    }
    for standing in &standings {
        save(file, standing)?;
    }
    let update = "UPDATE budget_claims SET usd = ?3, tokens = ?4, credits = ?5, runs = ?6 \
                  WHERE reservation = ?1 AND position = ?2";
    let mut update = file.prepare_cached(update)?;
    for (Part { amounts, .. }, position) in parts.iter().zip(0_i64..) {
        let Amounts { usd, tokens, credits, runs } = amounts;
        update.execute(params![reservation, position, usd.0, tokens, credits.0, runs])?;
    }
    Ok(Reserved::Held)
}

pub(super) fn settle(file: &Connection, reservation: &str, spent: &Amounts) -> Result<(), Failure> {
    Ok(end(file, reservation, Some(spent))?)
}

pub(super) fn charge_overdue(file: &Connection, now: Timestamp) -> Result<u64, Failure> {
    let due = "SELECT id FROM budget_reservations WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2";
    let mut due = file.prepare_cached(due)?;
    let limit = i64::try_from(CHARGED_AT_ONCE).unwrap_or(i64::MAX);
    let due: rusqlite::Result<Vec<String>> =
        due.query_map([now.0, limit], |row| row.get(0))?.collect();
    let mut charged = 0;
    for reservation in due? {
        end(file, &reservation, None)?;
        charged += 1;
    }
    Ok(charged)
}

pub(super) fn balance(file: &Connection, account: &Account) -> Result<Balance, Failure> {
    Ok(find(file, account)?.unwrap_or_default().balance)
}

pub(super) fn most_used(
    file: &Connection,
    budget: &str,
    now: Timestamp,
) -> Result<Amounts, Failure> {
    // As floating point: two totals at the greatest number have no sum that is an integer.
    let most = "SELECT MAX(CAST(spent_usd AS REAL) + reserved_usd), \
                MAX(CAST(spent_tokens AS REAL) + reserved_tokens), \
                MAX(CAST(spent_credits AS REAL) + reserved_credits), \
                MAX(CAST(spent_runs AS REAL) + reserved_runs) FROM budget_accounts \
                WHERE budget = ?1 AND window_start <= ?2 AND window_end > ?2";
    let most = file.prepare_cached(most)?.query_row(params![budget, now.0], |row| {
        let whole = |at| Ok::<_, rusqlite::Error>(row.get::<_, Option<f64>>(at)?.unwrap_or(0.0));
        Ok([whole(0)?, whole(1)?, whole(2)?, whole(3)?])
    })?;
    Ok(tally::rounded(most))
}

pub(super) fn prune(file: &Connection, before: Timestamp) -> Result<u64, Failure> {
    let prune = "DELETE FROM budget_accounts WHERE window_end < ?1 AND holds = 0";
    let pruned = file.prepare_cached(prune)?.execute([before.0])?;
    Ok(u64::try_from(pruned).unwrap_or(u64::MAX))
}

/// What a reservation holds; without parts where it is not held.
fn load(file: &Connection, reservation: &str) -> rusqlite::Result<Holding> {
    let wanted = "SELECT account, most_usd, most_tokens, most_credits, most_runs, usd, tokens, \
                  credits, runs FROM budget_claims WHERE reservation = ?1 ORDER BY position";
    let mut wanted = file.prepare_cached(wanted)?;
    let mut rows = wanted.query([reservation])?;
    let mut loaded = Holding::default();
    while let Some(row) = rows.next()? {
        let account: i64 = row.get(0)?;
        let known = loaded.standings.iter().position(|standing| standing.id == Some(account));
        let standing = match known {
            Some(known) => known,
            None => {
                loaded.standings.push(standing_of(file, account)?);
                loaded.standings.len() - 1
            }
        };
        let ceilings = Ceilings {
            usd: row.get::<_, Option<i64>>(1)?.map(Micro),
            tokens: row.get(2)?,
            credits: row.get::<_, Option<i64>>(3)?.map(Micro),
            runs: row.get(4)?,
        };
        loaded.parts.push(Part { standing, ceilings, amounts: amounts(row, 5)? });
    }
    Ok(loaded)
}

/// Ends a reservation, if it is held. `spent` is none where it is charged in full.
fn end(file: &Connection, reservation: &str, spent: Option<&Amounts>) -> rusqlite::Result<()> {
    let Holding { mut standings, parts } = load(file, reservation)?;
    if parts.is_empty() {
        return Ok(());
    }
    tally::settle(&mut standings, &parts, spent);
    for standing in &standings {
        save(file, standing)?;
    }
    let delete = "DELETE FROM budget_reservations WHERE id = ?1";
    file.prepare_cached(delete)?.execute([reservation])?;
    Ok(())
}

const STANDING: &str = "SELECT id, spent_usd, spent_tokens, spent_credits, spent_runs, \
                        reserved_usd, reserved_tokens, reserved_credits, reserved_runs, holds \
                        FROM budget_accounts WHERE ";

fn find(file: &Connection, account: &Account) -> rusqlite::Result<Option<Standing>> {
    let wanted =
        of_standing("budget = ?1 AND subject = ?2 AND window_start = ?3 AND window_end = ?4");
    let Account { budget, subject, window_start, .. } = account;
    let name = params![budget, subject, window_start.0, tally::end_of(account)];
    file.prepare_cached(&wanted)?.query_row(name, standing).optional()
}

fn standing_of(file: &Connection, account: i64) -> rusqlite::Result<Standing> {
    file.prepare_cached(&of_standing("id = ?1"))?.query_row([account], standing)
}

fn of_standing(condition: &str) -> String {
    [STANDING, condition].concat()
}

fn open(file: &Connection, account: &Account) -> rusqlite::Result<i64> {
    let insert = "INSERT INTO budget_accounts (budget, subject, window_start, window_end) \
                  VALUES (?1, ?2, ?3, ?4)";
    let Account { budget, subject, window_start, .. } = account;
    let name = params![budget, subject, window_start.0, tally::end_of(account)];
    file.prepare_cached(insert)?.insert(name)
}

fn save(file: &Connection, standing: &Standing) -> rusqlite::Result<()> {
    let update = "UPDATE budget_accounts SET spent_usd = ?2, spent_tokens = ?3, \
                  spent_credits = ?4, spent_runs = ?5, reserved_usd = ?6, reserved_tokens = ?7, \
                  reserved_credits = ?8, reserved_runs = ?9, holds = ?10 WHERE id = ?1";
    let Balance { spent, reserved } = &standing.balance;
    file.prepare_cached(update)?.execute(params![
        standing.id,
        spent.usd.0,
        spent.tokens,
        spent.credits.0,
        spent.runs,
        reserved.usd.0,
        reserved.tokens,
        reserved.credits.0,
        reserved.runs,
        standing.holds,
    ])?;
    Ok(())
}

fn standing(row: &Row<'_>) -> rusqlite::Result<Standing> {
    let balance = Balance { spent: amounts(row, 1)?, reserved: amounts(row, 5)? };
    Ok(Standing { id: row.get(0)?, balance, holds: row.get(9)? })
}

fn amounts(row: &Row<'_>, from: usize) -> rusqlite::Result<Amounts> {
    Ok(Amounts {
        usd: Micro(row.get(from)?),
        tokens: row.get(from + 1)?,
        credits: Micro(row.get(from + 2)?),
        runs: row.get(from + 3)?,
    })
}
