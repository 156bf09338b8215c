//! What a schema says that is allowed and yet seldom meant.
//!
//! Few rules: each stands for a table that stopped working, or for data that lay
//! open, without anybody having been told. Each has a section of its name in
//! `docs/item-schemas.md`.

use std::collections::BTreeSet;

use serde::Serialize;

use super::document::{Action, AlgorithmSuite, SchemaDocument};
use super::table::{Index, Table};
use super::{FOOTER_NAME, HEADER_NAME, sensitive};
use crate::items::document::schema::{DefaultAction, PathAction};

/// Something to look at again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// Which rule finds it; never changes.
    pub rule: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    pub text: String,
    /// Where the rule is explained.
    pub docs: String,
}

impl Warning {
    pub(super) fn new(rule: &'static str, attribute: Option<&str>, text: String) -> Self {
        let attribute = attribute.map(str::to_owned);
        Self { rule, attribute, text, docs: format!("docs/item-schemas.md#{rule}") }
    }
}

/// Every rule, those on items in [`super::size`] as well.
pub const RULES: &[&str] = &[
    "index-key-encrypted",
    "index-projection",
    "item-refused",
    "item-too-large",
    "looks-sensitive",
    "nothing-encrypted",
    "prefix-takes-more",
    "suite-without-signature",
    "table-keys-differ",
    "ttl-encrypted",
];

/// What is to be looked at again in a schema, and in what is known of its table.
#[must_use]
pub fn lint(document: &SchemaDocument, table: &Table) -> Vec<Warning> {
    let mut warnings = Vec::new();
    warnings.extend(nothing_encrypted(document));
    warnings.extend(suite(document));
    warnings.extend(prefix(document));
    for name in document.attribute_actions_on_encrypt.keys() {
        warnings.extend(ttl(document, table, name));
    }
    warnings.extend(sensitive::lint(document));
    warnings.extend(table_keys(document, table));
    for index in &table.indexes {
        warnings.extend(index_keys(document, index));
        warnings.extend(projection(document, table, index));
    }
    warnings.sort();
    warnings
}

fn is_encrypted(document: &SchemaDocument, name: &str) -> bool {
    document.attribute_actions_on_encrypt.get(name) == Some(&Action::EncryptAndSign)
}

fn nothing_encrypted(document: &SchemaDocument) -> Option<Warning> {
    let mut actions = document.attribute_actions_on_encrypt.values();
    let mut paths = document.path_actions_on_encrypt.values();
    if actions.any(|action| *action == Action::EncryptAndSign)
        || paths.any(|action| *action == PathAction::EncryptAndSign)
        || document.default_action == Some(DefaultAction::EncryptAndSign)
    {
        return None;
    }
    let text = "no attribute is ENCRYPT_AND_SIGN: items are signed and every value stays readable";
    Some(Warning::new("nothing-encrypted", None, text.to_owned()))
}

fn suite(document: &SchemaDocument) -> Option<Warning> {
    (document.algorithm_suite == AlgorithmSuite::HmacOnly).then(|| {
        let text = "0x6700 signs with the item's own key alone: whoever can decrypt an item can \
                    also forge one; 0x6701 prevents that and costs a signature an item";
        Warning::new("suite-without-signature", None, text.to_owned())
    })
}

/// A prefix that ends within a word begins other words, too.
fn prefix(document: &SchemaDocument) -> Option<Warning> {
    let prefix = document.allowed_unsigned_attribute_prefix.as_deref()?;
    prefix.ends_with(char::is_alphanumeric).then(|| {
        let text = format!(
            "`{prefix}` ends in a letter or digit, so every name that happens to begin like it is \
             neither encrypted nor signed, without a word: end it with a mark, such as `{prefix}_`"
        );
        Warning::new("prefix-takes-more", None, text)
    })
}

/// DynamoDB deletes by a number that it can read.
fn ttl(document: &SchemaDocument, table: &Table, name: &str) -> Option<Warning> {
    if !is_encrypted(document, name) {
        return None;
    }
    let text = match &table.ttl {
        Some(ttl) if ttl == name => format!(
            "DynamoDB deletes items by `{name}`, and can no longer read it when it is encrypted: \
             items would stay for ever; make it SIGN_ONLY"
        ),
        // What the attribute is called is known.
        Some(_) => return None,
        None if names_a_ttl(name) => format!(
            "`{name}` looks like the time after which DynamoDB deletes an item, which it cannot \
             read when it is encrypted: if so, make it SIGN_ONLY"
        ),
        None => return None,
    };
    Some(Warning::new("ttl-encrypted", Some(name), text))
}

fn names_a_ttl(name: &str) -> bool {
    const ENDS: &[&str] = &["ttl", "timetolive", "expires", "expiresat", "expireat", "expiretime"];
    ENDS.contains(&plain(name).as_str())
}

/// A name without what differs from one way of writing to another.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn table_keys(document: &SchemaDocument, table: &Table) -> Option<Warning> {
    let named: Vec<&str> = document.key_names().collect();
    if table.keys.is_empty() || table.keys == named {
        return None;
    }
    let (table, schema) = (table.keys.join(", "), named.join(", "));
    let text = format!(
        "the table's key is {table}, the schema's {schema}: items would be bound to what does not \
         identify them"
    );
    Some(Warning::new("table-keys-differ", None, text))
}

