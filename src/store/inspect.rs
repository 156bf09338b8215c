//! Reads a book row by row for whoever checks it, and goes on behind rows that
//! cannot be read.
//!
//! Deliberately absent: what makes a row right; `audit` knows.

use std::collections::BTreeSet;
use std::path::Path;

use super::log::{Finder, SCAN};
use super::names::Kind;
use super::sqlite::Inspected;
use super::{Error, Query, StoredRecord, TreeNode, Tx, field_reads};

/// The book of a folder that nobody serves. Nothing is written to the folder.
pub struct Book(pub(super) Inspected);

impl Book {
    /// Opens the book of a folder, which may be a copy.
    ///
    /// # Errors
    /// [`Error::Locked`] if a server has it open; [`Error::Folder`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Inspected::open(folder).map(Self)
    }

    /// Reads, on a connection of its own. Several threads may read at a time.
    ///
    /// # Errors
    /// What the engine says.
    pub fn read<T>(&self, f: impl FnOnce(&mut dyn Tx) -> Result<T, Error>) -> Result<T, Error> {
        self.0.read(f)
    }

    /// How the schema differs from the one of its version: a trigger that is gone, a
    /// view that was changed.
    ///
    /// # Errors
    /// [`Error::SchemaTooNew`], [`Error::SchemaTooOld`], and what the engine says.
    pub fn schema_differences(&self) -> Result<Vec<String>, Error> {
        self.0.schema_differences()
    }

    /// What the engine itself finds wrong with the file, at most `limit` texts.
    ///
    /// # Errors
    /// What the engine says.
    pub fn damages(&self, limit: u32) -> Result<Vec<String>, Error> {
        self.0.damages(limit)
    }
}

/// A row of the log: its place, and the record, if it can be read.
pub type Scanned = (i64, Result<StoredRecord, Error>);

/// Reads the log in its order.
#[derive(Debug, Default)]
pub struct Scanner {
    finder: Finder,
    used: Used,
}

/// The kinds and ids of the names that records referred to.
#[derive(Debug, Default)]
struct Used {
    all: BTreeSet<(i64, i64)>,
    /// Some that are in it, each at the place that its id has: most records
    /// refer to what others before them did.
    known: Vec<(i64, i64)>,
}

impl Used {
    /// Places for known names.
    const PLACES: i64 = 4_096;

    fn add(&mut self, kind: Kind, id: i64) {
        let name = (kind.0, id);
        let place = id.wrapping_mul(16).wrapping_add(kind.0).rem_euclid(Self::PLACES);
        let place = usize::try_from(place).unwrap_or(0);
        if self.known.get(place) == Some(&name) {
            return;
        }
        self.all.insert(name);
        if self.known.len() <= place {
            // No name is of kind 0.
            self.known.resize(place.saturating_add(1), (0, 0));
        }
        if let Some(known) = self.known.get_mut(place) {
            *known = name;
        }
    }
}

/// Which kind of name each column of [`SCAN`] refers to.
const REFERENCES: [(usize, Kind); 12] = [
    (5, Kind::ACCOUNT),
    (6, Kind::REGION),
    (7, Kind::EVENT_SOURCE),
    (8, Kind::EVENT_NAME),
    (9, Kind::PRINCIPAL),
    (10, Kind::PRINCIPAL_ID),
    (11, Kind::ACCESS_KEY),
    (12, Kind::KEY),
    (13, Kind::KEY),
    (14, Kind::KEY_MATERIAL),
    (15, Kind::ERROR),
    (25, Kind::SOURCE_IP),
];

impl Scanner {
    /// The rows at the places behind `after` up to `to`.
    ///
    /// # Errors
    /// What the engine says, if it cannot go on.
    pub fn scan(&mut self, tx: &mut dyn Tx, after: i64, to: i64) -> Result<Vec<Scanned>, Error> {
        let rows = tx.rows(&SCAN, &[after.into(), to.into()])?;
        let mut scanned = Vec::with_capacity(rows.len());
        for row in rows {
            for (column, kind) in REFERENCES {
                if let Ok(Some(id)) = row.opt_int(column) {
                    self.used.add(kind, id);
                }
            }
            let seq = row.int(0)?;
            if let Ok(Some(_)) = row.opt_int(24) {
                let reads = field_reads::rows(tx, seq).unwrap_or_default();
                reads.iter().for_each(|(shared, _)| self.used.add(Kind::FIELD_READS, *shared));
            }
            scanned.push((seq, self.finder.stored(tx, row)));
        }
        Ok(scanned)
    }

    /// The names that records referred to, by kind and id.
    #[must_use]
    pub fn into_used(self) -> BTreeSet<(i64, i64)> {
        self.used.all
    }
}

