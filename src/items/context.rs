//! The encryption context of an item: what the wrapping key is bound to.
//!
//! Table name, key attribute names and attribute values come from schema and
//! item and are never stored; the verification key of suite 0x6701 stands in the
//! header. So an item moved to another table or under another key cannot be
//! decrypted, and the key service's record names the item.
//!
//! The values in it are those of the key attributes, in Base64 (version 1), or
//! those of the attributes that the schema puts there, as text where they are
//! text (version 2): a key policy can then ask for one.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::bytes::{Reader, put_short, put_u16};
use super::error::{ItemError, ItemErrorCode};
use super::field::Field;
use super::header::Mark;
use super::schema::{FormatVersion, Schema};
use super::serialize::{BOOLEAN, NULL, NUMBER, STRING, TYPE_ID_LEN};
use crate::base::context::EncryptionContext;
use crate::base::limits;

const TABLE_NAME: &str = "aws-crypto-table-name";
const PARTITION_NAME: &str = "aws-crypto-partition-name";
const SORT_NAME: &str = "aws-crypto-sort-name";
const ATTRIBUTE_PREFIX: &str = "aws-crypto-attr.";
/// How each attribute of version 2 is written, one letter each.
const LEGEND: &str = "aws-crypto-legend";
/// Where the verification key of suite 0x6701 stands.
pub(super) const PUBLIC_KEY: &str = "aws-crypto-public-key";

