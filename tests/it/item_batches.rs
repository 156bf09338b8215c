//! The keys of a batch of items: one call of KMS and one record for those that may
//! use them, and a refusal of its own for each that may not.

use std::thread;

use serde_json::{Value, json};

use crate::fixture::door::Door;
use crate::fixture::raw::Request;
use crate::fixture::{Credentials, Options, Server};

fn put_schema(server: &Door) -> String {
    let key = server.new_key();
    let schema = json!({
        "tableName": "people", "partitionKeyName": "pk", "keyId": key, "algorithmSuite": "0x6700",
        "attributeActionsOnEncrypt": { "pk": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN" },
    });
    server.rest("PUT", "/v1/item-schemas/people", &schema).ok();
    key
}

fn person(id: &str) -> Value {
    json!({ "pk": id, "ssn": "123-45-6789" })
}

/// Sends a batch, and answers its entries.
fn send_as(server: &Door, who: &Credentials, verb: &str, items: &[Value]) -> Vec<Value> {
    let body = json!({ "format": "json", "items": items }).to_string();
    let path = format!("/v1/item-schemas/people/{verb}");
    let request = Request::new("POST", &path, body);
    let answer = server.send_as(who, "wardbook", &request).ok();
    answer["items"].as_array().unwrap().clone()
}

fn items(entries: &[Value]) -> Vec<Value> {
    entries.iter().map(|entry| entry["item"].clone()).collect()
}

#[test]
fn a_body_that_cannot_be_read_names_its_item() {
    let server = Server::start();
    put_schema(&server);
    let good = person("1").to_string();
    let body = format!(r#"{{"items":[{good},{good},{{"ssn":123-45-6789}}]}}"#);
    let at = body.find("123-45-6789}").unwrap() + 3;
    let refused = format!(
        "MalformedBatch: the body is not JSON at line 1 column {} (byte {at}), in items[2]: mend it \
         and send all again; see docs/item-errors.md#malformedbatch.",
        at + 1
    );
    let many = format!(r#"{{"items":[{}0]}}"#, "0,".repeat(100));
    let too_many = "BatchTooLarge: a batch has at most 100 items: send fewer; see \
                    docs/item-errors.md#batchtoolarge.";
    for verb in ["encrypt", "decrypt", "rewrap", "re-encrypt"] {
        let path = format!("/v1/item-schemas/people/{verb}");
        for (body, text) in [(&body, refused.as_str()), (&many, too_many)] {
            let request = Request::new("POST", &path, body.as_bytes());
            let answer = server.send_as(&server.admin, "wardbook", &request);
            assert_eq!(answer.status, 400, "{}", answer.text());
            assert!(answer.text().contains(text), "{verb}: {}", answer.text());
        }
    }
    assert!(server.events("eventName=GenerateDataKey").is_empty());
    assert!(server.events("eventName=Decrypt").is_empty());
}

#[test]
fn a_batch_uses_its_key_in_one_call() {
    let server = Server::start();
    let key = put_schema(&server);
    let people = ["1", "2", "3"].map(person);
    let sealed = items(&send_as(&server, &server.admin, "encrypt", &people));
    assert_eq!(items(&send_as(&server, &server.admin, "decrypt", &sealed)), people);
    for name in ["GenerateDataKey", "Decrypt"] {
        let records = server.events(&format!("eventName={name}"));
        assert_eq!(records.len(), 1, "{records:#?}");
        let record = &records[0];
        assert_eq!(record["additionalEventData"]["items"], 3, "{record:#}");
        assert_eq!(record["userIdentity"]["invokedBy"], "items.wardbook");
        assert!(record["additionalEventData"]["keyMaterialId"].is_string(), "{record:#}");
        let resources = record["resources"].as_array().unwrap();
        assert_eq!(resources.len(), 1, "{record:#}");
        assert!(resources[0]["ARN"].as_str().unwrap().ends_with(&key));
        // What the items have in common, and not which they are.
        assert_eq!(
            record["requestParameters"]["encryptionContext"],
            json!({ "aws-crypto-table-name": "people", "aws-crypto-partition-name": "pk" })
        );
        assert_eq!(record["wardbook"]["decisions"].as_array().unwrap().len(), 1, "{record:#}");
    }
    // One item is asked for as by any client, with its whole context.
    assert_eq!(send_as(&server, &server.admin, "decrypt", &sealed[..1])[0]["item"], people[0]);
    let record = &server.events("eventName=Decrypt")[0];
    assert!(record["requestParameters"]["encryptionContext"]["aws-crypto-attr.pk"].is_string());
    assert!(record["additionalEventData"].get("items").is_none());
}

/// A key policy decides on each item by its context.
#[test]
fn what_may_not_be_read_is_refused_alone() {
    let server = Server::start();
    put_schema(&server);
    let people = ["1", "2", "3"].map(person);
    let sealed = items(&send_as(&server, &server.admin, "encrypt", &people));
    // The value in a context is the attribute as it is serialized, in Base64.
    let second = "AAEy";
    let ada = server.new_user(
        "ada",
        &format!(
            r#"permit (principal, action in [Action::"items:DecryptItem",
                Action::"items:DecryptAttribute", Action::"kms:Decrypt"], resource);
            forbid (principal, action == Action::"kms:Decrypt", resource) when {{
                context has encryptionContext &&
                context.encryptionContext.hasTag("aws-crypto-attr.pk") &&
                context.encryptionContext.getTag("aws-crypto-attr.pk") == "{second}"
            }};"#
        ),
    );
    let entries = send_as(&server, &ada, "decrypt", &sealed);
    assert_eq!((&entries[0]["item"], &entries[2]["item"]), (&people[0], &people[2]));
    assert_eq!(entries[1]["error"]["code"], "AccessDeniedException", "{entries:#?}");
    let records = server.events("eventName=Decrypt");
    assert_eq!(records.len(), 2, "{records:#?}");
    let denied = records.iter().find(|record| record["errorCode"] == "AccessDenied").unwrap();
    let context = &denied["requestParameters"]["encryptionContext"];
    assert_eq!(context["aws-crypto-attr.pk"], second);
    let allowed = records.iter().find(|record| record.get("errorCode").is_none()).unwrap();
    assert_eq!(allowed["additionalEventData"]["items"], 2);
    let decisions = allowed["wardbook"]["decisions"].as_array().unwrap();
    assert!(decisions.iter().all(|decision| decision.get("denied").is_none()), "{decisions:#?}");
}

/// Who may read none is told so once, in the record as well.
#[test]
fn what_nobody_may_read_is_one_refusal() {
    let server = Server::start();
    put_schema(&server);
    let sealed = items(&send_as(&server, &server.admin, "encrypt", &["1", "2", "3"].map(person)));
    let bob = server.new_user(
        "bob",
        r#"permit (principal, action in [Action::"items:DecryptItem",
            Action::"items:DecryptAttribute"], resource);"#,
    );
    for entry in send_as(&server, &bob, "decrypt", &sealed) {
        assert_eq!(entry["error"]["code"], "AccessDeniedException", "{entry}");
    }
    let records = server.events("eventName=Decrypt");
    assert_eq!(records.len(), 1, "{records:#?}");
    assert_eq!(records[0]["errorCode"], "AccessDenied");
}

