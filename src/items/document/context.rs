//! The encryption context of a document: what the wrapping key is bound to.
//!
//! Its names are wardbook's own, so that no key of an item ever opens a document
//! or the other way round, and it is readable: the key service's record names
//! the document, and a key policy can ask for the table.

use std::collections::BTreeMap;

use super::schema::Schema;
use super::value::Value;
use super::{number, sealed};
use crate::base::context::EncryptionContext;
use crate::base::limits;
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::item_key::ItemKey;
use crate::items::serialize::serialize;

const FORMAT: (&str, &str) = ("wardbook-format", "document");
const TABLE_NAME: &str = "wardbook-table-name";
/// Stands before the path of an identifying value.
pub(super) const ID_PREFIX: &str = "wardbook-id.";

/// The context of the document `root`, with `stored` beside what schema and
/// document say.
pub(super) fn of_document(
    schema: &Schema,
    root: &Value,
    stored: &EncryptionContext,
) -> Result<EncryptionContext, ItemError> {
    let mut pairs = BTreeMap::from([
        (FORMAT.0.to_owned(), FORMAT.1.to_owned()),
        (TABLE_NAME.to_owned(), schema.table_name().to_owned()),
    ]);
    for id in schema.ids() {
        let text = match root.find(&id.names) {
            Some(Value::String(text)) => ["s:", text].concat(),
            Some(Value::Number(text)) => {
                ["n:", &number::by_value(text).map_err(|error| error.of(&id.path))?].concat()
            }
            _ => return Err(missing(&id.path)),
        };
        pairs.insert([ID_PREFIX, &id.path].concat(), text);
    }
    // The header lets nothing but the verification key through.
    pairs.extend(stored.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
    let context = EncryptionContext::new(pairs);
    if context.size() > limits::ENCRYPTION_CONTEXT_BYTES {
        return Err(ItemError::new(
            ItemErrorCode::ContextTooLarge,
            format!(
                "table name and identifying values make an encryption context of more than {} \
                 bytes: name shorter values in idPaths",
                limits::ENCRYPTION_CONTEXT_BYTES
            ),
        ));
    }
    Ok(context)
}

/// The identifying values of the document `root` as the audit book knows them:
/// in the form of an item's key, so that they are asked for in the same way.
pub(super) fn key_of_document(schema: &Schema, root: &Value) -> Result<ItemKey, ItemError> {
    let mut values = Vec::with_capacity(schema.ids().len());
    for id in schema.ids() {
        let value = root.find(&id.names).ok_or_else(|| missing(&id.path))?;
        // A number that no item could have is known by its value all the same.
        values.push(match serialize(&value.to_attribute(), 0) {
            Ok(bytes) => bytes,
            Err(_out_of_range) => sealed::signed(value)?,
        });
    }
    Ok(ItemKey::of(values.iter().map(|value| value.as_slice())))
}

fn missing(path: &str) -> ItemError {
    ItemError::new(
        ItemErrorCode::MissingKeyAttribute,
        format!("the document has no string and no number at its identifying path `{path}`"),
    )
    .of(path)
}
