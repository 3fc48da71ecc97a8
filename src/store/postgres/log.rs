//! The statements on the log of the audit. Records are added to those that wait by the transaction
//! that they belong to, which locks nothing for them. Whoever lets the tree grow or forgets locks
//! the tree's one row first, and nothing else that another waits for.
//!
//! Invariant: a record has a place exactly if it stands in `audit_log`, and all places below the
//! tree's size were given: a record and the size that counts it are committed together.

use async_trait::async_trait;
use futures_util::future::try_join3;
use tokio_postgres::Row;

use super::columns::{get, long};
use super::pool::{Failure, Operation, Pool, Verdict};
use super::session::Work;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::ids::RunId;
use crate::model::record::{Stage, Verdict as Decision};
use crate::store::failure::Damaged;
use crate::store::log::{
    CheckpointRow, Entry, From, Growth, Head, Leaf, LeafFilter, Portion, TileRow, Waiting,
};

/// See [`crate::store::log::Log::append`].
pub(super) struct Append<'a> {
    pub(super) entries: &'a [Entry],
}

#[async_trait]
impl Operation for Append<'_> {
    type Output = ();
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<()>, Failure> {
        append(work, self.entries).await?;
        Ok(Verdict::Keep(()))
    }
}

/// Adds records to those that wait, in their order.
pub(super) async fn append(work: &Work<'_>, entries: &[Entry]) -> Result<(), Failure> {
    if entries.is_empty() {
        return Ok(());
    }
    let insert = "INSERT INTO audit_waiting (id, at, workspace, run_id, stage, decision, body) \
                  SELECT id, at, workspace, run_id, stage, decision, body \
                  FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], \
                  $6::text[], $7::bytea[]) WITH ORDINALITY \
                  AS new (id, at, workspace, run_id, stage, decision, body, place) ORDER BY place";
    let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    let times: Vec<i64> = entries.iter().map(|entry| entry.at.0).collect();
    let workspaces: Vec<_> = entries.iter().map(|entry| entry.workspace.as_deref()).collect();
    let runs = entries.iter().map(|entry| entry.run_id.as_ref().map(RunId::as_str));
    let runs: Vec<Option<&str>> = runs.collect();
    let stages: Vec<&str> = entries.iter().map(|entry| entry.stage.name()).collect();
    let decisions: Vec<&str> = entries.iter().map(|entry| entry.decision.name()).collect();
    let bodies: Vec<&[u8]> = entries.iter().map(|entry| &entry.body[..]).collect();
    work.execute(insert, &[&ids, &times, &workspaces, &runs, &stages, &decisions, &bodies]).await?;
    Ok(())
}

/// One statement, so that the edge is that of the size beside it. A level has an edge where its
/// last tile is not full.
pub(super) async fn head(pool: &Pool) -> Result<Head> {
    let wanted = "SELECT size, signed, first, pruned, i.level, i.place, i.hashes FROM audit_tree \
                  CROSS JOIN generate_series(0, 7) AS l (level) \
                  LEFT JOIN audit_tiles i ON i.level = l.level \
                  AND i.place = size >> (8 * (l.level + 1)) \
                  AND (size >> (8 * l.level)) % 256 <> 0 ORDER BY l.level";
    let rows = pool.query(wanted, &[]).await?;
    let one = rows.first().ok_or(Damaged("tree"))?;
    let number = |column| get::<i64>(one, column).map(i64::unsigned_abs);
    let mut head = Head {
        size: number(0)?,
        edge: Vec::new(),
        signed: number(1)?,
        first: number(2)?,
        pruned: get(one, 3)?,
    };
    for row in &rows {
        if let Some(level) = get::<Option<i32>>(row, 4)? {
            let level = u8::try_from(level).map_err(|_| Damaged("tile"))?;
            let index = get::<i64>(row, 5)?.unsigned_abs();
            head.edge.push(TileRow { level, index, hashes: get(row, 6)? });
        }
    }
    Ok(head)
}

