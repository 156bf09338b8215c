//! The field-read book: who read which attribute of which item, asked over the
//! socket.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;

use crate::fixture::door::Door;
use crate::fixture::program::Home;
use crate::fixture::raw::{self, Request, Response};
use crate::fixture::{Credentials, START_MS, Server, wait_until};
use crate::verify;

const DECRYPT: &str = r#"permit (principal, action in [Action::"items:DecryptItem",
    Action::"items:DecryptAttribute", Action::"kms:Decrypt"], resource);"#;
const MASKED: &str = r#"permit (principal, action in [Action::"items:DecryptItem",
    Action::"kms:Decrypt"], resource);
    @sid("Masked")
    permit (principal, action == Action::"items:DecryptAttributeMasked", resource);"#;
const WITHOUT_KEY: &str = r#"permit (principal, action == Action::"items:DecryptItem", resource);"#;

/// A schema of people, under a key of its own; answers the key.
fn put_people(door: &Door, clear_keys: bool) -> String {
    let key = door.new_key();
    let mut schema = json!({
        "tableName": "People", "partitionKeyName": "id", "keyId": key, "algorithmSuite": "0x6700",
        "attributeActionsOnEncrypt": {
            "id": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN", "email": "ENCRYPT_AND_SIGN",
        },
        "attributes": { "ssn": { "mask": { "keepLast": 4 } } },
    });
    if clear_keys {
        schema["fieldReads"] = json!({ "clearKeys": true });
    }
    door.rest("PUT", "/v1/item-schemas/people", &schema).ok();
    key
}

/// People with these ids, encrypted.
fn encrypted(door: &Door, ids: &[&str]) -> Vec<Value> {
    let person = |id: &&str| json!({ "id": id, "ssn": "123-45-6789", "email": "a@example.com" });
    let items: Vec<Value> = ids.iter().map(person).collect();
    let body = json!({ "format": "json", "items": items });
    let sealed = door.rest("POST", "/v1/item-schemas/people/encrypt", &body).ok();
    sealed["items"].as_array().unwrap().iter().map(|item| item["item"].clone()).collect()
}

fn decrypt_as(door: &Door, who: &Credentials, items: &[Value]) -> Response {
    let body = json!({ "format": "json", "items": items, "purpose": "support" }).to_string();
    door.send_as(who, "wardbook", &Request::new("POST", "/v1/item-schemas/people/decrypt", body))
}

fn page(door: &Door, query: &str) -> Value {
    door.rest("GET", &format!("/v1/audit/field-reads?{query}"), &Value::Null).ok()
}

/// All reads that fit, newest first.
fn reads(door: &Door, query: &str) -> Vec<Value> {
    let page = page(door, query);
    assert!(page.get("nextCursor").is_none(), "{page}");
    page["reads"].as_array().unwrap().clone()
}

/// The users who read, in the order of the answer.
fn users(reads: &[Value]) -> Vec<&str> {
    let principals = reads.iter().map(|read| read["principal"].as_str().unwrap());
    principals.map(|arn| arn.rsplit('/').next().unwrap()).collect()
}

