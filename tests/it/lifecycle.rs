//! The server starts, stops and starts again.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use crate::fixture::program::Home;
use crate::fixture::raw::{self, Request};
use crate::fixture::{Options, Server, wait_until};
use crate::server_events;

#[test]
fn starts_and_stops_are_recorded() {
    let home = Home::new();
    for run in 1..=2 {
        let program = home.serve(&[]);
        assert_eq!(program.events("eventName=ServiceStart").len(), run);
        assert_eq!(program.events("eventName=ServiceStop").len(), run - 1);
        for name in ["Initialize", "CreateAuditKey", "ServiceStart", "ServiceStop"] {
            if let Some(record) = program.events(&format!("eventName={name}")).last() {
                server_events::check(record);
            }
        }
        assert_eq!(program.look("/health/live").json(), json!({ "status": "live" }));
        let ready = program.look("/health/ready").json();
        assert_eq!(ready["status"], "ready");
        assert!(ready["book"]["lastRecord"].as_u64().unwrap() >= 2);
        program.terminate();
    }
}

/// A call that has begun when the server is told to stop is finished first.
#[test]
fn a_call_in_flight_is_answered_before_the_end() {
    let mut server = Server::start();
    let blocked = server.block_book();
    let call = Request::kms("CreateKey", json!({}).to_string());
    let call = server.signed(&server.admin, "kms", &call);
    let address = server.address;
    let in_flight = std::thread::spawn(move || raw::send(address, &call).unwrap());
    server.wait_for_queue(1);
    server.tell_to_stop();
    wait_until(|| !takes_connections(address));
    blocked.release();
    let answer = in_flight.join().unwrap();
    let key = answer.ok()["KeyMetadata"]["KeyId"].clone();
    let server = server.restart(Options::default());
    assert_eq!(server.records_of(answer.request_id()).len(), 1);
    server.call("DescribeKey", &json!({ "KeyId": key })).ok();
}

/// Whether a new connection is served, and soon.
fn takes_connections(address: SocketAddr) -> bool {
    let mut stream = raw::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    stream.write_all(Request::new("GET", "/health/live", "").head(0).as_bytes()).unwrap();
    raw::receive(&mut stream).is_ok()
}

/// Keys, aliases, users and their rights are what they were.
#[test]
fn nothing_is_forgotten() {
    let server = Server::start();
    let key = server.new_key();
    let made = server.call("Encrypt", &json!({ "KeyId": key, "Plaintext": "eA==" })).ok();
    let blob = json!({ "CiphertextBlob": made["CiphertextBlob"] });
    server.call("CreateAlias", &json!({ "AliasName": "alias/app", "TargetKeyId": key })).ok();
    let (ada, bob) = (server.new_user("ada", crate::calls::ALLOW), server.new_user("bob", ""));
    let server = server.restart(Options::default());
    assert_eq!(server.call_as(&ada, "Decrypt", &blob).ok()["Plaintext"], "eA==");
    assert_eq!(server.call_as(&bob, "Decrypt", &blob).code(), "AccessDeniedException");
    let described = server.call("DescribeKey", &json!({ "KeyId": "alias/app" })).ok();
    assert_eq!(described["KeyMetadata"]["KeyId"], key);
}
