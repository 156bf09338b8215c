//! Deliveries over a real store and a folder: what is in the files, and what a
//! crash leaves.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use flate2::read::GzDecoder;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::audit::{self, EventType, Own, Record};
use crate::base::caller::{Caller, Principal};
use crate::base::clock::ManualClock;
use crate::base::ids::RequestId;
use crate::hsm::{OsEntropy, RootKey};
use crate::store::testing::Counting;
use crate::store::trail::KeyRow;
use crate::store::{NewEvent, Settings, Unit};

const HOME: &str = "eu-central-1";
const ACCOUNT: &str = "111122223333";
const HOUR_MS: i64 = 3_600_000;
/// 2026-11-02T10:00:00Z.
const START_MS: i64 = 1_793_613_600_000;

/// A book and its trail.
struct Scene {
    _data: TempDir,
    bucket: TempDir,
    clock: Arc<ManualClock>,
    trail: Trail,
    public: Vec<u8>,
}

impl Scene {
    async fn new() -> Self {
        let (data, bucket) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let clock = Arc::new(ManualClock::at(START_MS));
        let root = RootKey::generate(&mut OsEntropy).unwrap();
        let hsm = Arc::new(Hsm::initialize(root, OsEntropy).unwrap().0);
        let store = Arc::new(Store::open(data.path(), Settings::default(), audit::marks).unwrap());
        store.appoint(Counting::from(0)).unwrap();
        let key = hsm.generate_trail_key().unwrap();
        let public = key.public.clone();
        let row = KeyRow {
            fingerprint: key.fingerprint,
            public: key.public,
            sealed: key.sealed,
            valid_from_ms: START_MS,
            valid_to_ms: START_MS + KEY_LIFETIME_MS,
        };
        store.keep(vec![Box::new(InsertKey(row))]).await.unwrap();
        let handles = Handles { store, hsm, clock: Arc::<ManualClock>::clone(&clock) };
        let trail = trail(bucket.path().to_owned(), handles);
        Self { _data: data, bucket, clock, trail, public }
    }

    async fn commit(&self, account: &str, region: &str, names: &[&str]) {
        let time_ms = self.clock.now_ms();
        let mut events: Vec<NewEvent> =
            names.iter().map(|name| event(account, region, name, time_ms)).collect();
        let event = events.remove(0);
        let unit = Unit { changes: Vec::new(), event, further: events };
        self.trail.handles.store.commit(unit).await.unwrap();
    }

    /// All files in the bucket, by name.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(self.bucket.path(), self.bucket.path(), &mut files);
        files
    }

    /// The digests of a chain, oldest first, each with its name.
    fn digests(&self, account: &str, region: &str) -> Vec<(String, Value)> {
        let start = format!("p/AWSLogs/{account}/CloudTrail-Digest/{region}/");
        let files = self.files();
        let of_chain =
            files.iter().filter(|(name, _)| name.starts_with(&start) && name.ends_with(".json.gz"));
        of_chain.map(|(name, bytes)| (name.clone(), json(bytes))).collect()
    }

    /// The names of the events in all log files that digests of the chain list, in
    /// order; checks the chain on the way as a stranger would.
    fn verified(&self, account: &str, region: &str) -> Vec<String> {
        let files = self.files();
        let mut names = Vec::new();
        let mut previous: Option<(String, String, String)> = None;
        for (object, digest) in self.digests(account, region) {
            let text = |member: &str| digest[member].as_str().map(str::to_owned);
            assert_eq!(text("digestS3Object").as_ref(), Some(&object));
            assert_eq!(text("digestS3Bucket").as_deref(), Some("bucket"));
            let (of, hash, signature) = match previous {
                Some((of, hash, signature)) => (Some(of), Some(hash), Some(signature)),
                None => (None, None, None),
            };
            assert_eq!(text("previousDigestS3Object"), of);
            assert_eq!(text("previousDigestHashValue"), hash);
            assert_eq!(text("previousDigestSignature"), signature);
            let metadata: Value =
                serde_json::from_slice(&files[&format!("{object}.metadata.json")]).unwrap();
            assert_eq!(metadata["signature-algorithm"], "SHA256withRSA");
            let signed = metadata["signature"].as_str().unwrap().to_owned();
            let hash = sha256(&unpacked(&files[&object]));
            let last = signature.as_deref().unwrap_or("null");
            let end = text("digestEndTime").unwrap();
            let message = format!("{end}\nbucket/{object}\n{hash}\n{last}");
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public)
                .verify(message.as_bytes(), &hex::decode::<256>(&signed).unwrap())
                .unwrap();
            for file in digest["logFiles"].as_array().unwrap() {
                let log = &files[file["s3Object"].as_str().unwrap()];
                assert_eq!(file["hashValue"], sha256(&unpacked(log)));
                let log = json(log);
                let records = log["Records"].as_array().unwrap();
                names.extend(records.iter().map(|of| of["eventName"].as_str().unwrap().to_owned()));
            }
            previous = Some((object, hash, signed));
        }
        names
    }
}

