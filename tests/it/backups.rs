//! Backups of the real program: taken while it is written to, checked, restored,
//! and damaged in every place.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use wardbook::audit::ledger::{Checkpoint, VerifierKey};
use wardbook::base::clock::{Clock, ManualClock};
use wardbook::store::{self, Change, Tx, meta};

use crate::fixture::door::Door;
use crate::fixture::program::{Home, spawn};
use crate::fixture::{Options, START_MS, Server, wait_until};
use crate::full_disk::Disk;
use crate::server_events;
use crate::timers::pass;

const DAY_MS: i64 = 86_400_000;

const PLAINTEXT: &str = "YmFja3Vw";

/// What a command said.
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Said {
    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, code: i32, says: &str) {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.contains(says), "{}", self.stderr);
    }
}

fn run(home: &Home, arguments: &[&str]) -> Said {
    let mut command = home.command(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = spawn(&mut command).wait_with_output().unwrap();
    Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Takes a backup into a file beside the data folder.
#[track_caller]
fn back_up(home: &Home, door: &Door, file: &str) -> Value {
    let endpoint = format!("http://{}", door.address);
    run(home, &["backup", "--output", file, "--endpoint", &endpoint, "--json"]).json()
}

const KEY_FILE: [&str; 2] = ["--key-file", "data/root.key"];

fn restore(home: &Home, file: &str, data: &str) -> Said {
    run(home, &[&["restore", file, "--data", data, "--json"], &KEY_FILE[..]].concat())
}

/// Puts a restored folder in the place of the first one, whose root key opens it.
fn swap(home: &Home, restored: &str) {
    let data = home.data();
    fs::rename(&data, data.with_extension("lost")).unwrap();
    fs::rename(data.with_file_name(restored), &data).unwrap();
    fs::copy(data.with_extension("lost").join("root.key"), data.join("root.key")).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn encrypt(door: &Door, key: &str) -> (String, Value) {
    let answer = door.call("Encrypt", &json!({ "KeyId": key, "Plaintext": PLAINTEXT }));
    let blob = answer.ok()["CiphertextBlob"].clone();
    (answer.request_id().to_owned(), blob)
}

#[track_caller]
fn check_opens(door: &Door, blob: &Value) {
    let opened = door.call("Decrypt", &json!({ "CiphertextBlob": blob })).ok();
    assert_eq!(opened["Plaintext"], PLAINTEXT);
}

/// Calls until it is told to stop, with what it was answered.
fn load(door: &Door, key: &str, answered: &AtomicUsize, stop: &AtomicBool) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        all.push(encrypt(door, key));
        answered.fetch_add(1, Ordering::SeqCst);
    }
    all
}

#[test]
fn a_backup_under_load_is_restored_whole() {
    let home = Home::new();
    let forbids = "forbid (principal, action == Action::\"kms:GenerateRandom\", resource);\n";
    fs::write(home.data().join("policies/no-random.cedar"), forbids).unwrap();
    let program = home.serve(&[]);
    let key = program.new_key();
    let (answered, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut before = Vec::new();
    let made = std::thread::scope(|scope| {
        let load = || load(program.door(), &key, &answered, &stop);
        let clients: Vec<_> = (0..3).map(|_| scope.spawn(load)).collect();
        wait_until(|| answered.load(Ordering::SeqCst) > 30);
        before.extend((0..5).map(|_| encrypt(program.door(), &key)));
        let made = back_up(&home, program.door(), "a.backup");
        wait_until(|| answered.load(Ordering::SeqCst) > 100);
        stop.store(true, Ordering::SeqCst);
        clients.into_iter().for_each(|client| drop(client.join().unwrap()));
        made
    });
    let later = program.new_key();
    let log_key = program.rest("GET", "/v1/audit/checkpoint", &Value::Null).ok();
    let recorded = program.events("eventName=CreateBackup");
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0]["responseElements"]["backupId"], made["backupId"]);
    assert_eq!(recorded[0]["responseElements"]["logSize"], made["logSize"]);
    program.terminate();

    // Nobody else reads it, and nothing that everybody may read is in it.
    let file = home.data().with_file_name("a.backup");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(&file).unwrap();
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(holds(b"wardbook backup\n") && holds(made["backupId"].as_str().unwrap().as_bytes()));
    assert!(!holds(key.as_bytes()) && !holds(b"SQLite format 3") && !holds(b"no-random"));

    fs::write(home.data().with_file_name("head"), made["checkpoint"].as_str().unwrap()).unwrap();
    let public_key = log_key["publicKey"].as_str().unwrap();
    let kept = ["--public-key", public_key, "--checkpoint", "head"];
    let verify = [&["backup", "verify", "a.backup", "--json"], &KEY_FILE[..], &kept[..]].concat();
    let told = run(&home, &verify).json();
    assert_eq!(told["intact"], true);
    assert_eq!((&told["backupId"], &told["logSize"]), (&made["backupId"], &made["logSize"]));
    let told = restore(&home, "a.backup", "restored").json();
    assert_eq!((&told["intact"], &told["data"]), (&json!(true), &json!("restored")));
    let restored = home.data().with_file_name("restored");
    assert_eq!(fs::metadata(&restored).unwrap().permissions().mode() & 0o777, 0o700);
    let database = fs::metadata(restored.join("wardbook.db")).unwrap();
    assert_eq!(database.permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(restored.join("policies/no-random.cedar")).unwrap(), forbids);
    assert!(!names(&restored).iter().any(|name| name.contains("draft")));
    assert!(!names(home.data().parent().unwrap()).iter().any(|name| name.contains("check")));
    let verify = ["audit", "verify", "--data", "restored", "--json"];
    assert_eq!(run(&home, &[&verify[..], &kept[..]].concat()).json()["intact"], true);
    // The log parts from the one that went on, which somebody may have kept.
    fs::write(home.data().with_file_name("later"), log_key["checkpoint"].as_str().unwrap())
        .unwrap();
    let against = run(&home, &[&verify[..], &["--checkpoint", "later"]].concat());
    assert_eq!(against.code, Some(1), "{}", against.stdout);

    swap(&home, "restored");
    let program = home.serve(&[]);
    check_restored(program.door(), &made, &before);
    let gone = program.call("DescribeKey", &json!({ "KeyId": later }));
    assert_eq!(gone.code(), "NotFoundException");
    // The first head goes into the second, and its own backup restores as well.
    let made = back_up(&home, program.door(), "b.backup");
    program.terminate();
    assert_eq!(restore(&home, "b.backup", "again").json()["logSize"], made["logSize"]);
}

