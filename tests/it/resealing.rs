//! Items that are sealed anew: for other keys, or from the plaintext on.

use serde_json::{Value, json};

use crate::fixture::door::Door;
use crate::fixture::raw::{Request, Response};
use crate::fixture::{Credentials, Server};

const PATH: &str = "/v1/item-schemas/people";

/// What `kms:` actions a user has, beside both of those on items.
fn policy(kms: &str) -> String {
    format!(
        r#"permit (principal, action in [Action::"items:RewrapItem",
            Action::"items:ReEncryptItem"{kms}], resource);"#
    )
}

fn schema(key: &str, ssn: &str) -> Value {
    json!({
        "tableName": "people", "partitionKeyName": "id", "keyId": key,
        "attributeActionsOnEncrypt": {
            "id": "SIGN_ONLY", "city": "SIGN_ONLY", "ssn": ssn, "email": "ENCRYPT_AND_SIGN",
        },
    })
}

fn put(door: &Door, schema: &Value) {
    door.rest("PUT", PATH, schema).ok();
}

fn person(id: &str) -> Value {
    json!({ "id": id, "city": "Ulm", "ssn": "078-05-1120", "email": "ada@example.com" })
}

fn send_as(door: &Door, who: &Credentials, verb: &str, items: &[Value]) -> Response {
    let body = json!({ "format": "json", "items": items }).to_string();
    door.send_as(who, "wardbook", &Request::new("POST", &format!("{PATH}/{verb}"), body))
}

/// What became of each item.
fn send(door: &Door, verb: &str, items: &[Value]) -> Vec<Value> {
    let answer = send_as(door, &door.admin, verb, items).ok();
    answer["items"].as_array().unwrap().clone()
}

fn codes(outcomes: &[Value]) -> Vec<&str> {
    outcomes.iter().map(|outcome| outcome["error"]["code"].as_str().unwrap_or("")).collect()
}

/// Two keys, and a person encrypted under the first; the schema names the second.
fn start() -> (Server, [String; 2], Value) {
    let server = Server::start();
    let keys = [server.new_key(), server.new_key()];
    put(&server, &schema(&keys[0], "ENCRYPT_AND_SIGN"));
    let sealed = send(&server, "encrypt", &[person("1")])[0]["item"].clone();
    put(&server, &schema(&keys[1], "ENCRYPT_AND_SIGN"));
    (server, keys, sealed)
}

#[test]
fn items_move_to_the_keys_in_force() {
    let (server, [old, _], sealed) = start();
    let rewrapped = send(&server, "rewrap", std::slice::from_ref(&sealed))[0]["item"].clone();
    let again = send(&server, "re-encrypt", std::slice::from_ref(&sealed))[0]["item"].clone();
    // The one leaves the ciphertexts as they are, the other none.
    for name in ["ssn", "email"] {
        assert_eq!(rewrapped[name], sealed[name]);
        assert!(again[name].is_string() && again[name] != sealed[name], "{again}");
    }
    for moved in [&rewrapped, &again] {
        assert_eq!((&moved["id"], &moved["city"]), (&json!("1"), &json!("Ulm")));
        for name in ["aws_dbe_head", "aws_dbe_foot"] {
            assert_ne!(moved[name], sealed[name]);
        }
    }
    server.call("DisableKey", &json!({ "KeyId": old })).ok();
    let opened = send(&server, "decrypt", &[rewrapped, again, sealed]);
    assert_eq!((&opened[0]["item"], &opened[1]["item"]), (&person("1"), &person("1")));
    assert_eq!(opened[2]["error"]["code"], "DisabledException");
}

#[test]
fn a_bad_item_is_refused_and_the_others_are_not() {
    let (server, _, sealed) = start();
    let mut altered = sealed.clone();
    altered["city"] = json!("Bonn");
    let mut renamed = sealed.clone();
    renamed["id"] = json!("2");
    let items = [sealed, altered, person("1"), renamed, json!(7)];
    for verb in ["rewrap", "re-encrypt"] {
        let before = server.events("eventName=GenerateDataKey").len();
        let outcomes = send(&server, verb, &items);
        assert_eq!(
            codes(&outcomes),
            [
                "",
                "SignatureInvalid",
                "NotEncrypted",
                "InvalidCiphertextException",
                "MalformedAttribute"
            ]
        );
        assert_eq!(outcomes[1]["error"]["index"], 1);
        assert!(outcomes[1].get("item").is_none());
        // A key was asked for the good one alone.
        assert_eq!(server.events("eventName=GenerateDataKey").len(), before + 1);
        let many = vec![person("1"); 101];
        assert_eq!(send_as(&server, &server.admin, verb, &many).status, 400);
    }
    let record = server.events("eventName=RewrapItems").remove(1);
    assert_eq!(record["additionalEventData"]["refusedItems"], 4, "{record}");
    assert!(!record.to_string().contains("Bonn"), "{record}");
}

