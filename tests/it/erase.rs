//! Personal data is erased: from the records that show it, from every file, and
//! from nothing else; and every record can still be proved.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rusqlite::Connection;
use serde_json::{Value, json};
use wardbook::audit::commitment;
use wardbook::audit::verify::{ExportReport, Kind, Wanted, WantedExport, verify, verify_export};
use wardbook::base::clock::ManualClock;

use crate::fixture::raw::Request;
use crate::fixture::{ACCOUNT, Credentials, Options, START_MS, Server, wait_until};
use crate::server_events;
use crate::verify::{check_intact, copy_of};

/// Texts that stand in records and nowhere else.
const SESSION: &str = "zz-session-zz";
const PATIENT: &str = "zz-patient-zz";

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}"#;
const ALLOW: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:Encrypt","kms:Decrypt"],"Resource":"*"}]}"#;

/// Something that a session did and something that it may not; the key.
fn use_session(server: &Server) -> String {
    let role = json!({ "roleName": "app", "assumeRolePolicyDocument": TRUST });
    server.rest("POST", "/v1/roles", &role).ok();
    server.rest("PUT", "/v1/roles/app/policies/p", &json!({ "policy": ALLOW })).ok();
    let asked = json!({ "roleSessionName": SESSION });
    let session = Credentials::of(&server.rest("POST", "/v1/roles/app/sessions", &asked).ok());
    let key = server.new_key();
    let call = |operation: &str, input: Value| server.call_as(&session, operation, &input);
    let context = json!({ "patient": PATIENT });
    call("Encrypt", json!({ "KeyId": key, "Plaintext": "eA==", "EncryptionContext": context }))
        .ok();
    let denied = call("DisableKey", json!({ "KeyId": key }));
    assert_eq!(denied.code(), "AccessDeniedException");
    key
}

fn erase(server: &Server, input: &Value) -> Value {
    server.rest("POST", "/v1/audit/erase", input).ok()
}

/// How often a text stands in the files of the data folder.
fn traces(folder: &Path, text: &str) -> usize {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let count = |path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(text.len()).filter(|part| *part == text.as_bytes()).count()
    };
    files.filter(|path| path.is_file()).map(count).sum()
}

#[test]
fn what_is_erased_is_nowhere() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    use_session(&server);
    let folder = server.book_file().parent().unwrap().to_owned();
    let session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/app/{SESSION}");
    let role = format!("arn:aws:iam::{ACCOUNT}:role/app");
    let of_session = format!("principal={session}");
    assert_eq!(server.events(&of_session).len(), 2);
    assert_eq!(server.events(&format!("principal={role}")).len(), 2);
    let indexed = || server.ctx().store.health();
    wait_until(|| indexed().indexed_seq == indexed().last_seq);
    assert!(traces(&folder, SESSION) > 0);

    let fields = ["sourceIPAddress", "userAgent", "userIdentity", "encryptionContext"];
    let input = json!({ "principal": [session], "fields": fields, "reason": "they asked us to" });
    let erased = erase(&server, &input);
    assert_eq!(erased["eventIds"].as_array().unwrap().len(), 2, "{erased}");
    assert_eq!(erased.get("nextCursor"), None);
    // Once is enough.
    let by_role = json!({ "principal": [role], "fields": fields, "reason": "again" });
    assert_eq!(erase(&server, &by_role)["eventIds"], json!([]));

    let record = &server.events("eventName=EraseEventFields")[1];
    assert_eq!(record["readOnly"], false);
    let said = json!({ "fields": fields, "reason": "they asked us to" });
    assert_eq!(record["requestParameters"], said);
    assert_eq!(record["responseElements"], json!({ "eventIds": erased["eventIds"] }));
    let mark = format!("[erased by event {}]", record["eventID"].as_str().unwrap());

    let check = |server: &Server| {
        assert_eq!(server.events(&of_session), Vec::<Value>::new());
        let left = server.events(&format!("principal={role}"));
        assert_eq!(left.len(), 2);
        let (denied, done) = (&left[0], &left[1]);
        assert_eq!(done["eventName"], "Encrypt");
        for pointer in [
            "/sourceIPAddress",
            "/userAgent",
            "/userIdentity/arn",
            "/userIdentity/principalId",
            "/requestParameters/encryptionContext/patient",
        ] {
            assert_eq!(done.pointer(pointer).unwrap(), &mark, "{pointer}");
        }
        let issuer = &done["userIdentity"]["sessionContext"]["sessionIssuer"];
        assert_eq!(issuer["arn"], role);
        // It quoted the session.
        assert_eq!(denied["errorMessage"], mark);
        assert_eq!(denied["errorCode"], "AccessDenied");
    };
    wait_until(|| indexed().indexed_seq == indexed().last_seq);
    check(&server);

    // The record of AssumeRole has the session, and so has that of each query.
    let made = server.events("eventName=AssumeRole")[0]["eventID"].clone();
    let input = json!({ "eventIds": [made], "fields": ["userIdentity"], "reason": "the rest" });
    assert_eq!(erase(&server, &input)["eventIds"], json!([made]));
    let asked = json!({ "eventName": ["QueryEvents"], "fields": ["userIdentity"], "reason": "r" });
    erase(&server, &asked);
    for text in [SESSION, PATIENT] {
        wait_until(|| traces(&folder, text) == 0);
    }

    // Read again, and hashed again, from the file.
    let server = server.restart(Options { clock, ..Options::default() });
    check(&server);
}

