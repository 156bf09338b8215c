//! AWS managed keys: made when a service's alias is first named, usable
//! through that service alone, and changed by nobody.

use std::sync::Arc;

use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;
use wardbook::base::ids::{KeyId, Region};
use wardbook::keys::key::Rotation;
use wardbook::ops::system;

use super::{alias_arn, arn};
use crate::fixture::raw::Response;
use crate::fixture::{ACCOUNT, Options, REGION, START_MS, Server};
use crate::server_events;

const SERVICES: [&str; 14] = [
    "acm",
    "dynamodb",
    "ebs",
    "elasticfilesystem",
    "es",
    "glue",
    "kinesisvideo",
    "lambda",
    "rds",
    "redshift",
    "s3",
    "secretsmanager",
    "ssm",
    "xray",
];

fn describe(server: &Server, name: &str) -> Response {
    server.call("DescribeKey", &json!({ "KeyId": name }))
}

/// The key that this alias has, made if need be; its id.
#[track_caller]
fn managed(server: &Server, name: &str) -> String {
    describe(server, name).ok()["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
}

/// The records of keys that the server made by itself.
fn made(server: &Server) -> Vec<Value> {
    let mut events = server.events("eventName=CreateKey");
    events.retain(|event| event["eventType"] == "AwsServiceEvent");
    events
}

#[test]
fn a_key_is_made_when_it_is_first_named() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let answer = describe(&server, "alias/aws/s3");
    let metadata = answer.ok()["KeyMetadata"].clone();
    let key = metadata["KeyId"].as_str().unwrap().to_owned();
    for (member, expected) in [
        ("Arn", json!(arn(&key))),
        ("KeyManager", json!("AWS")),
        ("KeyState", json!("Enabled")),
        ("KeySpec", json!("SYMMETRIC_DEFAULT")),
        ("KeyUsage", json!("ENCRYPT_DECRYPT")),
        ("MultiRegion", json!(false)),
        ("Origin", json!("AWS_KMS")),
        ("Description", json!("Default key that protects my s3 data when no other key is defined")),
    ] {
        assert_eq!(metadata[member], expected, "{member}");
    }
    let record = made(&server).remove(0);
    assert_eq!(
        record["userIdentity"],
        json!({ "accountId": ACCOUNT, "invokedBy": "AWS Internal" })
    );
    assert_eq!(record["eventSource"], "kms.amazonaws.com");
    assert_eq!(record["readOnly"], false);
    assert_eq!(record["resources"][0]["ARN"], arn(&key));
    let details = json!({ "keyId": key, "aliasName": "alias/aws/s3" });
    assert_eq!(record["serviceEventDetails"], details);
    assert!(record.get("requestID").is_none(), "{record}");
    server_events::check(&record);
    // The call itself has its one record too.
    assert_eq!(server.records_of(answer.request_id()).len(), 1);

    assert_eq!(managed(&server, &alias_arn("alias/aws/s3")), key);
    assert_eq!(managed(&server, &alias_arn("alias/aws/xray")), managed(&server, "alias/aws/xray"));
    assert_eq!(made(&server).len(), 2);
    let id = KeyId::parse(&key).unwrap();
    let held = server.ctx().keys.find(&Region::parse(REGION).unwrap(), id).unwrap();
    let next_ms = START_MS + 365 * 86_400_000;
    assert_eq!(held.rotation, Some(Rotation { period_days: 365, next_ms }));
    assert_eq!(server.ctx().keys.count(&held.realm()), 0);

    let server = server.restart(Options { clock, ..Options::default() });
    assert_eq!(managed(&server, "alias/aws/s3"), key);
    assert_eq!(made(&server).len(), 2);
}

