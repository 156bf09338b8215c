//! Evidence: what an auditor keeps of the log, and how it is checked.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::json;

use super::Program;

#[test]
fn evidence_is_kept_and_checked() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    let head = program.json(&["audit", "checkpoint", "--output", "then"]);
    let key = head["public_key"].as_str().unwrap();
    let then = std::fs::read_to_string(program.path("then")).unwrap();
    assert_eq!(head["checkpoint"], then);
    assert!(then.starts_with("wardbook/"));
    let shown = program.run(&["audit", "checkpoint"]);
    assert!(shown.stdout.starts_with("wardbook/") && shown.stderr.contains(key));

    let made = program.json(&["principal", "create-user", "ada"]);
    assert_eq!(made["user_name"], "ada");
    let found = program.json(&["audit", "query", "--event-name", "CreateUser"]);
    let id = found["eventID"].as_str().unwrap();
    let proved = program.json(&["audit", "prove", "--event-id", id, "--output", "a.tlog-proof"]);
    let verify = ["audit", "verify-proof", "a.tlog-proof", "--public-key"];
    let checked = program.json(&[&verify[..], &[key]].concat());
    assert_eq!(checked, proved);
    assert!(checked["record"].as_str().unwrap().contains(id));
    program.write("key", &format!("{key}\n"));
    let said = program.run(&[&verify[..], &["key"]].concat());
    assert!(said.code == Some(0) && said.stdout.contains(" in the log wardbook/"));

    let grown = program.json(&["audit", "consistency", "--since", "then", "--output", "now"]);
    assert_eq!(grown["from"], head["size"]);
    let again = ["audit", "consistency", "--public-key", key, "--since", "now"];
    assert!(program.json(&again)["to"].as_u64() > grown["to"].as_u64());

    // Somebody else's key, another log's checkpoint, and a proof that was changed.
    let other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    program.run(&[&verify[..], &[other]].concat()).refused(1, "not signed by PeterNeumann");
    let proof = std::fs::read_to_string(program.path("a.tlog-proof")).unwrap();
    program.write("a.tlog-proof", &proof.replace("index ", "index 1"));
    program.run(&[&verify[..], &[key]].concat()).refused(1, "not a proof of inclusion");
    program.write("then", &then.replacen('\n', "1\n", 1));
    program.run(&["audit", "consistency", "--since", "then"]).refused(1, "evidence does not hold");
    program.run(&["audit", "consistency", "--since", "none"]).refused(2, "cannot read none");
}

/// What a server proves is what was asked for, and its own word is not all there is.
#[test]
fn a_proof_is_of_the_event_that_was_asked_for() {
    let mut program = Program::new();
    program.init();
    let server = program.serve(&[]);
    let made = program.json(&["principal", "create-user", "ada"]);
    assert_eq!(made["user_name"], "ada");
    let found = program.json(&["audit", "query", "--event-name", "CreateUser"]);
    let id = found["eventID"].as_str().unwrap();
    let prove = ["audit", "prove", "--event-id"];
    program.json(&[&prove[..], &[id, "--output", "a.tlog-proof"]].concat());
    let key = program.json(&["audit", "checkpoint"])["public_key"].clone();
    drop(server);

    let proof = std::fs::read_to_string(program.path("a.tlog-proof")).unwrap();
    let answer = json!({ "tlogProof": proof, "publicKey": key }).to_string();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    program.set("WARDBOOK_ENDPOINT", &format!("http://{}", listener.local_addr().unwrap()));
    let server = std::thread::spawn(move || {
        for _ in 0..3 {
            let (mut connection, _) = listener.accept().unwrap();
            BufReader::new(connection.try_clone().unwrap()).lines().next().unwrap().unwrap();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
            connection.write_all(format!("{head}{answer}").as_bytes()).unwrap();
        }
    });
    program.json(&[&prove[..], &[id]].concat());
    let other = "0d7a2d8e-93bd-4b4f-8a5c-6e9a3f0c1b2d";
    let says = program.run(&[&prove[..], &[other, "--output", "b.tlog-proof"]].concat());
    says.refused(1, "the server proved another event than 0d7a2d8e-");
    assert!(!program.path("b.tlog-proof").exists());
    let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let says = program.run(&[&prove[..], &[id, "--public-key", key]].concat());
    says.refused(1, "not signed by PeterNeumann");
    server.join().unwrap();
}

/// A leaf has what was erased, and not by whom.
#[test]
fn a_proof_says_what_it_does_not_prove() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    program.json(&["principal", "create-user", "ada"]);
    let found = program.json(&["audit", "query", "--event-name", "CreateUser"]);
    let id = found["eventID"].as_str().unwrap();
    let erase = ["audit", "erase", "--field", "userAgent", "--reason", "x", "--event-id", id];
    assert_eq!(program.run(&erase).code, Some(0));
    let erasure = program.json(&["audit", "query", "--event-name", "EraseEventFields"]);
    let by = erasure["eventID"].as_str().unwrap();
    let prove = ["audit", "prove", "--event-id", id, "--output", "a.tlog-proof"];
    let proved = program.run(&prove);
    let warned = format!("Not proved: that event {by}, which is said to have erased something");
    assert!(proved.stderr.contains(&warned), "{}", proved.stderr);
    let key = program.json(&["audit", "checkpoint"])["public_key"].clone();
    let verify = ["audit", "verify-proof", "a.tlog-proof", "--public-key", key.as_str().unwrap()];
    let checked = program.run(&verify);
    assert!(checked.code == Some(0) && checked.stderr.contains(&warned), "{}", checked.stderr);
    assert_eq!(program.json(&verify)["erased_by"], json!([by]));
    let mode = std::fs::metadata(program.path("a.tlog-proof")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Whoever closes the output of a command is not told that all of it was done.
#[test]
fn a_closed_output_is_no_success() {
    let mut program = Program::new();
    program.init();
    let server = program.serve(&[]);
    let unread = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = program.command(arguments).stdout(writer).output().unwrap();
        (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
    };
    assert_eq!(unread(&["audit", "query", "--json"]), (Some(141), String::new()));
    assert_eq!(server.stop(Signal::TERM), Some(0));
    let verify = ["audit", "verify", "--data", "data"];
    assert_eq!(unread(&verify).0, Some(141));
    // What was found is the worse news.
    let log = rusqlite::Connection::open(program.path("data/wardbook.db")).unwrap();
    log.execute_batch("create table \"x\nintact: 9 records\" (y)").unwrap();
    drop(log);
    assert_eq!(unread(&verify).0, Some(1));
    let shown = program.run(&verify).stdout;
    assert!(!shown.lines().any(|line| line.starts_with("intact")), "{shown}");
}
