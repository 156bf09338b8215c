//! Exports that prove themselves: what the server makes is proved by its public
//! key alone, and whatever is changed of it is named.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use wardbook::audit::ledger::VerifierKey;
use wardbook::audit::verify::{Error, ExportReport, Kept, WantedExport, verify_export};
use wardbook::audit::{commitment, leaf_2, salt_of_value, split};
use wardbook::base::limits;

use crate::fixture::Server;
use crate::fixture::door::Door;

struct Checkpoint {
    note: String,
    key: VerifierKey,
    size: u64,
}

fn checkpoint(server: &Door) -> Checkpoint {
    let head = server.rest("GET", "/v1/audit/checkpoint", &Value::Null).ok();
    let text = |name: &str| head[name].as_str().unwrap().to_owned();
    let key = VerifierKey::parse(&text("publicKey")).unwrap();
    Checkpoint { note: text("checkpoint"), key, size: head["size"].as_u64().unwrap() }
}

fn export(server: &Door, query: &str) -> String {
    let path = format!("/v1/audit/export?proof=true&{query}");
    let answer = server.rest("GET", &path, &Value::Null);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    answer.text()
}

fn checked(file: &[u8], key: Option<&VerifierKey>, kept: &[&str]) -> Result<ExportReport, Error> {
    let kept = kept.iter().map(|note| Kept::text("kept", *note)).collect();
    let mut file = file;
    verify_export(WantedExport { file: &mut file, key: key.cloned(), kept }, &mut |_| {})
}

#[track_caller]
fn intact(file: &str, key: &VerifierKey, kept: &[&str]) -> ExportReport {
    let proved = checked(file.as_bytes(), Some(key), kept).unwrap();
    assert_eq!(proved.report.findings(), []);
    proved
}

fn records(file: &str) -> Vec<Value> {
    let lines = file.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line.get("record").cloned()).collect()
}

/// Calls, some of which have lost personal data.
fn filled() -> Server {
    let server = Server::start();
    let key = server.new_key();
    for i in 0..3 {
        let context = json!({ "tenant": i.to_string(), "quoted": "\"\\\u{e9}\u{1f511}" });
        let input = json!({ "KeyId": key, "Plaintext": "eA==", "EncryptionContext": context });
        server.call("Encrypt", &input).ok();
    }
    let erased = json!({
        "eventName": ["Encrypt"], "fields": ["encryptionContext"], "reason": "they asked us to",
    });
    server.rest("POST", "/v1/audit/erase", &erased).ok();
    server
}

#[test]
fn a_whole_log_is_proved_to_be_whole() {
    let server = filled();
    for _ in 0..limits::AUDIT_EXPORT_ROWS * 2 {
        server.call("GenerateRandom", &json!({ "NumberOfBytes": 8 })).ok();
    }
    let kept = checkpoint(&server);
    server.new_key();
    let file = export(&server, &format!("checkpointSize={}", kept.size));
    let proved = intact(&file, &kept.key, &[&kept.note]);
    let size = proved.report.size.unwrap();
    assert!(size > kept.size);
    assert_eq!((proved.gapless(), proved.report.records), (Some((1, size)), size));
    assert_eq!((proved.report.checkpoints, proved.report.erased), (1, 3));
    assert_eq!(proved.erased_by.len(), 0, "the erasure is in the file");
    let mut book: Vec<Value> = server.book();
    book.drain(..book.len() - usize::try_from(size).unwrap());
    assert_eq!(records(&file), book);
    // Neighbours prove one another: the file is not much longer than what it proves.
    let plain = server.rest("GET", "/v1/audit/export", &Value::Null).text();
    assert!(file.len() < plain.len() * 5 / 4, "{} of {}", file.len(), plain.len());
    // Who keeps a checkpoint needs no key; who keeps neither trusts the file's own.
    let proved = checked(file.as_bytes(), None, &[&kept.note]).unwrap();
    assert!(proved.report.is_intact() && proved.report.checkpoints == 1);
    assert!(checked(file.as_bytes(), None, &[]).unwrap().report.is_intact());
    // What was seen of another log, and what the file cannot be compared with.
    let other = checkpoint(&filled());
    let proved = checked(file.as_bytes(), Some(&other.key), &[]).unwrap();
    assert_eq!(proved.report.findings()[0].line, Some(1));
    let of_other = checked(file.as_bytes(), None, &[&other.note]);
    assert!(matches!(of_other, Err(Error::NoCheckpoint(_))), "{of_other:?}");
    let size = format!("\n{}\n", kept.size);
    let forged = kept.note.replacen(&size, &format!("\n{}\n", kept.size + 1), 1);
    let proved = checked(file.as_bytes(), Some(&kept.key), &[&forged]).unwrap();
    assert!(proved.report.findings()[0].text.contains("a checkpoint of kept"));
    let later = checkpoint(&server);
    let unlinked = checked(file.as_bytes(), None, &[&later.note]);
    assert!(matches!(unlinked, Err(Error::Unlinked { .. })), "{unlinked:?}");
    let none = checked(file.as_bytes(), None, &["nothing\n"]);
    assert!(matches!(none, Err(Error::NoCheckpoint(_))), "{none:?}");
    assert!(matches!(checked(plain.as_bytes(), None, &[]), Err(Error::NotAnExport)));
}