fn index_keys<'a>(
    document: &'a SchemaDocument,
    index: &'a Index,
) -> impl Iterator<Item = Warning> + 'a {
    index.keys.iter().filter(|name| is_encrypted(document, name)).map(|name| {
        let text = format!(
            "`{name}` is a key of the index {}, and every item has another ciphertext: DynamoDB \
             refuses such items, or finds none by it; make it SIGN_ONLY",
            index.name
        );
        Warning::new("index-key-encrypted", Some(name), text)
    })
}

/// An item is verified whole, so what an index leaves out is missed.
fn projection(document: &SchemaDocument, table: &Table, index: &Index) -> Option<Warning> {
    let projected = index.projected.as_ref()?;
    let held: BTreeSet<&str> =
        projected.iter().chain(&index.keys).chain(&table.keys).map(String::as_str).collect();
    let actions = document.attribute_actions_on_encrypt.iter();
    let signed = actions.filter(|(_, action)| **action != Action::DoNothing);
    let needed =
        [HEADER_NAME, FOOTER_NAME].into_iter().chain(signed.map(|(name, _)| name.as_str()));
    let missing: Vec<&str> = needed.filter(|name| !held.contains(name)).collect();
    if missing.is_empty() {
        return None;
    }
    let text = format!(
        "items read from the index {} cannot be decrypted, since it does not hold {}: project ALL, \
         or read the item itself by its key",
        index.name,
        missing.join(", ")
    );
    Some(Warning::new("index-projection", None, text))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document(actions: &Value) -> Value {
        json!({
            "tableName": "T", "partitionKeyName": "pk",
            "attributeActionsOnEncrypt": actions,
        })
    }

    fn table() -> Table {
        let mut table = Table::default();
        table.add(include_str!("../../../tests/golden/items/describe-table.json")).unwrap();
        table
    }

    #[track_caller]
    fn check(document: &Value, table: &Table, want: &[(&str, Option<&str>)]) {
        let document = serde_json::from_value(document.clone()).unwrap();
        let found = lint(&document, table);
        let found: Vec<_> =
            found.iter().map(|warning| (warning.rule, warning.attribute.as_deref())).collect();
        assert_eq!(found, want);
    }

    #[track_caller]
    fn of_actions(actions: &Value, want: &[(&str, Option<&str>)]) {
        check(&document(actions), &Table::default(), want);
    }

    #[test]
    fn what_nobody_means() {
        of_actions(&json!({ "pk": "SIGN_ONLY", "a": "ENCRYPT_AND_SIGN" }), &[]);
        of_actions(&json!({ "pk": "SIGN_ONLY", "a": "SIGN_ONLY" }), &[("nothing-encrypted", None)]);
        let mut weak = document(&json!({ "pk": "SIGN_ONLY", "a": "ENCRYPT_AND_SIGN" }));
        weak["algorithmSuite"] = json!("0x6700");
        weak["allowedUnsignedAttributePrefix"] = json!("tmp");
        let want = [("prefix-takes-more", None), ("suite-without-signature", None)];
        check(&weak, &Table::default(), &want);
        for mark in [":", "tmp_", "x-"] {
            weak["allowedUnsignedAttributePrefix"] = json!(mark);
            check(&weak, &Table::default(), &want[1..]);
        }
    }

    #[test]
    fn times_to_live() {
        for name in ["ttl", "TTL", "expires_at", "expiresAt", "time-to-live"] {
            let actions = json!({ "pk": "SIGN_ONLY", name: "ENCRYPT_AND_SIGN" });
            of_actions(&actions, &[("ttl-encrypted", Some(name))]);
        }
        for name in ["throttle", "expired_reason", "subtitle"] {
            of_actions(&json!({ "pk": "SIGN_ONLY", name: "ENCRYPT_AND_SIGN" }), &[]);
        }
        let mut told = Table::default();
        let text =
            r#"{"TimeToLiveDescription":{"TimeToLiveStatus":"ENABLED","AttributeName":"bye"}}"#;
        told.add(text).unwrap();
        let actions =
            json!({ "pk": "SIGN_ONLY", "ttl": "ENCRYPT_AND_SIGN", "bye": "ENCRYPT_AND_SIGN" });
        check(&document(&actions), &told, &[("ttl-encrypted", Some("bye"))]);
    }

    #[test]
    fn tables_and_their_indexes() {
        let table = table();
        assert_eq!(table.keys, ["pk", "sk"]);
        let mut document = document(&json!({
            "pk": "SIGN_ONLY", "sk": "SIGN_ONLY", "email": "ENCRYPT_AND_SIGN", "city": "SIGN_ONLY",
        }));
        let index = [("index-key-encrypted", Some("email")), ("index-projection", None)];
        document["sortKeyName"] = json!("sk");
        check(&document, &table, &index);
        document["sortKeyName"] = Value::Null;
        check(&document, &table, &[index[0], index[1], ("table-keys-differ", None)]);
    }

    #[test]
    fn only_descriptions_are_read() {
        for text in ["", "[]", "{}", r#"{"Table":{}}"#] {
            assert!(Table::default().add(text).is_err(), "{text}");
        }
    }
}
