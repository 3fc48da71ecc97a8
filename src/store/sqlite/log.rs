//! The statements on the log of the audit. A record's place is one less than the number of its
//! row, which SQLite gives it when it is inserted.
//!
//! Invariant: numbers have no gaps: there is one writer at a time, what is rolled back gives its
//! number back, and the last row is never deleted.

use rusqlite::{Connection, OptionalExtension, params};

use super::Failure;
use crate::clock::Timestamp;
use crate::model::ids::RunId;
use crate::model::record::{Stage, Verdict};
use crate::store::log::{
    CheckpointRow, Entry, From, Growth, Head, Leaf, LeafFilter, Portion, TileRow, Waiting, edge_of,
};

pub(super) fn append(file: &Connection, entries: &[Entry]) -> Result<(), Failure> {
    let insert = "INSERT INTO audit_log (id, at, workspace, run_id, stage, decision, body) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut insert = file.prepare_cached(insert)?;
    for entry in entries {
        insert.execute(params![
            entry.id.as_str(),
            entry.at.0,
            entry.workspace,
            entry.run_id.as_ref().map(RunId::as_str),
            entry.stage.name(),
            entry.decision.name(),
            &entry.body[..],
        ])?;
    }
    Ok(())
}

pub(super) fn head(file: &Connection) -> Result<Head, Failure> {
    let wanted = "SELECT size, signed, first, pruned FROM audit_tree";
    let mut wanted = file.prepare_cached(wanted)?;
    let (size, signed, first, pruned): (u64, u64, u64, _) =
        wanted.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let mut edge = Vec::new();
    for (level, index) in edge_of(size) {
        edge.extend(tile(file, level, index)?);
    }
    Ok(Head { size, edge, signed, first, pruned })
}

pub(super) fn waiting(
    file: &Connection,
    size: u64,
    most: Portion,
) -> Result<Vec<Waiting>, Failure> {
    let wanted = "SELECT id, body FROM audit_log WHERE number > ?1 ORDER BY number LIMIT ?2";
    let mut wanted = file.prepare_cached(wanted)?;
    let limit = i64::try_from(most.records).unwrap_or(i64::MAX);
    let mut rows = wanted.query(params![size, limit])?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while bytes < most.bytes
        && let Some(row) = rows.next()?
    {
        let waiting = Waiting { id: row.get(0)?, body: row.get::<_, Vec<u8>>(1)?.into() };
        bytes += waiting.body.len();
        found.push(waiting);
    }
    Ok(found)
}

pub(super) fn grow(file: &Connection, growth: &Growth) -> Result<bool, Failure> {
    if !are_next(file, growth)? {
        return Ok(false);
    }
    let size = growth.from + growth.ids.len() as u64;
    let signed = growth.checkpoint.as_ref().map(|checkpoint| checkpoint.size);
    let update = "UPDATE audit_tree SET size = ?2, signed = coalesce(?3, signed) WHERE size = ?1";
    if file.prepare_cached(update)?.execute(params![growth.from, size, signed])? == 0 {
        return Ok(false);
    }
    let put = "INSERT OR REPLACE INTO audit_tiles (level, place, hashes) VALUES (?1, ?2, ?3)";
    let mut put = file.prepare_cached(put)?;
    for tile in &growth.tiles {
        put.execute(params![tile.level, tile.index, tile.hashes])?;
    }
    if let Some(CheckpointRow { size, at, note }) = &growth.checkpoint {
        let put = "INSERT OR IGNORE INTO audit_checkpoints (size, at, note) VALUES (?1, ?2, ?3)";
        file.prepare_cached(put)?.execute(params![size, at.0, note])?;
    }
    Ok(true)
}

