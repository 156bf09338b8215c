//! A book that is slow or cannot be moved on: nobody is answered who has no
//! durable record, and nobody's record is lost who was.

use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};
use wardbook::store;

use crate::calls::Scene;
use crate::fixture::program::Home;
use crate::fixture::{Options, Server, wait_until};
use crate::server_events;

fn impatient() -> Options {
    let store = store::Settings { commit_wait_ms: 700, ..Options::default().store };
    Options { store, ..Options::default() }
}

/// The writer has begun with the call, and somebody holds it up for longer than
/// the caller waits: the caller is told an error, and the book says what became
/// of the call.
#[test]
fn what_was_begun_may_still_happen() {
    let server = Server::with(impatient());
    let other = Connection::open(server.book_file()).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let answer = server.call("CreateKey", &json!({ "Description": "slow" }));
    assert_eq!((answer.status, answer.code().as_str()), (500, "KMSInternalException"));
    other.execute_batch("rollback").unwrap();
    wait_until(|| server.call("ListKeys", &json!({})).status == 200);
    let records = server.records_of(answer.request_id());
    assert_eq!(records.len(), 1);
    assert!(records[0].get("errorCode").is_none());
    let keys = server.call("ListKeys", &json!({})).ok();
    let made = &records[0]["responseElements"]["keyMetadata"]["keyId"];
    assert_eq!(keys["Keys"][0]["KeyId"], *made);
}

/// The writer stands still before it comes to the call: then nothing happened.
#[test]
fn what_was_not_begun_does_not_happen() {
    let server = Server::with(impatient());
    let scene = Scene::set(&server, "scene");
    let blocked = server.block_book();
    let answer = server.call("CreateKey", &json!({}));
    assert_eq!((answer.status, answer.code().as_str()), (500, "KMSInternalException"));
    let encrypt = scene.call(&server, "Encrypt");
    assert_eq!(encrypt.code(), "KMSInternalException");
    blocked.release();
    server.call("ListKeys", &json!({})).ok();
    for answer in [answer, encrypt] {
        let none: Vec<Value> = server.records_of(answer.request_id());
        assert!(none.is_empty(), "{none:?}");
    }
}

/// The database file cannot grow, so that no checkpoint comes to its end: the
/// write-ahead log takes what it may, then calls are refused. What was answered is
/// there when the file can grow again.
#[test]
fn a_checkpoint_that_fails() {
    let home = Home::new();
    let limited = home.serve_limited(10 * 1024 * 1024);
    let mut answered = Vec::new();
    let mut number: u32 = 0;
    loop {
        // Not to be compressed to nothing.
        let text: String = (0..500)
            .map(|_| {
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                format!("{number:08x}")
            })
            .collect();
        let answer = limited.call("CreateKey", &json!({ "Description": text }));
        if answer.status != 200 {
            assert_eq!((answer.status, answer.code().as_str()), (500, "KMSInternalException"));
            break;
        }
        answered.push(answer.request_id().to_owned());
    }
    assert!(answered.len() > 100);
    assert_eq!(limited.look("/health/ready").status, 503);
    let mut limited = limited;
    limited.kill();

    let program = home.serve(&[]);
    let book = program.book();
    let found = |id: &String| book.iter().filter(|record| record["requestID"] == **id).count();
    assert!(answered.iter().all(|id| found(id) == 1));
    program.call("CreateKey", &json!({})).ok();
    // The log is moved into the database again.
    wait_until(|| {
        program.call("CreateKey", &json!({ "Description": "x".repeat(8_000) })).ok();
        let ready = program.look("/health/ready").json();
        ready["book"]["walBytes"].as_u64().unwrap() < 4 * 1024 * 1024
    });
    program.terminate();
}

/// While nothing is written the readiness says so, and the book tells it later.
#[test]
fn an_interruption_is_recorded() {
    let server = Server::with(Options::default());
    let other = Connection::open(server.book_file()).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let answer = server.call("ListKeys", &json!({}));
    assert_eq!(answer.code(), "KMSInternalException");
    assert_eq!(server.look("/health/ready").status, 503);
    // Long enough for the watcher to see it.
    wait(Duration::from_secs(3));
    other.execute_batch("rollback").unwrap();
    wait_until(|| server.look("/health/ready").status == 200);
    wait_until(|| !server.events("eventName=RecordingResumed").is_empty());
    let resumed = server.events("eventName=RecordingResumed");
    server_events::check(&resumed[0]);
    let details = &resumed[0]["serviceEventDetails"];
    assert!(details["from"].as_str() < details["to"].as_str(), "{details}");
    assert!(details["reason"].as_str().unwrap().contains("database is locked"), "{details}");
}

#[expect(clippy::disallowed_methods, reason = "the watcher looks once a second, by itself")]
fn wait(duration: Duration) {
    std::thread::sleep(duration);
}