/// What was answered before the backup is there, what it was opens, and the book
/// says where it was restored.
fn check_restored(door: &Door, made: &Value, before: &[(String, Value)]) {
    for (request_id, blob) in before {
        assert_eq!(door.records_of(request_id).len(), 1);
        check_opens(door, blob);
    }
    assert_eq!(door.call("GenerateRandom", &json!({ "NumberOfBytes": 1 })).status, 400);
    let recorded = door.events("eventName=RestoreBackup");
    server_events::check(&recorded[0]);
    assert_eq!(recorded[0]["serviceEventDetails"]["backupId"], made["backupId"]);
    assert_eq!(recorded[0]["serviceEventDetails"]["checkpoint"], made["checkpoint"]);
    // It follows the last record of the backup.
    let book = door.book();
    let at = book.iter().rposition(|record| record["eventName"] == "RestoreBackup").unwrap();
    assert_eq!(json!(book.len() - at - 1), made["logSize"]);
}

#[test]
fn what_is_damaged_is_refused_and_leaves_nothing() {
    let home = Home::new();
    let program = home.serve(&[]);
    back_up(&home, program.door(), "a.backup");
    program.terminate();
    let folder = home.data().parent().unwrap().to_owned();
    let whole = fs::read(folder.join("a.backup")).unwrap();
    let left = names(&folder);
    let check = |bytes: &[u8], says: &str| {
        fs::write(folder.join("bad"), bytes).unwrap();
        restore(&home, "bad", "restored").refused(1, says);
        let verify = [&["backup", "verify", "bad"], &KEY_FILE[..]].concat();
        run(&home, &verify).refused(1, says);
        fs::remove_file(folder.join("bad")).unwrap();
        assert_eq!(names(&folder), left);
    };
    let changed = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    check(&changed(whole.len() - 1), "was changed or is not in its place");
    check(&changed(whole.len() / 2), "was changed or is not in its place");
    check(&changed(3), "is not a backup");
    check(&whole[..whole.len() - 1], "the file was cut: it ends in chunk");
    check(&[&whole[..], b"\n"].concat(), "goes on behind its last chunk");
    let id = whole.windows(10).position(|ten| ten == b"\"backupId\"").unwrap();
    check(&changed(id + 13), "was changed, or is not under this root key");
    check(b"", "is not a backup");

    let other = Home::new();
    let key = other.data().join("root.key");
    let refused =
        run(&home, &["restore", "a.backup", "--data", "x", "--key-file", key.to_str().unwrap()]);
    refused.refused(1, "key file belongs to another root key");
    let log_key = VerifierKey::new("other.example/log", [7; 32]).unwrap().to_string();
    let verify = ["backup", "verify", "a.backup", "--public-key", &log_key];
    let says = "is not of the log with this public key";
    run(&home, &[&verify[..], &KEY_FILE[..]].concat()).refused(1, says);
    // A forged backup would name a remote key of who forged it.
    let any = ["restore", "a.backup", "--data", "x", "--root-key", "aws-kms"];
    run(&home, &any).refused(1, "which remote key opens it, and could be anybody's");
    let none = run(&home, &["restore", "a.backup", "--data", "x"]);
    none.refused(2, "there is no key file x/root.key");
    restore(&home, "a.backup", "data").refused(1, "data is not empty: nothing was changed");
    // What a crash has left of an earlier one is taken away.
    fs::create_dir(folder.join("x")).unwrap();
    fs::write(folder.join("x/draft.lock"), "").unwrap();
    fs::write(folder.join("x/wardbook.db"), "half").unwrap();
    for command in [["serve", "--listen", "127.0.0.1:0"], ["init", "--region", "eu-west-1"]] {
        let half = run(&home, &[&command[..], &["--data", "x"]].concat());
        let code = if command[0] == "serve" { 3 } else { 1 };
        half.refused(code, "x was not restored to the end");
    }
    // What somebody has put there since is not: `serve` looks for the key file here.
    fs::copy(home.data().join("root.key"), folder.join("x/root.key")).unwrap();
    run(&home, &["restore", "a.backup", "--data", "x", "--json"]).json();
    assert_eq!(
        names(&folder.join("x")),
        ["index.db", "lock", "policies", "root.key", "wardbook.db"]
    );
}

