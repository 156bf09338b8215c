//! Items go from the official SDK to wardbook and back: both format versions,
//! both suites, one key and two, every type of attribute. Each side's KMS is
//! wardbook.
//!
//! One after the other on a runtime of one thread: with several threads the SDK
//! can wait for itself for ever (aws/aws-encryption-sdk issue 899).

use serde_json::{Value, json};
use wardbook_interop::json::{of_item, to_item};
use wardbook_interop::sdk;
use wardbook_interop::server::Server;

const IN_CONTEXT: &str = "SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT";

/// One attribute of every type, and the hard cases of each: in the form that
/// encryption gives them, so that they come back equal.
fn values() -> Value {
    let mut deep = json!({ "S": "bottom" });
    for _ in 1..32 {
        deep = json!({ "L": [deep] });
    }
    json!({
        "text": { "S": "grüße \u{1f600} \u{ff5e}" }, "empty": { "S": "" },
        "number": { "N": "-0.00000000000000000000000000000000000000000000000000000000000001" },
        "large": { "N": "99999999999999999999999999999999999999" },
        "binary": { "B": "AP9iaW4=" }, "flag": { "BOOL": true }, "off": { "BOOL": false },
        "nothing": { "NULL": true },
        "texts": { "SS": ["", "a", "\u{10000}", "\u{ff5e}"] },
        "numbers": { "NS": ["-1", "0.5", "10", "9"] },
        "binaries": { "BS": ["", "AA==", "/w=="] },
        "list": { "L": [{ "N": "1" }, { "L": [] }, { "M": {} }, { "NULL": true }] },
        "map": { "M": { "\u{10000}": { "S": "x" }, "\u{ff5e}": { "SS": ["y"] }, "a": { "BOOL": true } } },
        "deep": deep,
    })
}

/// An item that has every value twice, encrypted (`e.`) and signed only (`s.`), in
/// version 2 also in the encryption context (`c.`).
fn item(version: u8) -> Value {
    let mut item = json!({
        "pk": { "S": "item-1" }, "sk": { "N": "42" }, "имя": { "S": "b" }, "em😀": { "S": "c" },
        ":free": { "N": "0007" },
    });
    for (name, value) in values().as_object().unwrap() {
        item[format!("e.{name}")] = value.clone();
        item[format!("s.{name}")] = value.clone();
        if version == 2 {
            item[format!("c.{name}")] = value.clone();
        }
    }
    item
}

fn schema(version: u8, suite: &str, keys: &[String]) -> Value {
    let key_action = if version == 2 { IN_CONTEXT } else { "SIGN_ONLY" };
    let mut actions = json!({});
    for name in item(version).as_object().unwrap().keys() {
        let action = match name.get(..2) {
            Some("e.") => "ENCRYPT_AND_SIGN",
            Some("s.") => "SIGN_ONLY",
            Some("c.") => IN_CONTEXT,
            Some("pk" | "sk") => key_action,
            Some(":f") => "DO_NOTHING",
            _ => "ENCRYPT_AND_SIGN",
        };
        actions[name] = json!(action);
    }
    json!({
        "tableName": "Interop", "partitionKeyName": "pk", "sortKeyName": "sk",
        "keyId": keys[0], "additionalKeyIds": &keys[1..],
        "attributeActionsOnEncrypt": actions, "allowedUnsignedAttributePrefix": ":",
        "algorithmSuite": suite,
    })
}

/// The same item whatever the order of members.
#[track_caller]
fn assert_same(found: &Value, want: &Value, what: &str) {
    assert_eq!(of_item(&to_item(found)), of_item(&to_item(want)), "{what}");
}

/// The item with one of the first bytes of a binary attribute changed, or one of
/// the last.
fn changed(item: &Value, name: &str, first: bool) -> Value {
    let mut altered = item.clone();
    let text = altered[name]["B"].as_str().unwrap();
    let at = if first { 3 } else { text.trim_end_matches('=').len() - 3 };
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    altered[name]["B"] = json!([&text[..at], other, &text[at + 1..]].concat());
    altered
}