#[test]
fn what_a_filter_left_out_is_not_proved() {
    let server = filled();
    let key = checkpoint(&server).key;
    for _ in 0..40 {
        server.call("GenerateRandom", &json!({ "NumberOfBytes": 8 })).ok();
        server.call("ListKeys", &json!({})).ok();
    }
    let file = export(&server, "eventName=GenerateRandom");
    let proved = intact(&file, &key, &[]);
    assert_eq!((proved.report.records, proved.gapless()), (40, None));
    assert_eq!(proved.run_count, 40);
    let file = export(&server, "eventName=Encrypt");
    let proved = intact(&file, &key, &[]);
    assert_eq!(proved.report.erased, 3);
    assert_eq!(proved.erased_by.len(), 1, "the erasure is not in the file");
    let proved = intact(&export(&server, "eventName=Sign"), &key, &[]);
    assert_eq!((proved.report.records, proved.run_count), (0, 0));
}

/// Checks a changed file; it must name the line.
#[track_caller]
fn named(lines: &[String], key: &VerifierKey, line: u64, says: &str) {
    let file: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let proved = checked(file.as_bytes(), Some(key), &[]).unwrap();
    let findings = proved.report.findings();
    let named = findings.iter().any(|one| one.line == Some(line) && one.text.contains(says));
    assert!(named, "{findings:#?}");
}

#[test]
fn whatever_is_changed_is_named() {
    let server = filled();
    for _ in 0..70 {
        server.call("GenerateRandom", &json!({ "NumberOfBytes": 8 })).ok();
    }
    let key = checkpoint(&server).key;
    let file = export(&server, "");
    let lines: Vec<String> = file.lines().map(str::to_owned).collect();
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = lines.clone();
        change(&mut lines);
        lines
    };
    let says = "content was changed";
    let erased = lines.iter().position(|line| line.contains("\"erased\"")).unwrap();
    let number = u64::try_from(erased + 1).unwrap();
    let edit = |from: &str, to: &str| {
        changed(&|lines| {
            assert!(lines[erased].contains(from), "{}", lines[erased]);
            lines[erased] = lines[erased].replacen(from, to, 1);
        })
    };
    named(&edit("eu-central-1", "eu-central-2"), &key, number, says);
    named(&edit("[erased by event ", "[erased by event x"), &key, number, says);
    named(&edit("\"format\":2", "\"format\":1"), &key, number, says);

    let forged = changed(&|lines| lines[9] = forge(&lines[9]));
    named(&forged, &key, 10, "not in the log that was signed");
    let gone = changed(&|lines| drop(lines.remove(9)));
    let last = u64::try_from(lines.len()).unwrap();
    named(&gone, &key, last - 1, "missing or were added");
    // Which of the two is named depends on where they stand in the tree.
    let swapped = changed(&|lines| lines.swap(9, 10)).join("\n");
    let proved = checked(swapped.as_bytes(), Some(&key), &[]).unwrap();
    assert!(matches!(proved.report.findings()[0].line, Some(10 | 11)));
    let doubled = changed(&|lines| lines.insert(9, lines[9].clone()));
    named(&doubled, &key, 11, "it was moved, doubled or added");
    named(&changed(&|lines| drop(lines.pop())), &key, last - 1, "the file was cut");
    named(&changed(&|lines| lines.push(lines[9].clone())), &key, last + 1, "behind the end");
    named(&changed(&|lines| lines[9].clear()), &key, 10, "none of an export");
    let long = "x".repeat(limits::AUDIT_EXPORT_LINE_BYTES);
    named(&changed(&|lines| lines[9].push_str(&long)), &key, 10, "none of an export");
    let other = checkpoint(&filled()).key;
    named(&lines, &other, 1, "it names another public key");
}

