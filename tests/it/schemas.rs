//! Versions of item schemas: kept, named by their hash, and changed only so that
//! items of all of them still open.

use serde_json::{Value, json};

use crate::fixture::raw::{Request, Response};
use crate::fixture::{Options, Server};

const PATH: &str = "/v1/item-schemas/people";

fn schema() -> Value {
    json!({
        "tableName": "people", "partitionKeyName": "pk",
        "attributeActionsOnEncrypt": {
            "pk": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN", "city": "SIGN_ONLY", "seen": "DO_NOTHING",
        },
        "allowedUnsignedAttributes": ["seen"],
    })
}

/// The schema with another action for this attribute.
fn with(name: &str, action: &str) -> Value {
    let mut schema = schema();
    schema["attributeActionsOnEncrypt"][name] = json!(action);
    schema
}

/// The schema in which the city is not signed.
fn unsigned_city() -> Value {
    let mut schema = with("city", "DO_NOTHING");
    schema["allowedUnsignedAttributes"] = json!(["city", "seen"]);
    schema
}

fn put(server: &Server, schema: &Value) -> Response {
    server.rest("PUT", PATH, schema)
}

#[track_caller]
fn put_ok(server: &Server, schema: &Value) -> (i64, bool, String) {
    let answer = put(server, schema).ok();
    let hash = answer["schemaHash"].as_str().unwrap().to_owned();
    (answer["version"].as_i64().unwrap(), answer["changed"].as_bool().unwrap(), hash)
}

#[track_caller]
fn refused(answer: &Response, status: u16, says: &[&str]) {
    assert_eq!(answer.status, status, "{}", answer.text());
    for part in says {
        assert!(answer.text().contains(part), "{}", answer.text());
    }
}

fn get(server: &Server, target: &str) -> Value {
    server.rest("GET", target, &Value::Null).ok()
}

fn convert(server: &Server, verb: &str, item: &Value) -> Value {
    let body = json!({ "format": "json", "items": [item] });
    server.rest("POST", &format!("{PATH}/{verb}"), &body).ok()["items"][0].clone()
}

#[test]
fn the_same_schema_makes_no_new_version() {
    let server = Server::start();
    let (version, changed, hash) = put_ok(&server, &schema());
    assert_eq!((version, changed, hash.len()), (1, true, 64));
    assert_eq!(put_ok(&server, &schema()), (1, false, hash.clone()));
    let toml = "allowedUnsignedAttributes = ['seen']\nkeyId = 'alias/aws/dynamodb'\n\
        partitionKeyName = 'pk'\ntableName = 'people'\nalgorithmSuite = '0x6701'\n\
        [attributeActionsOnEncrypt]\nseen = 'DO_NOTHING'\ncity = 'SIGN_ONLY'\npk = 'SIGN_ONLY'\n\
        ssn = 'ENCRYPT_AND_SIGN'\n";
    let request = Request::new("PUT", PATH, toml);
    let answer = server.send_as(&server.admin, "wardbook", &request).ok();
    assert_eq!((&answer["version"], &answer["schemaHash"]), (&json!(1), &json!(hash)));
    assert_eq!(get(&server, "/v1/item-schemas")["itemSchemas"][0]["schemaHash"], hash);
    let record = server.events("eventName=PutItemSchema").remove(0);
    assert_eq!(record["responseElements"]["schemaHash"], hash);
}

/// An alias that names another key is a change, though the text is the same.
#[test]
fn a_moved_alias_makes_a_new_version() {
    let server = Server::start();
    let mut schema = schema();
    schema["keyId"] = json!("alias/people");
    let alias = |operation: &str| {
        let input = json!({ "AliasName": "alias/people", "TargetKeyId": server.new_key() });
        server.call(operation, &input)
    };
    assert_eq!(alias("CreateAlias").status, 200);
    let (_, _, hash) = put_ok(&server, &schema);
    assert_eq!(alias("UpdateAlias").status, 200);
    assert_eq!(put_ok(&server, &schema), (2, true, hash));
    let change =
        get(&server, &format!("{PATH}/versions"))["itemSchemaVersions"][0]["change"].clone();
    assert!(change.as_str().unwrap().starts_with("key: arn:aws:kms:"), "{change}");
}

