//! Item schemas with several keys, and keys that other Regions have too.

use serde_json::{Value, json};

use crate::fixture::door::Door;
use crate::fixture::{ACCOUNT, Credentials, OTHER_REGION, Options, REGION, Server, raw};

const PERSON: &str = r#"{ "pk": "1", "ssn": "123-45-6789" }"#;

fn arn_in(region: &str, key_id: &str) -> String {
    format!("arn:aws:kms:{region}:{ACCOUNT}:key/{key_id}")
}

fn schema(keys: &[&str]) -> Value {
    json!({
        "tableName": "people", "partitionKeyName": "pk", "keyId": keys[0],
        "additionalKeyIds": &keys[1..],
        "attributeActionsOnEncrypt": { "pk": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN" },
    })
}

fn put(server: &Door, schema: &Value) -> raw::Response {
    server.rest("PUT", "/v1/item-schemas/people", schema)
}

/// Sends `item` to be encrypted or decrypted, and answers the entry of it.
fn send(server: &Door, verb: &str, item: &Value) -> Value {
    let body = json!({ "format": "json", "items": [item] });
    let path = format!("/v1/item-schemas/people/{verb}");
    server.rest("POST", &path, &body).ok()["items"][0].clone()
}

fn send_as(server: &Door, who: &Credentials, verb: &str, item: &Value) -> Value {
    let body = json!({ "format": "json", "items": [item] }).to_string();
    let path = format!("/v1/item-schemas/people/{verb}");
    let request = raw::Request::new("POST", &path, body);
    server.send_as(who, "wardbook", &request).ok()["items"][0].clone()
}

fn person() -> Value {
    serde_json::from_str(PERSON).unwrap()
}

#[test]
fn every_key_of_a_schema_opens_its_items() {
    let server = Server::start();
    let [one, two, three] = [(); 3].map(|()| server.new_key());
    server.call("CreateAlias", &json!({ "AliasName": "alias/two", "TargetKeyId": two })).ok();
    put(&server, &schema(&[&one, "alias/two", &three])).ok();
    let sealed = send(&server, "encrypt", &person())["item"].clone();

    // Each was asked for a key of its own, with the same context.
    let records = server.events("eventName=GenerateDataKey");
    assert_eq!(records.len(), 3);
    for (record, key) in records.iter().rev().zip([&one, &two, &three]) {
        assert_eq!(record["resources"][0]["ARN"], arn_in(REGION, key));
        let context = |record: &Value| record["requestParameters"]["encryptionContext"].clone();
        assert_eq!(context(record), context(&records[0]));
    }

    // Whichever are gone, the others open it; without any it is lost.
    for key in [&one, &two] {
        server.call("DisableKey", &json!({ "KeyId": key })).ok();
        assert_eq!(send(&server, "decrypt", &sealed)["item"], person());
        // Nothing new is written that not all keys open.
        let refused = send(&server, "encrypt", &person());
        assert_eq!(refused["error"]["code"], "DisabledException", "{refused}");
    }
    server.call("DisableKey", &json!({ "KeyId": three })).ok();
    let refused = send(&server, "decrypt", &sealed);
    assert_eq!(refused["error"]["code"], "DisabledException", "{refused}");
}

#[test]
fn the_keys_of_earlier_versions_open_what_they_wrote() {
    let server = Server::start();
    let [one, two, three] = [(); 3].map(|()| server.new_key());
    put(&server, &schema(&[&one, &two])).ok();
    let sealed = send(&server, "encrypt", &person())["item"].clone();
    put(&server, &schema(&[&three])).ok();
    server.call("DisableKey", &json!({ "KeyId": one })).ok();
    assert_eq!(send(&server, "decrypt", &sealed)["item"], person());

    // The same out of the database.
    let server = server.restart(Options::default());
    assert_eq!(send(&server, "decrypt", &sealed)["item"], person());
}

/// Each key is used by the caller's own right.
#[test]
fn who_may_use_one_key_reads_and_who_may_not_use_all_does_not_write() {
    let server = Server::start();
    let [one, two] = [(); 2].map(|()| server.new_key());
    put(&server, &schema(&[&one, &two])).ok();
    let sealed = send(&server, "encrypt", &person())["item"].clone();
    let policy = format!(
        r#"permit (principal, action in Action::"items:*", resource);
           permit (principal, action in Action::"kms:crypto", resource == Key::"{}");"#,
        arn_in(REGION, &two)
    );
    let clerk = server.new_user("clerk", &policy);
    assert_eq!(send_as(&server, &clerk, "decrypt", &sealed)["item"], person());
    let refused = send_as(&server, &clerk, "encrypt", &person());
    assert_eq!(refused["error"]["code"], "AccessDeniedException", "{refused}");
}

#[test]
fn one_key_twice_is_refused() {
    let server = Server::start();
    let key = server.new_key();
    for twice in [key.clone(), arn_in(REGION, &key)] {
        let answer = put(&server, &schema(&[&key, &twice]));
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains("twice"), "{}", answer.text());
    }
    let answer = put(&server, &schema(&[&key, "alias/none"]));
    assert!(answer.text().contains("NotFoundException"), "{}", answer.text());
}

