//! What the server does by itself when time passes: through the same pipeline,
//! as the system, with records.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use wardbook::app::{RootKeyFolder, RootKeySource};
use wardbook::base::clock::ManualClock;
use wardbook::base::timestamp::{epoch_seconds, from_epoch_seconds};
use wardbook::ops::system;

use crate::fixture::server::data;
use crate::fixture::{
    ACCOUNT, OTHER_REGION, Options, REGION, START_MS, Server, THIRD_REGION, wait_until,
};
use crate::server_events;

const DAY_MS: i64 = 86_400_000;

/// Lets time pass and the timers act.
pub(crate) fn pass(server: &Server, clock: &ManualClock, ms: i64) {
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

/// A primary key waits for its replicas, and only then its own days.
#[test]
fn a_primary_key_is_deleted_after_its_replicas() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let id = server.new_multi_region_key(&[OTHER_REGION, THIRD_REGION]);
    let key = json!({ "KeyId": id });
    let week = json!({ "KeyId": id, "PendingWindowInDays": 7 });
    let arn = |region| format!("arn:aws:kms:{region}:{ACCOUNT}:key/{id}");
    let scheduled = json!({
        "KeyId": arn(REGION), "KeyState": "PendingReplicaDeletion", "PendingWindowInDays": 7,
    });
    assert_eq!(server.call("ScheduleKeyDeletion", &week).ok(), scheduled);
    let again = server.call("ScheduleKeyDeletion", &week);
    assert_eq!(again.code(), "KMSInvalidStateException");
    assert_eq!(again.message(), format!("{} is pending replica deletion.", arn(REGION)));

    // Cancelled from there, and scheduled again.
    server.call("CancelKeyDeletion", &key).ok();
    let metadata = server.call("DescribeKey", &key).ok()["KeyMetadata"].clone();
    assert_eq!(metadata["KeyState"], "Disabled");
    assert!(metadata.get("PendingDeletionWindowInDays").is_none(), "{metadata}");
    server.call("ScheduleKeyDeletion", &week).ok();

    let (first, last) = (server.in_region(OTHER_REGION), server.in_region(THIRD_REGION));
    let made = last.call("Encrypt", &json!({ "KeyId": id, "Plaintext": "eA==" })).ok();
    let blob = json!({ "CiphertextBlob": made["CiphertextBlob"] });
    first.call("ScheduleKeyDeletion", &week).ok();
    pass(&server, &clock, 7 * DAY_MS);
    assert_eq!(first.call("DescribeKey", &key).code(), "NotFoundException");
    assert_eq!(last.call("Decrypt", &blob).ok()["Plaintext"], "eA==");
    let metadata = server.call("DescribeKey", &key).ok()["KeyMetadata"].clone();
    assert_eq!(metadata["KeyState"], "PendingReplicaDeletion");
    assert_eq!(metadata["PendingDeletionWindowInDays"], 7);
    assert!(metadata.get("DeletionDate").is_none(), "{metadata}");

    last.call("ScheduleKeyDeletion", &json!({ "KeyId": id, "PendingWindowInDays": 8 })).ok();
    pass(&server, &clock, 8 * DAY_MS);
    assert_eq!(last.call("DescribeKey", &key).code(), "NotFoundException");
    let metadata = server.call("DescribeKey", &key).ok()["KeyMetadata"].clone();
    assert_eq!(metadata["KeyState"], "PendingDeletion");
    assert!(metadata.get("PendingDeletionWindowInDays").is_none(), "{metadata}");
    let due_ms = START_MS + (7 + 8 + 7) * DAY_MS;
    assert_eq!(metadata["DeletionDate"], json!(epoch_seconds(due_ms)));
    let records = server.events("eventName=DeleteKey");
    assert_eq!(records[0]["awsRegion"], THIRD_REGION);
    assert_eq!(records[0]["additionalEventData"], json!({ "pendingDeletion": arn(REGION) }));
    assert!(records[1].get("additionalEventData").is_none(), "{}", records[1]);

    // It can be cancelled from there too, and the ciphertext still opens.
    server.call("CancelKeyDeletion", &key).ok();
    server.call("EnableKey", &key).ok();
    assert_eq!(server.call("Decrypt", &blob).ok()["Plaintext"], "eA==");
    server.call("ScheduleKeyDeletion", &week).ok();
    pass(&server, &clock, 7 * DAY_MS);
    assert_eq!(server.call("DescribeKey", &key).code(), "NotFoundException");
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
    let options = Options { clock, ..Options::default() };
    // What a command records by that clock is no sign that a server ran by it.
    let server = server.restart_after(options, |folder| add_protector(folder, &ahead));
    pass(&server, &ahead, 0);
    server.call("DescribeKey", &key).ok();
    pass(&server, &ahead, DAY_MS);
    assert_eq!(server.call("DescribeKey", &key).code(), "NotFoundException");
}

