//! The real program is killed again and again under load. Whatever it answered
//! before is there after the next start, which needs nobody's help.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use wardbook::audit::ledger::{Checkpoint, VerifierKey, verify_consistency};
use wardbook::audit::verify::{Kept, Wanted, verify};

use crate::fixture::door::Door;
use crate::fixture::program::{Home, Program};
use crate::fixture::raw::{self, Request};
use crate::fixture::wait_until;
use crate::ledger;

/// How often the program is killed. More is asked for by `CRASH_KILLS` in the
/// environment of the test.
const KILLS: usize = 50;
const CLIENTS: usize = 4;
/// A kill comes after at most so many answered calls.
const CALLS_MAX: usize = 150;

/// What one client was answered.
#[derive(Default)]
struct Answered {
    request_ids: Vec<String>,
    ciphertexts: Vec<Value>,
}

#[test]
fn what_was_answered_survives_kill_9() {
    let home = Home::new();
    let serve = || home.serve(&["--log-filter", "error"]);
    let mut program = serve();
    let mut all = Answered::default();
    let mut random = Random(0x5eed);
    let mut heads = Heads::default();
    let kills = kills();
    for _ in 0..kills {
        let answered = load_and_kill(program, random.below(CALLS_MAX) + 1);
        program = serve();
        heads.check(&program);
        let last = program.rest("GET", "/v1/audit/events?limit=1000", &Value::Null).ok();
        check_records(last["events"].as_array().unwrap(), &answered.request_ids);
        all.request_ids.extend(answered.request_ids);
        all.ciphertexts.extend(answered.ciphertexts);
    }
    assert!(all.request_ids.len() > kills * CLIENTS, "there was no load");
    let book = program.book();
    // The head covers every record: those of the book, and of reading it.
    assert!(heads.check(&program) >= book.len());
    check_records(&book, &all.request_ids);
    // A key and its record are there together, or not at all.
    assert_eq!(keys_of_records(&book), keys_of_server(&program));
    std::thread::scope(|scope| {
        for some in all.ciphertexts.chunks(all.ciphertexts.len() / CLIENTS + 1) {
            let door = program.door();
            scope.spawn(move || some.iter().for_each(|ciphertext| check_opens(door, ciphertext)));
        }
    });
    program.terminate();
    assert_eq!(std::fs::read_to_string(home.log()).unwrap(), "");
    // And the book is whole, from its first record to behind the last head.
    let data = home.data();
    let report = verify(heads.wanted(&data), &|_, _| {}).unwrap();
    assert_eq!(report.findings(), []);
    assert!(report.records >= heads.last.unwrap().size);
}

/// The answer to RotateKeyOnDemand is a promise: wherever between it and the
/// rotation the program dies, the key rotates, once.
#[test]
fn a_rotation_on_demand_survives_kill_9() {
    let home = Home::new();
    let serve = || home.serve(&["--log-filter", "error"]);
    let mut program = serve();
    let key =
        json!({ "KeyId": program.call("CreateKey", &json!({})).ok()["KeyMetadata"]["KeyId"] });
    let mut ciphertexts = Vec::new();
    for done in 1..=10 {
        let input = json!({ "KeyId": key["KeyId"], "Plaintext": PLAINTEXT });
        ciphertexts.push(program.call("Encrypt", &input).ok()["CiphertextBlob"].clone());
        program.call("RotateKeyOnDemand", &key).ok();
        program.kill();
        program = serve();
        let rotations = || program.call("ListKeyRotations", &key).ok()["Rotations"].clone();
        wait_until(|| rotations().as_array().unwrap().len() == done);
        let status = program.call("GetKeyRotationStatus", &key).ok();
        assert!(status.get("OnDemandRotationStartDate").is_none(), "{status}");
    }
    let materials = ciphertexts.iter().map(|ciphertext| {
        let opened = program.call("Decrypt", &json!({ "CiphertextBlob": ciphertext })).ok();
        assert_eq!(opened["Plaintext"], PLAINTEXT);
        text(&opened["KeyMaterialId"])
    });
    assert_eq!(materials.collect::<BTreeSet<_>>().len(), 10);
    assert_eq!(program.events("eventName=RotateKey").len(), 10);
    program.terminate();
}

const PLAINTEXT: &str = "c3Vydml2ZXM=";

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how long")]
fn kills() -> usize {
    std::env::var("CRASH_KILLS").map_or(KILLS, |asked| asked.parse().unwrap())
}