fn trail(folder: PathBuf, handles: Handles) -> Trail {
    restored_trail(folder, None, handles)
}

fn restored_trail(folder: PathBuf, restored_ms: Option<i64>, handles: Handles) -> Trail {
    let setting = Setting {
        destination: Destination::Folder(folder),
        bucket: "bucket".to_owned(),
        prefix: Some("p".to_owned()),
        interval: Duration::from_secs(300),
        digest_interval_ms: HOUR_MS,
    };
    Trail::new(setting, Region::parse(HOME).unwrap(), restored_ms, handles)
}

fn event(account: &str, region: &str, name: &str, time_ms: i64) -> NewEvent {
    let account = AccountId::parse(account).unwrap();
    audit::prepare(&Record {
        event_id: [9; 16],
        time_ms,
        caller: &Caller {
            principal: Principal::Root { account: account.clone() },
            access_key_id: None,
            session: None,
            source_ip: Some([192, 0, 2, 7].into()),
            user_agent: None,
            secure_transport: false,
            tls: None,
            request_id: RequestId::from_random([7; 16]),
            via_service: None,
        },
        account: &account,
        region: &Region::parse(region).unwrap(),
        event_source: "kms.amazonaws.com",
        event_name: name,
        error: None,
        request_parameters: None,
        response_elements: None,
        additional_event_data: None,
        service_event_details: None,
        read_only: true,
        resources: &[],
        event_type: EventType::AwsApiCall,
        shared_event_id: None,
        tls: None,
        own: Own::default(),
        key_material: None,
        salt: [3; 16],
    })
    .unwrap()
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
}

fn unpacked(gzip: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(gzip).read_to_end(&mut bytes).unwrap();
    bytes
}

fn json(gzip: &[u8]) -> Value {
    serde_json::from_slice(&unpacked(gzip)).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    digest::pack(bytes).unwrap().hash
}

#[tokio::test]
async fn every_record_is_in_one_file_and_every_file_in_one_digest() {
    let scene = Scene::new().await;
    scene.commit(ACCOUNT, HOME, &["A", "B"]).await;
    scene.commit("444455556666", "eu-west-1", &["X"]).await;
    scene.trail.deliver().await.unwrap();
    assert_eq!(scene.digests(ACCOUNT, HOME).len(), 0);
    scene.commit(ACCOUNT, HOME, &["C"]).await;
    scene.clock.advance_ms(300_000);
    scene.trail.deliver().await.unwrap();
    // Nothing new: no file.
    scene.trail.deliver().await.unwrap();
    assert_eq!(scene.trail.status().files, 3);
    scene.clock.advance_ms(3_600_000);
    scene.commit(ACCOUNT, HOME, &["D"]).await;
    scene.trail.deliver().await.unwrap();
    assert_eq!(scene.verified(ACCOUNT, HOME), ["A", "B", "C"]);
    assert_eq!(scene.verified("444455556666", "eu-west-1"), ["X"]);
    // An hour later, one chain has a digest of one file, the other one of none.
    scene.clock.advance_ms(3_600_000);
    scene.trail.deliver().await.unwrap();
    assert_eq!(scene.verified(ACCOUNT, HOME), ["A", "B", "C", "D"]);
    assert_eq!(scene.verified("444455556666", "eu-west-1"), ["X"]);
    let (_, empty) = &scene.digests("444455556666", "eu-west-1")[1];
    assert_eq!(empty["logFiles"], serde_json::json!([]));
    assert!(empty["newestEventTime"].is_null());
    assert_eq!(empty["digestStartTime"], "2026-11-02T11:00:00Z");
    assert_eq!(empty["digestEndTime"], "2026-11-02T12:00:00Z");
}

