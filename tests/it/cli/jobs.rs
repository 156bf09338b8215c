//! `wardbook items job`: files of items, stopped and gone on with.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::commands::new_key;
use super::{Program, Server};
use crate::fixture::program::spawn;
use crate::fixture::wait_until;

/// A server with a schema of people.
fn start() -> (Program, Server) {
    let mut program = Program::new();
    program.init();
    let server = program.serve(&[]);
    put(&program, &new_key(&program));
    (program, server)
}

fn put(program: &Program, key: &str) {
    let schema = json!({
        "tableName": "people", "partitionKeyName": "id", "keyId": key, "algorithmSuite": "0x6700",
        "attributeActionsOnEncrypt": {
            "id": "SIGN_ONLY", "city": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN",
        },
    });
    program.write("people.json", &schema.to_string());
    program.json(&["schema", "apply", "people.json"]);
}

/// So many people, one a line, in DynamoDB JSON.
fn people(count: usize) -> String {
    let person = |id: usize| {
        format!(
            "{{\"city\":{{\"S\":\"Ulm\"}},\"id\":{{\"N\":\"{id}\"}},\"ssn\":{{\"S\":\"{id}-11\"}}}}\n"
        )
    };
    (1..=count).map(person).collect()
}

/// The same, encrypted.
fn sealed(program: &Program, count: usize) -> String {
    program.write("plain", &people(count));
    let ended = program.run(&["items", "encrypt", "--schema", "people", "plain"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}

fn job<'a>(verb: &'a str, input: &'a str, folder: &'a str) -> Vec<&'a str> {
    vec!["items", "job", verb, "--schema", "people", "--in", input, "--out", folder]
}

fn read(program: &Program, name: &str) -> String {
    fs::read_to_string(program.path(name)).unwrap()
}

fn names(program: &Program, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(program.path(folder)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Killed in the middle, once by itself and once with a part too much written.
fn check_resumed(program: &Program, input: &str, count: usize) {
    let out = format!("out-of-{input}");
    let written = input.trim_end_matches(".gz");
    let file = |end: &str| program.path(&out).join(format!("{written}{end}"));
    let mut command = program.command(&job("rewrap", input, &out));
    let mut child = spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
    wait_until(|| file(".job.json").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!file("").exists(), "it was done before it was killed");
    let journal: Value = serde_json::from_slice(&fs::read(file(".job.json")).unwrap()).unwrap();
    assert_eq!(journal["done"], false);
    let done = journal["counts"]["items"].as_u64().unwrap();
    assert!(done > 0 && done < count.try_into().unwrap(), "{journal}");
    let mut part = fs::OpenOptions::new().append(true).open(file(".part")).unwrap();
    part.write_all(b"{\"half\":").unwrap();

    let ended = program.run(&job("rewrap", input, &out));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let says = format!("{count} items, 0 refused");
    assert!(ended.stdout.contains(&says), "{}", ended.stdout);
    assert_eq!(names(program, &out), [written.to_owned(), format!("{written}.job.json")]);
    let moved = fs::read_to_string(file("")).unwrap();
    let path = format!("{out}/{written}");
    let plain = program.run(&["items", "decrypt", "--schema", "people", &path]);
    assert!(plain.stdout == people(count), "{}", plain.stderr);

    // Done is done.
    let ended = program.run(&job("rewrap", input, &out));
    assert!(ended.stdout.contains(&says), "{}", ended.stdout);
    assert!(fs::read_to_string(file("")).unwrap() == moved);
}

#[test]
fn a_killed_job_goes_on() {
    let (program, _server) = start();
    let count = 2_500;
    let lines = sealed(&program, count);
    program.write("a.ndjson", &lines);
    fs::write(program.path("b.json.gz"), gzip(&lines)).unwrap();
    put(&program, &new_key(&program));
    check_resumed(&program, "a.ndjson", count);
    check_resumed(&program, "b.json.gz", count);
}

/// A file of an export, with lines that are refused among the good ones.
#[test]
fn refused_lines_are_written_down() {
    let (program, _server) = start();
    let sealed = sealed(&program, 3);
    let mut lines: Vec<String> =
        sealed.lines().map(|line| format!("{{\"Item\":{line}}}")).collect();
    let tampered = lines[1].replace("Ulm", "Bonn");
    lines.extend([tampered.clone(), String::new(), "{\"Item\":".to_owned(), "{}".to_owned()]);
    fs::write(program.path("x.json.gz"), gzip(&lines.join("\n"))).unwrap();

    for verb in ["re-encrypt", "rewrap", "decrypt"] {
        let ended = program.run(&job(verb, "x.json.gz", verb));
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains("3 of 6 items failed"), "{}", ended.stderr);
        assert!(ended.stdout.contains("3 items, 3 refused"), "{}", ended.stdout);
        let written = read(&program, &format!("{verb}/x.json"));
        assert_eq!(written.lines().count(), 3);
        for (number, line) in (1..).zip(written.lines()) {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["Item"]["id"]["N"], format!("{number}"));
            let is_plain = line["Item"]["ssn"] == json!({ "S": format!("{number}-11") });
            assert_eq!(is_plain, verb == "decrypt", "{line}");
        }
        let errors = read(&program, &format!("{verb}/x.json.errors.ndjson"));
        let errors: Vec<Value> =
            errors.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told: Vec<_> = errors.iter().map(|error| (&error["line"], &error["code"])).collect();
        let want = [(4, "SignatureInvalid"), (6, "MalformedJson"), (7, "NotEncrypted")];
        let want = want.map(|(line, code)| (json!(line), json!(code)));
        assert_eq!(told, want.iter().map(|(line, code)| (line, code)).collect::<Vec<_>>());
        let item: Value = serde_json::from_str(&tampered).unwrap();
        assert_eq!(errors[0]["item"], item["Item"]);
        // The same again says the same, and exits so.
        assert_eq!(program.run(&job(verb, "x.json.gz", verb)).code, Some(1));
    }
    // What another job wrote is not touched, nor is anything else.
    let ended = program.run(&job("rewrap", "x.json.gz", "decrypt"));
    ended.refused(2, "it is of another job");
    let ended = program.run(&job("rewrap", "people.json", "."));
    ended.refused(2, "it is there, and not from this job");
    let cut = gzip(&sealed);
    fs::write(program.path("cut.gz"), &cut[..cut.len() / 2]).unwrap();
    program.run(&job("rewrap", "cut.gz", "cut")).refused(2, "cannot read cut.gz");
}