/// However deep an item is, it is refused alone.
#[test]
fn a_deep_item_spoils_no_other() {
    let server = Server::start();
    put_schema(&server);
    let deep = format!(r#"{{"pk":"2","ssn":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for (verb, first) in
        [("encrypt", ""), ("decrypt", "NotEncrypted"), ("re-encrypt", "NotEncrypted")]
    {
        let body = format!(r#"{{"format":"json","items":[{},{deep}]}}"#, person("1"));
        let path = format!("/v1/item-schemas/people/{verb}");
        let request = Request::new("POST", &path, body);
        let answer = server.send_as(&server.admin, "wardbook", &request).ok();
        let code = |index: usize| answer["items"][index]["error"]["code"].as_str().unwrap_or("");
        assert_eq!((code(0), code(1)), (first, "TooDeep"), "{verb}");
    }
}

/// A ciphertext that does not open is the fault of its item alone.
#[test]
fn a_damaged_item_spoils_no_other() {
    let server = Server::start();
    put_schema(&server);
    let people = ["1", "2", "3"].map(person);
    let mut sealed = items(&send_as(&server, &server.admin, "encrypt", &people));
    // Another key attribute: another context, in which the data key does not open.
    sealed[0]["pk"] = json!("4");
    let entries = send_as(&server, &server.admin, "decrypt", &sealed);
    assert_eq!(entries[0]["error"]["code"], "InvalidCiphertextException", "{entries:#?}");
    assert_eq!(items(&entries[1..]), people[1..]);
    sealed[1]["pk"] = json!("5");
    sealed[2]["pk"] = json!("6");
    for entry in send_as(&server, &server.admin, "decrypt", &sealed) {
        assert_eq!(entry["error"]["code"], "InvalidCiphertextException", "{entry}");
    }
}

/// What a policy says of the first is not told of those that it says nothing of.
#[test]
fn each_refusal_has_its_own_reason() {
    let server = Server::start();
    put_schema(&server);
    let people = ["1", "2", "3"].map(person);
    let mut sealed = items(&send_as(&server, &server.admin, "encrypt", &people));
    sealed[1]["pk"] = json!("5");
    sealed[2]["pk"] = json!("6");
    let ada = server.new_user(
        "ada",
        r#"permit (principal, action in [Action::"items:DecryptItem",
            Action::"items:DecryptAttribute", Action::"kms:Decrypt"], resource);
        forbid (principal, action == Action::"kms:Decrypt", resource) when {
            context has encryptionContext &&
            context.encryptionContext.hasTag("aws-crypto-attr.pk") &&
            context.encryptionContext.getTag("aws-crypto-attr.pk") == "AAEx"
        };"#,
    );
    let entries = send_as(&server, &ada, "decrypt", &sealed);
    let codes: Vec<&Value> = entries.iter().map(|entry| &entry["error"]["code"]).collect();
    let damaged = "InvalidCiphertextException";
    assert_eq!(codes, ["AccessDeniedException", damaged, damaged], "{entries:#?}");
    // The book has a denial of the one, and nothing of what no key was found for.
    let page = server.rest("GET", "/v1/audit/field-reads?table=people", &Value::Null).ok();
    let reads = page["reads"].as_array().unwrap();
    assert_eq!(reads.len(), 1, "{page:#}");
    assert_eq!(reads[0]["attributes"], json!({ "ssn": "withheld" }));
}

