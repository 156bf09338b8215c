//! Texts of the search index, each stored once. The indexer keeps the ids it
//! has seen in memory.

use std::net::IpAddr;

use super::entry::{self, Field, Network};
use super::slots::Slots;
use super::{Error, Query, Tx, Value};

/// The ids that the indexer remembers.
///
/// INVARIANT: between transactions every id here is committed. So whoever
/// rolls a transaction back starts with new ones.
#[derive(Debug)]
pub(super) struct Texts {
    slots: Slots,
}

impl Texts {
    pub(super) fn new() -> Self {
        Self { slots: Slots::new() }
    }

    /// The id of `value`, which is stored if it is new.
    pub(super) fn id(&mut self, tx: &mut dyn Tx, field: Field, value: &str) -> Result<i64, Error> {
        if let Some(id) = self.slots.find(field.number(), value) {
            return Ok(id);
        }
        let id = match find(tx, field, value)? {
            Some(id) => id,
            None => insert(tx, field, value)?,
        };
        self.slots.put(field.number(), value, id);
        Ok(id)
    }
}

/// The id of a text, if any record has it.
pub(super) fn find(tx: &mut dyn Tx, field: Field, value: &str) -> Result<Option<i64>, Error> {
    let args = [field.number().into(), value.into()];
    tx.rows(&FIND, &args)?.first().map(|row| row.int(0)).transpose()
}

/// The text with this id.
pub(super) fn value(tx: &mut dyn Tx, id: i64) -> Result<Option<String>, Error> {
    tx.rows(&VALUE, &[id.into()])?.first().map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// Deletes a text that nothing refers to. Whoever remembers ids forgets them.
pub(super) fn delete(tx: &mut dyn Tx, id: i64) -> Result<(), Error> {
    tx.run(&DELETE, &[id.into()]).map(drop)
}

/// The ids of all key ARNs that end in this bare key id, at most `limit`.
pub(super) fn find_keys(tx: &mut dyn Tx, key_id: &str, limit: usize) -> Result<Vec<i64>, Error> {
    ids(tx, &FIND_KEYS, &[key_id.into(), bound(limit)])
}

/// The ids of the source addresses of a network, ascending, at most `limit`.
pub(super) fn find_addresses(
    tx: &mut dyn Tx,
    network: &Network,
    limit: usize,
) -> Result<Vec<i64>, Error> {
    let args = [(&network.low).into(), (&network.high).into(), bound(limit)];
    let mut found = ids(tx, &FIND_ADDRESSES, &args)?;
    found.sort_unstable();
    Ok(found)
}

fn ids(tx: &mut dyn Tx, query: &Query, args: &[Value<'_>]) -> Result<Vec<i64>, Error> {
    tx.rows(query, args)?.iter().map(|row| row.int(0)).collect()
}

fn bound(limit: usize) -> Value<'static> {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}

fn insert(tx: &mut dyn Tx, field: Field, value: &str) -> Result<i64, Error> {
    let key_id = value.rsplit_once(":key/").map(|(_, id)| id).filter(|_| field == Field::Key);
    let address = value.parse::<IpAddr>().ok().filter(|_| field == Field::SourceIp);
    let address = address.map(entry::bytes);
    let args = [field.number().into(), value.into(), key_id.into(), address.as_ref().into()];
    tx.rows(&INSERT, &args)?.first().ok_or(Error::Conflict)?.int(0)
}

/// What reads, for the test of its plans.
#[cfg(test)]
pub(super) const READS: &[Query] = &[FIND, VALUE, FIND_KEYS, FIND_ADDRESSES];

const FIND: Query =
    Query { name: "texts.find", sql: "select id from texts where field = ?1 and value = ?2" };
const VALUE: Query = Query { name: "texts.value", sql: "select value from texts where id = ?1" };
const FIND_KEYS: Query = Query {
    name: "texts.find_keys",
    sql: "select id from texts where key_id = ?1 order by id limit ?2",
};
const FIND_ADDRESSES: Query = Query {
    name: "texts.find_addresses",
    sql: "select id from texts where address between ?1 and ?2 order by address limit ?3",
};
const DELETE: Query = Query { name: "texts.delete", sql: "delete from texts where id = ?1" };
const INSERT: Query = Query {
    name: "texts.insert",
    sql: "insert into texts (field, value, key_id, address) values (?1, ?2, ?3, ?4) returning id",
};
