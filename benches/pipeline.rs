//! The whole pipeline without HTTP: 64 Decrypt calls at once, each parsed,
//! resolved, decided, decrypted, recorded durably and answered; beside it, in
//! the same run, what the HSM alone takes of it.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]
#![expect(clippy::indexing_slicing, reason = "JSON members that must be there")]

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use wardbook::app::{self, InitOptions, OpenOptions, Opened, RootKeySource};
use wardbook::base::caller::{Caller, Principal};
use wardbook::base::clock::SystemClock;
use wardbook::base::context::EncryptionContext;
use wardbook::base::ids::{KeyId, Region, RequestId};
use wardbook::hsm::blob::Blob;
use wardbook::ops::call::Call;
use wardbook::ops::ctx::{Ended, Observer};
use wardbook::ops::operation::BoundOperation;

const WAITERS: usize = 64;

struct Nobody;

impl Observer for Nobody {
    fn call_ended(&self, _: &Ended<'_>) {}
}

struct Server {
    opened: Opened,
    caller: Caller,
    region: Region,
}

impl Server {
    fn call(&self, input: &Value) -> Call {
        Call {
            caller: self.caller.clone(),
            region: self.region.clone(),
            body: input.to_string().into_bytes(),
            members: Vec::new(),
            decided: Vec::new(),
        }
    }

    async fn ask(&self, name: &str, input: Value) -> Value {
        let entry = wardbook::ops::TABLE.iter().find(|entry| entry.description.name == name);
        let operation = entry.unwrap().bind(Arc::clone(&self.opened.ctx));
        let answer = operation.call(self.call(&input)).await;
        serde_json::from_slice(answer.result().unwrap()).unwrap()
    }
}

fn open(folder: &std::path::Path) -> Server {
    let region = Region::parse("eu-central-1").unwrap();
    let key_file = || RootKeySource::KeyFile(folder.join("root.key"));
    let init = InitOptions {
        data: folder.to_owned(),
        account: None,
        region: region.clone(),
        root_key: key_file(),
        log_origin: None,
    };
    let made = app::init(&init, &SystemClock::new()).unwrap();
    let opened = wardbook::http::server::block_on(app::open(OpenOptions {
        oidc: Vec::new(),
        remotes: Default::default(),
        data: folder.to_owned(),
        root_key: key_file(),
        log_origin: None,
        witness: Default::default(),
        regions: Vec::new(),
        quotas: Default::default(),
        store: Default::default(),
        trail: None,
        clock: Arc::new(SystemClock::new()),
        observer: Box::new(Nobody),
    }))
    .unwrap();
    let key = opened.ctx.directory.find_access_key(&made.access_key_id).unwrap();
    let user = opened.ctx.directory.find(&key.user_id).unwrap();
    let caller = Caller {
        principal: Principal::User {
            account: user.account.clone(),
            unique_id: user.unique_id.clone(),
            name: user.name.clone(),
        },
        access_key_id: Some(made.access_key_id),
        session: None,
        source_ip: Some([127, 0, 0, 1].into()),
        user_agent: Some("bench".to_owned()),
        secure_transport: false,
        tls: None,
        request_id: RequestId::from_random([7; 16]),
        via_service: None,
    };
    Server { opened, caller, region }
}

fn pipeline(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = open(folder.path());
    let (decrypt, blob, key_id) = runtime.block_on(async {
        let key = server.ask("CreateKey", json!({})).await;
        let key_id = key["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
        let context = json!({ "tenant": "7" });
        let input =
            json!({ "KeyId": key_id, "Plaintext": "c2VjcmV0", "EncryptionContext": context });
        let blob = server.ask("Encrypt", input).await["CiphertextBlob"].clone();
        (json!({ "CiphertextBlob": blob, "EncryptionContext": context }), blob, key_id)
    });
    let operation: Arc<BoundOperation> =
        Arc::new(wardbook::ops::DECRYPT.bind(Arc::clone(&server.opened.ctx)));

    let mut group = criterion.benchmark_group("decrypt");
    group.throughput(Throughput::Elements(u64::try_from(WAITERS).unwrap()));
    group.bench_function("pipeline, 64 at once", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let mut calls = JoinSet::new();
                for _ in 0..WAITERS {
                    let (operation, call) = (Arc::clone(&operation), server.call(&decrypt));
                    calls.spawn(async move { operation.call(call).await });
                }
                while let Some(answer) = calls.join_next().await {
                    assert!(answer.unwrap().result().is_ok());
                }
            });
        });
    });

    let ctx = &server.opened.ctx;
    let key = ctx.keys.find(&server.region, KeyId::parse(&key_id).unwrap()).unwrap();
    let material = key.current_material().unwrap();
    let bytes: wardbook::wire::blob::Blob = serde_json::from_value(blob).unwrap();
    let blob = Blob::parse(&bytes.0).unwrap();
    let context: EncryptionContext = serde_json::from_value(json!({ "tenant": "7" })).unwrap();
    group.bench_function("hsm alone, 64 in turn", |bencher| {
        bencher.iter(|| {
            for _ in 0..WAITERS {
                let binding = key.binding(material.id);
                ctx.hsm
                    .decrypt(material.token.as_ref().unwrap(), &binding, &blob, &context)
                    .unwrap();
            }
        });
    });
    group.finish();
    ctx.store.close();
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