#[test]
fn the_auditor_asks_who_read_the_number_of_one_person() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let key = put_people(&server, false);
    let items = encrypted(&server, &["41", "42", "43"]);
    let ada = server.new_user("ada", DECRYPT);
    let bob = server.new_user("bob", WITHOUT_KEY);
    let carl = server.new_user("carl", MASKED);
    decrypt_as(&server, &server.admin, &items).ok();
    decrypt_as(&server, &ada, &items[1..2]).ok();
    let masked = decrypt_as(&server, &carl, &items[1..2]).ok();
    assert_eq!(masked["items"][0]["masked"], json!(["ssn"]), "{masked}");
    let denied = decrypt_as(&server, &bob, &items).ok();
    assert_eq!(denied["items"][1]["error"]["code"], "AccessDeniedException", "{denied}");
    // A client of the SDK, which gets the key of the item.
    let context = json!({
        "aws-crypto-table-name": "People", "aws-crypto-partition-name": "id",
        "aws-crypto-attr.id": STANDARD.encode(b"\x00\x0142"),
    });
    let input = json!({ "KeyId": key, "NumberOfBytes": 32, "EncryptionContext": context });
    server.call("GenerateDataKey", &input).ok();
    let other = json!({ "KeyId": key, "NumberOfBytes": 32, "EncryptionContext": { "a": "b" } });
    server.call("GenerateDataKey", &other).ok();

    let check = |server: &Server| {
        let found = reads(server, "table=people&key=42&attribute=ssn");
        assert_eq!(users(&found), ["admin", "bob", "carl", "ada", "admin"], "{found:#?}");
        let attributes: Vec<&Value> = found.iter().map(|read| &read["attributes"]).collect();
        let plain = json!({ "ssn": "plain" });
        assert_eq!(
            attributes,
            [
                &json!({ "*": "plain" }),
                &json!({ "ssn": "withheld" }),
                &json!({ "ssn": "masked" }),
                &plain,
                &plain
            ]
        );
        let kinds: Vec<&Value> = found.iter().map(|read| &read["kind"]).collect();
        assert_eq!(kinds, ["key-released", "returned", "returned", "returned", "returned"]);
        for read in &found {
            assert_eq!((&read["key"], &read["table"]), (&json!(["42"]), &json!("People")));
        }
        assert_eq!(
            (&found[2]["schemaVersion"], &found[2]["purpose"]),
            (&json!(1), &json!("support"))
        );
        let sids: Vec<&Value> =
            found[2]["policies"].as_array().unwrap().iter().map(|policy| &policy["sid"]).collect();
        assert!(sids.contains(&&json!("Masked")), "{}", found[2]);
        assert_eq!(found[3]["policies"][0]["source"], "identity", "{}", found[3]);
        assert_eq!(found[4]["item"], 1);
        check_filters(server);
        check_inverse(server, &found[3]["reference"]);
    };
    check(&server);
    // From the index, too, and from one that is built anew.
    let indexed = |server: &Server| {
        let health = server.ctx().store.health();
        health.indexed_seq >= health.last_seq
    };
    wait_until(|| indexed(&server));
    check(&server);
    verify::check_intact(&server);
    // Who asked about whom is recorded, without the key.
    let asked = &server.events("eventName=QueryFieldReads").remove(0)["requestParameters"];
    assert!(asked.get("key").is_none(), "{asked}");
}

/// Whoever takes an item's key to another context has it, and is found.
#[test]
fn a_key_that_a_re_encrypt_takes_away_is_released() {
    let server = Server::start();
    let key = put_people(&server, false);
    let own = server.new_key();
    let item = |id: &str| {
        json!({
            "aws-crypto-table-name": "People", "aws-crypto-partition-name": "id",
            "aws-crypto-attr.id": STANDARD.encode([b"\x00\x01", id.as_bytes()].concat()),
        })
    };
    let input = json!({ "KeyId": key, "NumberOfBytes": 32, "EncryptionContext": item("42") });
    let made = server.call("GenerateDataKeyWithoutPlaintext", &input).ok();
    assert_eq!(reads(&server, "kind=key-released").len(), 0);
    let re_encrypt = |destination: &Value| {
        let input = json!({
            "CiphertextBlob": made["CiphertextBlob"], "SourceEncryptionContext": item("42"),
            "DestinationKeyId": own, "DestinationEncryptionContext": destination,
        });
        server.call("ReEncrypt", &input).ok()
    };
    // To the item itself: whoever decrypts that is found by it.
    re_encrypt(&item("42"));
    assert_eq!(reads(&server, "kind=key-released").len(), 0);
    let taken = re_encrypt(&json!({}));
    server.call("Decrypt", &json!({ "CiphertextBlob": taken["CiphertextBlob"] })).ok();
    // Nor does it help to say another item.
    re_encrypt(&item("43"));
    let check = || {
        let found = reads(&server, "table=people&key=42&attribute=ssn");
        let names: Vec<&Value> = found.iter().map(|read| &read["eventName"]).collect();
        assert_eq!(names, ["ReEncrypt", "ReEncrypt"], "{found:#?}");
        assert_eq!(found[0]["kind"], "key-released");
        assert_eq!(found[0]["attributes"], json!({ "*": "plain" }));
        assert_eq!(reads(&server, "table=people&key=43").len(), 0);
    };
    check();
    let health = || server.ctx().store.health();
    wait_until(|| health().indexed_seq >= health().last_seq);
    check();
}