/// What waits is what no tree has, of whatever size: nothing else is looked at. How long a body is
/// the server knows without reading it.
pub(super) async fn waiting(pool: &Pool, most: Portion) -> Result<Vec<Waiting>> {
    let wanted = "SELECT id, body FROM (SELECT number, id, body, \
                  coalesce(sum(octet_length(body)) OVER (ORDER BY number \
                  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before \
                  FROM (SELECT number, id, body FROM audit_waiting ORDER BY number LIMIT $1) AS next) \
                  AS summed WHERE before < $2::bigint ORDER BY number";
    let rows = pool.query(wanted, &[&long(most.records), &long(most.bytes)]).await?;
    let waiting = |row: &Row| Ok(Waiting { id: get(row, 0)?, body: body(row)? });
    rows.iter().map(waiting).collect()
}

/// See [`crate::store::log::Log::grow`].
pub(super) struct Grow<'a> {
    pub(super) growth: &'a Growth,
}

#[async_trait]
impl Operation for Grow<'_> {
    type Output = bool;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<bool>, Failure> {
        let Growth { from, ids, tiles, checkpoint } = self.growth;
        let rows = work.query("SELECT size FROM audit_tree FOR UPDATE", &[]).await?;
        let size: i64 = rows.first().ok_or(Damaged("tree"))?.try_get(0)?;
        if size != long(*from) || !give_places(work, size, ids).await? {
            return Ok(Verdict::Undo(false));
        }
        let size = size.saturating_add(long(ids.len()));
        let signed = checkpoint.as_ref().map(|checkpoint| long(checkpoint.size));
        let update = "UPDATE audit_tree SET size = $1, signed = coalesce($2, signed)";
        let update = async { Ok(work.execute(update, &[&size, &signed]).await?) };
        let sign = async {
            match checkpoint {
                Some(checkpoint) => put_checkpoint(work, checkpoint).await,
                None => Ok(()),
            }
        };
        try_join3(update, put_tiles(work, tiles), sign).await?;
        Ok(Verdict::Keep(true))
    }
}

/// Moves these records, in this order, from those that wait to the end of the log; whether all of
/// them were there.
async fn give_places(work: &Work<'_>, size: i64, ids: &[String]) -> Result<bool, Failure> {
    if ids.is_empty() {
        return Ok(true);
    }
    let place = "WITH moved AS (DELETE FROM audit_waiting w \
                 USING unnest($2::text[]) WITH ORDINALITY AS wanted (id, place) \
                 WHERE w.id = wanted.id RETURNING wanted.place, w.id, w.at, w.workspace, \
                 w.run_id, w.stage, w.decision, w.body) \
                 INSERT INTO audit_log (number, id, at, workspace, run_id, stage, decision, body) \
                 SELECT $1::bigint + place, id, at, workspace, run_id, stage, decision, body \
                 FROM moved";
    Ok(work.execute(place, &[&size, &ids]).await? == ids.len() as u64)
}

async fn put_tiles(work: &Work<'_>, tiles: &[TileRow]) -> Result<(), Failure> {
    let put = "INSERT INTO audit_tiles (level, place, hashes) \
               SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bytea[]) \
               ON CONFLICT (level, place) DO UPDATE SET hashes = excluded.hashes";
    let levels: Vec<i32> = tiles.iter().map(|tile| i32::from(tile.level)).collect();
    let places: Vec<i64> = tiles.iter().map(|tile| long(tile.index)).collect();
    let hashes: Vec<&[u8]> = tiles.iter().map(|tile| &tile.hashes[..]).collect();
    work.execute(put, &[&levels, &places, &hashes]).await?;
    Ok(())
}

async fn put_checkpoint(work: &Work<'_>, checkpoint: &CheckpointRow) -> Result<(), Failure> {
    let put = "INSERT INTO audit_checkpoints (size, at, note) VALUES ($1, $2, $3) \
               ON CONFLICT DO NOTHING";
    let CheckpointRow { size, at, note } = checkpoint;
    work.execute(put, &[&long(*size), &at.0, note]).await?;
    Ok(())
}

