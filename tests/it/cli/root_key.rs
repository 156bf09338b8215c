//! `wardbook root-key`: who can open a data folder, and a new root key.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Ended, write_private};
use crate::fixture::program::{Home, spawn};
use crate::fixture::wait_until;
use crate::server_events;

const PLAINTEXT: &str = "c3Vydml2ZXM=";

/// A data folder with a key that has encrypted something.
struct Scene {
    home: Home,
    ciphertext: Value,
}

impl Scene {
    fn set() -> Self {
        let home = Home::new();
        let folder = home.data().parent().unwrap().to_owned();
        write_private(&folder.join("right"), "correct horse\n");
        write_private(&folder.join("wrong"), "battery staple\n");
        let program = home.serve(&[]);
        let input = json!({ "KeyId": program.new_key(), "Plaintext": PLAINTEXT });
        let ciphertext = program.call("Encrypt", &input).ok()["CiphertextBlob"].clone();
        program.terminate();
        Self { home, ciphertext }
    }

    fn folder(&self) -> std::path::PathBuf {
        self.home.data().parent().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> String {
        self.folder().join(name).to_str().unwrap().to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wardbook"));
        command.arg("root-key").args(arguments).args(["--json", "--data", "data"]);
        command.current_dir(self.folder()).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        spawn(&mut self.command(arguments)).wait_with_output().unwrap().into()
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> Value {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let listed = self.ok(&["list"]);
        let name = |row: &Value| row["name"].as_str().unwrap().to_owned();
        listed["protectors"].as_array().unwrap().iter().map(name).collect()
    }

    /// Serves the folder, and opens what was encrypted in the beginning. Answers the
    /// records of the changes.
    #[track_caller]
    fn check_serves(&self, arguments: &[&str]) -> Vec<Value> {
        let program = self.home.serve(arguments);
        let opened = program.call("Decrypt", &json!({ "CiphertextBlob": self.ciphertext })).ok();
        assert_eq!(opened["Plaintext"], PLAINTEXT);
        let changes = ["AddRootKeyProtector", "RemoveRootKeyProtector", "RotateRootKey"];
        let query = changes.map(|name| format!("eventName={name}")).join("&");
        let records = program.events(&query);
        program.terminate();
        records
    }

    /// The book is whole, as somebody sees who has only the folder.
    #[track_caller]
    fn check_verifies(&self) {
        let mut verify = Command::new(env!("CARGO_BIN_EXE_wardbook"));
        verify.args(["audit", "verify", "--json", "--data", "data"]).env_clear();
        verify.current_dir(self.folder()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = Ended::from(spawn(&mut verify).wait_with_output().unwrap());
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    }
}

const BY_RIGHT: [&str; 2] = ["--passphrase-file", "right"];
const ADD_PASSPHRASE: [&str; 5] = ["add", "--kind", "passphrase", "--new-passphrase-file", "right"];

#[test]
fn any_protector_opens_and_each_change_is_recorded() {
    let scene = Scene::set();
    let listed = scene.ok(&["list"])["protectors"].clone();
    assert_eq!((&listed[0]["name"], &listed[0]["kind"]), (&json!("key-file"), &json!("key-file")));
    assert!(listed[0]["added"].as_str().unwrap().starts_with("20"), "{listed}");

    assert_eq!(scene.ok(&ADD_PASSPHRASE), json!({ "added": "passphrase" }));
    let usb = ["add", "--kind", "key-file", "--new-key-file", "usb.key", "--name", "usb"];
    scene.ok(&[&usb[..], &BY_RIGHT].concat());
    assert_eq!(scene.names(), ["key-file", "passphrase", "usb"]);
    scene.check_serves(&[]);
    scene.check_serves(&["--passphrase-file", &scene.path("right")]);
    scene.check_serves(&["--key-file", &scene.path("usb.key")]);

    scene.ok(&[&["remove", "key-file"][..], &BY_RIGHT].concat());
    assert_eq!(scene.names(), ["passphrase", "usb"]);
    let refused = scene.home.serve_refused(&[]);
    assert!(refused.contains("key file belongs to another root key"), "{refused}");
    let records = scene.check_serves(&["--passphrase-file", &scene.path("right")]);
    let told = |at: usize| &records[at]["serviceEventDetails"];
    assert_eq!(records.len(), 3);
    assert_eq!(records[0]["eventName"], "RemoveRootKeyProtector");
    server_events::check(&records[0]);
    server_events::check(&records[1]);
    assert_eq!(told(0)["protector"], json!({ "name": "key-file", "kind": "key-file" }));
    assert_eq!((&told(0)["openedBy"], &told(0)["forced"]), (&json!("passphrase"), &json!(false)));
    assert_eq!(told(1)["protector"], json!({ "name": "usb", "kind": "key-file" }));
    assert_eq!(told(2)["openedBy"], "key-file");
    let program = scene.home.serve(&["--key-file", &scene.path("usb.key")]);
    let start = program.events("eventName=ServiceStart")[0].clone();
    let by = &start["serviceEventDetails"]["rootKeyProtector"];
    assert_eq!(*by, json!({ "name": "usb", "kind": "key-file" }));
    program.terminate();
    scene.check_verifies();
}

#[test]
fn what_would_lock_everybody_out_is_refused() {
    let scene = Scene::set();
    scene.run(&["remove", "key-file"]).refused(1, "key-file is the only protector");
    scene.run(&["remove", "key-file", "--force"]).refused(1, "key-file is the only protector");
    scene.run(&["remove", "other"]).refused(1, "there is no protector other");
    scene.ok(&ADD_PASSPHRASE);
    // Nobody has shown that the passphrase is known.
    scene.run(&["remove", "key-file"]).refused(1, "no protector but key-file was opened");
    let wrong = ["--passphrase-file", "wrong"];
    scene.run(&[&["remove", "key-file"][..], &wrong].concat()).refused(1, "passphrase is wrong");
    scene
        .run(&[&["remove", "key-file", "--force"][..], &wrong].concat())
        .refused(1, "passphrase is wrong");
    assert_eq!(scene.names(), ["key-file", "passphrase"]);
    assert_eq!(scene.check_serves(&[]).len(), 1);
    scene.ok(&["remove", "key-file", "--force"]);
    assert_eq!(scene.names(), ["passphrase"]);
    scene.check_serves(&["--passphrase-file", &scene.path("right")]);
}

#[test]
fn names_are_plain_distinct_and_few() {
    let scene = Scene::set();
    scene.ok(&ADD_PASSPHRASE);
    scene.run(&ADD_PASSPHRASE).refused(1, "there is a protector passphrase already");
    let add = |name: &str| scene.run(&[&ADD_PASSPHRASE[..], &["--name", name]].concat());
    for name in ["", "a b", "a/b", &"x".repeat(65)] {
        add(name).refused(1, "cannot be the name of a protector");
    }
    scene.run(&["add", "--kind", "key-file"]).refused(2, "set without --new-key-file");
    let kms = ["add", "--kind", "pkcs11"];
    scene.run(&kms).refused(2, "invalid value 'pkcs11'");
    let same = ["add", "--kind", "key-file", "--new-key-file", "data/root.key", "--name", "again"];
    scene.run(&same).refused(1, "this key file is the protector key-file already");
    for n in 2..8 {
        assert_eq!(add(&format!("p{n}")).code, Some(0));
    }
    add("p8").refused(1, "8 protectors and can have no more");
}

#[test]
fn nothing_changes_under_a_server() {
    let scene = Scene::set();
    let program = scene.home.serve(&[]);
    for change in [&ADD_PASSPHRASE[..], &["remove", "key-file"], &["rotate"]] {
        scene.run(change).refused(1, "another server uses this data folder");
    }
    assert_eq!(scene.names(), ["key-file"]);
    program.terminate();
}

#[test]
fn a_new_root_key_makes_the_old_one_worthless() {
    let scene = Scene::set();
    scene.ok(&ADD_PASSPHRASE);
    let old = protectors(&scene.home.data());
    scene.run(&["rotate"]).refused(1, "give what opens these protectors too, or remove them");
    let wrong = ["rotate", "--also-passphrase-file", "wrong"];
    scene.run(&wrong).refused(1, "remove them first: passphrase: ");
    assert_eq!(protectors(&scene.home.data()), old);

    let by = scene.ok(&["rotate", "--also-passphrase-file", "right"]);
    assert_eq!(by, json!({ "rotated": true, "opened_by": "key-file" }));
    let new = protectors(&scene.home.data());
    assert_eq!(new.len(), 2);
    assert!(old.iter().zip(&new).all(|(old, new)| old.0 == new.0 && old.1 != new.1));
    scene.check_serves(&["--passphrase-file", &scene.path("right")]);
    let records = scene.check_serves(&[]);
    assert_eq!(records[0]["eventName"], "RotateRootKey");
    server_events::check(&records[0]);
    let names = records[0]["serviceEventDetails"]["protectors"].as_array().unwrap().len();
    assert_eq!(names, 2);
    scene.check_verifies();

    // Whoever has the old root key opens nothing of the new folder with it.
    put(&scene.home.data(), &old);
    let refused = scene.home.serve_refused(&[]);
    assert!(refused.contains("root key is not the one that the domain keys are sealed under"));
    put(&scene.home.data(), &new);
    scene.check_serves(&[]);
}

/// Wherever the program dies, there is one root key, whole, under both protectors.
#[test]
fn a_rotation_that_is_killed_has_happened_or_not() {
    let scene = Scene::set();
    scene.ok(&ADD_PASSPHRASE);
    let rotate = ["rotate", "--also-key-file", "data/root.key", "--passphrase-file", "right"];
    let mut before = protectors(&scene.home.data());
    let (mut killed, mut done) = (0, 0);
    for after_ms in (0..).step_by(40) {
        let mut child = spawn(&mut scene.command(&rotate));
        let mut waited = 0;
        let mut ended = None;
        wait_until(|| {
            waited += 1;
            ended = child.try_wait().unwrap();
            ended.is_some() || waited > after_ms
        });
        child.kill().ok();
        child.wait().unwrap();
        match ended {
            Some(status) => {
                assert!(status.success());
                done += 1;
            }
            None => killed += 1,
        }
        let now = protectors(&scene.home.data());
        let changed = before.iter().zip(&now).filter(|(before, now)| before != now).count();
        assert!(changed == 0 || changed == 2, "{changed}");
        before = now;
        if done == 2 {
            break;
        }
    }
    assert!(killed > 2, "{killed}");
    scene.check_serves(&[]);
    scene.check_serves(&["--passphrase-file", &scene.path("right")]);
    scene.check_verifies();
}

/// The rows of the protectors, by name.
fn protectors(data: &Path) -> Vec<(String, Vec<u8>)> {
    let book = rusqlite::Connection::open(data.join("wardbook.db")).unwrap();
    let mut rows =
        book.prepare("select name, sealed from root_key_protectors order by name").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Puts rows in the place of those that are there.
fn put(data: &Path, rows: &[(String, Vec<u8>)]) {
    let book = rusqlite::Connection::open(data.join("wardbook.db")).unwrap();
    for (name, sealed) in rows {
        let sql = "update root_key_protectors set sealed = ?2 where name = ?1";
        assert_eq!(book.execute(sql, rusqlite::params![name, sealed]).unwrap(), 1);
    }
}
