//! CloudTrail over the socket, and the trail from one start to the next.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use wardbook::audit::trail::{Destination, Setting};
use wardbook::base::clock::ManualClock;

use crate::fixture::raw::{Request, Response};
use crate::fixture::{ACCOUNT, Options, REGION, START_MS, Server, wait_until};
use crate::server_events;
use crate::timers::pass;

/// The call of an operation of CloudTrail, as the administrator.
fn call(server: &Server, operation: &str, input: &Value) -> Response {
    let request = Request::cloudtrail(operation, input.to_string());
    server.send_as(&server.admin, "cloudtrail", &request)
}

fn to_folder(folder: &Path) -> Setting {
    Setting {
        destination: Destination::Folder(folder.to_owned()),
        bucket: "b-1".to_owned(),
        prefix: None,
        interval: Duration::from_secs(3_600),
        digest_interval_ms: 3_600_000,
    }
}

fn with_trail(clock: &Arc<ManualClock>, folder: &Path) -> Options {
    let clock = Arc::clone(clock);
    Options { clock, trail: Some(to_folder(folder)), ..Options::default() }
}

/// The files below a folder whose names end so.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.to_str().unwrap().ends_with(end) {
                found.push(path);
            }
        }
    }
    found
}

fn deliver(server: &Server) {
    let trail = Arc::clone(server.ctx().trail.as_ref().unwrap());
    tokio::runtime::Runtime::new().unwrap().block_on(trail.deliver()).unwrap();
}

