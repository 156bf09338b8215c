//! Texts of the search index, each stored once. The indexer keeps the ids it
//! has seen in memory.

use std::net::IpAddr;

use super::entry::{self, Field, Network};
use super::inspect::in_order;
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
            None => insert(tx, None, field, value)?,
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

/// Stores a new text under this id, or under the next one.
pub(super) fn insert(
    tx: &mut dyn Tx,
    id: Option<i64>,
    field: Field,
    value: &str,
) -> Result<i64, Error> {
    let (key_id, address) = (key_id(field, value), address(field, value));
    let args =
        [id.into(), field.number().into(), value.into(), key_id.into(), address.as_ref().into()];
    tx.rows(&INSERT, &args)?.first().ok_or(Error::Conflict)?.int(0)
}

fn key_id(field: Field, value: &str) -> Option<&str> {
    value.rsplit_once(":key/").map(|(_, id)| id).filter(|_| field == Field::Key)
}

fn address(field: Field, value: &str) -> Option<[u8; 16]> {
    let address = value.parse::<IpAddr>().ok().filter(|_| field == Field::SourceIp);
    address.map(entry::bytes)
}

/// At most `limit` texts with ids above `above`, in order, and whether what a row
/// says of its text is so.
pub(super) fn checked(
    tx: &mut dyn Tx,
    above: i64,
    limit: usize,
) -> Result<Vec<(i64, bool)>, Error> {
    let rows = tx.rows(&ALL, &[above.into(), bound(limit)])?;
    let check = |row: &super::Row| {
        let is_right = || -> Result<bool, Error> {
            let Some(field) = Field::of_number(row.int(1)?) else { return Ok(false) };
            let (value, found) = (row.text(2)?, row.opt_blob(4)?);
            let is_address = found == address(field, value).as_ref().map(<[u8; 16]>::as_slice);
            Ok(is_address && row.opt_text(3)? == key_id(field, value))
        };
        Ok((row.int(0)?, is_right().unwrap_or(false)))
    };
    let page: Vec<(i64, bool)> = rows.iter().map(check).collect::<Result<_, Error>>()?;
    in_order(above, page.iter().map(|(id, _)| *id))?;
    Ok(page)
}

/// At most `limit` texts that no record has, by their ids.
pub(super) fn unused(tx: &mut dyn Tx, limit: usize) -> Result<Vec<i64>, Error> {
    ids(tx, &UNUSED, &[bound(limit)])
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
const ALL: Query = Query {
    name: "texts.all",
    sql: "select id, field, value, key_id, address from texts where id > ?1 order by id limit ?2",
};
const UNUSED: Query = Query {
    name: "texts.unused",
    sql: "select id from (select id, field from texts except select value, field from postings) \
          limit ?1",
};
const DELETE: Query = Query { name: "texts.delete", sql: "delete from texts where id = ?1" };
const INSERT: Query = Query {
    name: "texts.insert",
    sql: "insert into texts (id, field, value, key_id, address) values (?1, ?2, ?3, ?4, ?5) \
          returning id",
};