/// The context says a number by its value, and who asks writes it as he likes.
#[test]
fn keys_of_documents_with_numbers_are_found() {
    let server = Server::start();
    let key = server.new_key();
    for id in ["n:7e0", "n:15e-1", "s:7"] {
        let context = json!({
            "wardbook-format": "document", "wardbook-table-name": "orders", "wardbook-id./id": id,
        });
        let input = json!({ "KeyId": key, "NumberOfBytes": 32, "EncryptionContext": context });
        server.call("GenerateDataKey", &input).ok();
    }
    for (asked, count) in [("N:7", 2), ("N:70e-1", 2), ("N:1.5", 1), ("N:1.50", 1), ("N:8", 0)] {
        let found = reads(&server, &format!("table=orders&key={asked}"));
        assert_eq!(found.len(), count, "{asked}: {found:#?}");
    }
}

/// Whoever may put schemas of his own does not choose what an auditor finds.
#[test]
fn no_other_schema_hides_reads() {
    let server = Server::start();
    put_people(&server, false);
    let items = encrypted(&server, &["42"]);
    decrypt_as(&server, &server.admin, &items).ok();
    let found = reads(&server, "table=people&key=42");
    assert_eq!(found.len(), 1);
    let key = server.new_key();
    let put = |name: &str, table: &str, sort: Option<&str>| {
        let mut schema = json!({
            "tableName": table, "partitionKeyName": "id", "keyId": key,
            "attributeActionsOnEncrypt": { "id": "SIGN_ONLY" },
        });
        if let Some(name) = sort {
            schema["sortKeyName"] = json!(name);
            schema["attributeActionsOnEncrypt"][name] = json!("SIGN_ONLY");
        }
        server.rest("PUT", &format!("/v1/item-schemas/{name}"), &schema).ok();
    };
    // One whose table is called as the schema is.
    put("x", "people", None);
    assert_eq!(reads(&server, "table=people&key=42"), found);
    // One of the same table, before it in the order of names, with a sort key.
    put("a", "People", Some("at"));
    for query in ["table=people&key=42", "table=People&key=42", "schema=people&key=42"] {
        assert_eq!(reads(&server, query), found, "{query}");
    }
    // One that is called as the table is.
    put("People", "others", None);
    assert_eq!(reads(&server, "table=People&key=42"), found);
    // What no schema of the tables could have is told as before, and what the named one
    // could not.
    let refused = |query: &str| {
        let path = format!("/v1/audit/field-reads?{query}");
        server.rest("GET", &path, &Value::Null).message()
    };
    assert!(refused("schema=a&key=42").contains("has a sort key, at"));
    assert!(refused("schema=people&key=42&sortKey=1").contains("has no sort key"));
    assert!(refused("table=x&key=42&sortKey=1").contains("has no sort key"));
    assert_eq!(reads(&server, "table=People&key=42&sortKey=1").len(), 0);
    let question = server.events("eventName=QueryFieldReads").remove(0);
    let references = question["requestParameters"]["references"].as_array().unwrap();
    assert!(references.len() >= 2 && question["requestParameters"].get("key").is_none());
}

/// Nobody need know which type a key has, nor how its number was written.
#[test]
fn keys_that_are_numbers_are_found_as_texts() {
    let server = Server::start();
    let schema = json!({
        "tableName": "orders", "partitionKeyName": "id", "sortKeyName": "at",
        "keyId": server.new_key(), "algorithmSuite": "0x6700",
        "attributeActionsOnEncrypt": {
            "id": "SIGN_ONLY", "at": "SIGN_ONLY", "card": "ENCRYPT_AND_SIGN",
        },
    });
    server.rest("PUT", "/v1/item-schemas/orders", &schema).ok();
    let items = [json!(42), json!("42")].map(|id| json!({ "id": id, "at": 7, "card": "4111" }));
    let body = json!({ "format": "json", "items": items });
    let sealed = server.rest("POST", "/v1/item-schemas/orders/encrypt", &body).ok();
    let sealed: Vec<&Value> =
        sealed["items"].as_array().unwrap().iter().map(|item| &item["item"]).collect();
    let body = json!({ "format": "json", "items": sealed });
    server.rest("POST", "/v1/item-schemas/orders/decrypt", &body).ok();
    for (key, sort, items) in [
        ("42", "7", vec![0, 1]),
        ("42.0", "0.7e1", vec![0]),
        ("N:42", "7", vec![0]),
        ("S:42", "7", vec![1]),
        ("S:42", "S:7", vec![]),
        ("43", "7", vec![]),
    ] {
        let found = reads(&server, &format!("table=orders&key={key}&sortKey={sort}"));
        let mut numbers: Vec<u64> =
            found.iter().map(|read| read["item"].as_u64().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, items, "{key} {sort}");
    }
}