/// Whatever a crash cut short is done again, with the same names and bytes.
#[tokio::test]
async fn a_crash_leaves_no_gap_and_no_second_copy() {
    let scene = Scene::new().await;
    let store = &scene.trail.handles.store;
    let progress = || store.read(|tx| rows::find_progress(tx)).unwrap();
    scene.commit(ACCOUNT, HOME, &["A", "B"]).await;
    // The plan is kept and the files are written, but that is not kept.
    let plan = Plan { seq: 1, stamp_ms: START_MS };
    let planned = Progress {
        started_ms: START_MS,
        delivered_seq: 0,
        delivered_ms: 0,
        digest_ms: START_MS,
        plan: Some(plan),
        planned_digest_ms: None,
    };
    scene.trail.handles.keep(vec![Kept::Progress(planned)]).await.unwrap();
    let batch = Batch::read(store, 0, 1, false).unwrap();
    let (chain, contents) = batch.chains.into_iter().next().unwrap();
    let object = scene.trail.layout(&chain).log_file(plan, 1);
    let packed = digest::pack(&contents.finish().0).unwrap();
    scene.trail.setting.destination.put(&object, packed.gzip, &[]).await.unwrap();
    let before = scene.files();
    scene.commit(ACCOUNT, HOME, &["C"]).await;
    scene.clock.advance_ms(240_000);
    scene.trail.deliver().await.unwrap();
    assert_eq!(scene.files()[&object], before[&object]);
    assert_eq!(scene.files().len(), 2);
    assert_eq!(progress().unwrap().delivered_seq, 3);
    // The same with digests: planned, written, and not kept.
    scene.clock.advance_ms(3_600_000);
    let end_ms = scene.trail.boundary(scene.clock.now_ms());
    let planned = Progress { planned_digest_ms: Some(end_ms), ..progress().unwrap() };
    scene.trail.handles.keep(vec![Kept::Progress(planned)]).await.unwrap();
    scene.trail.write_digest(chain, None, planned, end_ms).await.unwrap();
    let before = scene.files();
    scene.clock.advance_ms(7_200_000);
    scene.trail.deliver().await.unwrap();
    let after = scene.files();
    assert!(before.iter().all(|(name, bytes)| after.get(name) == Some(bytes)));
    assert_eq!(scene.verified(ACCOUNT, HOME), ["A", "B", "C"]);
    // One for the round that was planned, one for the two hours after it.
    assert_eq!(scene.digests(ACCOUNT, HOME).len(), 2);
}

