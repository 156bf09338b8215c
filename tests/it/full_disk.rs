//! When the book cannot be written, nothing is answered but that it cannot,
//! and `/health/ready` says why. When it can be again, so can everything.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use wardbook::store;

use crate::calls::{Scene, operations};
use crate::fixture::program::spawn;
use crate::fixture::server::data;
use crate::fixture::{Options, Server, wait_until};

/// Nothing is answered, whoever asks for what.
#[track_caller]
fn check_down(server: &Server, scene: &Scene, reason: &str) {
    for operation in operations() {
        let answer = scene.call(server, operation.name);
        // The query protocol of STS has another name for it.
        let internal = match operation.name {
            "AssumeRoleWithWebIdentity" | "GetSessionToken" => "InternalFailure",
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
        while server.send(&unsigned).status != 500 {}
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
    let Some(disk) = Disk::mount() else { return };
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
struct Disk(TempDir);

impl Disk {
    fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(folder.path());
        let mounted = spawn(mount.stderr(Stdio::null())).wait().unwrap().success();
        mounted.then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills it with a file.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("filling");
        let mut file = File::create(&path).unwrap();
        while file.write_all(&[0; 4_096]).is_ok() {}
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = spawn(Command::new("umount").arg(self.path())).wait().unwrap();
        assert!(unmounted.success());
    }
}