#[test]
fn every_version_is_kept() {
    let server = Server::start();
    put_ok(&server, &schema());
    put_ok(&server, &with("city", "ENCRYPT_AND_SIGN"));
    let check = |server: &Server| {
        let history = get(server, &format!("{PATH}/versions"));
        let history = history["itemSchemaVersions"].as_array().unwrap();
        let told: Vec<_> =
            history.iter().map(|entry| (&entry["version"], &entry["change"])).collect();
        let want = [
            json!(2),
            json!("`city`: SIGN_ONLY -> ENCRYPT_AND_SIGN"),
            json!(1),
            json!("first version"),
        ];
        assert_eq!(told, [(&want[0], &want[1]), (&want[2], &want[3])]);
        for entry in history {
            assert_eq!(entry["createdBy"], "arn:aws:iam::111122223333:user/admin");
            let version = get(server, &format!("{PATH}?version={}", entry["version"]));
            assert_eq!(version["schemaHash"], entry["schemaHash"]);
        }
        let first = get(server, &format!("{PATH}?version=1"));
        let actions = &first["schema"]["attributeActionsOnEncrypt"];
        assert_eq!(actions["city"], "SIGN_ONLY");
        assert_eq!(get(server, PATH)["version"], 2);
    };
    check(&server);
    let server = server.restart(Options::default());
    check(&server);
    refused(
        &server.rest("GET", &format!("{PATH}?version=3"), &Value::Null),
        404,
        &["no version 3"],
    );
    refused(
        &server.rest("GET", &format!("{PATH}?version=x"), &Value::Null),
        400,
        &["whole number"],
    );
    refused(&server.rest("GET", "/v1/item-schemas/none/versions", &Value::Null), 404, &[]);
}

#[test]
fn histories_come_in_pages() {
    let server = Server::start();
    for version in 1..=102 {
        put_ok(&server, &with(&format!("a{version}"), "SIGN_ONLY"));
    }
    let first = get(&server, &format!("{PATH}/versions"));
    let cursor = first["nextCursor"].as_str().unwrap();
    let rest = get(&server, &format!("{PATH}/versions?cursor={}", cursor.replace('=', "%3D")));
    let numbers = |page: &Value| -> Vec<i64> {
        let entries = page["itemSchemaVersions"].as_array().unwrap();
        entries.iter().map(|entry| entry["version"].as_i64().unwrap()).collect()
    };
    assert_eq!(numbers(&first), (3..=102).rev().collect::<Vec<_>>());
    assert_eq!(numbers(&rest), [2, 1]);
    assert!(rest.get("nextCursor").is_none());
}

#[test]
fn a_cursor_that_is_none_is_refused() {
    let server = Server::start();
    put_ok(&server, &schema());
    let cursor = wardbook::wire::paging::marker("ListItemSchemaVersions people", "x");
    let target = format!("{PATH}/versions?cursor={}", cursor.replace('=', "%3D"));
    let answer = server.rest("GET", &target, &Value::Null);
    refused(&answer, 400, &["InvalidMarkerException"]);
}

/// What is personal stays personal in the items that have it.
#[test]
fn labels_outlive_the_attribute() {
    let server = Server::start();
    let mut first = schema();
    first["attributes"] = json!({ "ssn": { "labels": ["pii"] } });
    put_ok(&server, &first);
    let item = json!({ "pk": "1", "ssn": "078-05-1120" });
    let sealed = convert(&server, "encrypt", &item)["item"].clone();
    let reader = server.new_user(
        "reader",
        r#"permit (principal, action, resource);
        forbid (principal, action == Action::"items:DecryptAttribute", resource)
            when { resource.labels.contains("pii") };"#,
    );
    let withheld = |server: &Server| {
        let body = json!({ "format": "json", "items": [sealed] }).to_string();
        let request = Request::new("POST", &format!("{PATH}/decrypt"), body);
        server.send_as(&reader, "wardbook", &request).ok()["items"][0]["withheld"].clone()
    };
    assert_eq!(withheld(&server), json!(["ssn"]));

    let mut without = schema();
    without["attributeActionsOnEncrypt"].as_object_mut().unwrap().remove("ssn");
    put_ok(&server, &without);
    assert_eq!(withheld(&server), json!(["ssn"]));
    let server = server.restart(Options::default());
    assert_eq!(withheld(&server), json!(["ssn"]));

    // It can be given up, and that is told.
    let changes = put(&server, &schema()).ok()["changes"].clone();
    assert_eq!(changes[0]["rule"], "reading-loosened", "{changes}");
    assert_ne!(withheld(&server), json!(["ssn"]));
}

