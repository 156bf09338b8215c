//! When the book cannot be written, nothing is answered but that it cannot,
//! and `/health/ready` says why. When it can be again, so can everything.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use wardbook::ops::operation::Service;
use wardbook::store;

use crate::calls::{Scene, operations};
use crate::fixture::program::spawn;
use crate::fixture::server::data;
use crate::fixture::{Options, Server, wait_until};
use crate::server_events;

/// Nothing is answered, whoever asks for what.
#[track_caller]
fn check_down(server: &Server, scene: &Scene, reason: &str) {
    for operation in operations() {
        let answer = scene.call(server, operation.name);
        // CloudTrail, and the query protocol of STS, have another name for it.
        let internal = match (operation.service, operation.name) {
            (_, "AssumeRoleWithWebIdentity" | "GetSessionToken") | (Service::Cloudtrail, _) => {
                "InternalFailure"
            }
            _ => "KMSInternalException",
        };
        assert_eq!((answer.status, answer.code().as_str()), (500, internal), "{}", operation.name);
        assert_eq!(answer.message(), "An internal error occurred. Retry the request.");
        // Not even a refusal, for it would have no record.
        assert_eq!(server.send(&scene.request(operation.name).1).code(), internal);
    }
    let ready = server.look("/health/ready");
    assert_eq!(ready.status, 503);
    let ready = ready.json();
    assert_eq!(ready["status"], "notReady");
    assert!(ready["reason"].as_str().unwrap().starts_with(reason), "{ready}");
    assert_eq!(server.look("/health/live").status, 200);
}

/// Everything is answered again, without a restart.
fn check_up_again(server: &Server, scene: &Scene) {
    wait_until(|| server.look("/health/ready").status == 200);
    assert_eq!(server.look("/health/ready").json()["status"], "ready");
    let answer = scene.call(server, "Encrypt");
    answer.ok();
    assert_eq!(server.records_of(answer.request_id()).len(), 1);
    assert_eq!(scene.call(server, "Decrypt").ok()["Plaintext"], "eA==");
}

/// Calls until there is no room for the smallest record.
fn fill(server: &Server, scene: &Scene) {
    let long = json!({ "Description": "x".repeat(8_000) });
    while server.call("CreateKey", &long).status == 200 {}
    for operation in operations() {
        let unsigned = scene.request(operation.name).1;
        loop {
            // Each of them has a record as long as there is room for it; of
            // unknown callers only after something else had none.
            while scene.call(server, operation.name).status != 500 {}
            if server.send(&unsigned).status == 500 {
                break;
            }
        }
    }
}

const FULL: &str = "the book cannot be written at the moment: database or disk is full";

#[test]
fn a_full_quota() {
    let store = store::Settings { pages_max: Some(100), ..Options::default().store };
    let server = Server::with(Options { store, ..Options::default() });
    let scene = Scene::set(&server, "scene");
    scene.complete();
    fill(&server, &scene);
    check_down(&server, &scene, FULL);
    // What was answered before is still there for whoever makes room.
    let server = server.restart(Options::default());
    check_up_again(&server, &scene);
}

/// Needs to mount a small file system; where that is not permitted, the quota
/// above has to do.
#[test]
fn a_full_disk() {
    let Some(disk) = Disk::mount("4m") else { return };
    let folder = Some(disk.path().to_owned());
    let server = Server::with(Options { folder, ..Options::default() });
    let scene = Scene::set(&server, "scene");
    scene.complete();
    let filling = disk.fill();
    fill(&server, &scene);
    check_down(&server, &scene, FULL);
    fs::remove_file(filling).unwrap();
    check_up_again(&server, &scene);
    drop(server);
}