#[test]
fn events_are_looked_up() {
    let server = Server::start();
    let key = server.new_key();
    let arn = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}");
    for _ in 0..3 {
        server.call("DescribeKey", &json!({ "KeyId": key })).ok();
    }
    let by_key = json!([{ "AttributeKey": "ResourceName", "AttributeValue": arn }]);
    let first = json!({ "LookupAttributes": by_key, "MaxResults": 2 });
    let page = call(&server, "LookupEvents", &first).ok();
    let names = |page: &Value| {
        let events = page["Events"].as_array().unwrap().iter();
        events.map(|event| event["EventName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&page), ["DescribeKey", "DescribeKey"]);
    let event = &page["Events"][0];
    assert_eq!((&event["ReadOnly"], &event["Username"]), (&json!("true"), &json!("admin")));
    let resource = json!({ "ResourceType": "AWS::KMS::Key", "ResourceName": arn });
    assert_eq!(event["Resources"], json!([resource]));
    let record: Value = serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap();
    assert_eq!(record["eventID"], event["EventId"]);
    let mut next = first;
    next["NextToken"] = page["NextToken"].clone();
    let page = call(&server, "LookupEvents", &next).ok();
    assert_eq!(names(&page), ["DescribeKey", "CreateKey"]);
    assert!(page["NextToken"].is_null());
}

#[test]
fn a_lookup_that_is_none_is_refused() {
    let server = Server::start();
    let refused = |input: Value, code: &str| {
        assert_eq!(call(&server, "LookupEvents", &input).code(), code, "{input}");
    };
    let by = |key: &str, value: &str| json!({ "AttributeKey": key, "AttributeValue": value });
    let attributes = |list: Value| json!({ "LookupAttributes": list });
    let invalid = "InvalidLookupAttributesException";
    refused(attributes(json!([by("EventName", "a"), by("ReadOnly", "true")])), invalid);
    refused(attributes(json!([by("Colour", "red")])), invalid);
    refused(attributes(json!([by("ReadOnly", "yes")])), invalid);
    refused(attributes(json!([by("EventName", "")])), "ValidationException");
    refused(json!({ "StartTime": 2, "EndTime": 1 }), "InvalidTimeRangeException");
    for number in [0, 51, -1] {
        refused(json!({ "MaxResults": number }), "InvalidMaxResultsException");
    }
    refused(json!({ "NextToken": "x" }), "InvalidNextTokenException");
    refused(json!({ "EventCategory": "data" }), "InvalidEventCategoryException");
    let insights = call(&server, "LookupEvents", &json!({ "EventCategory": "insight" })).ok();
    assert_eq!(insights, json!({ "Events": [] }));
}

#[test]
fn other_targets_and_scopes_are_refused_and_recorded() {
    let server = Server::start();
    let unsupported = call(&server, "CreateTrail", &json!({}));
    assert_eq!(unsupported.code(), "UnsupportedOperationException");
    let [record] = server.records_of(unsupported.request_id()).try_into().unwrap();
    assert_eq!(record["eventSource"], "cloudtrail.amazonaws.com");
    assert_eq!(call(&server, "Encrypt", &json!({})).code(), "UnknownOperationException");
    let request = Request::cloudtrail("LookupEvents", "{}");
    let scoped = server.send_as(&server.admin, "kms", &request);
    assert_eq!(scoped.code(), "InvalidSignatureException");
    let short = Request::new("POST", "/", "{}")
        .with("content-type", "application/x-amz-json-1.1")
        .with("x-amz-target", "CloudTrail_20131101.LookupEvents");
    server.send_as(&server.admin, "cloudtrail", &short).ok();
}

#[test]
fn there_is_no_trail_until_it_is_set() {
    let server = Server::start();
    assert_eq!(call(&server, "DescribeTrails", &json!({})).ok(), json!({ "trailList": [] }));
    assert_eq!(call(&server, "ListTrails", &json!({})).ok(), json!({ "Trails": [] }));
    assert_eq!(call(&server, "ListPublicKeys", &json!({})).ok(), json!({ "PublicKeyList": [] }));
    let name = |name: &str| call(&server, "GetTrail", &json!({ "Name": name })).code();
    assert_eq!(name("wardbook"), "TrailNotFoundException");
    assert_eq!(name("a"), "InvalidTrailNameException");
    assert_eq!(name("arn:aws:kms:eu-central-1:1:key/x"), "CloudTrailARNInvalidException");
}

/// The trail goes on where it was, and its key survives the domain key.
#[test]
fn the_trail_is_delivered_from_one_start_to_the_next() {
    let bucket = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::with(with_trail(&clock, bucket.path()));
    let arn = format!("arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/wardbook");
    let [trail] =
        call(&server, "DescribeTrails", &json!({ "trailNameList": [arn] })).ok()["trailList"]
            .as_array()
            .unwrap()
            .clone()
            .try_into()
            .unwrap();
    assert_eq!((&trail["TrailARN"], &trail["S3BucketName"]), (&json!(arn), &json!("b-1")));
    assert_eq!(call(&server, "GetTrail", &json!({ "Name": arn })).ok()["Trail"], trail);
    let keys = || {
        let listed = call(&server, "ListPublicKeys", &json!({})).ok()["PublicKeyList"].clone();
        listed.as_array().unwrap().len()
    };
    wait_until(|| keys() == 1);
    wait_until(|| files(bucket.path(), ".json.gz").len() == 1);
    assert_eq!(server.events("eventName=CreateTrailKey").len(), 1);
    server_events::check(&server.events("eventName=CreateTrailKey")[0]);

    let server = server.restart(with_trail(&clock, bucket.path()));
    clock.advance_ms(3_600_000);
    deliver(&server);
    let status = || call(&server, "GetTrailStatus", &json!({ "Name": "wardbook" })).ok();
    assert!(status()["LatestDigestDeliveryTime"].is_number());
    assert!(status().get("LatestDeliveryError").is_none());
    assert_eq!(files(bucket.path(), ".metadata.json").len(), 1);
    assert_eq!(server.events("eventName=CreateTrailKey").len(), 1);

    // What the key was sealed under goes; the key does not.
    for _ in 0..4 {
        pass(&server, &clock, 86_400_000);
    }
    let forgotten = server.events("eventName=RotateDomainKey");
    server_events::check(&forgotten[0]);
    assert!(forgotten.iter().any(|event| event["additionalEventData"]["forgotten"] == 1));
    deliver(&server);
    assert!(status().get("LatestDigestDeliveryError").is_none());
    assert_eq!(files(bucket.path(), ".metadata.json").len(), 2);

    // Somebody takes the folder away.
    std::fs::remove_dir_all(bucket.path()).unwrap();
    std::fs::write(bucket.path(), "").unwrap();
    let trail = Arc::clone(server.ctx().trail.as_ref().unwrap());
    tokio::runtime::Runtime::new().unwrap().block_on(trail.deliver()).unwrap_err();
    let told = status()["LatestDeliveryError"].as_str().unwrap().to_owned();
    assert_eq!(told, "a file cannot be written: not a directory");
    std::fs::remove_file(bucket.path()).unwrap();
    deliver(&server);
    assert!(status().get("LatestDeliveryError").is_none());
}