#[tokio::test]
async fn a_failure_is_told_and_made_good() {
    let scene = Scene::new().await;
    scene.commit(ACCOUNT, HOME, &["A"]).await;
    // A file stands where a folder should be.
    let obstacle = scene.bucket.path().join("p");
    std::fs::write(&obstacle, "").unwrap();
    assert!(matches!(scene.trail.deliver().await, Err(Error::Write { .. })));
    let status = scene.trail.status();
    // Every account may ask: neither paths nor names of others.
    let told = status.delivery_error.unwrap();
    assert_eq!(told, "a file cannot be written: not a directory");
    assert_eq!((status.failures, status.files), (1, 0));
    std::fs::remove_file(&obstacle).unwrap();
    scene.trail.deliver().await.unwrap();
    let status = scene.trail.status();
    assert_eq!((status.delivery_error, status.failures, status.files), (None, 1, 1));
    scene.clock.advance_ms(3_600_000);
    scene.trail.deliver().await.unwrap();
    assert_eq!(scene.verified(ACCOUNT, HOME), ["A"]);
    // Log files wait for digests that cannot be written, and the status says so.
    let bucket = scene.bucket.path().join("p");
    std::fs::rename(&bucket, scene.bucket.path().join("away")).unwrap();
    std::fs::write(&bucket, "").unwrap();
    scene.clock.advance_ms(3_600_000);
    scene.trail.deliver().await.unwrap_err();
    let status = scene.trail.status();
    assert!(status.digest_error.is_some());
    assert_eq!(status.delivery_error, status.digest_error);
}

/// A clock that goes back must not put a file before a digest that is made.
#[tokio::test]
async fn stamps_never_go_back() {
    let scene = Scene::new().await;
    scene.commit(ACCOUNT, HOME, &["A"]).await;
    scene.trail.deliver().await.unwrap();
    scene.clock.advance_ms(3_600_000);
    scene.trail.deliver().await.unwrap();
    let back = Arc::new(ManualClock::at(START_MS - HOUR_MS));
    let handles = Handles { clock: back, ..scene.trail.handles.clone() };
    let late = trail(scene.bucket.path().to_owned(), handles);
    scene.commit(ACCOUNT, HOME, &["B"]).await;
    let digest_ms = START_MS + HOUR_MS;
    let waits = late.deliver().await.unwrap_err();
    assert!(matches!(waits, Error::Ahead { digest_ms: of } if of == digest_ms), "{waits}");
    let status = late.status();
    let text = "no digest is made until 2026-11-02T11:00:00.000Z";
    assert!(status.digest_error.unwrap().starts_with(text));
    assert_eq!((status.delivery_error, status.failures, status.files), (None, 1, 1));
    assert_eq!(scene.verified(ACCOUNT, HOME), ["A"]);
    scene.clock.advance_ms(3_600_000);
    scene.trail.deliver().await.unwrap();
    assert_eq!(scene.verified(ACCOUNT, HOME), ["A", "B"]);
}