/// The reserve of a full disk is for administrators, and they find in the book
/// when it was needed.
#[test]
fn administrators_go_on_when_the_disk_is_full() {
    let Some(disk) = Disk::mount("32m") else { return };
    let options = || Options {
        folder: Some(disk.path().to_owned()),
        store: store::Settings { reserve_bytes: Some(4 << 20), ..Options::default().store },
        ..Options::default()
    };
    let server = Server::with(options());
    let scene = Scene::set(&server, "scene");
    scene.complete();
    let reserve =
        |server: &Server| server.look("/health/ready").json()["book"]["diskReserve"].clone();
    assert_eq!(reserve(&server), "held");
    let filling = disk.fill();
    let long = json!({ "Description": "x".repeat(8_000) });
    while server.call("CreateKey", &long).status == 200 {}
    wait_until(|| reserve(&server) == "used");
    check_on_reserve(&server, &scene);
    let ready = server.look("/health/ready");
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["reason"], ON_RESERVE);

    // A restart does not forget, and stops and starts are recorded.
    let server = server.restart(options());
    assert_eq!(reserve(&server), "used");
    check_on_reserve(&server, &scene);

    fs::remove_file(filling).unwrap();
    check_up_again(&server, &scene);
    assert_eq!(reserve(&server), "held");
    let happened = |name: &str| server.events(&format!("eventName={name}"));
    wait_until(|| happened("DiskReserveRestored").len() == 1);
    assert!(!happened("DiskReserveUsed").is_empty());
    server_events::check(&happened("DiskReserveUsed")[0]);
    server_events::check(&happened("DiskReserveRestored")[0]);
    assert_eq!(happened("ServiceStop").len(), 1);
    // Whoever nobody knows was refused in the same words, and only counted.
    let sums = happened("UnauthenticatedCalls");
    assert_eq!(sums[0]["serviceEventDetails"]["count"], 1, "{sums:#?}");
    drop(server);
}

const ON_RESERVE: &str =
    "the disk is full: only administrators' calls are answered, on the disk reserve";

/// Keys are not used, and what was asked leaves no record; everything else goes on.
#[track_caller]
fn check_on_reserve(server: &Server, scene: &Scene) {
    for operation in ["Encrypt", "Decrypt", "GenerateRandom", "Sign", "EncryptItems"] {
        let answer = scene.call(server, operation);
        assert_eq!((answer.status, answer.code().as_str()), (500, "KMSInternalException"));
        assert!(server.records_of(answer.request_id()).is_empty());
    }
    for operation in ["DescribeKey", "DisableKey", "EnableKey", "ListPrincipals", "WhoCan"] {
        let answer = scene.call(server, operation);
        answer.ok();
        assert_eq!(server.records_of(answer.request_id()).len(), 1);
    }
    let stranger = server.send(&scene.request("Encrypt").1);
    assert_eq!(stranger.code(), "MissingAuthenticationTokenException");
    assert!(server.records_of(stranger.request_id()).is_empty());
}

/// Somebody else writes to the database, for longer than the server waits.
#[test]
fn a_database_in_other_hands() {
    let folder = TempDir::new().unwrap();
    let given = Some(folder.path().to_owned());
    let server = Server::with(Options { folder: given, ..Options::default() });
    let scene = Scene::set(&server, "scene");
    let other = Connection::open(data(folder.path()).join("wardbook.db")).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let answer = scene.call(&server, "Encrypt");
    assert_eq!((answer.status, answer.code().as_str()), (500, "KMSInternalException"));
    assert_eq!(server.look("/health/ready").status, 503);
    other.execute_batch("rollback").unwrap();
    check_up_again(&server, &scene);
    let none: Vec<Value> = server.records_of(answer.request_id());
    assert!(none.is_empty(), "{none:?}");
}

/// A small file system of its own, which goes when it is dropped.
pub(crate) struct Disk(TempDir);

impl Disk {
    pub(crate) fn mount(size: &str) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mut mount = Command::new("mount");
        let size = format!("size={size}");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path());
        let mounted = spawn(mount.stderr(Stdio::null())).wait().unwrap().success();
        mounted.then_some(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills it with a file.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.path().join("filling");
        let mut file = File::create(&path).unwrap();
        while file.write_all(&[0; 4_096]).is_ok() {}
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a thread of a server that has stopped may still have a file open.
        let unmounted = spawn(Command::new("umount").arg("-l").arg(self.path())).wait().unwrap();
        assert!(unmounted.success());
    }
}