#[tokio::test(flavor = "current_thread")]
async fn items_go_both_ways() {
    let server = Server::start();
    let kms = sdk::kms(&server);
    let mut keys = Vec::new();
    for _ in 0..2 {
        let key = kms.create_key().send().await.unwrap().key_metadata.unwrap();
        keys.push(key.arn.unwrap());
    }
    let mut passed = 0;
    for version in [1, 2] {
        for suite in ["0x6700", "0x6701"] {
            for keys in [&keys[..1], &keys[..]] {
                let what = format!("version {version} suite {suite} keys {}", keys.len());
                let name = format!("v{version}-{suite}-{}", keys.len());
                let schema = schema(version, suite, keys);
                server.put_schema(&name, &schema);
                let encryptor = sdk::encryptor(&kms, &schema, keys).await.unwrap();
                let plain = item(version);

                let theirs = sdk::encrypt(&encryptor, to_item(&plain)).await.unwrap();
                let theirs = of_item(&theirs);
                assert_same(&server.decrypt(&name, &theirs).unwrap(), &plain, &what);

                let ours = server.encrypt(&name, &plain);
                let opened = sdk::decrypt(&encryptor, to_item(&ours)).await.unwrap();
                assert_same(&of_item(&opened), &plain, &what);

                // Each of the keys alone is enough, on both sides.
                for key in keys {
                    let one = sdk::encryptor(&kms, &schema, &[key.clone()]).await.unwrap();
                    let opened = sdk::decrypt(&one, to_item(&ours)).await.unwrap();
                    assert_same(&of_item(&opened), &plain, &what);
                }

                // The tag of the second recipient is none of the first one's
                // business, for neither side.
                let mut bad = vec![
                    changed(&ours, "e.text", false),
                    changed(&ours, "aws_dbe_head", true),
                    changed(&ours, "aws_dbe_head", false),
                    changed(&ours, "aws_dbe_foot", true),
                ];
                if suite == "0x6701" {
                    bad.push(changed(&ours, "aws_dbe_foot", false));
                }
                for (name, value) in [("s.text", json!({ "S": "x" })), ("pk", json!({ "S": "x" }))] {
                    let mut altered = ours.clone();
                    altered[name] = value;
                    bad.push(altered);
                }
                if version == 2 {
                    let mut altered = ours.clone();
                    altered["c.text"] = json!({ "S": "x" });
                    bad.push(altered);
                }
                let mut swapped = ours.clone();
                swapped["e.text"] = ours["e.empty"].clone();
                swapped["e.empty"] = ours["e.text"].clone();
                bad.push(swapped);
                for (n, altered) in bad.iter().enumerate() {
                    assert!(server.decrypt(&name, altered).is_err(), "{what}: ours {n}");
                    let answer = sdk::decrypt(&encryptor, to_item(altered)).await;
                    assert!(answer.is_err(), "{what}: theirs {n}");
                }

                // What nobody signed may change, for both.
                let mut free = ours.clone();
                free[":free"] = json!({ "S": "changed" });
                let opened = sdk::decrypt(&encryptor, to_item(&free)).await.unwrap();
                assert_same(&server.decrypt(&name, &free).unwrap(), &of_item(&opened), &what);
                passed += 1;
            }
        }
    }
    assert_eq!(passed, 8);
}

/// Where the two must agree that there is nothing to be had.
#[tokio::test(flavor = "current_thread")]
async fn both_refuse_the_item_of_another_table_and_of_another_key() {
    let server = Server::start();
    let kms = sdk::kms(&server);
    let mut keys = Vec::new();
    for _ in 0..2 {
        let key = kms.create_key().send().await.unwrap().key_metadata.unwrap();
        keys.push(key.arn.unwrap());
    }
    let right = schema(1, "0x6701", &keys[..1]);
    server.put_schema("right", &right);
    let ours = server.encrypt("right", &item(1));

    let mut table = right.clone();
    table["tableName"] = json!("Other");
    let key = schema(1, "0x6701", &keys[1..]);
    for (name, wrong, keys) in [("table", table, &keys[..1]), ("key", key, &keys[1..])] {
        server.put_schema(name, &wrong);
        assert!(server.decrypt(name, &ours).is_err(), "{name}");
        let encryptor = sdk::encryptor(&kms, &wrong, keys).await.unwrap();
        assert!(sdk::decrypt(&encryptor, to_item(&ours)).await.is_err(), "{name}");
    }
}