#[test]
fn who_may_not_erase_erases_nothing() {
    let server = Server::start();
    use_session(&server);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"audit:QueryEvents","Resource":"*"}]}"#;
    let auditor = server.new_user("auditor", policy);
    let id = server.events("eventName=Encrypt")[0]["eventID"].clone();
    let input = json!({ "eventIds": [id], "fields": ["userAgent"], "reason": "r" });
    let request = Request::new("POST", "/v1/audit/erase", input.to_string());
    let denied = server.send_as(&auditor, "wardbook", &request);
    assert_eq!(denied.status, 403, "{}", denied.text());
    let [record] = &server.events("eventName=EraseEventFields")[..] else { panic!() };
    assert_eq!(record["errorCode"], "AccessDenied");
    assert_eq!(record["readOnly"], false);
    assert_eq!(record["requestParameters"]["eventIds"], json!([id]));
    assert_eq!(server.events("eventName=Encrypt")[0]["userAgent"], "by-hand/1.0");
}

#[test]
fn what_cannot_be_erased() {
    let server = Server::start();
    let check = |input: Value, text: &str| {
        let answer = server.rest("POST", "/v1/audit/erase", &input);
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.message().contains(text), "{}", answer.message());
    };
    let id = "12345678-1234-4123-8123-123456789012";
    let fields = json!(["userAgent"]);
    check(json!({ "fields": fields, "reason": "r" }), "Name the events");
    let both =
        json!({ "eventIds": [id], "eventName": ["Encrypt"], "fields": fields, "reason": "r" });
    check(both, "Name the events");
    check(json!({ "eventIds": [id], "fields": fields, "reason": "r" }), id);
    check(json!({ "eventIds": [id], "fields": ["eventTime"], "reason": "r" }), "fields");
    check(json!({ "eventIds": [id], "fields": [], "reason": "r" }), "fields");
    check(json!({ "eventIds": [id], "fields": fields }), "reason");
    let no_id = "x".repeat(36);
    check(json!({ "eventIds": [no_id], "fields": fields, "reason": "r" }), "UUID");
}

/// The record of an erasure says what it took from where, or there is no erasure.
#[test]
fn what_its_record_cannot_say_is_not_erased() {
    let server = Server::start();
    let key = server.new_key();
    server.call("Encrypt", &json!({ "KeyId": key, "Plaintext": "eA==" })).ok();
    let with = |names: usize| {
        let long = (0..names).map(|n| format!("{n:02000}"));
        let names: Vec<String> = long.chain(["Encrypt".to_owned()]).collect();
        let keys: Vec<String> =
            (0..10).map(|n| format!("{n:01000}")).chain([key.clone()]).collect();
        json!({ "eventName": names, "keyId": keys, "fields": ["userAgent"], "reason": "r" })
    };
    let refused = server.rest("POST", "/v1/audit/erase", &with(49));
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.message().contains("nothing was erased"), "{}", refused.message());
    assert_eq!(server.events("eventName=Encrypt")[0]["userAgent"], "by-hand/1.0");
    assert_eq!(check_intact(&server), 0);
    // Long enough, and all of it is there.
    assert_eq!(erase(&server, &with(40))["eventIds"].as_array().unwrap().len(), 1);
    let record = &server.events("eventName=EraseEventFields")[0];
    assert_eq!(record["requestParameters"]["eventName"].as_array().unwrap().len(), 41);
    assert_eq!(check_intact(&server), 1);
}

/// A server whose record of an Encrypt has lost its user agent; nothing else.
fn with_erased_agent() -> Server {
    let server = Server::start();
    let key = server.new_key();
    server.call("Encrypt", &json!({ "KeyId": key, "Plaintext": "eA==" })).ok();
    let input = json!({ "eventName": ["Encrypt"], "fields": ["userAgent"], "reason": "r" });
    assert_eq!(erase(&server, &input)["eventIds"].as_array().unwrap().len(), 1);
    server
}

/// What the row of a record says of its values, with the one that is `value` hidden
/// behind the event that has erased another.
fn hidden(body: &[u8], value: &str) -> Vec<u8> {
    let by = &body[body.len() - 16..];
    let (mut hidden, mut rest) = (Vec::new(), body);
    while let Some((kind, behind)) = rest.split_first() {
        let length = match kind {
            0 => {
                20 + usize::try_from(u32::from_be_bytes(behind[16..20].try_into().unwrap()))
                    .unwrap()
            }
            _ => 48,
        };
        let (entry, behind) = behind.split_at(length);
        rest = behind;
        if *kind == 0 && &entry[20..] == value.as_bytes() {
            let commitment = commitment(&entry[..16].try_into().unwrap(), value);
            hidden.extend([&[1], &commitment[..], by].concat());
        } else {
            hidden.extend([&[*kind], entry].concat());
        }
    }
    hidden
}

