//! The encryption context of an item: what the wrapping key is bound to.
//!
//! Table name, key attribute names and key attribute values come from schema
//! and item and are never stored; the verification key of suite 0x6701 stands in
//! the header. So an item moved to another table or under another key cannot
//! be decrypted, and the key service's record names the item.
//!
//! Format version 2 will add the attributes that a schema includes; it belongs
//! into [`of_item`].

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::bytes::{Reader, put_short, put_u16};
use super::error::{ItemError, ItemErrorCode};
use super::schema::Schema;
use crate::base::context::EncryptionContext;
use crate::base::limits;

const TABLE_NAME: &str = "aws-crypto-table-name";
const PARTITION_NAME: &str = "aws-crypto-partition-name";
const SORT_NAME: &str = "aws-crypto-sort-name";
const ATTRIBUTE_PREFIX: &str = "aws-crypto-attr.";
/// Where the verification key of suite 0x6701 stands.
pub(super) const PUBLIC_KEY: &str = "aws-crypto-public-key";

/// The context of an item, with `stored` beside what schema and item say.
/// `serialized` finds type id and bytes of a key attribute.
pub(super) fn of_item<'a>(
    schema: &Schema,
    serialized: impl Fn(&str) -> Option<&'a [u8]>,
    stored: &EncryptionContext,
) -> Result<EncryptionContext, ItemError> {
    let document = schema.document();
    let mut pairs = BTreeMap::new();
    pairs.insert(TABLE_NAME.to_owned(), document.table_name.clone());
    pairs.insert(PARTITION_NAME.to_owned(), document.partition_key_name.clone());
    if let Some(name) = &document.sort_key_name {
        pairs.insert(SORT_NAME.to_owned(), name.clone());
    }
    for name in schema.key_names() {
        let value = serialized(name).ok_or_else(|| missing_key(name))?;
        pairs.insert([ATTRIBUTE_PREFIX, name].concat(), STANDARD.encode(value));
    }
    for (key, value) in stored.iter() {
        let previous = pairs.insert(key.to_owned(), value.to_owned());
        if previous.is_some_and(|previous| previous != value) {
            return Err(ItemError::new(
                ItemErrorCode::SchemaMismatch,
                "the header's encryption context contradicts the schema or the key attributes",
            ));
        }
    }
    let context = EncryptionContext::new(pairs);
    if context.size() > limits::ENCRYPTION_CONTEXT_BYTES {
        return Err(ItemError::new(
            ItemErrorCode::ContextTooLarge,
            format!(
                "table name and key attributes make an encryption context of more than {} bytes: \
                 shorten the key values (DynamoDB allows 2048 and 1024 bytes)",
                limits::ENCRYPTION_CONTEXT_BYTES
            ),
        ));
    }
    Ok(context)
}

/// The verification key as it stands in a context.
pub(super) fn public_key_pair(public_key: &[u8]) -> EncryptionContext {
    EncryptionContext::new([(PUBLIC_KEY.to_owned(), STANDARD.encode(public_key))].into())
}

/// The verification key in a context.
pub(super) fn find_public_key(context: &EncryptionContext) -> Option<Vec<u8>> {
    STANDARD.decode(context.find(PUBLIC_KEY)?).ok()
}

/// A context as bytes: a count, then each key and value after its length, keys
/// in ascending byte order. Also the additional authenticated data of key wrapping.
pub(super) fn write(context: &EncryptionContext, out: &mut Vec<u8>) -> Result<(), ItemError> {
    put_u16(out, context.iter().count())?;
    for (key, value) in context.iter() {
        put_short(out, key.as_bytes())?;
        put_short(out, value.as_bytes())?;
    }
    Ok(())
}

/// Reads a context; `None` if bytes are missing, a text is not UTF-8, or the
/// keys do not strictly ascend.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<EncryptionContext> {
    let mut pairs = BTreeMap::new();
    for _ in 0..reader.u16()? {
        let key = str::from_utf8(reader.short()?).ok()?;
        let value = str::from_utf8(reader.short()?).ok()?;
        if pairs.last_key_value().is_some_and(|(last, _): (&String, _)| last.as_str() >= key) {
            return None;
        }
        pairs.insert(key.to_owned(), value.to_owned());
    }
    Some(EncryptionContext::new(pairs))
}

pub(super) fn missing_key(name: &str) -> ItemError {
    ItemError::new(
        ItemErrorCode::MissingKeyAttribute,
        format!(
            "key attribute `{name}` is not on the item: read the whole item \
             (no projection, no index that leaves it out)"
        ),
    )
    .of(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{EncryptionContext, find_public_key, of_item, public_key_pair, read, write};
    use crate::items::bytes::Reader;
    use crate::items::error::{ItemError, ItemErrorCode};
    use crate::items::schema::Schema;

    fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
        EncryptionContext::new(
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        )
    }

    fn of(stored: &[(&str, &str)]) -> Result<EncryptionContext, ItemError> {
        let schema = json!({
            "tableName": "T", "partitionKeyName": "pk", "sortKeyName": "sk", "keyId": "alias/items",
            "attributeActionsOnEncrypt": {"pk": "SIGN_ONLY", "sk": "SIGN_ONLY"},
        });
        let schema = Schema::new(serde_json::from_value(schema).unwrap()).unwrap();
        of_item(
            &schema,
            |name| Some(if name == "pk" { b"\0\x01a" } else { b"\0\x022" }),
            &context(stored),
        )
    }

    #[test]
    fn names_table_and_item() {
        let found = of(&[("aws-crypto-public-key", "A"), ("aws-crypto-table-name", "T")]).unwrap();
        assert_eq!(
            found,
            context(&[
                ("aws-crypto-attr.pk", "AAFh"),
                ("aws-crypto-attr.sk", "AAIy"),
                ("aws-crypto-partition-name", "pk"),
                ("aws-crypto-public-key", "A"),
                ("aws-crypto-sort-name", "sk"),
                ("aws-crypto-table-name", "T"),
            ])
        );
    }

    #[test]
    fn what_is_stored_must_not_contradict_the_item() {
        for (key, value) in [("aws-crypto-table-name", "U"), ("aws-crypto-attr.pk", "AAFi")] {
            assert_eq!(
                of(&[(key, value)]).unwrap_err().code,
                ItemErrorCode::SchemaMismatch,
                "{key}"
            );
        }
    }

    #[test]
    fn keys_ascend_strictly() {
        let read = |bytes: &[u8]| read(&mut Reader::new(bytes));
        assert_eq!(
            read(b"\0\x02\0\x01a\0\x011\0\x01b\0\0"),
            Some(context(&[("a", "1"), ("b", "")]))
        );
        assert_eq!(read(b"\0\0"), Some(context(&[])));
        for refused in [
            &b"\0\x02\0\x01a\0\x011\0\x01a\0\x011"[..],
            b"\0\x02\0\x01b\0\0\0\x01a\0\0",
            b"\0\x01\0\x01\xff\0\0",
            b"\0\x01\0\x01a\0\x01\xff",
            b"\0\x01\0\x01a\0\x02x",
            b"\0\x01",
            b"\0",
        ] {
            assert_eq!(read(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn bounds_and_the_verification_key() {
        let mut out = Vec::new();
        let long = "x".repeat(65_536);
        assert_eq!(
            write(&context(&[("k", &long)]), &mut out).unwrap_err().code,
            ItemErrorCode::ItemTooLarge
        );
        assert_eq!(find_public_key(&public_key_pair(&[2, 3])), Some(vec![2, 3]));
        assert_eq!(find_public_key(&context(&[("aws-crypto-public-key", "?")])), None);
    }
}