/// Selects records from a place in a direction. Those about a run are found by it, which a plan
/// that is made for any value of an optional condition would not do.
macro_rules! select_leaves {
    ($from:literal, $about:literal, $order:literal) => {
        concat!(
            "SELECT number - 1, body FROM audit_log WHERE ",
            $from,
            " AND ",
            $about,
            " AND ($3::text IS NULL OR workspace = $3) AND ($4::text IS NULL OR stage = $4) ",
            "AND ($5::text IS NULL OR decision = $5) AND ($6::bigint IS NULL OR at >= $6) ",
            "AND ($7::bigint IS NULL OR at < $7) ORDER BY ",
            $order,
            " LIMIT $8"
        )
    };
}

pub(super) async fn leaves(
    pool: &Pool,
    filter: &LeafFilter,
    from: From,
    limit: usize,
) -> Result<Vec<Leaf>> {
    let wanted = match (from, &filter.run_id) {
        (From::Place(_), None) => select_leaves!("number > $1", "$2::text IS NULL", "number"),
        (From::Place(_), Some(_)) => select_leaves!("number > $1", "run_id = $2", "number"),
        (From::Below(_), None) => select_leaves!("number <= $1", "$2::text IS NULL", "number DESC"),
        (From::Below(_), Some(_)) => select_leaves!("number <= $1", "run_id = $2", "number DESC"),
    };
    let border = match from {
        From::Place(place) | From::Below(Some(place)) => long(place),
        From::Below(None) => i64::MAX,
    };
    let rows = pool
        .query(
            wanted,
            &[
                &border,
                &filter.run_id.as_ref().map(RunId::as_str),
                &filter.workspace,
                &filter.stage.map(Stage::name),
                &filter.decision.map(Decision::name),
                &filter.since.map(|at| at.0),
                &filter.until.map(|at| at.0),
                &long(limit),
            ],
        )
        .await?;
    let leaf = |row: &Row| Ok(Leaf { seq: get::<i64>(row, 0)?.unsigned_abs(), body: body(row)? });
    rows.iter().map(leaf).collect()
}

fn body(row: &Row) -> Result<bytes::Bytes> {
    Ok(get::<Vec<u8>>(row, 1)?.into())
}

pub(super) async fn tile(pool: &Pool, level: u8, index: u64) -> Result<Option<TileRow>> {
    let wanted = "SELECT hashes FROM audit_tiles WHERE level = $1 AND place = $2";
    let rows = pool.query(wanted, &[&i32::from(level), &long(index)]).await?;
    let tile = |row| Ok(TileRow { level, index, hashes: get(row, 0)? });
    rows.first().map(tile).transpose()
}

pub(super) async fn checkpoints(
    pool: &Pool,
    after: u64,
    limit: usize,
) -> Result<Vec<CheckpointRow>> {
    let wanted =
        "SELECT size, at, note FROM audit_checkpoints WHERE size > $1 ORDER BY size LIMIT $2";
    let mut found = Vec::new();
    for row in &pool.query(wanted, &[&long(after), &long(limit)]).await? {
        let size = get::<i64>(row, 0)?.unsigned_abs();
        found.push(CheckpointRow { size, at: Timestamp(get(row, 1)?), note: get(row, 2)? });
    }
    Ok(found)
}

/// See [`crate::store::log::Log::forget`].
pub(super) struct Forget<'a> {
    pub(super) below: u64,
    pub(super) note: &'a str,
}

#[async_trait]
impl Operation for Forget<'_> {
    type Output = u64;
    async fn run(&self, work: &Work<'_>) -> Result<Verdict<u64>, Failure> {
        let rows = work.query("SELECT signed, first FROM audit_tree FOR UPDATE", &[]).await?;
        let row = rows.first().ok_or(Damaged("tree"))?;
        let (signed, first): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        // What has no signature yet stays, and so does the last one that has.
        let below = long(self.below);
        if below <= first || below >= signed {
            return Ok(Verdict::Undo(0));
        }
        let gone = work.execute("DELETE FROM audit_log WHERE number <= $1", &[&below]).await?;
        let update = "UPDATE audit_tree SET first = $1, pruned = $2";
        work.execute(update, &[&below, &self.note]).await?;
        Ok(Verdict::Keep(gone))
    }
}