/// The place of the first row behind `after`.
///
/// # Errors
/// What the engine says.
pub fn next_seq(tx: &mut dyn Tx, after: i64) -> Result<Option<i64>, Error> {
    tx.rows(&NEXT_SEQ, &[after.into()])?.first().map(|row| row.int(0)).transpose()
}

/// First, last and number of the rows at the places from `from` up to `to`.
///
/// # Errors
/// What the engine says.
pub fn extent(tx: &mut dyn Tx, from: i64, to: i64) -> Result<Option<(i64, i64, i64)>, Error> {
    let rows = tx.rows(&EXTENT, &[from.into(), to.into()])?;
    let row = rows.first().ok_or(Error::Column(0))?;
    let (first, last) = (row.opt_int(0)?, row.opt_int(1)?);
    Ok(first.zip(last).map(|(first, last)| (first, last, row.int(2).unwrap_or(0))))
}

/// The place of the last row, 0 while there is none.
///
/// # Errors
/// What the engine says.
pub fn extent_end(tx: &mut dyn Tx) -> Result<i64, Error> {
    super::log::last_seq(tx)
}

/// How many rows of personal data there are at the places from `from` up to `to`.
///
/// # Errors
/// What the engine says.
pub fn personal_rows(tx: &mut dyn Tx, from: i64, to: i64) -> Result<u64, Error> {
    let rows = tx.rows(&PERSONAL, &[from.into(), to.into()])?;
    let count = rows.first().ok_or(Error::Column(0))?.int(0)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// How many rows of the field-read book there are of the records from `first` up
/// to `last`.
///
/// # Errors
/// What the engine says.
pub fn field_read_rows(tx: &mut dyn Tx, first: i64, last: i64) -> Result<u64, Error> {
    Ok(u64::try_from(field_reads::count(tx, first, last)?).unwrap_or(0))
}

/// The leaf and the time of the record at `seq`, whatever else of it is damaged.
///
/// # Errors
/// What the engine says.
pub fn leaf_and_time(tx: &mut dyn Tx, seq: i64) -> Result<Option<([u8; 32], i64)>, Error> {
    let rows = tx.rows(&LEAF, &[seq.into()])?;
    rows.first().map(|row| Ok((row.array(0)?, row.int(1)?))).transpose()
}

/// A row of the tree; of one that is no node, its height and number.
pub type ReadNode = Result<TreeNode, (i64, i64)>;

/// Whether each key is above the one before it, and the first above `behind`. Rows of
/// a damaged file come in any order, and who goes on behind the last would go on for
/// ever.
///
/// # Errors
/// [`Error::Corrupt`] if not.
pub(super) fn in_order<K: Ord>(behind: K, keys: impl IntoIterator<Item = K>) -> Result<(), Error> {
    let mut last = behind;
    for key in keys {
        if key <= last {
            return Err(Error::Corrupt("rows are out of order".to_owned()));
        }
        last = key;
    }
    Ok(())
}

/// At most `limit` nodes of the tree behind the node `n` of a height, in order.
///
/// # Errors
/// What the engine says.
pub fn nodes(tx: &mut dyn Tx, behind: (i64, i64), limit: i64) -> Result<Vec<ReadNode>, Error> {
    let rows = tx.rows(&NODES, &[behind.0.into(), behind.1.into(), limit.into()])?;
    let node = |row: &super::Row| {
        let (height, n) = (row.int(0)?, row.int(1)?);
        let parts = u8::try_from(height).ok().zip(u64::try_from(n).ok()).zip(row.array(2).ok());
        let node = parts.map(|((height, n), hash)| TreeNode { height, n, hash });
        Ok(((height, n), node.ok_or((height, n))))
    };
    let nodes: Vec<((i64, i64), ReadNode)> = rows.iter().map(node).collect::<Result<_, Error>>()?;
    in_order(behind, nodes.iter().map(|(key, _)| *key))?;
    Ok(nodes.into_iter().map(|(_, node)| node).collect())
}

/// A row of the signed heads that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub size: i64,
    pub time_ms: i64,
    pub note: String,
}

/// At most `limit` heads that are kept, of sizes above `above`, in order.
///
/// # Errors
/// What the engine says.
pub fn checkpoints(
    tx: &mut dyn Tx,
    above: i64,
    limit: i64,
) -> Result<Vec<Result<Kept, i64>>, Error> {
    let rows = tx.rows(&CHECKPOINTS, &[above.into(), limit.into()])?;
    let kept = |row: &super::Row| {
        let size = row.int(0)?;
        let parts = row.int(1).ok().zip(row.text(2).ok());
        Ok(parts.map(|(time_ms, note)| Kept { size, time_ms, note: note.to_owned() }).ok_or(size))
    };
    let page: Vec<Result<Kept, i64>> = rows.iter().map(kept).collect::<Result<_, Error>>()?;
    let size = |row: &Result<Kept, i64>| row.as_ref().map_or_else(|size| *size, |kept| kept.size);
    in_order(above, page.iter().map(size))?;
    Ok(page)
}

