//! The statements on lives of processes.

use rusqlite::{Connection, params};

use super::Failure;
use crate::clock::Timestamp;
use crate::model::ids::{BootId, RunId};
use crate::store::failure::Damaged;
use crate::store::rows::{Member, Renewed};

pub(super) fn join(file: &Connection, boot: &BootId, now: Timestamp) -> Result<(), Failure> {
    let insert = "INSERT INTO lives (boot, beats, joined_at) VALUES (?1, 0, ?2) \
                  ON CONFLICT DO NOTHING";
    file.prepare_cached(insert)?.execute(params![boot.as_str(), now.0])?;
    Ok(())
}

pub(super) fn renew(file: &Connection, boot: &BootId) -> Result<Renewed, Failure> {
    let counts = "SELECT 1 FROM lives WHERE boot = ?1";
    let counts = file.prepare_cached(counts)?.exists([boot.as_str()])?;
    let wanted = "SELECT id FROM runs WHERE boot = ?1 AND ended_at IS NULL \
                  AND cancel_at IS NOT NULL";
    let mut wanted = file.prepare_cached(wanted)?;
    let mut rows = wanted.query([boot.as_str()])?;
    let mut cancels = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        cancels.push(RunId::parse(&id).ok_or(Damaged("run id"))?);
    }
    Ok(Renewed { counts, cancels })
}

pub(super) fn members(file: &Connection, but: &BootId) -> Result<Vec<Member>, Failure> {
    let wanted = "SELECT boot, beats FROM lives WHERE boot != ?1 ORDER BY boot";
    let mut wanted = file.prepare_cached(wanted)?;
    let mut rows = wanted.query([but.as_str()])?;
    let mut members = Vec::new();
    while let Some(row) = rows.next()? {
        let boot: String = row.get(0)?;
        let boot = BootId::parse(&boot).ok_or(Damaged("boot id"))?;
        members.push(Member { boot, beats: row.get(1)?, is_over: None });
    }
    Ok(members)
}

pub(super) fn leave(file: &Connection, boot: &BootId) -> Result<(), Failure> {
    file.prepare_cached("DELETE FROM lives WHERE boot = ?1")?.execute([boot.as_str()])?;
    Ok(())
}
