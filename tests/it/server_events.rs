//! What the server records that nobody called: each event as a golden file, made
//! where other tests make it happen.

use std::path::Path;

use serde_json::{Value, json};
use wardbook::base::timestamp::parse_rfc3339;

use crate::fixture::golden::Golden;
use crate::records::shown;

/// Every such event. Other golden files have those that are operations as well, and
/// what they set off in other Regions.
const EVENTS: [&str; 23] = [
    "AcceptLoss",
    "AddRootKeyProtector",
    "ClockStep",
    "CreateAuditKey",
    "CreateCustomKeyStore",
    "CreateKey",
    "CreateTrailKey",
    "DeleteExpiredKeyMaterial",
    "DeleteKey",
    "DiskReserveRestored",
    "DiskReserveUsed",
    "Initialize",
    "RecordingResumed",
    "RemoveRootKeyProtector",
    "Reseal",
    "RestoreBackup",
    "RotateDomainKey",
    "RotateKey",
    "RotateRootKey",
    "Seed",
    "ServiceStart",
    "ServiceStop",
    "UnauthenticatedCalls",
];

/// Those that a golden file of another name has.
const ELSEWHERE: [(&str, &str); 4] = [
    ("CreateCustomKeyStore", "store/at_start.json"),
    ("DeleteKey", "DeleteKey.json"),
    ("RotateKey", "RotateKey.json"),
    ("UnauthenticatedCalls", "UnauthenticatedCalls.json"),
];

#[test]
fn every_event_of_the_server_has_a_golden_record() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/audit");
    for name in EVENTS {
        let elsewhere = ELSEWHERE.iter().find(|(of, _)| *of == name);
        let file =
            elsewhere.map_or_else(|| format!("server/{name}.json"), |(_, file)| (*file).into());
        let text = std::fs::read_to_string(folder.join(&file)).unwrap_or_default();
        let record: Value = serde_json::from_str(&text).unwrap_or_default();
        assert_eq!(record["eventName"], name, "{file}");
    }
    let files = std::fs::read_dir(folder.join("server")).unwrap();
    assert_eq!(files.count(), EVENTS.len() - ELSEWHERE.len());
    // The sources name no other.
    for name in named_in_the_sources() {
        assert!(name.is_empty() || EVENTS.contains(&&*name), "{name}");
    }
}

/// The names that the sources give to events of the server.
fn named_in_the_sources() -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            let named = text.split("event_name: \"").skip(1);
            names.extend(named.map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    assert!(names.len() >= 4, "{names:?}");
    names
}

/// Compares a record of the server with its golden file.
#[track_caller]
pub(crate) fn check(record: &Value) {
    let name = record["eventName"].as_str().unwrap();
    assert!(EVENTS.contains(&name), "{name}");
    let mut record = record.clone();
    for member in ["serviceEventDetails", "additionalEventData", "responseElements"] {
        if let Some(details) = record.get_mut(member) {
            settle(details);
        }
    }
    hide_times(&mut record);
    let mut golden = Golden::default();
    golden.compare(&format!("audit/server/{name}.json"), &shown(&record));
    golden.check();
}

/// Leaves of what happened only what does not differ from machine to machine: which
/// members there are, and words.
fn settle(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(settle),
        Value::Array(values) => {
            values.truncate(1);
            values.iter_mut().for_each(settle);
        }
        Value::Number(_) => *value = json!("<number>"),
        Value::String(text) => {
            let is_word = |of: char| of.is_ascii_alphabetic() || of == '-';
            if !text.chars().all(is_word) {
                *text = "<text>".to_owned();
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn hide_times(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(hide_times),
        Value::Array(values) => values.iter_mut().for_each(hide_times),
        Value::String(text) if parse_rfc3339(text).is_some() => *text = "<time>".to_owned(),
        _ => {}
    }
}