#[test]
fn it_is_not_made_for_somebody_who_may_not_use_it() {
    let server = Server::start();
    let bob =
        server.new_user("bob", r#"permit (principal, action == Action::"kms:Encrypt", resource);"#);
    let describe_as_bob =
        || server.call_as(&bob, "DescribeKey", &json!({ "KeyId": "alias/aws/s3" }));
    let answer = describe_as_bob();
    assert_eq!(answer.code(), "AccessDeniedException");
    let text = format!(
        "User: arn:aws:iam::{ACCOUNT}:user/bob is not authorized to perform: kms:DescribeKey on \
         resource: {} because no identity-based policy allows the kms:DescribeKey action",
        alias_arn("alias/aws/s3")
    );
    assert_eq!(answer.message(), text);
    let record = server.records_of(answer.request_id()).remove(0);
    assert_eq!(record["wardbook"]["decisions"][0]["denied"], "implicitIdentity", "{record}");
    assert_eq!(made(&server), Vec::<Value>::new());
    // What is there is refused him alike.
    managed(&server, "alias/aws/s3");
    assert_eq!(describe_as_bob().code(), "AccessDeniedException");
}

#[test]
fn many_who_name_it_at_once_find_one_key() {
    let server = Server::start();
    let keys: Vec<String> = std::thread::scope(|scope| {
        let callers: Vec<_> =
            (0..16).map(|_| scope.spawn(|| managed(&server, "alias/aws/rds"))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert_eq!(made(&server).len(), 1);
}

#[test]
fn predefined_aliases_are_listed_before_their_keys() {
    let server = Server::start();
    let key = managed(&server, "alias/aws/lambda");
    let own = server.new_key();
    let input = json!({ "AliasName": "alias/zebra", "TargetKeyId": own });
    server.call("CreateAlias", &input).ok();
    let mut listed = Vec::new();
    let mut input = json!({ "Limit": 4 });
    loop {
        let page = server.call("ListAliases", &input).ok();
        listed.extend_from_slice(page["Aliases"].as_array().unwrap());
        match page.get("NextMarker") {
            Some(marker) => input["Marker"] = marker.clone(),
            None => break,
        }
    }
    let names: Vec<_> = listed.iter().map(|alias| alias["AliasName"].as_str().unwrap()).collect();
    let mut expected: Vec<_> = SERVICES.map(|service| format!("alias/aws/{service}")).into();
    expected.push("alias/zebra".to_owned());
    assert_eq!(names, expected);
    for alias in &listed {
        let name = alias["AliasName"].as_str().unwrap();
        assert_eq!(alias["AliasArn"], alias_arn(name));
        let target = match name {
            "alias/aws/lambda" => json!(key),
            "alias/zebra" => json!(own),
            _ => {
                assert_eq!(alias.as_object().unwrap().len(), 2, "{alias}");
                continue;
            }
        };
        assert_eq!(alias["TargetKeyId"], target);
        assert!(alias["CreationDate"].is_number());
    }
    let of_key = server.call("ListAliases", &json!({ "KeyId": key })).ok();
    assert_eq!(of_key["Aliases"].as_array().unwrap().len(), 1);
}

#[test]
fn nobody_uses_or_changes_it_directly() {
    let server = Server::start();
    let key = managed(&server, "alias/aws/ebs");
    for (operation, more) in [
        ("Encrypt", json!({ "Plaintext": "eA==" })),
        ("GenerateDataKey", json!({ "KeySpec": "AES_256" })),
        ("PutKeyPolicy", json!({ "Policy": "{}", "BypassPolicyLockoutSafetyCheck": true })),
        ("TagResource", json!({ "Tags": [] })),
        ("UntagResource", json!({ "TagKeys": [] })),
        ("UpdateKeyDescription", json!({ "Description": "mine" })),
        ("EnableKey", json!({})),
        ("DisableKey", json!({})),
        ("EnableKeyRotation", json!({})),
        ("DisableKeyRotation", json!({})),
        ("RotateKeyOnDemand", json!({})),
        ("ScheduleKeyDeletion", json!({})),
        ("CancelKeyDeletion", json!({})),
        (
            "CreateGrant",
            json!({ "GranteePrincipal": "arn:aws:iam::111122223333:root", "Operations": ["Decrypt"] }),
        ),
    ] {
        let mut input = more;
        input["KeyId"] = json!(key);
        let answer = server.call(operation, &input);
        assert_eq!(answer.code(), "AccessDeniedException", "{operation}");
        let text = format!(
            "User: arn:aws:iam::{ACCOUNT}:user/admin is not authorized to perform: \
             kms:{operation} on resource: {} because no resource-based policy allows the \
             kms:{operation} action",
            arn(&key)
        );
        assert_eq!(answer.message(), text);
    }
    let taken = json!({ "AliasName": "alias/mine", "TargetKeyId": key });
    assert_eq!(server.call("CreateAlias", &taken).code(), "AccessDeniedException");
    let own = server.new_key();
    let moved = json!({ "AliasName": "alias/aws/ebs", "TargetKeyId": own });
    for operation in ["CreateAlias", "UpdateAlias", "DeleteAlias"] {
        let answer = server.call(operation, &moved);
        assert_eq!(
            (answer.code().as_str(), answer.message().as_str()),
            ("NotAuthorizedException", "")
        );
    }
}

#[test]
fn the_account_reads_all_of_it() {
    let server = Server::start();
    let key = managed(&server, "alias/aws/ebs");
    let input = json!({ "KeyId": key });
    for operation in [
        "DescribeKey",
        "GetKeyLastUsage",
        "ListGrants",
        "ListKeyPolicies",
        "ListKeyRotations",
        "ListResourceTags",
    ] {
        server.call(operation, &input).ok();
    }
    let policy = server.call("GetKeyPolicy", &input).ok();
    let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(policy["Id"], "auto-ebs-1");
    let condition = json!({ "StringEquals": {
        "kms:CallerAccount": ACCOUNT, "kms:ViaService": format!("ec2.{REGION}.amazonaws.com"),
    } });
    assert_eq!(policy["Statement"][0]["Condition"], condition);
    let metadata = json!(["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"]);
    assert_eq!(policy["Statement"][1]["Action"], metadata);
    // By what its policies say, not because it is the account.
    let nobody = server.new_user("nobody", "");
    let answer = server.call_as(&nobody, "DescribeKey", &input);
    assert!(
        answer
            .message()
            .ends_with("because no identity-based policy allows the kms:DescribeKey action")
    );
    let reader = r#"permit (principal, action == Action::"kms:DescribeKey", resource);"#;
    let reader = server.new_user("reader", reader);
    server.call_as(&reader, "DescribeKey", &input).ok();
}

#[test]
fn it_rotates_every_year() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let key = managed(&server, "alias/aws/glue");
    let status = || server.call("GetKeyRotationStatus", &json!({ "KeyId": key })).ok();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for year in 1..=2 {
        let status = status();
        assert_eq!(status["KeyRotationEnabled"], true);
        assert_eq!(status["RotationPeriodInDays"], 365);
        clock.advance_ms(365 * 86_400_000);
        runtime.block_on(system::run_due(server.ctx())).unwrap();
        assert_eq!(server.events("eventName=RotateKey").len(), year);
    }
}

/// DynamoDB's key protects items whose schema names no key: for whoever may
/// use the schema, without a permission on the key.
#[test]
fn items_use_the_key_of_dynamodb() {
    let server = Server::start();
    let put = |name: &str, key: Option<&str>| {
        let mut schema = json!({
            "tableName": name, "partitionKeyName": "pk",
            "attributeActionsOnEncrypt": { "pk": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN" },
        });
        if let Some(key) = key {
            schema["keyId"] = json!(key);
        }
        server.rest("PUT", &format!("/v1/item-schemas/{name}"), &schema).ok()
    };
    put("people", None);
    assert_eq!(made(&server).len(), 1);
    let shown = server.rest("GET", "/v1/item-schemas/people", &Value::Null).ok();
    assert_eq!(shown["schema"]["keyId"], "alias/aws/dynamodb", "{shown}");
    let clerk = server.new_user(
        "clerk",
        r#"permit (principal, action in [Action::"items:*", Action::"kms:crypto"], resource);"#,
    );
    let send = |path: &str, items: &Value| {
        let body = json!({ "format": "json", "items": items }).to_string();
        let request = crate::fixture::raw::Request::new("POST", path, body);
        server.send_as(&clerk, "wardbook", &request).ok()["items"].clone()
    };
    let items = json!([{ "pk": "1", "ssn": "123-45-6789" }]);
    let sealed = send("/v1/item-schemas/people/encrypt", &items);
    let opened = send("/v1/item-schemas/people/decrypt", &json!([sealed[0]["item"]]));
    assert_eq!(opened[0]["item"], items[0]);
    let record = server.events("eventName=GenerateDataKey").remove(0);
    assert_eq!(record["resources"][0]["ARN"], arn(&managed(&server, "alias/aws/dynamodb")));
    assert_eq!(record["userIdentity"]["invokedBy"], "items.wardbook");

    // The key of another service is not theirs.
    put("files", Some("alias/aws/s3"));
    let refused = send("/v1/item-schemas/files/encrypt", &items);
    assert_eq!(refused[0]["error"]["code"], "AccessDeniedException", "{refused}");
}

/// Schemas without a key share one. Who may use one of them must not read what
/// another one wrote, by a schema of the same table.
#[test]
fn a_schema_of_the_same_table_is_no_way_in() {
    let server = Server::start();
    let schema = json!({
        "tableName": "people", "partitionKeyName": "pk",
        "attributeActionsOnEncrypt": { "pk": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN" },
    });
    server.rest("PUT", "/v1/item-schemas/people", &schema).ok();
    let items = json!({ "format": "json", "items": [{ "pk": "1", "ssn": "123-45-6789" }] });
    let sealed = server.rest("POST", "/v1/item-schemas/people/encrypt", &items).ok();
    let bob = server.new_user(
        "bob",
        r#"permit (principal, action in Action::"items:*", resource == ItemSchema::"111122223333/bob");"#,
    );
    let send = |method: &str, path: &str, body: &Value| {
        let request = crate::fixture::raw::Request::new(method, path, body.to_string());
        server.send_as(&bob, "wardbook", &request)
    };
    let refused = send("PUT", "/v1/item-schemas/bob", &schema);
    assert_eq!(refused.code(), "AccessDeniedException");
    // Nor is one that somebody else has put for him.
    server.rest("PUT", "/v1/item-schemas/bob", &schema).ok();
    let theirs = json!({ "format": "json", "items": [sealed["items"][0]["item"]] });
    let answer = send("POST", "/v1/item-schemas/bob/decrypt", &theirs).ok();
    assert!(answer["items"][0].get("item").is_none(), "{answer}");
    assert_eq!(answer["items"][0]["error"]["code"], "AccessDeniedException", "{answer}");
}

/// What the server seals for itself stands under keys of its own, which no
/// list shows.
#[test]
fn no_list_shows_the_keys_of_the_server_itself() {
    let server = Server::start();
    server.new_user("ada", "");
    server.rest("POST", "/v1/roles", &json!({ "roleName": "app" })).ok();
    let session = json!({ "sessionName": "session" });
    server.rest("POST", "/v1/roles/app/sessions", &session).ok();
    assert_eq!(server.call("ListKeys", &json!({})).ok()["Keys"], json!([]));
    let aliases = server.call("ListAliases", &json!({})).ok();
    let aliases = aliases["Aliases"].as_array().unwrap();
    assert_eq!(aliases.len(), SERVICES.len());
    assert!(aliases.iter().all(|alias| alias.get("TargetKeyId").is_none()));
}