#[test]
fn a_full_disk_leaves_no_half_folder() {
    let Some(disk) = Disk::mount("8m") else { return };
    let home = Home::new();
    let program = home.serve(&[]);
    back_up(&home, program.door(), "a.backup");
    program.terminate();
    let filling = disk.fill();
    let data = disk.path().join("data");
    let wanted = data.to_str().unwrap();
    restore(&home, "a.backup", wanted).refused(1, "No space left on device");
    assert_eq!(names(disk.path()), ["filling"]);
    fs::remove_file(filling).unwrap();
    assert_eq!(restore(&home, "a.backup", wanted).json()["intact"], true);
    assert_eq!(names(disk.path()), ["data"]);
    drop(disk);
}

/// Such as an empty volume of a container.
#[test]
fn a_file_system_is_restored_where_it_is_mounted() {
    let Some(disk) = Disk::mount("32m") else { return };
    let home = Home::new();
    let program = home.serve(&[]);
    back_up(&home, program.door(), "a.backup");
    program.terminate();
    let data = disk.path().to_str().unwrap();
    fs::write(home.data().with_file_name("b.backup"), "no backup").unwrap();
    restore(&home, "b.backup", data).refused(1, "is not a backup");
    assert!(names(disk.path()).is_empty());
    // Which has this folder if it is one of Linux's own.
    fs::create_dir(disk.path().join("lost+found")).unwrap();
    assert_eq!(restore(&home, "a.backup", data).json()["intact"], true);
    let whole = ["index.db", "lock", "lost+found", "policies", "wardbook.db"];
    assert_eq!(names(disk.path()), whole);
    drop(disk);
}

