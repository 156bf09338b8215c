//! Clients of the AWS Database Encryption SDK, recognized by the encryption
//! context that they send: it names the table and the item, so the record of
//! the call can say which item a key was used for.
//!
//! Form of the context: the SDK's specification, "Encryption Context". Of
//! version 1 the key attributes are in it, in Base64; of version 2 every
//! attribute that the schema includes, in clear, with a legend of their types.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::arn::Arn;

const TABLE_NAME: &str = "aws-crypto-table-name";
const PARTITION_NAME: &str = "aws-crypto-partition-name";
const SORT_NAME: &str = "aws-crypto-sort-name";
const ATTRIBUTE_PREFIX: &str = "aws-crypto-attr.";
const LEGEND: &str = "aws-crypto-legend";
/// wardbook's own format of JSON documents (`docs/document-format.md`, section 4).
const DOCUMENT_FORMAT: (&str, &str) = ("wardbook-format", "document");
const DOCUMENT_TABLE_NAME: &str = "wardbook-table-name";
const DOCUMENT_ID_PREFIX: &str = "wardbook-id.";

/// Digits of a number of DynamoDB, and its exponents in either direction once all
/// digits stand before the point.
const NUMBER_DIGITS: usize = 38;
const NUMBER_EXPONENT: u32 = 130 + 38;

/// Where a ReEncrypt says what it reads, which is proved by its ciphertext, and what
/// it writes, for which it may say anything.
const SOURCE: &str = "sourceEncryptionContext";
const DESTINATION: &str = "destinationEncryptionContext";
/// The members of `requestParameters` that can hold a context. What is proved comes
/// first, so that nobody can give a call the name of another item.
const CONTEXTS: [&str; 3] = ["encryptionContext", SOURCE, DESTINATION];

/// The item that a call is about.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item<'a> {
    /// The logical table name.
    table: &'a str,
    /// Name of the partition key; a JSON document has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    partition_key: Option<&'a str>,
    /// Name of the sort key, if the table has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    sort_key: Option<&'a str>,
    /// The values of both, or of a document's identifying paths, as text; bytes in Base64. Personal data, as what it
    /// is taken from.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    key: BTreeMap<&'a str, String>,
    /// Of a ReEncrypt that does not leave the item's key to the item.
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<Destination>,
}

/// Where a ReEncrypt takes the key of an item to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Destination {
    /// A context that is not the item's: whoever decrypts it has the key of the
    /// item, and the record of that does not name it.
    Other,
    /// A key of another account, in whose book all that follows stands.
    OtherAccount,
}

/// The item that a call with these `requestParameters` on these resources is
/// about; `None` for other clients.
pub(super) fn find<'a>(parameters: Option<&'a Value>, resources: &[String]) -> Option<Item<'a>> {
    let parameters = parameters?.as_object()?;
    let context = |name: &str| parameters.get(name)?.as_object();
    if let Some(item) = context(SOURCE).and_then(of_context) {
        let kept = context(DESTINATION).and_then(of_context);
        // Of a key that cannot be read nobody can say that it is the same.
        let destination = if kept.as_ref() != Some(&item) || item.key.is_empty() {
            Some(Destination::Other)
        } else if accounts(resources) > 1 {
            Some(Destination::OtherAccount)
        } else {
            None
        };
        return Some(Item { destination, ..item });
    }
    CONTEXTS.iter().filter_map(|name| context(name)).find_map(of_context)
}

/// How many accounts these are of.
fn accounts(resources: &[String]) -> usize {
    let accounts = resources.iter().filter_map(|arn| Some(Arn::parse(arn)?.account));
    accounts.collect::<BTreeSet<_>>().len()
}