/// The context of an item in format `version`, with `stored` beside what schema
/// and item say. `legend` has the mark of each of `fields`.
///
/// # Errors
/// `MissingKeyAttribute`; `SchemaMismatch` if a key attribute is not marked as
/// one, so that the item would not be bound to it; `ContextTooLarge`.
pub(super) fn of_item(
    schema: &Schema,
    version: FormatVersion,
    fields: &[Field],
    legend: &[Mark],
    stored: &EncryptionContext,
) -> Result<EncryptionContext, ItemError> {
    let document = schema.document();
    let mut pairs = BTreeMap::new();
    pairs.insert(TABLE_NAME.to_owned(), document.table_name.clone());
    pairs.insert(PARTITION_NAME.to_owned(), document.partition_key_name.clone());
    if let Some(name) = &document.sort_key_name {
        pairs.insert(SORT_NAME.to_owned(), name.clone());
    }
    let marked = |wanted: Mark| {
        fields.iter().zip(legend).filter(move |(_, mark)| **mark == wanted).map(|(field, _)| field)
    };
    let key_mark = match version {
        FormatVersion::One => Mark::Signed,
        FormatVersion::Two => Mark::InContext,
    };
    for name in schema.key_names() {
        let key = marked(key_mark).find(|field| field.name == name);
        let value = &key.ok_or_else(|| no_key(fields, name))?.value;
        if version == FormatVersion::One {
            pairs.insert([ATTRIBUTE_PREFIX, name].concat(), STANDARD.encode(value));
        }
    }
    if version == FormatVersion::Two {
        let mut included: Vec<&Field> = marked(Mark::InContext).collect();
        included.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let mut letters = String::with_capacity(included.len());
        for field in included {
            let (text, letter) = readable(&field.value);
            pairs.insert([ATTRIBUTE_PREFIX, &field.name].concat(), text);
            letters.push(letter);
        }
        pairs.insert(LEGEND.to_owned(), letters);
    }
    // The header lets nothing but the verification key through.
    pairs.extend(stored.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
    let context = EncryptionContext::new(pairs);
    if context.size() > limits::ENCRYPTION_CONTEXT_BYTES {
        return Err(ItemError::new(
            ItemErrorCode::ContextTooLarge,
            format!(
                "table name, key attributes and the attributes that are \
                 SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT make an encryption context of more than {} \
                 bytes: shorten the values, or make long attributes SIGN_ONLY",
                limits::ENCRYPTION_CONTEXT_BYTES
            ),
        ));
    }
    Ok(context)
}

/// Type id and bytes of a value as version 2 writes them, with the letter that
/// says how.
fn readable(value: &[u8]) -> (String, char) {
    let whole = || (STANDARD.encode(value), 'B');
    let Some((id, bytes)) = value.split_first_chunk::<TYPE_ID_LEN>() else { return whole() };
    match (*id, str::from_utf8(bytes)) {
        (STRING, Ok(text)) => (text.to_owned(), 'S'),
        (NUMBER, Ok(text)) => (text.to_owned(), 'N'),
        (NULL, _) => ("null".to_owned(), 'L'),
        (BOOLEAN, _) => (if bytes == [0] { "false" } else { "true" }.to_owned(), 'L'),
        _ => whole(),
    }
}

/// The verification key as it stands in a context.
pub(super) fn public_key_pair(public_key: &[u8]) -> EncryptionContext {
    EncryptionContext::new([(PUBLIC_KEY.to_owned(), STANDARD.encode(public_key))].into())
}

/// `context` with this verification key instead of its own.
pub(super) fn with_public_key(context: &EncryptionContext, public_key: &[u8]) -> EncryptionContext {
    let fresh = (PUBLIC_KEY.to_owned(), STANDARD.encode(public_key));
    let kept = context.iter().filter(|(key, _)| *key != PUBLIC_KEY);
    let kept = kept.map(|(key, value)| (key.to_owned(), value.to_owned()));
    EncryptionContext::new(kept.chain([fresh]).collect())
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

/// Why key attribute `name` is not among those of the context.
fn no_key(fields: &[Field], name: &str) -> ItemError {
    if fields.iter().all(|field| field.name != name) {
        return missing_key(name);
    }
    ItemError::new(
        ItemErrorCode::SchemaMismatch,
        format!(
            "key attribute `{name}` was no key attribute when the item was encrypted, or the \
             header was altered: read the item with the schema that it was written with"
        ),
    )
    .of(name)
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

    use super::{
        EncryptionContext, Field, FormatVersion, Mark, find_public_key, of_item, public_key_pair,
        read, write,
    };
    use crate::items::bytes::Reader;
    use crate::items::error::{ItemError, ItemErrorCode};
    use crate::items::schema::Schema;

    fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
        EncryptionContext::new(
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        )
    }

    fn schema() -> Schema {
        let schema = json!({
            "tableName": "T", "partitionKeyName": "pk", "sortKeyName": "sk", "keyId": "alias/items",
            "attributeActionsOnEncrypt": {"pk": "SIGN_ONLY", "sk": "SIGN_ONLY"},
        });
        Schema::new(serde_json::from_value(schema).unwrap()).unwrap()
    }

    fn field(name: &str, value: &[u8]) -> Field {
        Field { name: name.into(), encrypted: false, value: value.to_vec().into() }
    }

    fn of(stored: &[(&str, &str)]) -> Result<EncryptionContext, ItemError> {
        let fields = [field("pk", b"\0\x01a"), field("sk", b"\0\x022")];
        let legend = [Mark::Signed; 2];
        of_item(&schema(), FormatVersion::One, &fields, &legend, &context(stored))
    }

    fn version_two(fields: &[Field], legend: &[Mark]) -> Result<EncryptionContext, ItemError> {
        of_item(&schema(), FormatVersion::Two, fields, legend, &context(&[]))
    }

    #[test]
    fn names_table_and_item() {
        let found = of(&[("aws-crypto-public-key", "A")]).unwrap();
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

    /// The letters stand in the order of the names' bytes, the fields do not.
    #[test]
    fn version_two_writes_text_as_text() {
        let fields = [
            field("b", b"\xff\xff\0\xff"),
            field("f", b"\0\x04\0"),
            field("t", b"\0\x04\x01"),
            field("z", b"\0\0"),
            field("pk", b"\0\x01aws-crypto-x"),
            field("sk", b"\0\x021.5"),
            field("ss", b"\x01\x01\0\0\0\0"),
            field("left", b"\0\x01out"),
            field("\u{10000}", b"\0\x01"),
            field("\u{ff5e}", b"\0\x021"),
        ];
        let mut legend = [Mark::InContext; 10];
        legend[7] = Mark::Signed;
        assert_eq!(
            version_two(&fields, &legend).unwrap(),
            context(&[
                ("aws-crypto-attr.b", "//8A/w=="),
                ("aws-crypto-attr.f", "false"),
                ("aws-crypto-attr.pk", "aws-crypto-x"),
                ("aws-crypto-attr.sk", "1.5"),
                ("aws-crypto-attr.ss", "AQEAAAAA"),
                ("aws-crypto-attr.t", "true"),
                ("aws-crypto-attr.z", "null"),
                ("aws-crypto-attr.\u{ff5e}", "1"),
                ("aws-crypto-attr.\u{10000}", ""),
                ("aws-crypto-legend", "BLSNBLLNS"),
                ("aws-crypto-partition-name", "pk"),
                ("aws-crypto-sort-name", "sk"),
                ("aws-crypto-table-name", "T"),
            ])
        );
    }

    #[test]
    fn every_key_attribute_is_in_the_context() {
        let fields = [field("pk", b"\0\x01a"), field("sk", b"\0\x022")];
        for mark in [Mark::Signed, Mark::Encrypted] {
            let error = version_two(&fields, &[Mark::InContext, mark]).unwrap_err();
            assert_eq!(
                (error.code, error.attribute.as_deref()),
                (ItemErrorCode::SchemaMismatch, Some("sk"))
            );
        }
        let encrypted = [Mark::Encrypted, Mark::Signed];
        let error =
            of_item(&schema(), FormatVersion::One, &fields, &encrypted, &context(&[])).unwrap_err();
        assert_eq!(error.code, ItemErrorCode::SchemaMismatch);
        let error = version_two(&fields[..1], &[Mark::InContext]).unwrap_err();
        assert_eq!(error.code, ItemErrorCode::MissingKeyAttribute);
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