/// What is kept of them is bounded: every call that reads documents looks at all of it.
#[test]
fn only_so_many_labels_outlive_their_attributes() {
    let server = Server::start();
    let labels: Vec<String> = (0..16).map(|n| format!("l{n}")).collect();
    let labelled = |count: usize| {
        let mut schema = schema();
        for n in 0..count {
            let name = format!("a{n}");
            schema["attributeActionsOnEncrypt"][&name] = json!("ENCRYPT_AND_SIGN");
            schema["attributes"][&name] = json!({ "labels": labels });
        }
        schema
    };
    assert_eq!(put_ok(&server, &labelled(126)).0, 1);
    let says = ["LimitExceededException", "2016 labels", "at most 2000"];
    refused(&put(&server, &schema()), 409, &says);
    let dry = format!("{PATH}?dryRun=true&allowBreaking=true");
    refused(&server.rest("PUT", &dry, &schema()), 409, &says);
    let without = |name: &str| {
        let mut schema = schema();
        schema["attributeActionsOnEncrypt"][name] = json!("ENCRYPT_AND_SIGN");
        schema
    };
    // One that stays is enough, and what is kept already counts.
    assert_eq!(put_ok(&server, &without("a7")).0, 2);
    let server = server.restart(Options::default());
    let mut more = without("a7");
    more["attributeActionsOnEncrypt"]["b"] = json!("ENCRYPT_AND_SIGN");
    more["attributes"] = json!({ "b": { "labels": ["pii"] } });
    assert_eq!(put_ok(&server, &more).0, 3);
    refused(&put(&server, &without("a7")), 409, &["2001 labels"]);
    assert_eq!(put_ok(&server, &without("a8")).0, 4);
}

#[test]
fn labels_of_a_path_outlive_it() {
    let server = Server::start();
    let alias = json!({ "AliasName": "alias/app", "TargetKeyId": server.new_key() });
    assert_eq!(server.call("CreateAlias", &alias).status, 200);
    let mut schema = json!({
        "kind": "document", "tableName": "people", "idPaths": ["/_id"], "keyId": "alias/app",
        "pathActionsOnEncrypt": { "/_id": "SIGN_ONLY", "/a/*/b": "ENCRYPT_AND_SIGN" },
        "defaultAction": "SIGN_ONLY", "attributes": { "/a/*/b": { "labels": ["pii"] } },
    });
    put_ok(&server, &schema);
    let body = json!({ "format": "document", "items": [{ "_id": "1", "a": [{ "b": "x" }] }] });
    let sealed = server.rest("POST", &format!("{PATH}/encrypt"), &body).ok();
    let sealed = sealed["items"][0]["item"].clone();
    let reader = server.new_user(
        "reader",
        r#"permit (principal, action, resource);
        forbid (principal, action == Action::"items:DecryptAttribute", resource)
            when { resource.labels.contains("pii") };"#,
    );
    let withheld = || {
        let body = json!({ "format": "document", "items": [sealed] }).to_string();
        let request = Request::new("POST", &format!("{PATH}/decrypt"), body);
        server.send_as(&reader, "wardbook", &request).ok()["items"][0]["withheld"].clone()
    };
    assert_eq!(withheld(), json!(["/a/0/b"]));
    schema["attributes"] = json!({});
    schema["pathActionsOnEncrypt"] = json!({ "/_id": "SIGN_ONLY" });
    put_ok(&server, &schema);
    assert_eq!(withheld(), json!(["/a/0/b"]));
    schema["pathActionsOnEncrypt"] = json!({ "/_id": "SIGN_ONLY", "/a": "SIGN_ONLY" });
    put_ok(&server, &schema);
    assert_eq!(withheld(), json!(["/a/0/b"]));
}

#[test]
fn items_of_every_version_open() {
    let server = Server::start();
    let item = json!({ "pk": "1", "ssn": "123-45-6789", "city": "Ulm", "seen": "now" });
    put_ok(&server, &schema());
    let first = convert(&server, "encrypt", &item)["item"].clone();
    put_ok(&server, &with("city", "ENCRYPT_AND_SIGN"));
    let second = convert(&server, "encrypt", &item)["item"].clone();
    let mut third = with("ssn", "SIGN_ONLY");
    third["algorithmSuite"] = json!("0x6700");
    third["attributeActionsOnEncrypt"].as_object_mut().unwrap().remove("city").unwrap();
    put_ok(&server, &third);
    for encrypted in [first, second] {
        assert_eq!(convert(&server, "decrypt", &encrypted)["item"], item);
    }
    // What has no action any more is verified and read, and not written.
    let error = convert(&server, "encrypt", &item)["error"].clone();
    let told = [&error["index"], &error["code"], &error["attribute"], &error["docs"]];
    let docs = "docs/item-errors.md#noactionforattribute";
    assert_eq!(told, [&json!(0), &json!("NoActionForAttribute"), &json!("city"), &json!(docs)]);
}