fn of_context(context: &Map<String, Value>) -> Option<Item<'_>> {
    let text = |name: &str| context.get(name)?.as_str();
    // An item to which somebody added the pairs of a document is that item still.
    let is_document =
        text(DOCUMENT_FORMAT.0) == Some(DOCUMENT_FORMAT.1) && !context.contains_key(TABLE_NAME);
    if let Some(table) = text(DOCUMENT_TABLE_NAME).filter(|_| is_document) {
        let ids = context.iter().filter_map(|(name, value)| {
            let (kind, value) = value.as_str()?.split_once(':')?;
            let plain = if kind == "n" { plain_number(value) } else { None };
            let value = plain.unwrap_or_else(|| value.to_owned());
            Some((name.strip_prefix(DOCUMENT_ID_PREFIX)?, value))
        });
        let key = ids.collect();
        return Some(Item { table, partition_key: None, sort_key: None, key, destination: None });
    }
    let (table, partition_key) = (text(TABLE_NAME)?, text(PARTITION_NAME)?);
    let sort_key = text(SORT_NAME);
    let names = [Some(partition_key), sort_key];
    let value_of = |name| Some((name, value(context, name)?));
    let key = names.into_iter().flatten().filter_map(value_of).collect();
    Some(Item { table, partition_key: Some(partition_key), sort_key, key, destination: None })
}

/// A number by its value, `15e-1`, as DynamoDB writes it, `1.5`: so it is asked for.
/// `None` for what is no such number, or none that DynamoDB knows, which nobody
/// can ask for.
fn plain_number(by_value: &str) -> Option<String> {
    let (sign, unsigned) = match by_value.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", by_value),
    };
    let (digits, exponent) = unsigned.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let are_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits || digits.len() > NUMBER_DIGITS || exponent.unsigned_abs() > NUMBER_EXPONENT {
        return None;
    }
    let Ok(zeros) = usize::try_from(exponent) else {
        let places = usize::try_from(exponent.unsigned_abs()).ok()?;
        let padded = format!("{digits:0>width$}", width = places.saturating_add(1));
        let (whole, fraction) = padded.split_at_checked(padded.len().saturating_sub(places))?;
        return Some(format!("{sign}{whole}.{fraction}"));
    };
    Some(format!("{sign}{digits}{}", "0".repeat(zeros)))
}

/// The value of a key attribute. A context that does not keep to its form has
/// none: what was sent stands in `requestParameters` all the same.
fn value(context: &Map<String, Value>, name: &str) -> Option<String> {
    let key = [ATTRIBUTE_PREFIX, name].concat();
    let sent = context.get(&key)?.as_str()?;
    let Some(legend) = context.get(LEGEND) else { return decoded(sent) };
    let before = context
        .keys()
        .filter(|other| other.starts_with(ATTRIBUTE_PREFIX) && other.as_bytes() < key.as_bytes());
    match legend.as_str()?.as_bytes().get(before.count())? {
        b'S' | b'N' | b'L' => Some(sent.to_owned()),
        _ => decoded(sent),
    }
}