/// The largest items, of many values, one of which has many times the bytes when it is
/// encrypted: more in a file than one batch can have of either.
#[test]
fn items_at_their_limits_go_through() {
    let (program, _server) = start();
    let zeros = "0,".repeat(409_590);
    let line = |id: usize| format!("{{\"id\":{id},\"ssn\":[{zeros}0]}}\n");
    let plain: String = (1..=5).map(line).collect();
    program.write("plain", &plain);
    let encrypt = ["items", "encrypt", "--schema", "people", "--format", "json", "plain"];
    let ended = program.run(&encrypt);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.lines().all(|line| line.len() > 3 * 1024 * 1024));
    program.write("x", &ended.stdout);
    let decrypt = [job("decrypt", "x", "out"), vec!["--format", "json"]].concat();
    let ended = program.run(&decrypt);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(read(&program, "out/x") == plain, "it did not come back");
}

#[test]
fn a_report_says_what_is_under_which_key() {
    let (program, server) = start();
    let first = sealed(&program, 3);
    let arn = new_key(&program);
    put(&program, &arn);
    let second = sealed(&program, 2);
    program.write("first", &format!("{first}{}oops\n", people(4)));
    fs::write(program.path("second.gz"), gzip(&second)).unwrap();
    drop(server);

    let report = ["items", "job", "report", "--in", "first", "second.gz", "--key", &arn];
    let told = program.json(&report);
    let encrypted = told["encrypted"].as_array().unwrap();
    assert_eq!(encrypted.len(), 2, "{told}");
    for kind in encrypted {
        let items = if kind["keys"] == json!([arn]) { 2 } else { 3 };
        assert_eq!(
            (&kind["items"], &kind["format"], &kind["suite"]),
            (&json!(items), &json!("1"), &json!("0x6700"))
        );
    }
    let rest = ["other", "plaintext", "unreadable", "left"].map(|name| told[name].as_u64());
    assert_eq!(rest, [Some(0), Some(4), Some(1), Some(4)], "{told}");
    let shown = program.run(&report).stdout;
    assert!(shown.contains(&format!("2      1       0x6700  {arn}\n")), "{shown}");
    assert!(shown.ends_with("4 encrypted items are left (1 unreadable)\n"), "{shown}");
}

/// Plaintext is whole, or the caller said that it need not be.
#[test]
fn what_is_kept_back_is_refused_unless_the_rest_is_wanted() {
    let (mut program, _server) = start();
    let sealed = sealed(&program, 2);
    program.write("x", &sealed);
    let made = program.json(&["principal", "create-user", "clerk"]);
    program.write(
        "clerk.cedar",
        r#"permit (principal, action in [Action::"items:DecryptItem", Action::"kms:Decrypt"], resource);"#,
    );
    let attach = ["principal", "attach-policy", "--user-name", "clerk", "--policy-name", "p"];
    program.json(&[&attach[..], &["clerk.cedar"]].concat());
    program.sign_as(&made);
    let ended = program.run(&job("decrypt", "x", "strict"));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let errors = read(&program, "strict/x.errors.ndjson");
    assert_eq!(errors.matches("AttributeWithheld").count(), 2, "{errors}");
    assert_eq!(read(&program, "strict/x"), "");
    let partial = [job("decrypt", "x", "partial"), vec!["--partial"]].concat();
    assert_eq!(program.run(&partial).code, Some(0));
    assert_eq!(read(&program, "partial/x").lines().count(), 2);
    assert!(!read(&program, "partial/x").contains("ssn"));
    // Whoever may nothing at all stops the job; nothing is said to be refused.
    program.run(&job("rewrap", "x", "denied")).refused(1, "AccessDenied");
    assert_eq!(names(&program, "denied"), ["x.errors.ndjson", "x.job.json", "x.part"]);
    program.run(&job("rewrap", "none", "none")).refused(2, "cannot read none");
}