/// A table that is copied to another Region is read there with the replica of
/// its key, and by no other key of that Region.
#[test]
fn an_item_of_another_region_opens_with_the_related_key() {
    let server = Server::start();
    let key = server.new_multi_region_key(&[OTHER_REGION]);
    put(&server, &schema(&[&key])).ok();
    let sealed = send(&server, "encrypt", &person())["item"].clone();
    let elsewhere = server.in_region(OTHER_REGION);
    put(&elsewhere, &schema(&[&key])).ok();
    assert_eq!(send(&elsewhere, "decrypt", &sealed)["item"], person());
    let records = elsewhere.events("eventName=Decrypt");
    assert_eq!(records[0]["resources"][0]["ARN"], arn_in(OTHER_REGION, &key));

    // And back.
    let sealed = send(&elsewhere, "encrypt", &person())["item"].clone();
    assert_eq!(send(&server, "decrypt", &sealed)["item"], person());
}

#[test]
fn an_unrelated_key_of_another_region_is_not_asked() {
    let server = Server::start();
    let key = server.new_multi_region_key(&[]);
    put(&server, &schema(&[&key])).ok();
    let sealed = send(&server, "encrypt", &person())["item"].clone();
    let elsewhere = server.in_region(OTHER_REGION);
    let other = elsewhere.new_multi_region_key(&[]);
    put(&elsewhere, &schema(&[&other])).ok();
    let refused = send(&elsewhere, "decrypt", &sealed);
    assert_eq!(refused["error"]["code"], "KeyMismatch", "{refused}");
}

/// An attribute in the encryption context can be asked for by a key policy, and
/// the key service's record names it.
#[test]
fn a_policy_asks_for_the_tenant_of_an_item() {
    let server = Server::start();
    let key = server.new_key();
    let mut schema = schema(&[&key]);
    let in_context = json!("SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT");
    schema["attributeActionsOnEncrypt"]["pk"] = in_context.clone();
    schema["attributeActionsOnEncrypt"]["tenant"] = in_context;
    put(&server, &schema).ok();
    let of_tenant = |tenant: &str| json!({ "pk": "1", "tenant": tenant, "ssn": "123-45-6789" });
    let sealed =
        ["blue", "red"].map(|tenant| send(&server, "encrypt", &of_tenant(tenant))["item"].clone());
    let blue = server.new_user(
        "blue",
        r#"permit (principal, action in Action::"items:*", resource);
           permit (principal, action in Action::"kms:crypto", resource)
           when { context.encryptionContext.hasTag("aws-crypto-attr.tenant")
                  && context.encryptionContext.getTag("aws-crypto-attr.tenant") == "blue" };"#,
    );
    assert_eq!(send_as(&server, &blue, "decrypt", &sealed[0])["item"], of_tenant("blue"));
    let refused = send_as(&server, &blue, "decrypt", &sealed[1]);
    assert_eq!(refused["error"]["code"], "AccessDeniedException", "{refused}");
}