/// Lets clients call until they were answered so many times together, and
/// kills the program while they go on.
fn load_and_kill(mut program: Program, calls: usize) -> Answered {
    let door = program.door().clone();
    let count = AtomicUsize::new(0);
    let mut together = Answered::default();
    std::thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|_| scope.spawn(|| call_until_killed(&door, &count))).collect();
        wait_until(|| count.load(Ordering::SeqCst) >= calls);
        program.kill();
        for client in clients {
            let answered = client.join().unwrap();
            together.request_ids.extend(answered.request_ids);
            together.ciphertexts.extend(answered.ciphertexts);
        }
    });
    together
}

/// What the log was signed as, start after start.
#[derive(Default)]
struct Heads {
    public_key: Option<Value>,
    last: Option<Checkpoint>,
    /// Each of them, as it was signed.
    notes: String,
}

impl Heads {
    /// The whole book, against all that was seen of it.
    fn wanted<'a>(&self, folder: &'a Path) -> Wanted<'a> {
        let key = self.public_key.as_ref().unwrap().as_str().unwrap();
        Wanted {
            folder,
            key: Some(VerifierKey::parse(key).unwrap()),
            kept: vec![Kept::text("heads", self.notes.as_str())],
            index: true,
            threads: 2,
        }
    }

    /// The head of now is signed by the same key and goes on from the one before.
    /// Answers how many records it covers.
    fn check(&mut self, door: &Door) -> usize {
        let head = door.rest("GET", "/v1/audit/checkpoint", &Value::Null).ok();
        let public_key = self.public_key.get_or_insert(head["publicKey"].clone());
        let key = VerifierKey::parse(public_key.as_str().unwrap()).unwrap();
        let now = Checkpoint::open(head["checkpoint"].as_str().unwrap(), &key).unwrap();
        if let Some(then) = &self.last {
            let path = format!("/v1/audit/consistency-proof?from={}&to={}", then.size, now.size);
            let proof = door.rest("GET", &path, &Value::Null).ok();
            let hashes = ledger::hashes(&proof["hashes"]);
            let fits = verify_consistency(then.size, now.size, &hashes, &then.root, &now.root);
            assert!(fits, "{then:?} {now:?} {proof}");
        }
        self.notes.push_str(head["checkpoint"].as_str().unwrap());
        self.notes.push('\n');
        let size = usize::try_from(now.size).unwrap();
        self.last = Some(now);
        size
    }
}

/// Makes keys and uses each at once, until nobody answers.
fn call_until_killed(door: &Door, count: &AtomicUsize) -> Answered {
    let mut answered = Answered::default();
    let mut call = |operation: &str, input: &Value| {
        let request = Request::kms(operation, input.to_string());
        let answer = raw::send(door.address, &door.signed(&door.admin, "kms", &request)).ok()?;
        let output = answer.ok();
        answered.request_ids.push(answer.request_id().to_owned());
        count.fetch_add(1, Ordering::SeqCst);
        Some(output)
    };
    let mut ciphertexts = Vec::new();
    while let Some(made) = call("CreateKey", &json!({})) {
        let input = json!({ "KeyId": made["KeyMetadata"]["KeyId"], "Plaintext": PLAINTEXT });
        for _ in 0..3 {
            let Some(output) = call("Encrypt", &input) else { break };
            ciphertexts.push(output["CiphertextBlob"].clone());
        }
    }
    answered.ciphertexts = ciphertexts;
    answered
}

fn check_opens(door: &Door, ciphertext: &Value) {
    let opened = door.call("Decrypt", &json!({ "CiphertextBlob": ciphertext })).ok();
    assert_eq!(opened["Plaintext"], PLAINTEXT);
}

/// The keys that the book says were made.
fn keys_of_records(book: &[Value]) -> BTreeSet<String> {
    let created = book.iter().filter(|record| record["eventName"] == "CreateKey");
    created.map(|record| text(&record["responseElements"]["keyMetadata"]["keyId"])).collect()
}

/// The keys that are there.
fn keys_of_server(door: &Door) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut input = json!({ "Limit": 1_000 });
    loop {
        let page = door.call("ListKeys", &input).ok();
        keys.extend(page["Keys"].as_array().unwrap().iter().map(|key| text(&key["KeyId"])));
        input["Marker"] = page["NextMarker"].clone();
        if input["Marker"].is_null() {
            return keys;
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Each of these calls has one record.
#[track_caller]
fn check_records(records: &[Value], request_ids: &[String]) {
    let mut found = BTreeMap::new();
    for record in records {
        *found.entry(record["requestID"].as_str().unwrap_or_default()).or_insert(0) += 1;
    }
    for id in request_ids {
        assert_eq!(found.get(id.as_str()), Some(&1), "{id}");
    }
}

/// Numbers that look random and are the same in every run (Marsaglia's xorshift).
struct Random(usize);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