/// Those that are asked for alone, more than at once, have their answers at their places
/// and a record each.
#[test]
fn many_refusals_keep_the_order_of_the_batch() {
    let server = Server::start();
    put_schema(&server);
    let people: Vec<Value> = (0..60).map(|id| person(&id.to_string())).collect();
    let mut sealed = items(&send_as(&server, &server.admin, "encrypt", &people));
    let is_damaged = |place: usize| !place.is_multiple_of(3);
    for (place, item) in sealed.iter_mut().enumerate().filter(|(place, _)| is_damaged(*place)) {
        item["pk"] = json!(format!("other-{place}"));
    }
    let entries = send_as(&server, &server.admin, "decrypt", &sealed);
    assert_eq!(entries.len(), 60);
    for (place, entry) in entries.iter().enumerate() {
        match is_damaged(place) {
            true => {
                assert_eq!(entry["error"]["code"], "InvalidCiphertextException", "{entry}");
                assert_eq!(entry["error"]["index"], place);
            }
            false => assert_eq!(entry["item"], people[place]),
        }
    }
    let records = server.events("eventName=Decrypt&limit=1000");
    assert_eq!(records.len(), 41);
    let refused = records.iter().filter(|record| record.get("errorCode").is_some());
    let contexts = refused.map(|record| {
        record["requestParameters"]["encryptionContext"]["aws-crypto-attr.pk"].to_string()
    });
    assert_eq!(contexts.collect::<std::collections::BTreeSet<_>>().len(), 40);
}

/// The one thread that serves connections has nothing to do with the work on a batch of
/// the largest items.
#[test]
fn a_large_batch_holds_nobody_up() {
    let server = Server::with(Options { workers: 1, ..Options::default() });
    let key = put_schema(&server);
    let item = |id: i32| json!({ "pk": id, "ssn": vec![0; 409_590] });
    let batch: Vec<Value> = (1..=4).map(item).collect();
    let body = json!({ "format": "json", "items": batch }).to_string();
    let request = Request::new("POST", "/v1/item-schemas/people/encrypt", body);
    let request = server.signed(&server.admin, "wardbook", &request);
    let answered = thread::scope(|scope| {
        let sent = scope.spawn(|| server.send(&request));
        let mut answered = 0;
        while !sent.is_finished() {
            server.call("DescribeKey", &json!({ "KeyId": key })).ok();
            answered += 1;
        }
        let sealed = sent.join().unwrap().ok()["items"].as_array().unwrap().clone();
        assert!(items(&sealed).iter().all(Value::is_object));
        answered
    });
    assert!(answered > 100, "{answered} calls");
}