#[test]
fn the_caller_needs_the_action_and_both_rights_to_the_keys() {
    let (server, _, sealed) = start();
    let items = [sealed];
    let none =
        server.new_user("none", r#"permit (principal, action in Action::"kms:crypto", resource);"#);
    let keyless = server.new_user("keyless", &policy(""));
    let reader = server.new_user("reader", &policy(r#", Action::"kms:Decrypt""#));
    let mover = server
        .new_user("mover", &policy(r#", Action::"kms:Decrypt", Action::"kms:GenerateDataKey""#));
    for verb in ["rewrap", "re-encrypt"] {
        assert_eq!(send_as(&server, &none, verb, &items).status, 403);
        for who in [&keyless, &reader] {
            let answer = send_as(&server, who, verb, &items).ok();
            let outcome = answer["items"][0].clone();
            assert_eq!(outcome["error"]["code"], "AccessDeniedException", "{outcome}");
            assert!(outcome.get("item").is_none());
        }
        // Nobody who moves items may see what is in them.
        let answer = send_as(&server, &mover, verb, &items).ok();
        let moved = answer["items"][0]["item"].clone();
        assert_eq!(send(&server, "decrypt", &[moved])[0]["item"], person("1"));
        assert_eq!(send_as(&server, &mover, "decrypt", &items).status, 403);
        let pinned = json!({ "format": "json", "items": items, "schemaHash": "0".repeat(64) });
        let answer = server.rest("POST", &format!("{PATH}/{verb}"), &pinned);
        assert_eq!(answer.status, 409, "{}", answer.text());
    }
}

#[test]
fn the_book_says_what_was_opened_inside() {
    let (server, _, sealed) = start();
    let keyless = server.new_user("keyless", &policy(""));
    let items = [sealed];
    send(&server, "rewrap", &items);
    send(&server, "re-encrypt", &items);
    for verb in ["rewrap", "re-encrypt"] {
        send_as(&server, &keyless, verb, &items).ok();
    }
    let path = "/v1/audit/field-reads?table=people&key=1&kind=used-inside";
    let page = server.rest("GET", path, &Value::Null).ok();
    let reads: Vec<(&Value, &Value)> = page["reads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|read| (&read["eventName"], &read["attributes"]))
        .collect();
    let withheld = json!({ "email": "withheld", "ssn": "withheld" });
    let plain = json!({ "email": "plain", "ssn": "plain" });
    let (anew, rewrap) = (json!("ReEncryptItems"), json!("RewrapItems"));
    assert_eq!(reads, [(&anew, &withheld), (&anew, &plain), (&rewrap, &json!({}))], "{page}");
}

/// What the book was told of a person by ReEncryptItems, the newest first.
fn re_encrypted(door: &Door, id: &str) -> Vec<Value> {
    let path = format!("/v1/audit/field-reads?table=people&key={id}&kind=used-inside");
    let page = door.rest("GET", &path, &Value::Null).ok();
    page["reads"].as_array().unwrap().iter().map(|read| read["attributes"].clone()).collect()
}

/// Whoever can use the key writes items with any names; the book takes those that
/// some version of the schema encrypts, whether the item opens or not.
#[test]
fn the_book_takes_the_names_of_the_schema_and_all_of_them() {
    let (server, [_, key], sealed) = start();
    let mut other = schema(&key, "ENCRYPT_AND_SIGN");
    other["attributeActionsOnEncrypt"]["made up"] = json!("ENCRYPT_AND_SIGN");
    server.rest("PUT", "/v1/item-schemas/other", &other).ok();
    let mut planted = person("2");
    planted["made up"] = json!("x");
    let body = json!({ "format": "json", "items": [planted] });
    let answer = server.rest("POST", "/v1/item-schemas/other/encrypt", &body).ok();
    let planted = answer["items"][0]["item"].clone();

    let outcomes = send(&server, "re-encrypt", &[planted]);
    assert_eq!(codes(&outcomes), ["NoActionForAttribute"], "{outcomes:#?}");
    let plain = json!({ "email": "plain", "ssn": "plain" });
    assert_eq!(re_encrypted(&server, "2"), [plain]);

    // The item is of a version that encrypted one attribute more.
    put(&server, &schema(&key, "SIGN_ONLY"));
    let keyless = server.new_user("keyless", &policy(""));
    send_as(&server, &keyless, "re-encrypt", &[sealed]).ok();
    let withheld = json!({ "email": "withheld", "ssn": "withheld" });
    assert_eq!(re_encrypted(&server, "1"), [withheld]);
}

/// Whoever may have items encrypted anew does not thereby get to see them.
#[test]
fn nothing_encrypted_comes_out_in_plaintext() {
    let (server, [_, key], sealed) = start();
    put(&server, &schema(&key, "SIGN_ONLY"));
    let outcome = send(&server, "re-encrypt", std::slice::from_ref(&sealed)).remove(0);
    assert_eq!(outcome["error"]["code"], "AttributeWithheld", "{outcome}");
    assert_eq!(outcome["error"]["attribute"], "ssn");
    assert!(!outcome.to_string().contains("078"), "{outcome}");
    // A rewrapped item keeps what it was written with.
    let moved = send(&server, "rewrap", std::slice::from_ref(&sealed))[0]["item"].clone();
    assert_eq!(moved["ssn"], sealed["ssn"]);
    assert_eq!(send(&server, "decrypt", &[moved])[0]["item"], person("1"));
}

/// What the format has beside header and footer is kept, or the item is refused.
#[test]
fn beacons_are_not_lost() {
    let (server, _, mut sealed) = start();
    sealed["aws_dbe_b_ssn"] = json!("3f");
    let outcome = send(&server, "re-encrypt", std::slice::from_ref(&sealed)).remove(0);
    assert_eq!(outcome["error"]["code"], "ReservedAttribute", "{outcome}");
    let moved = send(&server, "rewrap", &[sealed])[0]["item"].clone();
    assert_eq!(moved["aws_dbe_b_ssn"], "3f");
}

#[test]
fn documents_are_encrypted_anew() {
    let server = Server::start();
    let [old, new] = [server.new_key(), server.new_key()];
    let schema = |key: &str, ssn: &str| {
        json!({
            "kind": "document", "tableName": "people", "idPaths": ["/id"], "keyId": key,
            "pathActionsOnEncrypt": {
                "/id": "SIGN_ONLY", "/ssn": ssn, "/home": "ENCRYPT_AND_SIGN",
            },
            "defaultAction": "SIGN_ONLY",
        })
    };
    put(&server, &schema(&old, "ENCRYPT_AND_SIGN"));
    let whole =
        json!({ "id": "1", "ssn": "078-05-1120", "home": { "city": "Ulm", "zip": [8, 9] } });
    let send = |verb: &str, item: &Value| {
        let body = json!({ "format": "document", "items": [item] });
        server.rest("POST", &format!("{PATH}/{verb}"), &body)
    };
    let sealed = send("encrypt", &whole).ok()["items"][0]["item"].clone();
    put(&server, &schema(&new, "ENCRYPT_AND_SIGN"));
    let answer = send("rewrap", &sealed);
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("re-encrypt them"), "{}", answer.text());
    let moved = send("re-encrypt", &sealed).ok()["items"][0]["item"].clone();
    assert!(moved["ssn"] != sealed["ssn"] && moved["ssn"].is_string(), "{moved}");
    server.call("DisableKey", &json!({ "KeyId": old })).ok();
    assert_eq!(send("decrypt", &moved).ok()["items"][0]["item"], whole);

    put(&server, &schema(&new, "SIGN_ONLY"));
    let outcome = send("re-encrypt", &moved).ok()["items"][0].clone();
    assert_eq!(outcome["error"]["code"], "AttributeWithheld", "{outcome}");
    assert_eq!(outcome["error"]["attribute"], "/ssn");
    assert!(!outcome.to_string().contains("078"), "{outcome}");
}

/// The new schema has no action for what was encrypted whole: what is inside of it is
/// told to nobody, and the book says that it was opened.
#[test]
fn names_inside_of_an_encrypted_value_stay_inside() {
    let server = Server::start();
    let key = server.new_key();
    let schema = |paths: &Value| {
        json!({
            "kind": "document", "tableName": "people", "idPaths": ["/id"], "keyId": key,
            "pathActionsOnEncrypt": paths,
        })
    };
    put(&server, &schema(&json!({ "/id": "SIGN_ONLY", "/contacts": "ENCRYPT_AND_SIGN" })));
    let send = |verb: &str, item: &Value| {
        let body = json!({ "format": "document", "items": [item] });
        server.rest("POST", &format!("{PATH}/{verb}"), &body).ok()["items"][0].clone()
    };
    let contacts = json!({ "ada@example.com": { "name": "Ada", "phone": "1" } });
    let sealed = send("encrypt", &json!({ "id": "1", "contacts": contacts }))["item"].clone();
    put(&server, &schema(&json!({ "/id": "SIGN_ONLY", "/contacts/*/phone": "ENCRYPT_AND_SIGN" })));
    let refused = send("re-encrypt", &sealed);
    assert_eq!(refused["error"]["code"], "AttributeWithheld", "{refused}");
    assert_eq!(refused["error"]["attribute"], "/contacts");
    assert!(!refused.to_string().contains("ada"), "{refused}");
    // What no path decides about now is `/~`.
    let read = json!({ "/~": "plain", "/contacts/*/phone": "plain" });
    assert_eq!(re_encrypted(&server, "1"), [read]);
}