#[test]
fn whoever_stops_a_command_finds_nothing_in_clear() {
    let home = Home::new();
    let program = home.serve(&[]);
    back_up(&home, program.door(), "a.backup");
    program.terminate();
    let folder = home.data().parent().unwrap().to_owned();
    let whole = fs::read(folder.join("a.backup")).unwrap();
    let pipe = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let left = names(&folder);
    let verify = ["backup", "verify", "pipe", "--scratch", "draft"];
    let restore = ["restore", "pipe", "--data", "draft"];
    for (command, signal) in [(&verify[..], Signal::INT), (&restore[..], Signal::TERM)] {
        let mut command = home.command(&[command, &KEY_FILE[..]].concat());
        let mut child = spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
        // All but the end, so that it waits in the middle of its work.
        let mut writing = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        writing.write_all(&whole[..whole.len() / 2]).unwrap();
        let database = folder.join("draft/wardbook.db");
        wait_until(|| database.exists());
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        drop(writing);
        assert_eq!(names(&folder), left);
    }
}

#[test]
fn a_server_that_is_killed_leaves_no_half_backup() {
    let home = Home::new();
    let mut whole = 0;
    for round in 0..8_u32 {
        let mut program = home.serve(&[]);
        (0..3).for_each(|_| drop(program.new_key()));
        let endpoint = format!("http://{}", program.address);
        let backup = ["backup", "--output", "a.backup", "--endpoint", &endpoint];
        let mut command = home.command(&backup);
        let mut child = spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
        // Somewhere in it, or just behind it.
        let part = || {
            let there = names(home.data().parent().unwrap());
            there.iter().any(|name| name.ends_with(".part"))
                || there.iter().any(|name| name == "a.backup")
        };
        if round % 2 == 0 {
            wait_until(part);
        } else {
            (0..round).for_each(|_| drop(program.new_key()));
        }
        program.kill();
        let succeeded = child.wait().unwrap().success();
        let there = names(home.data().parent().unwrap());
        assert!(!there.iter().any(|name| name.ends_with(".part")), "{there:?}");
        assert_eq!(there.iter().any(|name| name == "a.backup"), succeeded);
        if succeeded {
            let verify = [&["backup", "verify", "a.backup", "--json"], &KEY_FILE[..]].concat();
            assert_eq!(run(&home, &verify).json()["intact"], true);
            fs::remove_file(home.data().with_file_name("a.backup")).unwrap();
            whole += 1;
        }
        drop(program);
    }
    // A copy that was not finished goes with the next start, which is sound.
    fs::write(home.data().join("snapshot.draft"), "half").unwrap();
    let program = home.serve(&[]);
    assert!(!home.data().join("snapshot.draft").exists(), "{whole}");
    program.terminate();
    let verify = run(&home, &["audit", "verify", "--data", "data", "--json"]);
    assert_eq!(verify.json()["intact"], true);
}