#[test]
fn unsafe_changes_are_refused() {
    let server = Server::start();
    put_ok(&server, &schema());
    let says =
        ["ConflictException", "UnsafeSchemaChange", "against version 1", "`city`", "allowBreaking"];
    refused(&put(&server, &unsigned_city()), 409, &says);
    let mut without = schema();
    without["attributeActionsOnEncrypt"].as_object_mut().unwrap().remove("city").unwrap();
    put_ok(&server, &without);
    // Safe against version 2, which has no city; items of version 1 have one.
    refused(&put(&server, &unsigned_city()), 409, &says);
    let mut renamed = schema();
    renamed["tableName"] = json!("persons");
    refused(&put(&server, &renamed), 409, &["tableName: `people` -> `persons`"]);
    assert_eq!(get(&server, PATH)["version"], 2);
}

/// Who says that there are no items of the versions before makes a new start.
#[test]
fn items_can_be_given_up() {
    let server = Server::start();
    put_ok(&server, &schema());
    let item = json!({ "pk": "1", "city": "Ulm" });
    let encrypted = convert(&server, "encrypt", &item)["item"].clone();
    let breaking = format!("{PATH}?allowBreaking=true");
    let answer = server.rest("PUT", &breaking, &unsigned_city()).ok();
    assert_eq!((&answer["version"], &answer["changes"][0]["class"]), (&json!(2), &json!("unsafe")));
    assert_eq!(convert(&server, "decrypt", &encrypted)["error"]["code"], "SchemaMismatch");
    let history = get(&server, &format!("{PATH}/versions"));
    assert_eq!(history["itemSchemaVersions"][0]["breaking"], true);
    let record = server.events("eventName=PutItemSchema").remove(0);
    assert_eq!(record["requestParameters"]["allowBreaking"], true);
    // From now on version 2 counts and no other before it, after a restart as well.
    let server = server.restart(Options::default());
    let mut more = unsigned_city();
    more["attributeActionsOnEncrypt"]["new"] = json!("ENCRYPT_AND_SIGN");
    assert_eq!(put_ok(&server, &more).0, 3);
    refused(&put(&server, &schema()), 409, &["against version 2"]);
    // And the way back is the same.
    server.rest("PUT", &breaking, &schema()).ok();
    assert_eq!(convert(&server, "decrypt", &encrypted)["item"], item);
}

/// A batch holds items of all versions, and the policy is asked about each name.
#[test]
fn a_batch_of_items_can_always_be_decided_about() {
    let server = Server::start();
    let encrypting = |numbers: std::ops::Range<usize>| {
        let mut schema = schema();
        let actions = schema["attributeActionsOnEncrypt"].as_object_mut().unwrap();
        actions.remove("ssn");
        actions.extend(numbers.map(|n| (format!("a{n}"), json!("ENCRYPT_AND_SIGN"))));
        schema
    };
    let breaking = format!("{PATH}?allowBreaking=true");
    let says = ["LimitExceededException", "TooManyEncryptedAttributes", "1001 attributes"];
    refused(&put(&server, &encrypting(0..1_001)), 409, &says);
    refused(&server.rest("PUT", &breaking, &encrypting(0..1_001)), 409, &says);
    assert_eq!(put_ok(&server, &encrypting(0..600)).0, 1);
    refused(&put(&server, &encrypting(500..1_001)), 409, &[&says[..], &["earlier"]].concat());
    assert_eq!(put_ok(&server, &encrypting(500..1_000)).0, 2);
    // One item more than that needs the others to be given up, once and for all.
    assert_eq!(put_ok(&server, &encrypting(0..500)).0, 3);
    refused(&put(&server, &encrypting(500..1_001)), 409, &says);
    let answer = server.rest("PUT", &breaking, &encrypting(500..1_001)).ok();
    assert_eq!(answer["version"], 4);
    let history = get(&server, &format!("{PATH}/versions"));
    assert_eq!(history["itemSchemaVersions"][0]["breaking"], true);
    let server = server.restart(Options::default());
    let mut item = json!({ "pk": "1", "city": "Ulm" });
    for n in 500..1_001 {
        item[format!("a{n}")] = json!(n);
    }
    let encrypted = convert(&server, "encrypt", &item)["item"].clone();
    assert_eq!(convert(&server, "decrypt", &encrypted)["item"], item);
    assert_eq!(put_ok(&server, &encrypting(1_001..1_500)).0, 5);
}