/// Whether these are the records of the next places. Nothing else can be, unless whoever asks read
/// them from another file.
fn are_next(file: &Connection, growth: &Growth) -> Result<bool, Failure> {
    let wanted = "SELECT id FROM audit_log WHERE number > ?1 ORDER BY number LIMIT ?2";
    let mut wanted = file.prepare_cached(wanted)?;
    let mut rows = wanted.query(params![growth.from, growth.ids.len()])?;
    for id in &growth.ids {
        match rows.next()? {
            Some(row) if row.get_ref(0)?.as_str().is_ok_and(|next| next == id) => {}
            Some(_) | None => return Ok(false),
        }
    }
    Ok(true)
}

pub(super) fn leaves(
    file: &Connection,
    filter: &LeafFilter,
    from: From,
    limit: usize,
) -> Result<Vec<Leaf>, Failure> {
    // The first condition is the direction's own, so that the log is walked from there.
    let wanted = match from {
        From::Place(_) => "number > ?1",
        From::Below(_) => "number <= ?1",
    };
    let order = match from {
        From::Place(_) => "number",
        From::Below(_) => "number DESC",
    };
    let about = if filter.run_id.is_some() { "run_id = ?3" } else { "?3 IS NULL" };
    let wanted = format!(
        "SELECT number - 1, body FROM audit_log WHERE {wanted} AND {about} \
         AND (?2 IS NULL OR workspace = ?2) AND (?4 IS NULL OR stage = ?4) \
         AND (?5 IS NULL OR decision = ?5) AND (?6 IS NULL OR at >= ?6) \
         AND (?7 IS NULL OR at < ?7) ORDER BY {order} LIMIT ?8"
    );
    let border = match from {
        From::Place(seq) => i64::try_from(seq).unwrap_or(i64::MAX),
        From::Below(below) => below.map_or(i64::MAX, |it| i64::try_from(it).unwrap_or(i64::MAX)),
    };
    let mut wanted = file.prepare_cached(&wanted)?;
    let values = params![
        border,
        filter.workspace,
        filter.run_id.as_ref().map(RunId::as_str),
        filter.stage.map(Stage::name),
        filter.decision.map(Verdict::name),
        filter.since.map(|at| at.0),
        filter.until.map(|at| at.0),
        i64::try_from(limit).unwrap_or(i64::MAX),
    ];
    let row = |row: &rusqlite::Row<'_>| {
        Ok(Leaf { seq: row.get(0)?, body: row.get::<_, Vec<u8>>(1)?.into() })
    };
    let found = wanted.query_map(values, row)?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn tile(file: &Connection, level: u8, index: u64) -> Result<Option<TileRow>, Failure> {
    let wanted = "SELECT hashes FROM audit_tiles WHERE level = ?1 AND place = ?2";
    let mut wanted = file.prepare_cached(wanted)?;
    let found = wanted
        .query_row(params![level, index], |row| Ok(TileRow { level, index, hashes: row.get(0)? }));
    Ok(found.optional()?)
}

pub(super) fn checkpoints(
    file: &Connection,
    after: u64,
    limit: usize,
) -> Result<Vec<CheckpointRow>, Failure> {
    let wanted =
        "SELECT size, at, note FROM audit_checkpoints WHERE size > ?1 ORDER BY size LIMIT ?2";
    let mut wanted = file.prepare_cached(wanted)?;
    let row = |row: &rusqlite::Row<'_>| {
        Ok(CheckpointRow { size: row.get(0)?, at: Timestamp(row.get(1)?), note: row.get(2)? })
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = wanted.query_map(params![after, limit], row)?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn forget(file: &Connection, below: u64, note: &str) -> Result<u64, Failure> {
    let head = head(file)?;
    // What has no signature yet stays, and so does the last row, which the next number follows.
    if below <= head.first || below >= head.signed {
        return Ok(0);
    }
    let delete = "DELETE FROM audit_log WHERE number <= ?1";
    let gone = file.prepare_cached(delete)?.execute(params![below])?;
    let update = "UPDATE audit_tree SET first = ?1, pruned = ?2";
    file.prepare_cached(update)?.execute(params![below, note])?;
    Ok(gone as u64)
}