/// What a command records has the time of the clock, and that of the book.
#[test]
fn a_command_says_that_its_clock_is_behind() {
    let server = Server::at(&Arc::new(ManualClock::at(START_MS)));
    server.new_key();
    let behind = Arc::new(ManualClock::at(START_MS - DAY_MS));
    let options = Options { clock: Arc::<ManualClock>::clone(&behind), ..Options::default() };
    let server = server.restart_after(options, |folder| add_protector(folder, &behind));
    let recorded = server.events("eventName=AddRootKeyProtector")[0].clone();
    assert_eq!(recorded["eventTime"], "2026-11-01T10:11:12Z");
    assert_eq!(recorded["wardbook"]["clock"]["latestRecordTime"], "2026-11-02T10:11:12.000Z");
}

fn add_protector(folder: &Path, clock: &Arc<ManualClock>) {
    let source = RootKeySource::KeyFile(folder.join("root.key"));
    let new = RootKeySource::KeyFile(folder.join("spare.key"));
    let clock = Arc::<ManualClock>::clone(clock);
    let opened = RootKeyFolder::open(data(folder), Default::default(), clock).unwrap();
    // On a thread without a runtime, as the command line has none.
    let add = move || {
        let adding = opened.add(&source, Some("spare".to_owned()), &new);
        wardbook::http::server::block_on(adding).unwrap();
    };
    std::thread::spawn(add).join().unwrap();
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
        let done = server.events("eventName=Reseal");
        server_events::check(&done[0]);
        let resealed = &done[0]["additionalEventData"]["resealed"];
        // One key for each day, two access keys, and the key that signs the log.
        assert_eq!(*resealed, json!(day + 3));
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

/// What a key is asked to encrypt again and again, and all that came of it.
struct Ciphertexts<'a> {
    key: &'a str,
    made: Vec<Value>,
}

impl Ciphertexts<'_> {
    /// One more, under the current material.
    fn add(&mut self, server: &Server) {
        let input = json!({ "KeyId": self.key, "Plaintext": "eA==" });
        let blob = server.call("Encrypt", &input).ok()["CiphertextBlob"].clone();
        self.made.push(json!({ "CiphertextBlob": blob }));
    }

    /// Each opens, and was made with another material.
    #[track_caller]
    fn check(&self, server: &Server) {
        let opened = self.made.iter().map(|input| {
            let opened = server.call("Decrypt", input).ok();
            assert_eq!(opened["Plaintext"], "eA==");
            opened["KeyMaterialId"].as_str().unwrap().to_owned()
        });
        let materials: BTreeSet<String> = opened.collect();
        assert_eq!(materials.len(), self.made.len());
        let described = server.call("DescribeKey", &json!({ "KeyId": self.key })).ok();
        let current = described["KeyMetadata"]["CurrentKeyMaterialId"].as_str().unwrap();
        assert!(materials.contains(current));
    }
}

/// Days from the start to the next rotation, from GetKeyRotationStatus.
fn next_rotation(server: &Server, key: &str) -> i64 {
    let status = server.call("GetKeyRotationStatus", &json!({ "KeyId": key })).ok();
    let next = from_epoch_seconds(status["NextRotationDate"].as_f64().unwrap());
    let since_ms = next.unwrap() - START_MS;
    assert_eq!(since_ms % DAY_MS, 0, "{status}");
    since_ms / DAY_MS
}

fn rotations(server: &Server, key: &str) -> usize {
    server.events(&format!("keyId={key}&eventName=RotateKey")).len()
}

/// Waits until the key has rotated so many times, by itself.
fn wait_for_rotations(server: &Server, key: &str, count: usize) {
    wait_until(|| server.find_key(key).materials.len() > count);
    assert_eq!(rotations(server, key), count);
}