/// Another record in the place of that of a line, and the leaf that it has.
fn forge(line: &str) -> String {
    let value: Value = serde_json::from_str(line).unwrap();
    let bytes = |member: &Value| BASE64_STANDARD.decode(member.as_str().unwrap()).unwrap();
    let salt = bytes(&value["salt"]).try_into().unwrap();
    let (_, record) = line.split_once("\"record\":").unwrap();
    let forged =
        record.strip_suffix('}').unwrap().replacen("\"awsRegion\":\"eu", "\"awsRegion\":\"us", 1);
    let split = split(&forged).unwrap();
    let values = split.values.iter().enumerate();
    let commitments: Vec<[u8; 32]> =
        values.map(|(i, (_, value))| commitment(&salt_of_value(&salt, i), value)).collect();
    let leaf = BASE64_STANDARD.encode(leaf_2(split.skeleton.as_bytes(), &commitments));
    let was = value["leaf"].as_str().unwrap();
    line.replacen(was, &leaf, 1).replacen(record, &format!("{forged}}}"), 1)
}

/// Each byte of a small export is changed, one after the other.
#[test]
fn no_byte_can_be_changed() {
    let server = filled();
    let kept = checkpoint(&server);
    let file = export(&server, "eventName=Encrypt&eventName=CreateKey&checkpointSize=2");
    let bytes = file.as_bytes();
    let line_of = |at: usize| {
        let before = bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        u64::try_from(before + 1).unwrap()
    };
    intact(&file, &kept.key, &[]);
    // The proof for a checkpoint that nobody has is not looked at.
    let unused = file.find("\"from\"").unwrap()..file.find('\n').unwrap();
    for at in (0..bytes.len() - 1).filter(|at| !unused.contains(at)) {
        for flip in [0x01, 0x20] {
            let mut changed = bytes.to_vec();
            changed[at] ^= flip;
            match checked(&changed, Some(&kept.key), &[]) {
                Err(Error::NotAnExport) => assert!(at < 30, "{at}"),
                Err(error) => panic!("{error:?}"),
                Ok(proved) => {
                    let findings = proved.report.findings();
                    let named = findings.iter().any(|one| one.line == Some(line_of(at)));
                    assert!(named, "byte {at}: {findings:#?}");
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_asked_for() {
    let server = Server::start();
    for (query, want) in [
        ("proof=yes", "proof must be true or false."),
        ("proof=true&format=csv", "format must be ndjson with proof=true."),
        ("checkpointSize=1", "checkpointSize is for exports with proof=true."),
        ("proof=true&checkpointSize=x", "checkpointSize must be a number of records."),
        ("proof=true&checkpointSize=100000", "There is no proof for 100000 records, only for 0"),
    ] {
        let answer = server.rest("GET", &format!("/v1/audit/export?{query}"), &Value::Null);
        assert_eq!((answer.status, answer.code().as_str()), (400, "ValidationException"));
        assert!(answer.message().starts_with(want), "{}", answer.message());
    }
}