/// As docs/cloudtrail.md has it: every file is in one digest, whenever it was delivered,
/// and the key that signs is valid at the time that is right.
#[tokio::test]
async fn a_clock_that_was_ahead_can_be_put_right() {
    let scene = Scene::new().await;
    let store = Arc::clone(&scene.trail.handles.store);
    scene.commit(ACCOUNT, HOME, &["A"]).await;
    scene.trail.deliver().await.unwrap();
    scene.clock.advance_ms(HOUR_MS);
    scene.trail.deliver().await.unwrap();
    let right = Arc::new(ManualClock::at(START_MS - 720 * HOUR_MS));
    let handles =
        Handles { clock: Arc::<ManualClock>::clone(&right), ..scene.trail.handles.clone() };
    let trail = trail(scene.bucket.path().to_owned(), handles);
    scene.commit(ACCOUNT, HOME, &["B"]).await;
    assert!(matches!(trail.deliver().await, Err(Error::Ahead { .. })));

    // Without what the documentation says of the files, they wait for their digest.
    let progress = store.read(|tx| rows::find_progress(tx)).unwrap().unwrap();
    let now_ms = right.now_ms();
    let set_back = Progress { digest_ms: now_ms, delivered_ms: now_ms, ..progress };
    trail.handles.keep(vec![Kept::Progress(set_back)]).await.unwrap();
    scene.commit(ACCOUNT, HOME, &["C"]).await;
    trail.deliver().await.unwrap();
    right.advance_ms(HOUR_MS);
    trail.deliver().await.unwrap();
    let files = || {
        let digests = scene.digests(ACCOUNT, HOME);
        let files = digests.iter().flat_map(|(_, digest)| digest["logFiles"].as_array().unwrap());
        files.map(|file| file["s3Object"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(files().len(), 2);
    let keys = store.read(|tx| rows::list_keys(tx)).unwrap();
    assert_eq!(keys[0].valid_from_ms, now_ms);
    right.advance_ms(721 * HOUR_MS);
    trail.deliver().await.unwrap();
    let mut listed = files();
    listed.sort_unstable();
    let log_files = scene.files().into_keys().filter(|name| name.contains("/CloudTrail/"));
    assert_eq!(listed, log_files.collect::<Vec<_>>());
}

/// What the first server delivered after the backup stays as it is.
#[tokio::test]
async fn a_restored_book_writes_over_nothing() {
    let scene = Scene::new().await;
    let store = Arc::clone(&scene.trail.handles.store);
    let progress = || store.read(|tx| rows::find_progress(tx)).unwrap().unwrap();
    scene.commit(ACCOUNT, HOME, &["A"]).await;
    scene.trail.deliver().await.unwrap();
    // The backup is of the moment before the first round of digests is kept.
    scene.clock.advance_ms(HOUR_MS);
    scene.commit(ACCOUNT, HOME, &["B"]).await;
    let plan = Plan { seq: 2, stamp_ms: scene.clock.now_ms() };
    let planned_digest_ms = Some(scene.trail.boundary(scene.clock.now_ms()));
    let backup = Progress { plan: Some(plan), planned_digest_ms, ..progress() };
    scene.trail.deliver().await.unwrap();
    scene.clock.advance_ms(HOUR_MS);
    scene.commit(ACCOUNT, HOME, &["lost"]).await;
    scene.trail.deliver().await.unwrap();
    let delivered = scene.files();
    assert_eq!(scene.verified(ACCOUNT, HOME), ["A", "B"]);

    // The restore, in the hour whose beginning the last digests end at.
    scene.clock.advance_ms(HOUR_MS / 2);
    scene.trail.handles.keep(vec![Kept::Progress(backup)]).await.unwrap();
    store.keep(vec![Box::new(Restored)]).await.unwrap();
    assert_eq!(progress(), Progress { plan: None, planned_digest_ms: None, ..backup });
    let (folder, handles) = (scene.bucket.path().to_owned(), scene.trail.handles.clone());
    let trail = restored_trail(folder, Some(scene.clock.now_ms()), handles);
    trail.deliver().await.unwrap();
    let untouched = || {
        let after = scene.files();
        delivered.iter().all(|(name, bytes)| after.get(name) == Some(bytes))
    };
    assert!(untouched());
    assert_eq!(scene.digests(ACCOUNT, HOME).len(), 2);
    scene.clock.advance_ms(HOUR_MS);
    trail.deliver().await.unwrap();
    assert!(untouched());
    let digests = scene.digests(ACCOUNT, HOME);
    let (_, newest) = &digests[2];
    assert_eq!(newest["digestEndTime"], "2026-11-02T13:00:00Z");
    assert!(!newest["logFiles"].as_array().unwrap().is_empty());
}

/// What a restore does to the rows of the trail.
struct Restored;

impl Change for Restored {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        rows::forget_plans(tx)
    }

    fn publish(&self) {}
}

#[tokio::test]
async fn a_large_book_is_many_files() {
    let scene = Scene::new().await;
    let many = vec!["Decrypt"; limits::TRAIL_FILE_RECORDS + 1];
    scene.commit(ACCOUNT, HOME, &many).await;
    scene.trail.deliver().await.unwrap();
    assert_eq!(scene.trail.status().files, 2);
    scene.clock.advance_ms(3_600_000);
    scene.trail.deliver().await.unwrap();
    assert_eq!(scene.verified(ACCOUNT, HOME).len(), many.len());
}
