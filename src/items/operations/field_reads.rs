//! What a batch opened of its items, gathered while they are opened, for the
//! field-read book.

use std::mem;
use std::sync::{Mutex, PoisonError};

use super::Ctx;
use crate::audit::{FieldReads, ItemRead, ReadKind};
use crate::hsm::{self, ReferenceKey};
use crate::items::item_key::ItemKey;
use crate::items::schemas::StoredSchema;

/// The reads of one batch.
pub(super) struct Reads {
    key: ReferenceKey,
    clear_keys: bool,
    reads: Mutex<FieldReads>,
}

impl Reads {
    pub(super) fn new(ctx: &Ctx, stored: &StoredSchema, kind: ReadKind) -> Self {
        let document = stored.schema.document();
        let account = stored.realm.account.as_str();
        Self {
            key: ctx.common.hsm.reference_key(account, &document.table_name),
            clear_keys: document.field_reads.clear_keys,
            reads: Mutex::new(FieldReads {
                kind,
                schema: stored.name.clone(),
                version: stored.version,
                table: document.table_name.clone(),
                attributes: stored.schema.encrypted_names().map(str::to_owned).collect(),
                items: Vec::new(),
            }),
        }
    }

    /// The read of the item with this number and key, of which nothing is said
    /// to be given yet.
    pub(super) fn of_item(&self, item: u16, key: &ItemKey) -> Result<ItemRead, hsm::Error> {
        Ok(ItemRead {
            item,
            reference: key.reference(&self.key)?,
            key: if self.clear_keys { key.texts() } else { None },
            ..ItemRead::default()
        })
    }

    pub(super) fn add(&self, read: ItemRead) {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner).items.push(read);
    }

    /// Takes all that were added until now.
    pub(super) fn gathered(&self) -> FieldReads {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let items = mem::take(&mut reads.items);
        FieldReads { items, ..reads.clone() }
    }
}