#[test]
fn a_witness_says_what_is_lost() {
    let home = Home::new();
    let file = home.data().with_extension("witnessed");
    let with = ["--audit-witness-file", file.to_str().unwrap()];
    let program = home.serve(&with);
    let made = back_up(&home, program.door(), "a.backup");
    let key = program.new_key();
    program.terminate();
    restore(&home, "a.backup", "restored").json();
    swap(&home, "restored");
    let said = home.serve_refused(&with);
    let log_key = VerifierKey::parse(made["publicKey"].as_str().unwrap()).unwrap();
    let size = |at: usize| {
        let text = fs::read_to_string(&file).unwrap();
        let notes = wardbook::audit::ledger::notes_in(&text, log_key.name());
        let note = notes.iter().rev().nth(at).unwrap();
        Checkpoint::open(note, &log_key).unwrap().size
    };
    let seen = size(0);
    let has = made["logSize"].as_u64().unwrap() + 1;
    let flag = format!("--audit-accept-loss {seen}");
    assert!(said.contains(&format!("has seen {seen} records of it, and it has {has}")), "{said}");
    assert!(said.contains(&flag), "{said}");
    // Another number is about another loss.
    let wrong = (seen + 1).to_string();
    home.serve_refused(&[&with[..], &["--audit-accept-loss", &wrong]].concat());
    let right = seen.to_string();
    let program = home.serve(&[&with[..], &["--audit-accept-loss", &right]].concat());
    let recorded = program.events("eventName=AcceptLoss");
    server_events::check(&recorded[0]);
    assert_eq!(recorded[0]["serviceEventDetails"]["witnessedSize"], seen);
    assert_eq!(recorded[0]["serviceEventDetails"]["logSize"], has);
    assert_eq!(program.call("DescribeKey", &json!({ "KeyId": key })).code(), "NotFoundException");
    program.terminate();
    // The file goes on with the log of now, so that the next start needs nothing.
    assert!(size(0) > has);
    let program = home.serve(&with);
    assert_eq!(program.events("eventName=AcceptLoss").len(), 1);
    program.terminate();
    // But what was seen stays seen.
    let against = ["audit", "verify", "--data", "data", "--checkpoint", file.to_str().unwrap()];
    assert_eq!(run(&home, &against).code, Some(1));
}

#[test]
fn one_at_a_time_and_only_with_the_permission() {
    let server = Server::start();
    let take = || server.rest("POST", "/v1/backups", &Value::Null);
    let place = Arc::clone(&server.ctx().backups).try_acquire_owned().unwrap();
    let refused = take();
    assert_eq!(refused.code(), "LimitExceededException");
    assert!(refused.message().starts_with("A backup is being taken already."));
    drop(place);
    assert_eq!(take().status, 200);
    wait_until(|| server.ctx().backups.available_permits() == 1);
    assert_eq!(take().status, 200);
    assert_eq!(server.events("eventName=CreateBackup").len(), 3);
    // The administrator of another account has nothing to do with it.
    let account = server.rest("POST", "/v1/accounts", &json!({ "accountName": "b" })).ok();
    let other = crate::fixture::Credentials::of(&account);
    let request = crate::fixture::raw::Request::new("POST", "/v1/backups", String::new());
    let refused = server.send_as(&other, "wardbook", &request);
    assert_eq!(refused.code(), "AccessDeniedException");
}

/// What the restore writes beside its record.
struct RestoredAt(i64);

impl Change for RestoredAt {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        meta::set(tx, "restored_ms", &self.0.to_string())
    }

    fn publish(&self) {}
}

/// Somebody may have cancelled a deletion after the backup, and needs time to do it
/// again.
#[test]
fn nothing_is_deleted_on_the_day_of_a_restore() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let key = json!({ "KeyId": server.new_key(), "PendingWindowInDays": 7 });
    server.call("ScheduleKeyDeletion", &key).ok();
    clock.advance_ms(7 * DAY_MS);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let restored: Vec<Box<dyn Change>> = vec![Box::new(RestoredAt(clock.now_ms()))];
    runtime.block_on(server.ctx().store.keep(restored)).unwrap();
    server.new_key();
    let same: Arc<ManualClock> = Arc::clone(&clock);
    let server = server.restart(Options { clock: same, ..Options::default() });
    pass(&server, &clock, DAY_MS - 1);
    assert!(server.events("eventName=DeleteKey").is_empty());
    pass(&server, &clock, 1);
    assert_eq!(server.events("eventName=DeleteKey").len(), 1);
}