/// A row of the names: its id, and what is wrong with it in itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub id: i64,
    /// `None` if the row cannot be read, or its parts contradict each other.
    pub kind: Option<i64>,
}

/// At most `limit` names with ids above `above`, in order.
///
/// # Errors
/// What the engine says.
pub fn names(tx: &mut dyn Tx, above: i64, limit: i64) -> Result<Vec<Name>, Error> {
    let rows = tx.rows(&NAMES, &[above.into(), limit.into()])?;
    let name = |row: &super::Row| {
        let parts = || -> Result<Option<i64>, Error> {
            let (kind, value, key_id) = (row.int(1)?, row.text(2)?, row.opt_text(3)?);
            let wanted = super::names::key_id(Kind(kind), value);
            Ok((wanted == key_id).then_some(kind))
        };
        Ok(Name { id: row.int(0)?, kind: parts().unwrap_or(None) })
    };
    let page: Vec<Name> = rows.iter().map(name).collect::<Result<_, Error>>()?;
    in_order(above, page.iter().map(|name| name.id))?;
    Ok(page)
}

/// At most `limit` rows of the list of erasures behind number `after`: their
/// numbers, and the places of the records.
///
/// # Errors
/// What the engine says.
pub fn erasures(tx: &mut dyn Tx, after: i64, limit: i64) -> Result<Vec<(i64, i64)>, Error> {
    let rows = tx.rows(&ERASURES, &[after.into(), limit.into()])?;
    let read = |row: &super::Row| Ok((row.int(0)?, row.int(1)?));
    let page: Vec<(i64, i64)> = rows.iter().map(read).collect::<Result<_, Error>>()?;
    in_order(after, page.iter().map(|(n, _)| *n))?;
    Ok(page)
}

const NEXT_SEQ: Query = Query {
    name: "inspect.next_seq",
    sql: "select seq from event_log where seq > ?1 order by seq limit 1",
};
const EXTENT: Query = Query {
    name: "inspect.extent",
    sql: "select min(seq), max(seq), count(*) from event_log where seq >= ?1 and seq <= ?2",
};
const PERSONAL: Query = Query {
    name: "inspect.personal",
    sql: "select count(*) from event_personal where seq >= ?1 and seq <= ?2",
};
const LEAF: Query =
    Query { name: "inspect.leaf", sql: "select leaf, time_ms from event_log where seq = ?1" };
const NODES: Query = Query {
    name: "inspect.nodes",
    sql: "select height, n, hash from tree_nodes where (height, n) > (?1, ?2) \
          order by height, n limit ?3",
};
const CHECKPOINTS: Query = Query {
    name: "inspect.checkpoints",
    sql: "select size, time_ms, note from checkpoints where size > ?1 order by size limit ?2",
};
const NAMES: Query = Query {
    name: "inspect.names",
    sql: "select id, kind, value, key_id from names where id > ?1 order by id limit ?2",
};
const ERASURES: Query = Query {
    name: "inspect.erasures",
    sql: "select n, seq from event_erasures where n > ?1 order by n limit ?2",
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer of a damaged tree: the same rows again and again.
    struct Circle(Vec<super::super::sql::Cell>);

    impl Tx for Circle {
        fn run(&mut self, _: &Query, _: &[super::super::Value<'_>]) -> Result<u64, Error> {
            Ok(0)
        }

        fn rows(
            &mut self,
            _: &Query,
            _: &[super::super::Value<'_>],
        ) -> Result<Vec<super::super::Row>, Error> {
            Ok(vec![super::super::Row(self.0.clone())])
        }
    }

    #[test]
    fn whoever_reads_a_circle_of_rows_is_told() {
        use super::super::sql::Cell;
        let circle = || Circle(vec![Cell::Int(5), Cell::Int(5), Cell::Blob(Vec::new())]);
        let is_told = |read: Result<usize, Error>| matches!(read, Err(Error::Corrupt(_)));
        assert_eq!(nodes(&mut circle(), (5, 4), 1).unwrap().len(), 1);
        assert!(is_told(nodes(&mut circle(), (5, 5), 1).map(|page| page.len())));
        assert_eq!(checkpoints(&mut circle(), 4, 1).unwrap().len(), 1);
        assert!(is_told(checkpoints(&mut circle(), 5, 1).map(|page| page.len())));
        assert_eq!(names(&mut circle(), 4, 1).unwrap().len(), 1);
        assert!(is_told(names(&mut circle(), 9, 1).map(|page| page.len())));
        assert_eq!(erasures(&mut circle(), 4, 1).unwrap().len(), 1);
        assert!(is_told(erasures(&mut circle(), 5, 1).map(|page| page.len())));
    }
}
