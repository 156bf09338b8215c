//! The log is signed, proofs of it hold, and a folder that was cut, rolled back
//! or changed is not served.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rusqlite::Connection;
use serde_json::{Value, json};
use wardbook::audit::Opened;
use wardbook::audit::ledger::{
    Checkpoint, Hash, TlogProof, VerifierKey, verify_consistency, verify_inclusion,
};

use crate::calls::ALLOW;
use crate::fixture::collector::Collector;
use crate::fixture::door::Door;
use crate::fixture::program::Home;
use crate::fixture::raw::Request;
use crate::fixture::{Credentials, Server, wait_until};
use crate::server_events;

fn hash(value: &Value) -> Hash {
    BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

/// Hashes of an answer.
pub(crate) fn hashes(values: &Value) -> Vec<Hash> {
    values.as_array().unwrap().iter().map(hash).collect()
}

fn head(door: &Door) -> (Checkpoint, VerifierKey) {
    let head = door.rest("GET", "/v1/audit/checkpoint", &Value::Null).ok();
    let key = VerifierKey::parse(head["publicKey"].as_str().unwrap()).unwrap();
    let checkpoint = Checkpoint::open(head["checkpoint"].as_str().unwrap(), &key).unwrap();
    assert_eq!(head["origin"], checkpoint.origin);
    assert_eq!(head["size"], checkpoint.size);
    assert_eq!(hash(&head["rootHash"]), checkpoint.root);
    (checkpoint, key)
}

#[test]
fn every_record_is_provably_in_the_log() {
    let server = Server::start();
    let (before, key) = head(&server);
    for _ in 0..300 {
        server.call("GenerateRandom", &json!({ "NumberOfBytes": 1 })).ok();
    }
    let book = server.book();
    let (now, same_key) = head(&server);
    assert_eq!((key.to_string(), now.size > 300), (same_key.to_string(), true));
    for record in book.iter().step_by(29).chain(book.last()) {
        let id = record["eventID"].as_str().unwrap();
        let path = format!("/v1/audit/inclusion-proof?eventId={id}");
        let proof = server.rest("GET", &path, &Value::Null).ok();
        let file = TlogProof::parse(proof["tlogProof"].as_str().unwrap()).unwrap();
        let opened = Opened::from_evidence(file.extra.as_deref().unwrap()).unwrap();
        let signed = file.verify(&key, &opened.leaf()).unwrap();
        assert_eq!(proof["size"], signed.size);
        assert_eq!(proof["index"], file.index);
        let said = opened.record().unwrap();
        assert!(said.contains(id), "{said}");
        // In a smaller tree, too.
        let path = format!("{path}&size={}", now.size);
        let proof = server.rest("GET", &path, &Value::Null).ok();
        let (leaf, index) = (hash(&proof["leafHash"]), proof["index"].as_u64().unwrap());
        let hashes = hashes(&proof["hashes"]);
        assert!(verify_inclusion(&leaf, index, now.size, &hashes, &now.root));
    }
    let path = format!("/v1/audit/consistency-proof?from={}&to={}", before.size, now.size);
    let proof = server.rest("GET", &path, &Value::Null).ok();
    assert_eq!(hash(&proof["fromRootHash"]), before.root);
    assert_eq!(hash(&proof["toRootHash"]), now.root);
    let hashes = hashes(&proof["hashes"]);
    assert!(verify_consistency(before.size, now.size, &hashes, &before.root, &now.root));
}

#[test]
fn what_cannot_be_proved_is_refused() {
    let server = Server::start();
    let refused = |query: &str, code: &str| {
        let answer = server.rest("GET", &format!("/v1/audit/{query}"), &Value::Null);
        assert_eq!(answer.code(), code, "{query}: {answer:?}");
    };
    let id = server.events("eventName=Initialize")[0]["eventID"].as_str().unwrap().to_owned();
    let nobody = "00000000-0000-4000-8000-000000000000";
    refused(&format!("inclusion-proof?eventId={nobody}"), "NotFoundException");
    refused("inclusion-proof?eventId=one", "ValidationException");
    refused("inclusion-proof", "ValidationException");
    for size in ["0", "100000", "-1", "x", "9223372036854775808"] {
        refused(&format!("inclusion-proof?eventId={id}&size={size}"), "ValidationException");
        refused(&format!("consistency-proof?from=1&to={size}"), "ValidationException");
    }
    refused("consistency-proof", "ValidationException");
    refused("consistency-proof?from=100000", "ValidationException");
    refused("checkpoint?size=1", "ValidationException");

    // Who has no book of the account's sees no record of it.
    let account = json!({ "accountId": "444455556666", "accountName": "other" });
    let made = server.rest("POST", "/v1/accounts", &account).ok();
    let other = Credentials::of(&made);
    let get = |who: &Credentials, path: &str| {
        server.send_as(who, "wardbook", &Request::new("GET", path, ""))
    };
    let path = format!("/v1/audit/inclusion-proof?eventId={id}");
    assert_eq!(get(&other, &path).code(), "NotFoundException");
    let ada = server.new_user("ada", "");
    for path in ["/v1/audit/checkpoint", "/v1/audit/consistency-proof?from=1", &path] {
        assert_eq!(get(&ada, path).code(), "AccessDeniedException", "{path}");
    }
    let bob = server.new_user("bob", ALLOW);
    get(&bob, &path).ok();
}

/// Runs SQL on the book of a program that does not run.
fn sql(home: &Home, sql: &str) {
    let book = Connection::open(home.data().join("wardbook.db")).unwrap();
    book.execute_batch(sql).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn a_folder_that_was_changed_is_not_served() {
    let home = Home::new();
    let program = home.serve(&[]);
    (0..5).for_each(|_| drop(program.new_key()));
    program.terminate();
    let aside = home.data().with_extension("aside");
    copy(&home.data(), &aside);
    for change in [
        "drop trigger event_log_no_delete; \
         delete from event_log where seq = (select max(seq) from event_log)",
        "drop trigger event_log_no_update; update event_log set leaf = zeroblob(32)",
        "update head set note = replace(note, '=', 'A')",
        "delete from head",
        "delete from audit_keys",
    ] {
        sql(&home, change);
        let said = home.serve_refused(&[]);
        assert!(said.contains("wardbook audit verify"), "{change}: {said}");
        copy(&aside, &home.data());
    }
    home.serve(&[]).terminate();
    let said = home.serve_refused(&["--audit-origin", "example.com/other"]);
    assert!(said.contains("example.com/other"), "{said}");
}

/// What was written before there were heads is signed at the first start.
#[test]
fn a_folder_from_before_is_signed_as_it_is() {
    let home = Home::new();
    let program = home.serve(&[]);
    let door: &Door = &program;
    (0..300).for_each(|_| drop(door.call("GenerateRandom", &json!({ "NumberOfBytes": 1 }))));
    program.terminate();
    sql(
        &home,
        "delete from head; delete from checkpoints; delete from audit_keys; \
                delete from tree_nodes",
    );
    let program = home.serve(&["--audit-origin", "example.com/log"]);
    let (signed, key) = head(&program);
    assert_eq!(signed.origin, "example.com/log");
    let made = program.events("eventName=CreateAuditKey");
    assert_eq!(made.len(), 1);
    server_events::check(&made[0]);
    assert_eq!(made[0]["serviceEventDetails"]["auditPublicKey"], key.to_string());
    for record in program.book().iter().step_by(71) {
        let id = record["eventID"].as_str().unwrap();
        let path = format!("/v1/audit/inclusion-proof?eventId={id}");
        let proof = program.rest("GET", &path, &Value::Null).ok();
        let file = TlogProof::parse(proof["tlogProof"].as_str().unwrap()).unwrap();
        let opened = Opened::from_evidence(file.extra.as_deref().unwrap()).unwrap();
        file.verify(&key, &opened.leaf()).unwrap();
    }
    program.terminate();
    home.serve(&[]).terminate();
}

#[test]
fn a_witness_sees_that_a_folder_was_rolled_back() {
    let home = Home::new();
    let collector = Collector::start();
    let file = home.data().with_extension("witnessed");
    let url = format!("{}/witness", collector.url);
    let with = ["--audit-witness-file", file.to_str().unwrap(), "--audit-witness-url", &url];
    let program = home.serve(&with);
    let (_, key) = head(&program);
    let notes = || -> Vec<Checkpoint> {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let notes = text.split("\n\n").collect::<Vec<_>>();
        let whole = notes.chunks(2).filter(|two| two.len() == 2);
        let note = whole.map(|two| format!("{}\n\n{}\n", two[0].trim_start(), two[1].trim_end()));
        note.map(|note| Checkpoint::open(&note, &key).unwrap()).collect()
    };
    wait_until(|| !notes().is_empty());
    let metrics = program.look("/metrics").text();
    assert!(metrics.contains(r#"wardbook_witness_failures_total{wardbook_witness_kind="file"} 0"#));
    program.terminate();
    let aside = home.data().with_extension("aside");
    copy(&home.data(), &aside);
    let early = notes().last().unwrap().size;

    let program = home.serve(&with);
    program.new_key();
    program.terminate();
    let all = notes();
    assert!(all.last().unwrap().size > early);
    assert!(all.is_sorted_by_key(|note| note.size));
    let posted = collector.posts();
    let last = posted.iter().rfind(|(path, _)| path == "/witness").unwrap();
    let last = Checkpoint::open(std::str::from_utf8(&last.1).unwrap(), &key).unwrap();
    assert_eq!(&last, all.last().unwrap(), "the last head is told at the end");

    copy(&aside, &home.data());
    let said = home.serve_refused(&with);
    assert!(said.contains("are gone. If it was restored from a backup"), "{said}");
    // Without the witness nobody knows; with it, no other history either.
    home.serve(&[]).terminate();
    let program = home.serve(&[]);
    (0..10).for_each(|_| drop(program.new_key()));
    program.terminate();
    let said = home.serve_refused(&with);
    assert!(said.contains("other records"), "{said}");
}
