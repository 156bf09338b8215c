//! Every call leaves exactly one record before it is answered, whatever becomes
//! of it. What the record of each operation says is a golden file.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;
use wardbook::base::limits;

use crate::calls::{Scene, operations, refusal};
use crate::fixture::golden::{self, Golden};
use crate::fixture::raw::{self, Request, Response};
use crate::fixture::{
    Credentials, OTHER_REGION, REGION, START_MS, Server, THIRD_REGION, wait_until,
};
use crate::verify;

/// The one record of a call.
#[track_caller]
pub(crate) fn record_of(server: &Server, answer: &Response) -> Value {
    let records = server.records_of(answer.request_id());
    // Operations on items use keys on the caller's behalf, under the same id.
    let own: Vec<&Value> =
        records.iter().filter(|record| record["userIdentity"]["invokedBy"].is_null()).collect();
    assert_eq!(own.len(), 1, "{records:#?}");
    own[0].clone()
}

#[test]
fn every_operation_leaves_one_record() {
    let server = Server::at(&Arc::new(ManualClock::at(START_MS)));
    let mut golden = Golden::default();
    for operation in operations() {
        let name = operation.name;
        let scene = Scene::set(&server, &format!("x-{}", name.to_lowercase()));
        if name == "CancelKeyDeletion" {
            scene.call(&server, "ScheduleKeyDeletion").ok();
        }
        let answer = scene.call(&server, name);
        let record = record_of(&server, &answer);
        assert_eq!(record["eventName"], name);
        assert_eq!(record["eventSource"], operation.service.event_source());
        assert_eq!(record["readOnly"], operation.read_only, "{name}");
        match refusal(name) {
            None => {
                answer.ok();
                assert!(record.get("errorCode").is_none(), "{record}");
            }
            Some(code) => assert_eq!(answer.code(), code, "{}", answer.text()),
        }
        golden.compare(&format!("audit/{name}.json"), &shown(&record));
    }
    golden.check();
    verify::check_intact(&server);
}

/// What a call sets off in another Region has its record there, under the same
/// request id, and committed with the call's own.
#[test]
fn what_happens_in_another_region_is_recorded_there() {
    let server = Server::at(&Arc::new(ManualClock::at(START_MS)));
    let scene = Scene::set(&server, "x");
    let mut golden = Golden::default();
    let mut check = |operation: &str, region: &str, name: &str| {
        let answer = scene.call(&server, operation);
        answer.ok();
        let records = server.records_of(answer.request_id());
        assert_eq!(records.len(), 2, "{records:#?}");
        let [further, own] = records.as_slice() else { panic!("two") };
        assert_eq!((&own["eventName"], &own["awsRegion"]), (&json!(operation), &json!(REGION)));
        assert_eq!(further["awsRegion"], region);
        golden.compare(&format!("audit/{name}.json"), &shown(further));
    };
    check("ReplicateKey", THIRD_REGION, "further/ReplicateKey");
    check("UpdatePrimaryRegion", OTHER_REGION, "further/UpdatePrimaryRegion");
    golden.check();

    let refused = scene.call(&server, "UpdatePrimaryRegion");
    assert_eq!(refused.code(), "UnsupportedOperationException");
    assert_eq!(server.records_of(refused.request_id()).len(), 1);
}

/// What the server did by itself, and for whom.
#[test]
fn a_rotation_leaves_a_record_of_its_own() {
    let server = Server::at(&Arc::new(ManualClock::at(START_MS)));
    let key = server.new_key();
    server.call("RotateKeyOnDemand", &json!({ "KeyId": key })).ok();
    let query = format!("keyId={key}&eventName=RotateKey");
    wait_until(|| !server.events(&query).is_empty());
    let records = server.events(&query);
    assert_eq!(records.len(), 1);
    golden::check("audit/RotateKey.json", &shown(&records[0]));

    // A replica's Region learns of the new material.
    let key = server.new_multi_region_key(&[OTHER_REGION]);
    server.call("RotateKeyOnDemand", &json!({ "KeyId": key })).ok();
    let query = "eventName=SynchronizeMultiRegionKey";
    wait_until(|| !server.events(query).is_empty());
    let records = server.events(query);
    assert_eq!(records.len(), 1);
    golden::check("audit/further/RotateKey.json", &shown(&records[0]));
}

#[test]
fn what_is_refused_is_recorded() {
    let server = Server::at(&Arc::new(ManualClock::at(START_MS)));
    let ada = server.new_user("ada", "");
    let scene = Scene::set(&server, "scene");
    let mut golden = Golden::default();
    let mut check = |name: &str, answer: &Response, code: &str| {
        assert_eq!(answer.code(), code);
        golden.compare(&format!("audit/{name}.json"), &shown(&record_of(&server, answer)));
    };
    let denied = "AccessDeniedException";
    check("denied/Encrypt", &scene.call_as(&server, &ada, "Encrypt"), denied);
    check("denied/Decrypt", &scene.call_as(&server, &ada, "Decrypt"), denied);
    check("denied/CreateUser", &scene.call_as(&server, &ada, "CreateUser"), denied);

    let (_, unsigned) = scene.request("Encrypt");
    let missing = "MissingAuthenticationTokenException";
    check("refused/unsigned", &server.send(&unsigned), missing);
    let stranger = Credentials { secret: "x".to_owned(), ..ada };
    let forged = scene.call_as(&server, &stranger, "Encrypt");
    check("refused/wrong-signature", &forged, "InvalidSignatureException");
    let unknown = server.call("NoSuchThing", &json!({}));
    check("refused/unknown-operation", &unknown, "UnknownOperationException");
    let invalid = server.call("Encrypt", &json!({ "KeyId": scene.key, "Plaintext": "" }));
    check("refused/invalid", &invalid, "ValidationException");
    let dry_run = json!({ "KeyId": scene.key, "Plaintext": "eA==", "DryRun": true });
    check("refused/dry-run", &server.call("Encrypt", &dry_run), "DryRunOperationException");
    golden.check();
}