/// Who holds the folder has a real erasure, and hides more in its name.
#[test]
fn a_folder_cannot_hide_more_than_was_erased() {
    let server = with_erased_agent();
    assert_eq!(check_intact(&server), 1);
    let ip = server.events("eventName=Encrypt")[0]["sourceIPAddress"].clone();
    let copy = copy_of(&server.book_file());
    let book = Connection::open(copy.path().join("wardbook.db")).unwrap();
    let lost = "select seq, body from event_personal where salt is null";
    let (seq, body): (i64, Vec<u8>) =
        book.query_row(lost, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let forged = hidden(&body, ip.as_str().unwrap());
    assert_ne!(forged, body);
    let update = "update event_personal set body = ?1, source_ip = null where seq = ?2";
    assert_eq!(book.execute(update, (forged, seq)).unwrap(), 1);
    drop(book);
    let wanted =
        Wanted { folder: copy.path(), key: None, kept: Vec::new(), index: false, threads: 1 };
    let report = verify(wanted, &|_, _| {}).unwrap();
    let [finding] = report.findings() else { panic!("{:?}", report.findings()) };
    assert_eq!((finding.kind, finding.first), (Kind::Erasure, Some(seq.try_into().unwrap())));
    let said = "erased sourceIPAddress from it, and that event did not";
    assert!(finding.text.contains(said), "{}", finding.text);
}

fn export(server: &Server, query: &str) -> String {
    server.rest("GET", &format!("/v1/audit/export?proof=true&{query}"), &Value::Null).text()
}

fn checked(file: &str) -> ExportReport {
    let mut file = file.as_bytes();
    let wanted = WantedExport { file: &mut file, key: None, kept: Vec::new() };
    verify_export(wanted, &mut |_| {}).unwrap()
}

/// Who hands out an export can hide no more, either; and where the file lacks the
/// erasure, the verdict says that it does not prove what was erased.
#[test]
fn an_export_cannot_hide_more_than_was_erased() {
    let server = with_erased_agent();
    let forge = |line: &str| {
        let parsed: Value = serde_json::from_str(line).unwrap();
        let (salt, by) = (&parsed["values"][0]["salt"], &parsed["values"][1]["by"]);
        let (salt, by) = (salt.as_str().unwrap(), by.as_str().unwrap());
        let ip = parsed["record"]["sourceIPAddress"].as_str().unwrap();
        let bytes = BASE64_STANDARD.decode(salt).unwrap();
        let commitment = BASE64_STANDARD.encode(commitment(&bytes.try_into().unwrap(), ip));
        let kept = format!(r#"{{"salt":"{salt}"}}"#);
        let gone = format!(r#"{{"erased":"{commitment}","by":"{by}"}}"#);
        let mark = parsed["record"]["userAgent"].as_str().unwrap();
        let (shown, marked) =
            (format!(r#""sourceIPAddress":"{ip}""#), format!(r#""sourceIPAddress":"{mark}""#));
        assert!(line.contains(&kept) && line.contains(&shown), "{line}");
        line.replacen(&kept, &gone, 1).replacen(&shown, &marked, 1)
    };
    let forged = |file: &str| {
        let is_lost = |line: &str| line.contains("\"erased\":");
        let line = |line: &str| if is_lost(line) { forge(line) } else { line.to_owned() };
        file.lines().map(|of| line(of) + "\n").collect::<String>()
    };
    let file = export(&server, "");
    let proved = checked(&file);
    assert_eq!((proved.report.findings(), proved.erased_unproved), (&[][..], 0));
    let proved = checked(&forged(&file));
    let [finding] = proved.report.findings() else { panic!("{:?}", proved.report.findings()) };
    assert_eq!(finding.kind, Kind::Erasure);
    let said = "erased sourceIPAddress from it, and that event did not";
    assert!(finding.text.contains(said), "{}", finding.text);
    let without = checked(&forged(&export(&server, "eventName=Encrypt")));
    assert!(without.report.is_intact());
    assert_eq!((without.report.erased, without.erased_unproved), (1, 1));
}

/// The clock may be set back; the book says where.
#[test]
fn a_step_of_the_clock_is_recorded() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    server.new_key();
    clock.advance_ms(-900);
    server.new_key();
    assert!(server.events("eventName=ClockStep").is_empty());
    clock.advance_ms(-60_000);
    server.new_key();
    server.new_key();
    let [step] = &server.events("eventName=ClockStep")[..] else { panic!() };
    let details = json!({
        "lastRecordTime": "2026-11-02T10:11:11.100Z",
        "clockTime": "2026-11-02T10:10:11.100Z",
    });
    assert_eq!(step["serviceEventDetails"], details);
    assert_eq!(step["eventType"], "AwsServiceEvent");
    server_events::check(step);
    // So it is when that happens while no server runs.
    clock.advance_ms(-60_000);
    let server = server.restart(Options { clock, ..Options::default() });
    assert_eq!(server.events("eventName=ClockStep").len(), 2);
}