/// The text in Base64 of a type id and a serialized value.
fn decoded(sent: &str) -> Option<String> {
    let bytes = STANDARD.decode(sent).ok()?;
    match bytes.split_first_chunk::<2>()? {
        // A string and a number.
        ([0x00, 0x01 | 0x02], text) => Some(std::str::from_utf8(text).ok()?.to_owned()),
        ([0xff, 0xff], bytes) => Some(STANDARD.encode(bytes)),
        // No other type can be a key.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn shown(context: &Value) -> Value {
        let parameters = json!({ "keyId": "x", "encryptionContext": context });
        serde_json::to_value(find(Some(&parameters), &[])).unwrap()
    }

    #[test]
    fn version_1_is_decoded() {
        let context = json!({
            "aws-crypto-table-name": "Tab1",
            "aws-crypto-partition-name": "pk",
            "aws-crypto-attr.pk": "AAFh",
            "aws-crypto-sort-name": "sk",
            "aws-crypto-attr.sk": "AAIx",
            "aws-crypto-public-key": "A",
        });
        let item = json!({
            "table": "Tab1", "partitionKey": "pk", "sortKey": "sk",
            "key": { "pk": "a", "sk": "1" },
        });
        assert_eq!(shown(&context), item);
    }

    #[test]
    fn a_re_encrypt_is_about_the_item_that_it_reads() {
        let of = |id: &str| {
            json!({
                "wardbook-format": "document", "wardbook-table-name": "customers",
                "wardbook-id./_id": id, "x": "y",
            })
        };
        let arn = |account: &str| format!("arn:aws:kms:eu-central-1:{account}:key/k");
        let own = [arn("111122223333"), arn("111122223333")];
        let foreign = [arn("111122223333"), arn("444455556666")];
        for (destination, resources, want) in [
            (of("s:1"), &own, Value::Null),
            (of("s:1"), &foreign, json!("otherAccount")),
            (of("s:2"), &own, json!("other")),
            (json!({}), &own, json!("other")),
            (Value::Null, &foreign, json!("other")),
        ] {
            let parameters = json!({
                "sourceEncryptionContext": of("s:1"), "destinationEncryptionContext": destination,
            });
            let found = serde_json::to_value(find(Some(&parameters), resources)).unwrap();
            assert_eq!(found["key"], json!({ "/_id": "1" }), "{parameters}");
            assert_eq!(found["destination"], want, "{parameters}");
        }
        // What is no item's key becomes one.
        let parameters = json!({
            "sourceEncryptionContext": {}, "destinationEncryptionContext": of("s:1"),
        });
        let found = serde_json::to_value(find(Some(&parameters), &own)).unwrap();
        assert_eq!((&found["table"], &found["destination"]), (&json!("customers"), &Value::Null));
    }

    #[test]
    fn version_2_is_read_by_its_legend() {
        let item = shown(&json!({
            "aws-crypto-table-name": "Tab1",
            "aws-crypto-partition-name": "pk",
            "aws-crypto-attr.pk": "AAFh",
            "aws-crypto-attr.a": "true",
            "aws-crypto-attr.sk": STANDARD.encode(b"\xff\xff\x01\x02"),
            "aws-crypto-sort-name": "sk",
            "aws-crypto-legend": "LSB",
        }));
        // A string that looks like Base64 is itself.
        assert_eq!(item["key"], json!({ "pk": "AAFh", "sk": "AQI=" }));
    }

    #[test]
    fn documents_name_themselves() {
        let context = json!({
            "wardbook-format": "document", "wardbook-table-name": "customers",
            "wardbook-id./_id": "s:c:1", "wardbook-id./n": "n:7e0",
        });
        let item = json!({ "table": "customers", "key": { "/_id": "c:1", "/n": "7" } });
        assert_eq!(shown(&context), item);
    }

    #[test]
    fn an_item_is_not_booked_as_a_document() {
        let document = json!({
            "wardbook-format": "document", "wardbook-table-name": "other", "wardbook-id./a": "s:b",
        });
        let mut context = document.clone();
        for (name, value) in [("table-name", "Tab1"), ("partition-name", "pk"), ("attr.pk", "AAFh")]
        {
            context[format!("aws-crypto-{name}")] = json!(value);
        }
        let item = json!({ "table": "Tab1", "partitionKey": "pk", "key": { "pk": "a" } });
        assert_eq!(shown(&context), item);
        let mut unnamed = document;
        unnamed["wardbook-format"] = json!("other");
        assert_eq!(shown(&unnamed), Value::Null);
    }

    #[test]
    fn numbers_are_shown_as_they_are_asked_for() {
        for (by_value, plain) in [
            ("0", None),
            ("7e0", Some("7")),
            ("15e-1", Some("1.5")),
            ("-15e-1", Some("-1.5")),
            ("15e-2", Some("0.15")),
            ("15e-4", Some("0.0015")),
            ("15e3", Some("15000")),
            ("1e400", None),
            ("1e-400", None),
            ("e1", None),
            ("xe1", None),
            ("1e", None),
        ] {
            assert_eq!(plain_number(by_value).as_deref(), plain, "{by_value}");
        }
    }

    #[test]
    fn others_are_left_alone() {
        assert_eq!(find(None, &[]), None);
        assert_eq!(shown(&json!({ "tenant": "7" })), Value::Null);
        assert_eq!(shown(&json!({ "aws-crypto-table-name": "Tab1" })), Value::Null);
        for (value, legend) in [
            (json!("?"), None),
            (json!("AA=="), None),
            (json!("AAH/"), None),
            (json!(STANDARD.encode(b"\x01\x01x")), None),
            (json!(7), None),
            (json!("x"), Some("")),
        ] {
            let mut context = json!({
                "aws-crypto-table-name": "Tab1", "aws-crypto-partition-name": "pk",
                "aws-crypto-attr.pk": value,
            });
            if let Some(legend) = legend {
                context["aws-crypto-legend"] = json!(legend);
            }
            assert_eq!(shown(&context), json!({ "table": "Tab1", "partitionKey": "pk" }));
        }
    }
}
