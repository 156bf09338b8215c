//! What the server does by itself when time passes: through the same pipeline,
//! as the system, with records.

use std::sync::Arc;

use serde_json::json;
use wardbook::base::clock::ManualClock;
use wardbook::ops::system;

use crate::fixture::{ACCOUNT, Options, REGION, START_MS, Server};

const DAY_MS: i64 = 86_400_000;

/// Lets time pass and the timers act.
fn pass(server: &Server, clock: &ManualClock, ms: i64) {
    clock.advance_ms(ms);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(system::run_due(server.ctx())).unwrap();
}

#[test]
fn a_key_is_deleted_when_its_time_has_come() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let (key, kept) = (server.new_key(), server.new_key());
    let made = server.call("Encrypt", &json!({ "KeyId": key, "Plaintext": "eA==" })).ok();
    let blob = json!({ "CiphertextBlob": made["CiphertextBlob"] });
    let alias = json!({ "AliasName": "alias/gone", "TargetKeyId": key });
    server.call("CreateAlias", &alias).ok();
    let week = json!({ "KeyId": key, "PendingWindowInDays": 7 });
    server.call("ScheduleKeyDeletion", &week).ok();

    pass(&server, &clock, 7 * DAY_MS - 1);
    assert_eq!(server.call("Decrypt", &blob).code(), "KMSInvalidStateException");
    assert!(server.events("eventName=DeleteKey").is_empty());

    pass(&server, &clock, DAY_MS + 1);
    let arn = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}");
    let check_gone = |server: &Server| {
        let answer = server.call("Decrypt", &blob);
        assert_eq!(answer.code(), "AccessDeniedException");
        assert_eq!(
            answer.message(),
            format!(
                "User: arn:aws:iam::{ACCOUNT}:user/admin is not authorized to perform: kms:Decrypt \
                 on the resource associated with this ciphertext because the resource does not \
                 exist in this Region, no resource-based policies allow access, or a \
                 resource-based policy explicitly denies access"
            )
        );
        let answer = server.call("DescribeKey", &json!({ "KeyId": key }));
        assert_eq!(answer.message(), format!("Key '{arn}' does not exist"));
        let answer = server.call("DescribeKey", &json!({ "KeyId": "alias/gone" }));
        assert_eq!(answer.code(), "NotFoundException");
        server.call("DescribeKey", &json!({ "KeyId": kept })).ok();
    };
    check_gone(&server);
    let records = server.events("eventName=DeleteKey");
    assert_eq!(records.len(), 1);
    let record = &records[0];
    let expected = json!({ "accountId": ACCOUNT, "invokedBy": "AWS Internal" });
    assert_eq!(record["userIdentity"], expected);
    assert_eq!(record["eventType"], "AwsServiceEvent");
    assert_eq!(record["eventSource"], "kms.amazonaws.com");
    assert_eq!(record["sourceIPAddress"], "AWS Internal");
    assert_eq!(record["userAgent"], "AWS Internal");
    assert_eq!(record["readOnly"], false);
    assert!(record.get("requestID").is_none(), "{record}");
    assert_eq!(record["requestParameters"], json!(null));
    assert_eq!(
        record["resources"],
        json!([{ "accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": arn }])
    );
    // What was done with it can still be asked.
    assert_eq!(server.events(&format!("keyId={key}&eventName=Encrypt")).len(), 1);

    let server = server.restart(Options { clock, ..Options::default() });
    check_gone(&server);
    assert_eq!(server.events("eventName=DeleteKey").len(), 1);
}

#[test]
fn a_deletion_that_was_cancelled_does_not_happen() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let key = json!({ "KeyId": server.new_key() });
    server.call("ScheduleKeyDeletion", &key).ok();
    server.call("CancelKeyDeletion", &key).ok();
    pass(&server, &clock, 31 * DAY_MS);
    let metadata = server.call("DescribeKey", &key).ok();
    assert_eq!(metadata["KeyMetadata"]["KeyState"], "Disabled");
    assert!(server.events("eventName=DeleteKey").is_empty());
}

/// Deletion cannot be undone, so a server that comes up with a clock far ahead
/// waits for a day, in which somebody can set it right.
#[test]
fn a_clock_that_is_far_ahead_at_the_start_deletes_nothing_for_a_day() {
    let server = Server::at(&Arc::new(ManualClock::at(START_MS)));
    let key = json!({ "KeyId": server.new_key() });
    server.call("ScheduleKeyDeletion", &key).ok();
    let ahead = Arc::new(ManualClock::at(START_MS + 60 * DAY_MS));
    let clock = Arc::<ManualClock>::clone(&ahead);
    let server = server.restart(Options { clock, ..Options::default() });
    pass(&server, &ahead, 0);
    server.call("DescribeKey", &key).ok();
    pass(&server, &ahead, DAY_MS);
    assert_eq!(server.call("DescribeKey", &key).code(), "NotFoundException");
}

/// A new domain key every day; what older ones sealed is sealed again, and
/// every ciphertext opens, now and after a restart.
#[test]
fn domain_keys_rotate_and_old_ciphertexts_open() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let mut server = Server::at(&clock);
    let ada = server.new_user("ada", crate::calls::ALLOW);
    let mut blobs = Vec::new();
    for day in 1..=3 {
        let key = server.new_key();
        let made = server.call("Encrypt", &json!({ "KeyId": key, "Plaintext": "eA==" })).ok();
        blobs.push(json!({ "CiphertextBlob": made["CiphertextBlob"] }));
        pass(&server, &clock, DAY_MS);
        assert_eq!(server.events("eventName=RotateDomainKey").len(), day);
        let resealed = &server.events("eventName=Reseal")[0]["additionalEventData"]["resealed"];
        // One key for each day, and two access keys.
        assert_eq!(*resealed, json!(day + 2));
        for blob in &blobs {
            assert_eq!(server.call_as(&ada, "Decrypt", blob).ok()["Plaintext"], "eA==");
        }
        let clock = Arc::clone(&clock);
        server = server.restart(Options { clock, ..Options::default() });
        for blob in &blobs {
            assert_eq!(server.call_as(&ada, "Decrypt", blob).ok()["Plaintext"], "eA==");
        }
    }
    pass(&server, &clock, 60_000);
    assert_eq!(server.events("eventName=RotateDomainKey").len(), 3);
}
