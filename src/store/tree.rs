//! Rows of the evidence that the log is whole: nodes of the tree over its
//! leaves, and signed heads.

use super::notary::{Head, TreeNode};
use super::{Error, Query, Tx, log};
use crate::base::limits::CHECKPOINT_STEP_MS;

/// How many records the log has.
///
/// # Errors
/// What the engine says.
pub fn log_size(tx: &mut dyn Tx) -> Result<u64, Error> {
    unsigned(log::last_seq(tx)?)
}

/// The head of the last commit; `None` before the first signed one.
///
/// # Errors
/// What the engine says.
pub fn head(tx: &mut dyn Tx) -> Result<Option<Head>, Error> {
    let rows = tx.rows(&HEAD, &[])?;
    let head =
        |row: &super::Row| Ok(Head { size: unsigned(row.int(0)?)?, note: row.text(1)?.to_owned() });
    rows.first().map(head).transpose()
}

/// The signed note of a head of this size: that of the last commit, or one that
/// was kept.
///
/// # Errors
/// What the engine says.
pub fn checkpoint(tx: &mut dyn Tx, size: u64) -> Result<Option<String>, Error> {
    let rows = tx.rows(&CHECKPOINT, &[signed(size)?.into()])?;
    rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// Whether there is any node. A log of fewer than 256 records has none.
///
/// # Errors
/// What the engine says.
pub fn has_nodes(tx: &mut dyn Tx) -> Result<bool, Error> {
    Ok(!tx.rows(&ANY_NODE, &[])?.is_empty())
}

/// The hashes of `count` nodes of this height, from the `first` on. Those of
/// height 0 are the leaves of the records.
///
/// # Errors
/// [`Error::Corrupt`] if one of them is missing, and what the engine says.
pub fn nodes(tx: &mut dyn Tx, height: u8, first: u64, count: u64) -> Result<Vec<[u8; 32]>, Error> {
    let (from, to) = (signed(first)?, signed(first.saturating_add(count))?);
    let rows = match height {
        0 => tx.rows(&LEAVES, &[from.into(), to.into()])?,
        _ => tx.rows(&NODES, &[i64::from(height).into(), from.into(), to.into()])?,
    };
    if u64::try_from(rows.len()).ok() != Some(count) {
        let text = format!("the tree lacks a node of height {height} at {first} or behind");
        return Err(Error::Corrupt(text));
    }
    rows.iter().map(|row| row.array(0)).collect()
}

/// Adds a node.
///
/// # Errors
/// [`Error::Duplicate`] if it is there.
pub fn insert_node(tx: &mut dyn Tx, node: &TreeNode) -> Result<(), Error> {
    let args = [i64::from(node.height).into(), signed(node.n)?.into(), (&node.hash).into()];
    tx.run(&INSERT_NODE, &args).map(drop)
}

/// Replaces the head.
pub(super) fn set_head(tx: &mut dyn Tx, head: &Head) -> Result<(), Error> {
    tx.run(&SET_HEAD, &[signed(head.size)?.into(), (&head.note).into()]).map(drop)
}

/// Keeps a head beyond the next commit.
pub(super) fn keep_checkpoint(tx: &mut dyn Tx, head: &Head, time_ms: i64) -> Result<(), Error> {
    let args = [signed(head.size)?.into(), time_ms.into(), (&head.note).into()];
    tx.run(&KEEP, &args).map(drop)
}

/// Of the heads from before `before_ms`, leaves the last one of each hour.
pub(super) fn thin_checkpoints(tx: &mut dyn Tx, before_ms: i64) -> Result<(), Error> {
    tx.run(&THIN, &[before_ms.into(), CHECKPOINT_STEP_MS.into()]).map(drop)
}

/// The time of the head that was kept last.
pub(super) fn newest_checkpoint_ms(tx: &mut dyn Tx) -> Result<Option<i64>, Error> {
    tx.rows(&NEWEST_KEPT, &[])?.first().map(|row| row.int(0)).transpose()
}

fn signed(number: u64) -> Result<i64, Error> {
    let too_large = || Error::Corrupt(format!("no tree has {number} leaves"));
    i64::try_from(number).ok().ok_or_else(too_large)
}

fn unsigned(number: i64) -> Result<u64, Error> {
    u64::try_from(number).ok().ok_or_else(|| Error::Corrupt(format!("no tree has {number} leaves")))
}

const HEAD: Query = Query { name: "tree.head", sql: "select size, note from head where id = 1" };
const SET_HEAD: Query = Query {
    name: "tree.set_head",
    sql: "insert into head (id, size, note) values (1, ?1, ?2) \
          on conflict (id) do update set size = excluded.size, note = excluded.note",
};
const CHECKPOINT: Query = Query {
    name: "tree.checkpoint",
    sql: "select note from head where size = ?1 \
          union all select note from checkpoints where size = ?1 limit 1",
};
const KEEP: Query = Query {
    name: "tree.keep",
    sql: "insert into checkpoints (size, time_ms, note) values (?1, ?2, ?3)",
};
const THIN: Query = Query {
    name: "tree.thin",
    sql: "delete from checkpoints where time_ms < ?1 and size not in \
          (select max(size) from checkpoints where time_ms < ?1 group by time_ms / ?2)",
};
const NEWEST_KEPT: Query = Query {
    name: "tree.newest_kept",
    sql: "select time_ms from checkpoints order by size desc limit 1",
};
const ANY_NODE: Query = Query { name: "tree.any_node", sql: "select n from tree_nodes limit 1" };
const LEAVES: Query = Query {
    name: "tree.leaves",
    sql: "select leaf from event_log where seq > ?1 and seq <= ?2 order by seq",
};
const NODES: Query = Query {
    name: "tree.nodes",
    sql: "select hash from tree_nodes where height = ?1 and n >= ?2 and n < ?3 order by n",
};
const INSERT_NODE: Query = Query {
    name: "tree.insert_node",
    sql: "insert into tree_nodes (height, n, hash) values (?1, ?2, ?3)",
};
