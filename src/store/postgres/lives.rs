//! The statements on lives of processes. Each locks at most its own row, and may run twice: a life
//! counts its beats only so that others see them change.

use super::columns::{get, parsed};
use super::pool::Pool;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::ids::{BootId, RunId};
use crate::store::failure::Damaged;
use crate::store::rows::{Member, Renewed};

pub(super) async fn join(pool: &Pool, boot: &BootId, now: Timestamp) -> Result<()> {
    let insert = "INSERT INTO lives (boot, beats, joined_at) VALUES ($1, 0, $2) \
                  ON CONFLICT DO NOTHING";
    pool.query(insert, &[&boot.as_str(), &now.0]).await?;
    Ok(())
}

pub(super) async fn renew(pool: &Pool, boot: &BootId) -> Result<Renewed> {
    let renew = "WITH beat AS (UPDATE lives SET beats = beats + 1 WHERE boot = $1 RETURNING 1) \
                 SELECT EXISTS (SELECT FROM beat), ARRAY(SELECT id FROM runs WHERE boot = $1 \
                 AND ended_at IS NULL AND cancel_at IS NOT NULL ORDER BY id)";
    let rows = pool.query(renew, &[&boot.as_str()]).await?;
    let row = rows.first().ok_or(Damaged("life"))?;
    let mut cancels = Vec::new();
    for id in get::<Vec<&str>>(row, 1)? {
        cancels.push(RunId::parse(id).ok_or(Damaged("run id"))?);
    }
    Ok(Renewed { counts: get(row, 0)?, cancels })
}

/// The others. Only their silence tells that they are over: they may be on any machine.
pub(super) async fn members(pool: &Pool, but: &BootId) -> Result<Vec<Member>> {
    let wanted = "SELECT boot, beats FROM lives WHERE boot <> $1 ORDER BY boot";
    let mut members = Vec::new();
    for row in &pool.query(wanted, &[&but.as_str()]).await? {
        let boot = parsed(row, 0, BootId::parse, "boot id")?;
        members.push(Member { boot, beats: get(row, 1)?, is_over: None });
    }
    Ok(members)
}

pub(super) async fn leave(pool: &Pool, boot: &BootId) -> Result<()> {
    pool.query("DELETE FROM lives WHERE boot = $1", &[&boot.as_str()]).await?;
    Ok(())
}