#[test]
fn a_dry_run_stores_nothing() {
    let server = Server::start();
    let dry = format!("{PATH}?dryRun=true");
    let mut schema = schema();
    schema["attributeActionsOnEncrypt"]["ttl"] = json!("ENCRYPT_AND_SIGN");
    let answer = server.rest("PUT", &dry, &schema).ok();
    assert_eq!((&answer["version"], &answer["changed"]), (&json!(1), &json!(true)));
    assert_eq!(answer["warnings"][0]["rule"], "ttl-encrypted");
    assert_eq!(answer["warnings"][0]["docs"], "docs/item-schemas.md#ttl-encrypted");
    refused(&server.rest("GET", PATH, &Value::Null), 404, &[]);
    put_ok(&server, &schema);
    schema["tableName"] = json!("persons");
    refused(&server.rest("PUT", &dry, &schema), 409, &["UnsafeSchemaChange"]);
    refused(&server.rest("PUT", &format!("{PATH}?dryRun=1"), &schema), 400, &["dryRun"]);
    refused(
        &server.rest("PUT", &format!("{PATH}?tableName=x"), &schema),
        400,
        &["stands in the body"],
    );
}

/// Comparing with many versions takes long. Only who puts a schema as well waits for it.
#[test]
fn changes_of_schemas_wait_for_no_others() {
    let server = Server::start();
    // Makes the key that schemas without one share, which is a change like any other.
    put_ok(&server, &schema());
    let context = server.ctx();
    let turn = context.changing.blocking_lock();
    assert_eq!(put_ok(&server, &with("city", "ENCRYPT_AND_SIGN")).0, 2);
    drop(turn);
    server.new_user("somebody", "");
}

#[test]
fn clients_pin_the_schema() {
    let server = Server::start();
    let (_, _, first) = put_ok(&server, &schema());
    let (_, _, second) = put_ok(&server, &with("city", "ENCRYPT_AND_SIGN"));
    let items = json!({ "format": "json", "items": [{ "pk": "1", "ssn": "x" }] });
    let encrypt = format!("{PATH}/encrypt");
    let in_body = |hash: &str| {
        let mut body = items.clone();
        body["schemaHash"] = json!(hash);
        server.rest("POST", &encrypt, &body)
    };
    let in_header = |hash: &str, target: &str| {
        let request = Request::new("POST", target, items.to_string());
        let request = request.with("x-wardbook-schema-hash", hash);
        server.send_as(&server.admin, "wardbook", &request)
    };
    in_body(&second).ok();
    in_header(&second, &encrypt).ok();
    let keys = server.events("eventName=GenerateDataKey").len();
    let says = ["ConflictException", "SchemaHashMismatch", "version 2", &second];
    refused(&in_body(&first), 409, &says);
    refused(&in_header(&first, &encrypt), 409, &says);
    refused(&in_header(&second, &format!("{encrypt}?schemaHash={first}")), 409, &says);
    refused(&in_header("", &encrypt), 409, &says);
    refused(&in_header(&first, &format!("{PATH}/decrypt")), 409, &says);
    assert_eq!(server.events("eventName=GenerateDataKey").len(), keys);
    for event in server.events("eventName=EncryptItems") {
        assert_eq!(event["additionalEventData"]["schemaHash"], second);
    }
}

#[test]
fn refusals_name_the_line() {
    let server = Server::start();
    let send =
        |text: &str| server.send_as(&server.admin, "wardbook", &Request::new("PUT", PATH, text));
    let toml = "tableName = 'people'\npartitionKeyName = 'pk'\n[attributeActionsOnEncrypt]\npk = 'ENCRYPT_AND_SIGN'\n";
    let says = ["InvalidSchema: line 4: key attribute `pk` must be SIGN_ONLY"];
    refused(&send(toml), 400, &says);
    refused(
        &send(&toml.replace("tableName", "tablename")),
        400,
        &["line 1: unknown field `tablename`"],
    );
    refused(
        &send(&format!("{:#}", with("pk", "NOTHING"))),
        400,
        &["line 5: unknown variant `NOTHING`"],
    );
    refused(&send(""), 400, &["missing field"]);
    let request = Request::new("PUT", PATH, vec![0xff, 0xfe]);
    refused(&server.send_as(&server.admin, "wardbook", &request), 400, &["UTF-8"]);
}