#[test]
fn keys_rotate_by_their_schedule_for_years_and_old_ciphertexts_open() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let mut server = Server::at(&clock);
    let (key, other) = (server.new_key(), server.new_key());
    let mut ciphertexts = Ciphertexts { key: &key, made: Vec::new() };
    ciphertexts.add(&server);
    let every_100 = json!({ "KeyId": key, "RotationPeriodInDays": 100 });
    server.call("EnableKeyRotation", &every_100).ok();
    pass(&server, &clock, 100 * DAY_MS - 1);
    assert_eq!(rotations(&server, &key), 0);

    // Each time a little later than it should be; the dates stay.
    let late = [1, 100 * DAY_MS + 59_999, 100 * DAY_MS];
    for (done, ms) in (1..).zip(late) {
        pass(&server, &clock, ms);
        assert_eq!(rotations(&server, &key), done);
        assert_eq!(next_rotation(&server, &key), [200, 300, 400][done - 1]);
        ciphertexts.add(&server);
        ciphertexts.check(&server);
        pass(&server, &clock, 0);
        assert_eq!(rotations(&server, &key), done, "twice");
    }

    // Years without a running server are one rotation, and the dates stay.
    clock.advance_ms(10 * 365 * DAY_MS);
    let options = || Options { clock: Arc::<ManualClock>::clone(&clock), ..Options::default() };
    server = server.restart(options());
    wait_for_rotations(&server, &key, 4);
    assert_eq!(next_rotation(&server, &key), 4_000);
    ciphertexts.add(&server);
    ciphertexts.check(&server);
    server = server.restart(options());
    ciphertexts.check(&server);

    server.call("DisableKeyRotation", &json!({ "KeyId": key })).ok();
    pass(&server, &clock, 1_000 * DAY_MS);
    assert_eq!((rotations(&server, &key), rotations(&server, &other)), (4, 0));
    let listed = server.call("ListKeyRotations", &json!({ "KeyId": key })).ok();
    let listed = listed["Rotations"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 4);
    assert!(listed.iter().all(|entry| entry["RotationType"] == "AUTOMATIC"));
}

#[test]
fn a_disabled_key_rotates_when_it_is_enabled_again() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let key = server.new_key();
    let id = json!({ "KeyId": key });
    let mut ciphertexts = Ciphertexts { key: &key, made: Vec::new() };
    ciphertexts.add(&server);
    server.call("EnableKeyRotation", &id).ok();
    server.call("DisableKey", &id).ok();
    pass(&server, &clock, 3 * 365 * DAY_MS + DAY_MS);
    assert_eq!(rotations(&server, &key), 0);
    let status = server.call("GetKeyRotationStatus", &id).ok();
    assert_eq!(status["KeyRotationEnabled"], true);

    server.call("EnableKey", &id).ok();
    wait_for_rotations(&server, &key, 1);
    assert_eq!(next_rotation(&server, &key), 4 * 365);
    ciphertexts.add(&server);
    ciphertexts.check(&server);
    // Nothing is due now, so enabling it once more does nothing.
    server.call("EnableKey", &id).ok();
    pass(&server, &clock, 0);
    assert_eq!(rotations(&server, &key), 1);
}

#[test]
fn a_rotation_on_demand_leaves_the_schedule_alone() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let key = server.new_key();
    let id = json!({ "KeyId": key });
    let mut ciphertexts = Ciphertexts { key: &key, made: Vec::new() };
    ciphertexts.add(&server);
    server.call("EnableKeyRotation", &id).ok();
    pass(&server, &clock, 200 * DAY_MS);
    server.call("RotateKeyOnDemand", &id).ok();
    wait_for_rotations(&server, &key, 1);
    assert_eq!(next_rotation(&server, &key), 365);
    ciphertexts.add(&server);
    pass(&server, &clock, 165 * DAY_MS);
    assert_eq!(rotations(&server, &key), 2);
    ciphertexts.add(&server);
    ciphertexts.check(&server);
}

/// As if the server had died after it answered RotateKeyOnDemand: nobody was
/// told, only the note in the database is there.
#[test]
fn a_rotation_that_was_asked_for_is_done_after_a_crash() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let key = server.new_key();
    let mut ciphertexts = Ciphertexts { key: &key, made: Vec::new() };
    ciphertexts.add(&server);
    server.alter_key(&key, |key| key.on_demand_ms = Some(START_MS));
    let server = server.restart(Options { clock, ..Options::default() });
    wait_for_rotations(&server, &key, 1);
    let status = server.call("GetKeyRotationStatus", &json!({ "KeyId": key })).ok();
    assert!(status.get("OnDemandRotationStartDate").is_none(), "{status}");
    ciphertexts.add(&server);
    ciphertexts.check(&server);
}
