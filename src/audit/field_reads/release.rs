//! Keys of items that clients of the Database Encryption SDK got from KMS. What
//! they read with them nobody here sees, so it counts as all of the item. They
//! have no rows: the record of the call names table and item already.
//!
//! A key that a ReEncrypt takes away from its item counts when it is taken: the
//! Decrypt that follows has another context, and says nothing of the item.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::tags::of_table;
use crate::audit::columns::Row;

/// The calls that give a data key in clear.
const OPERATIONS: [&str; 2] = ["Decrypt", "GenerateDataKey"];
/// The call that may take one away.
const RE_ENCRYPT: &str = "ReEncrypt";

/// What records about an item have.
const ITEM: &str = "\"item\":{";

/// Who opens items here and says so in rows.
const OWN_SERVICE: &str = "items.wardbook";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    #[serde(borrow)]
    user_identity: Identity<'a>,
    #[serde(borrow)]
    wardbook: Own<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    #[serde(borrow, default)]
    invoked_by: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Own<'a> {
    #[serde(borrow, default)]
    item: Option<Release<'a>>,
}

/// The item whose key was given.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::audit) struct Release<'a> {
    #[serde(borrow)]
    pub(in crate::audit) table: Cow<'a, str>,
    /// None of a JSON document.
    #[serde(borrow, default)]
    partition_key: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    sort_key: Option<Cow<'a, str>>,
    #[serde(default)]
    key: BTreeMap<String, String>,
    /// Where a ReEncrypt took the key to, if not to the item itself.
    #[serde(borrow, default)]
    destination: Option<Cow<'a, str>>,
}

/// The tag of the table of the item that a record, given in whole, is about.
pub(in crate::audit) fn of_item(whole: &str) -> Option<i64> {
    if !whole.contains(ITEM) {
        return None;
    }
    let shown: Shown<'_> = serde_json::from_str(whole).ok()?;
    shown.wardbook.item.map(|item| of_table(&item.table))
}

impl<'a> Release<'a> {
    /// The item of a record, given in whole, that tells of a key in clear; `None`
    /// for all others.
    pub(in crate::audit) fn of(row: &Row<'_>, whole: &'a str) -> Option<Self> {
        let may_take = row.event_name == RE_ENCRYPT;
        let gives = row.event_source == "kms.amazonaws.com"
            && (may_take || OPERATIONS.contains(&row.event_name))
            && row.error.is_none();
        if !gives || !whole.contains(ITEM) {
            return None;
        }
        let shown: Shown<'_> = serde_json::from_str(whole).ok()?;
        let is_own = shown.user_identity.invoked_by.as_deref() == Some(OWN_SERVICE);
        shown.wardbook.item.filter(|item| !is_own && (!may_take || item.destination.is_some()))
    }

    /// The values of the key, partition key first, those of a document in the order
    /// of their paths; `None` if not all are there.
    pub(in crate::audit) fn key(&self) -> Option<Vec<String>> {
        if self.partition_key.is_none() {
            return Some(self.key.values().cloned().collect());
        }
        let names = [self.partition_key.as_ref(), self.sort_key.as_ref()];
        names.into_iter().flatten().map(|name| self.key.get(&**name).cloned()).collect()
    }
}
