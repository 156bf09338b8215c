//! Texts that records repeat, stored once and referred to by id. The writer
//! keeps the ids it has seen in memory.

use super::slots::Slots;
use super::{Error, Query, Tx};

/// What a name names; the number is stored (see `0001_book.sql`,
/// `0008_personal.sql`, `0010_field_reads.sql`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind(pub(super) i64);

impl Kind {
    pub(super) const ACCOUNT: Self = Self(1);
    pub(super) const REGION: Self = Self(2);
    pub(super) const EVENT_SOURCE: Self = Self(3);
    pub(super) const EVENT_NAME: Self = Self(4);
    pub(super) const PRINCIPAL: Self = Self(5);
    pub(super) const KEY: Self = Self(6);
    pub(super) const ERROR: Self = Self(7);
    /// Only in records of format 1.
    pub(super) const SOURCE_IP: Self = Self(8);
    pub(super) const PRINCIPAL_ID: Self = Self(9);
    pub(super) const ACCESS_KEY: Self = Self(10);
    pub(super) const KEY_MATERIAL: Self = Self(11);
    /// What the rows of the field-read book of one call have in common.
    pub(super) const FIELD_READS: Self = Self(12);
}

/// The ids that the writer remembers.
///
/// INVARIANT: between transactions every id here is committed. So whoever
/// rolls a transaction back calls [`Names::forget`].
#[derive(Debug)]
pub(super) struct Names {
    slots: Slots,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { slots: Slots::new() }
    }

    /// The id of `value`, which is stored if it is new.
    pub(super) fn id(&mut self, tx: &mut dyn Tx, kind: Kind, value: &str) -> Result<i64, Error> {
        if let Some(id) = self.slots.find(kind.0, value) {
            return Ok(id);
        }
        let id = match find(tx, kind, value)? {
            Some(id) => id,
            None => insert(tx, kind, value)?,
        };
        self.slots.put(kind.0, value, id);
        Ok(id)
    }

    /// The id of a value that may be absent.
    pub(super) fn opt_id(
        &mut self,
        tx: &mut dyn Tx,
        kind: Kind,
        value: Option<&str>,
    ) -> Result<Option<i64>, Error> {
        value.map(|value| self.id(tx, kind, value)).transpose()
    }

    /// Forgets all ids: those of a transaction that was rolled back are wrong.
    pub(super) fn forget(&mut self) {
        self.slots.clear();
    }
}

/// The id of a text, if any record has ever had it.
pub(super) fn find(tx: &mut dyn Tx, kind: Kind, value: &str) -> Result<Option<i64>, Error> {
    tx.rows(&FIND, &[kind.0.into(), value.into()])?.first().map(|row| row.int(0)).transpose()
}

/// The text with this id.
pub(super) fn value(tx: &mut dyn Tx, id: i64) -> Result<Option<String>, Error> {
    let rows = tx.rows(&VALUE, &[id.into()])?;
    rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// The bare key id at the end of a key ARN.
pub(super) fn key_id(kind: Kind, value: &str) -> Option<&str> {
    value.rsplit_once(":key/").map(|(_, id)| id).filter(|_| kind == Kind::KEY)
}

fn insert(tx: &mut dyn Tx, kind: Kind, value: &str) -> Result<i64, Error> {
    let rows = tx.rows(&INSERT, &[kind.0.into(), value.into(), key_id(kind, value).into()])?;
    rows.first().ok_or(Error::Conflict)?.int(0)
}

const FIND: Query =
    Query { name: "names.find", sql: "select id from names where kind = ?1 and value = ?2" };
const VALUE: Query = Query { name: "names.value", sql: "select value from names where id = ?1" };
const INSERT: Query = Query {
    name: "names.insert",
    sql: "insert into names (kind, value, key_id) values (?1, ?2, ?3) returning id",
};
