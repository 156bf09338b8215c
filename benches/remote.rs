//! What local keys notice of a remote that hangs: how long Decrypt with a local key
//! takes alone, and beside calls of a remote key that never get an answer, in turn,
//! in one run. `cargo bench --bench remote` prints the rounds and their median.

#![expect(clippy::print_stdout, reason = "the rounds are the result")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]
#![expect(clippy::indexing_slicing, reason = "JSON members that must be there")]
#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

mod opened;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use wardbook::base::clock::{Clock, SystemClock};
use wardbook::base::ids::{Realm, Region};
use wardbook::keys::backend::remote::{RemoteName, Remotes, Settings};
use wardbook::keys::custom_stores::changes::PutCustomKeyStore;
use wardbook::keys::custom_stores::{CustomKeyStore, generate_id};

use opened::Server;

const ROUNDS: usize = 9;
/// Local calls at a time, and in one round.
const WAITERS: usize = 8;
const CALLS: usize = 32_000;
/// Calls of the remote key that are always under way, those that fail at once apart.
const HANGING: usize = 128;
/// What a client waits before it tries again.
const PAUSE: Duration = Duration::from_millis(100);
const ARN: &str = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";
/// Set for the process that measures: SDKs find credentials in the environment.
const IS_CHILD: &str = "WARDBOOK_BENCH_REMOTE";

fn main() {
    if std::env::var_os(IS_CHILD).is_some() {
        return measure();
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .env(IS_CHILD, "1")
        .env("AWS_ACCESS_KEY_ID", "AKIAREMOTE0000000001")
        .env("AWS_SECRET_ACCESS_KEY", "of nobody")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .status();
    assert!(status.unwrap().success());
}

/// A remote that knows one key, and hangs when it is told to.
struct Remote {
    hangs: AtomicBool,
    waiting: AtomicUsize,
}

async fn answer(request: HttpRequest, _body: Bytes, remote: web::Data<Remote>) -> HttpResponse {
    if remote.hangs.load(Ordering::Relaxed) {
        remote.waiting.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<()>().await;
    }
    let target = request.headers().get("x-amz-target").and_then(|name| name.to_str().ok());
    let answer = match target {
        Some("TrentService.DescribeKey") => json!({ "KeyMetadata": {
            "KeyId": "1234abcd-12ab-34cd-56ef-1234567890ab", "Arn": ARN, "Enabled": true,
            "KeyState": "Enabled", "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT",
        } }),
        _ => json!({ "CiphertextBlob": "c2VhbGVk", "KeyId": ARN }),
    };
    HttpResponse::Ok().content_type("application/x-amz-json-1.1").body(answer.to_string())
}

/// Starts the remote in a thread of its own; it ends with the process.
fn start_remote() -> (Arc<Remote>, String) {
    let remote = web::Data::new(Remote { hangs: false.into(), waiting: 0.into() });
    let (told, address) = std::sync::mpsc::channel();
    let shared = remote.clone();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = move || App::new().app_data(shared.clone()).default_service(web::to(answer));
            let server = HttpServer::new(app).workers(1).bind("127.0.0.1:0").unwrap();
            told.send(server.addrs()[0].to_string()).unwrap();
            server.run().await.unwrap();
        });
    });
    (remote.into_inner(), format!("http://{}", address.recv().unwrap()))
}

impl Server {
    /// A KMS key for the key of the remote.
    async fn remote_key(&self, name: RemoteName) -> String {
        let ctx = &self.opened.ctx;
        let realm = Realm { account: ctx.account.clone(), region: self.region.clone() };
        let store = Arc::new(CustomKeyStore {
            id: generate_id(&ctx.hsm).unwrap(),
            realm,
            name: name.to_string(),
            remote: name,
            wanted: true,
            created_ms: ctx.clock.now_ms(),
            version: 1,
        });
        let stores = Arc::clone(&ctx.custom_key_stores);
        let put = PutCustomKeyStore { stores, store: Arc::clone(&store) };
        ctx.store.keep(vec![Box::new(put)]).await.unwrap();
        ctx.custom_key_stores.report(&store, Ok(()));
        let input = json!({
            "Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store.id.to_string(),
            "XksKeyId": ARN,
        });
        let made = self.ask("CreateKey", &input).await;
        made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    }

    /// How long each of the calls took, in order: microseconds.
    async fn round(self: &Arc<Self>, decrypt: &Arc<Value>) -> Vec<u128> {
        let mut calls = JoinSet::new();
        for _ in 0..WAITERS {
            let (server, decrypt) = (Arc::clone(self), Arc::clone(decrypt));
            calls.spawn(async move {
                let mut took = Vec::with_capacity(CALLS / WAITERS);
                for _ in 0..CALLS / WAITERS {
                    let start = Instant::now();
                    server.ask("Decrypt", &decrypt).await;
                    took.push(start.elapsed().as_micros());
                }
                took
            });
        }
        let mut all: Vec<u128> = calls.join_all().await.into_iter().flatten().collect();
        all.sort_unstable();
        all
    }
}

fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let (remote, endpoint) = start_remote();
    let name = RemoteName::parse("far").unwrap();
    let usual = Settings::new(name.clone(), Region::parse("eu-west-1").unwrap());
    let settings = Settings { endpoint: Some(endpoint), ..usual };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let remotes = Arc::new(Remotes::new(vec![settings], &clock));
    let server = Arc::new(Server::open(folder.path(), remotes));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let local = server.ask("CreateKey", &json!({})).await;
        let local = json!({ "KeyId": local["KeyMetadata"]["KeyId"], "Plaintext": "c2VjcmV0" });
        let blob = server.ask("Encrypt", &local).await["CiphertextBlob"].clone();
        let decrypt = Arc::new(json!({ "CiphertextBlob": blob }));
        let far = json!({ "KeyId": server.remote_key(name).await, "Plaintext": "c2VjcmV0" });
        server.ask("Encrypt", &far).await;
        let (far, mut ratios) = (Arc::new(far), Vec::new());
        server.round(&decrypt).await;
        for round in 0..ROUNDS {
            remote.hangs.store(false, Ordering::Relaxed);
            let alone = server.round(&decrypt).await;
            remote.hangs.store(true, Ordering::Relaxed);
            let mut hanging = JoinSet::new();
            for _ in 0..HANGING {
                let (server, far) = (Arc::clone(&server), Arc::clone(&far));
                hanging.spawn(async move {
                    loop {
                        server.try_ask("Encrypt", &far).await;
                        tokio::time::sleep(PAUSE).await;
                    }
                });
            }
            tokio::time::sleep(PAUSE).await;
            let beside = server.round(&decrypt).await;
            hanging.shutdown().await;
            let p99 = |all: &[u128]| f64::from(u32::try_from(all[all.len() * 99 / 100]).unwrap());
            let ratio = p99(&beside) / p99(&alone);
            println!(
                "round {round}: p99 alone {:.0} us, beside a hanging remote {:.0} us: {ratio:.2}",
                p99(&alone),
                p99(&beside)
            );
            ratios.push(ratio);
        }
        ratios.sort_by(f64::total_cmp);
        let waiting = remote.waiting.load(Ordering::Relaxed);
        println!("median {:.2}; {waiting} calls reached the remote that hung", ratios[ROUNDS / 2]);
        server.opened.ctx.store.close();
    });
}