/// Nothing said is not the same as nothing there.
#[test]
fn policies_that_found_no_room_are_told() {
    let server = Server::start();
    let mut actions = serde_json::Map::from_iter([("id".to_owned(), json!("SIGN_ONLY"))]);
    let mut item = json!({ "id": "1" });
    for n in 0..700 {
        actions.insert(format!("attribute{n}"), json!("ENCRYPT_AND_SIGN"));
        item[format!("attribute{n}")] = json!(n);
    }
    let schema = json!({
        "tableName": "wide", "partitionKeyName": "id", "keyId": server.new_key(),
        "algorithmSuite": "0x6700", "attributeActionsOnEncrypt": actions,
    });
    server.rest("PUT", "/v1/item-schemas/wide", &schema).ok();
    let call = |verb: &str, more: &Value, item: &Value| {
        let mut body = json!({ "format": "json", "items": [item] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.rest("POST", &format!("/v1/item-schemas/wide/{verb}"), &body).ok()["items"][0]["item"]
            .clone()
    };
    let sealed = call("encrypt", &json!({}), &item);
    assert_eq!(call("decrypt", &json!({}), &sealed), item);
    call("decrypt", &json!({ "attributes": ["attribute1"] }), &sealed);
    let found = reads(&server, "schema=wide");
    assert_eq!(found.len(), 2);
    assert!(found[0].get("policiesOmitted").is_none() && found[0].get("policies").is_some());
    assert_eq!(found[1]["policiesOmitted"], true);
    assert!(found[1].get("policies").is_none());
}

/// The inverse: what somebody read.
#[track_caller]
fn check_inverse(server: &Server, reference: &Value) {
    let ada = reads(server, "principal=arn:aws:iam::111122223333:user/ada");
    assert_eq!(ada.len(), 1);
    assert_eq!(ada[0]["attributes"], json!({ "email": "plain", "ssn": "plain" }));
    assert!(ada[0].get("key").is_none());
    assert_eq!(ada[0]["reference"], *reference);
    let event = ada[0]["eventId"].as_str().unwrap();
    assert_eq!(reads(server, &format!("eventId={event}")), ada);
    let record = &server.events(&format!("eventId={event}"))[0];
    let opened = &record["wardbook"]["fieldReads"]["opened"];
    assert_eq!(opened["plain"], json!(["email", "ssn"]), "{record}");
}

/// The logical name of the table, and what narrows.
#[track_caller]
fn check_filters(server: &Server) {
    for (query, count) in [
        ("table=People&key=42", 5),
        ("schema=people&key=42&kind=returned", 4),
        ("table=people&key=42&how=withheld", 2),
        ("table=people&key=42&how=plain&how=withheld", 5),
        ("table=people&key=42&how=masked", 1),
        ("table=people&key=42&attribute=none", 1),
        ("table=people&key=42&attribute=none&kind=returned", 0),
        ("table=people&key=44", 0),
        ("table=people&key=N:42", 1),
        ("table=people&key=S:42", 5),
        ("table=people&key=42&to=2026-01-01", 0),
        ("table=people&key=42&from=2026-01-01", 5),
        ("table=Others&key=42", 0),
        ("table=people", 9),
        ("kind=used-inside", 0),
        ("kind=key-released", 1),
        ("purpose=none", 0),
        ("purpose=support&key=42&table=people", 4),
    ] {
        assert_eq!(reads(server, query).len(), count, "{query}");
    }
}

#[test]
fn what_cannot_be_asked() {
    let server = Server::start();
    put_people(&server, false);
    for (query, text) in [
        ("key=42", "key needs table"),
        ("sortKey=42", "sortKey needs key"),
        ("table=people&key=42&sortKey=1", "has no sort key"),
        ("table=people&key=N:x", "a number"),
        ("schema=none", "There is no item schema none"),
        ("how=somehow", "how must be one of plain, masked, withheld"),
        ("kind=other", "kind must be one of"),
        ("limit=0", "limit"),
        ("from=yesterday", "from must be a time"),
    ] {
        let path = format!("/v1/audit/field-reads?{query}");
        let refused = server.rest("GET", &path, &Value::Null);
        assert_eq!(refused.code(), "ValidationException", "{query}");
        assert!(refused.message().contains(text), "{query}: {}", refused.message());
    }
}

#[test]
fn pages_have_each_read_once() {
    let server = Server::start();
    put_people(&server, false);
    let items = encrypted(&server, &["1", "2", "3", "4", "5", "6", "7"]);
    for _ in 0..3 {
        decrypt_as(&server, &server.admin, &items).ok();
    }
    let place = |read: &Value| format!("{} {}", read["eventId"], read["item"]);
    for limit in [1, 2, 5, 7, 1_000] {
        let mut seen = Vec::new();
        let mut query = format!("table=people&limit={limit}");
        loop {
            let page = page(&server, &query);
            let reads = page["reads"].as_array().unwrap();
            assert!(reads.len() <= limit);
            seen.extend(reads.iter().map(place));
            let Some(cursor) = page["nextCursor"].as_str() else { break };
            query = format!("table=people&limit={limit}&cursor={cursor}");
        }
        assert_eq!(seen.len(), 21, "{limit}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 21);
    }
    let cursor = page(&server, "table=people&limit=1")["nextCursor"].clone();
    for (filter, cursor) in [("kind=returned", cursor.as_str().unwrap()), ("limit=1", "AAAA.0")] {
        let path = format!("/v1/audit/field-reads?{filter}&cursor={cursor}");
        assert_eq!(server.rest("GET", &path, &Value::Null).status, 400);
    }
}

#[test]
fn clear_keys_are_kept_if_the_schema_says_so_and_can_be_erased() {
    let server = Server::start();
    put_people(&server, true);
    let items = encrypted(&server, &["zz-person-zz", "other"]);
    decrypt_as(&server, &server.admin, &items).ok();
    let keys = |reads: &[Value]| reads.iter().map(|read| read["key"].clone()).collect::<Vec<_>>();
    let found = reads(&server, "kind=returned");
    assert_eq!(keys(&found), [json!(["zz-person-zz"]), json!(["other"])]);

    let erasing = json!({
        "eventName": ["DecryptItems", "Decrypt", "GenerateDataKey"],
        "fields": ["encryptionContext"], "reason": "they asked us to",
    });
    let erased = server.rest("POST", "/v1/audit/erase", &erasing).ok();
    assert_eq!(erased["eventIds"].as_array().unwrap().len(), 3, "{erased}");
    let after = reads(&server, "kind=returned");
    let by = &server.events("eventName=EraseEventFields")[0]["eventID"];
    let mark = json!([format!("[erased by event {}]", by.as_str().unwrap())]);
    assert_eq!(keys(&after), [mark.clone(), mark]);
    // The item is still found by whoever knows its key, and its reads by everybody.
    assert_eq!(reads(&server, "table=people&key=other").len(), 1);
    assert_eq!(after[0]["reference"], found[0]["reference"]);
    assert_eq!(verify::check_intact(&server), 3);
}

/// Whatever was answered before is in the book after the next start, with a row
/// for each item.
#[test]
fn reads_survive_kill_9() {
    let home = Home::new();
    let serve = || home.serve(&["--log-filter", "error"]);
    let mut program = serve();
    put_people(&program, false);
    let items = encrypted(&program, &["1", "2", "3"]);
    let mut answered = Vec::new();
    for _ in 0..8 {
        let count = Arc::new(AtomicUsize::new(0));
        let client = std::thread::spawn({
            let (door, items) = (program.door().clone(), items.clone());
            let count = Arc::clone(&count);
            move || {
                let mut answered = Vec::new();
                let body = json!({ "format": "json", "items": items }).to_string();
                let request = Request::new("POST", "/v1/item-schemas/people/decrypt", body);
                loop {
                    let signed = door.signed(&door.admin, "wardbook", &request);
                    let Ok(answer) = raw::send(door.address, &signed) else { return answered };
                    answer.ok();
                    answered.push(answer.request_id().to_owned());
                    count.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        wait_until(|| count.load(Ordering::SeqCst) > 4);
        program.kill();
        answered.extend(client.join().unwrap());
        program = serve();
    }
    assert!(answered.len() > 8 * 4);
    for id in &answered {
        assert_eq!(reads(&program, &format!("eventId={id}")).len(), 3, "{id}");
    }
    program.terminate();
}