/// While the book is busy, calls pile up to the limit; the next is throttled,
/// and that too stands in the book.
#[test]
fn throttled_calls_are_recorded() {
    let server = Server::start();
    let blocked = server.block_book();
    let body = json!({ "NumberOfBytes": 1 }).to_string();
    let call = || {
        let request = Request::kms("GenerateRandom", body.clone());
        let signed = server.signed(&server.admin, "kms", &request);
        let mut stream = raw::connect(server.address).unwrap();
        let mut bytes = signed.head(signed.body.len()).into_bytes();
        bytes.extend_from_slice(&signed.body);
        stream.write_all(&bytes).unwrap();
        stream
    };
    let in_flight: Vec<_> = (0..limits::IN_FLIGHT_CALLS).map(|_| call()).collect();
    server.wait_for_queue(limits::IN_FLIGHT_CALLS);
    let mut one_more = call();
    server.wait_for_queue(limits::IN_FLIGHT_CALLS + 1);
    blocked.release();
    let throttled = raw::receive(&mut one_more).unwrap();
    assert_eq!(throttled.status, 400);
    assert_eq!(throttled.code(), "ThrottlingException");
    let text = "You have exceeded the rate at which you may call KMS. Reduce the frequency of \
                your calls.";
    assert_eq!(throttled.message(), text);
    assert_eq!(record_of(&server, &throttled)["errorCode"], "ThrottlingException");
    for mut stream in in_flight {
        raw::receive(&mut stream).unwrap().ok();
    }
    server.call("GenerateRandom", &json!({ "NumberOfBytes": 1 })).ok();
    assert_eq!(server.events("eventName=GenerateRandom&limit=1000").len(), 514);
}

/// A record as it is compared: in CloudTrail's order, with what differs from
/// run to run replaced by what it is and a number, so that equal values can
/// still be seen to be equal.
pub(crate) fn shown(record: &Value) -> String {
    let mut record = record.clone();
    if let Some(checks) = record.pointer_mut("/wardbook/fieldReads/checks") {
        *checks = Value::from("<checks>");
    }
    if let Some(size) = record.pointer_mut("/responseElements/logSize") {
        *size = Value::from("<size>");
    }
    let text = serde_json::to_string_pretty(&record).unwrap();
    let mut names = BTreeMap::new();
    let mut shown = String::new();
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let Some((kind, len)) = volatile(rest) else {
            shown.push(first);
            rest = rest.split_at(first.len_utf8()).1;
            continue;
        };
        let (value, after) = rest.split_at(len);
        let of_kind = names.keys().filter(|(other, _)| *other == kind).count();
        let name =
            names.entry((kind, value)).or_insert_with(|| format!("<{kind} {}>", of_kind + 1));
        shown.push_str(name);
        rest = after;
    }
    shown.push('\n');
    shown
}

/// What volatile value `text` starts with, if any, and its length.
fn volatile(text: &str) -> Option<(&'static str, usize)> {
    let bytes = text.as_bytes();
    let hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let is_uuid = |bytes: &[u8]| {
        bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => hex(byte),
        })
    };
    if bytes.get(..64).is_some_and(|bytes| bytes.iter().all(hex)) {
        return Some(("sha256", 64));
    }
    if text.starts_with("cks-") && bytes.get(4..21).is_some_and(|bytes| bytes.iter().all(hex)) {
        return Some(("custom key store", 21));
    }
    if bytes.get(..36).is_some_and(is_uuid) {
        return Some(("uuid", 36));
    }
    if text.starts_with("mrk-") && bytes.get(4..36).is_some_and(|bytes| bytes.iter().all(hex)) {
        return Some(("multi-Region id", 36));
    }
    let kinds = [
        ("AKIA", "access key"),
        ("ASIA", "session key"),
        ("AIDA", "user"),
        ("AROA", "role"),
        ("AGPA", "group"),
    ];
    let (_, kind) = kinds.iter().find(|(prefix, _)| text.starts_with(prefix))?;
    let len = bytes.iter().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    Some((kind, len.count()))
}

#[test]
fn shown_keeps_what_is_equal_equal() {
    let uuid = |digit: char| {
        format!("{0}-{1}-{1}-{1}-{0}{1}", digit.to_string().repeat(8), digit.to_string().repeat(4))
    };
    let record = json!([uuid('1'), uuid('2'), uuid('1'), "AKIAXYZ7", "f".repeat(64), "face"]);
    let text: Value = serde_json::from_str(&shown(&record)).unwrap();
    assert_eq!(
        text,
        json!(["<uuid 1>", "<uuid 2>", "<uuid 1>", "<access key 1>", "<sha256 1>", "face"])
    );
}
