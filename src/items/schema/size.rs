//! What encryption adds to an item, against DynamoDB's limit of 400 KB.
//!
//! The sizes are DynamoDB's ("Item sizes and formats" in its developer guide),
//! where numbers are only said to be of about so many bytes.

use super::Schema;
use super::lint::Warning;
use crate::base::secret::SecretBytes;
use crate::items::attribute::{AttributeValue, Item};
use crate::items::encrypt::{PreparedItem, WrappedKey};
use crate::items::error::ItemError;
use crate::items::header::KMS_PROVIDER_ID;

/// DynamoDB's limit of an item, bytes.
pub const ITEM_BYTES_MAX: usize = 400 * 1024;

/// The ciphertext of a data key, as wardbook's KMS makes it.
const WRAPPED_KEY_BYTES: usize = 128;
/// The ARN of a KMS key: that of one in a Region with a name of middling length.
const KEY_ARN: &[u8] =
    b"arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-000000000000";

/// The size of an item before and after encryption, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    pub plain: usize,
    pub encrypted: usize,
}

impl Growth {
    /// Measures by encrypting `item` under a key that nobody has.
    ///
    /// # Errors
    /// As encryption itself.
    pub fn of(schema: &Schema, item: &Item) -> Result<Self, ItemError> {
        let plain = size(item);
        let recipient = || WrappedKey {
            provider_id: KMS_PROVIDER_ID.to_owned(),
            provider_info: KEY_ARN.to_vec(),
            intermediate_key: SecretBytes::new(vec![0; 32]),
            ciphertext: vec![0; WRAPPED_KEY_BYTES],
        };
        let mut fill = |bytes: &mut [u8]| {
            bytes.fill(0);
            Ok(())
        };
        let mut recipients = vec![recipient()];
        recipients.extend(schema.additional_key_ids().iter().map(|_key| recipient()));
        let prepared = PreparedItem::prepare(schema, item.clone())?;
        let encrypted = prepared.finish(&recipients, &mut fill)?;
        Ok(Self { plain, encrypted: size(&encrypted) })
    }
}

/// What is to be looked at again in items that are to be encrypted, by the
/// number of each, counted from 1; and what encryption adds to the others.
#[must_use]
pub fn lint(schema: &Schema, number: usize, item: &Item) -> (Vec<Warning>, Option<Growth>) {
    match Growth::of(schema, item) {
        Err(error) => {
            let text = format!("item {number} is refused: {}: {error}", error.code);
            let warning = Warning::new("item-refused", error.attribute.as_deref(), text);
            (vec![warning], None)
        }
        Ok(growth) if growth.encrypted > ITEM_BYTES_MAX => {
            let Growth { plain, encrypted } = growth;
            let text = format!(
                "item {number} has {plain} bytes, encrypted {encrypted}: DynamoDB takes \
                 {ITEM_BYTES_MAX}; keep large values elsewhere, such as in S3"
            );
            (vec![Warning::new("item-too-large", None, text)], Some(growth))
        }
        Ok(growth) => (Vec::new(), Some(growth)),
    }
}

/// The size of an item as DynamoDB counts it, bytes.
fn size(item: &Item) -> usize {
    item.0.iter().map(|(name, value)| name.len().saturating_add(value_size(value))).sum()
}

fn value_size(value: &AttributeValue) -> usize {
    /// Of a map or list itself, and of each of its entries.
    const COLLECTION: usize = 3;
    const ENTRY: usize = 1;
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(text) => number_size(text),
        AttributeValue::B(bytes) => bytes.len(),
        AttributeValue::Bool(_) | AttributeValue::Null => 1,
        AttributeValue::Ss(members) => members.iter().map(String::len).sum(),
        AttributeValue::Ns(members) => members.iter().map(|text| number_size(text)).sum(),
        AttributeValue::Bs(members) => members.iter().map(Vec::len).sum(),
        AttributeValue::M(entries) => {
            let entry = |(name, value): (&String, _)| {
                name.len().saturating_add(value_size(value)).saturating_add(ENTRY)
            };
            entries.iter().map(entry).sum::<usize>().saturating_add(COLLECTION)
        }
        AttributeValue::L(values) => {
            let entry = |value| value_size(value).saturating_add(ENTRY);
            values.iter().map(entry).sum::<usize>().saturating_add(COLLECTION)
        }
    }
}

/// One byte for two significant digits, and one more.
fn number_size(text: &str) -> usize {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_matches('0').len();
    let sign = usize::from(text.starts_with('-'));
    significant.div_ceil(2).saturating_add(1).saturating_add(sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::dynamodb_json;

    fn schema() -> Schema {
        let text = "tableName = 'T'\npartitionKeyName = 'pk'\nalgorithmSuite = '0x6700'\n\
                    [attributeActionsOnEncrypt]\npk = 'SIGN_ONLY'\na = 'ENCRYPT_AND_SIGN'\n";
        Schema::read(text).unwrap()
    }

    fn item(text: &str) -> Item {
        dynamodb_json::parse(text).unwrap()
    }

    #[test]
    fn sizes_are_those_of_dynamodb() {
        for (text, want) in [
            (r#"{"pk":{"S":"k\u00e4y"}}"#, 2 + 4),
            (r#"{"n":{"N":"-120.50"}}"#, 1 + 4),
            (r#"{"n":{"N":"100"}}"#, 1 + 2),
            (r#"{"b":{"B":"AAAA"}}"#, 1 + 3),
            (r#"{"t":{"BOOL":true},"z":{"NULL":true}}"#, 2 + 2),
            (r#"{"s":{"SS":["ab","c"]}}"#, 1 + 3),
            (r#"{"m":{"M":{"x":{"S":"y"}}}}"#, 1 + 3 + 3),
            (r#"{"l":{"L":[{"S":"y"},{"L":[]}]}}"#, 1 + 3 + 2 + 4),
        ] {
            assert_eq!(size(&item(text)), want, "{text}");
        }
    }

    #[test]
    fn growth_is_measured() {
        let growth = Growth::of(&schema(), &item(r#"{"pk":{"S":"1"},"a":{"S":"xyz"}}"#)).unwrap();
        assert_eq!(growth.plain, 3 + 4);
        // Names of 12 bytes; header 34+2+2+2+1, key 6+7+2+78+2+48+128, 32; footer 48; 18 for `a`.
        let head = 12 + 41 + 2 + 7 + 2 + KEY_ARN.len() + 2 + 48 + WRAPPED_KEY_BYTES + 32;
        assert_eq!(growth.encrypted, growth.plain + 18 + head + 12 + 48);
    }

    #[test]
    fn items_that_would_be_refused() {
        let found = |text: &str| {
            let (warnings, growth) = lint(&schema(), 3, &item(text));
            (warnings.first().map(|warning| warning.rule), growth.is_some())
        };
        assert_eq!(found(r#"{"pk":{"S":"1"}}"#), (None, true));
        assert_eq!(found(r#"{"pk":{"S":"1"},"b":{"S":"x"}}"#), (Some("item-refused"), false));
        let room = ITEM_BYTES_MAX
            - Growth::of(&schema(), &item(r#"{"pk":{"S":"1"},"a":{"S":""}}"#)).unwrap().encrypted;
        let long =
            |len: usize| format!(r#"{{"pk":{{"S":"1"}},"a":{{"S":"{}"}}}}"#, "x".repeat(len));
        assert_eq!(found(&long(room)), (None, true));
        assert_eq!(found(&long(room + 1)), (Some("item-too-large"), true));
    }
}
