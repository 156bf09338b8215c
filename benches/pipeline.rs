//! The whole pipeline without HTTP: 64 Decrypt calls at once, each parsed,
//! resolved, decided, decrypted, recorded durably and answered; beside it, in
//! the same run, what the HSM alone takes of it.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]
#![expect(clippy::indexing_slicing, reason = "JSON members that must be there")]

mod opened;

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use tokio::task::JoinSet;
use wardbook::base::context::EncryptionContext;
use wardbook::base::ids::KeyId;
use wardbook::hsm::blob::Blob;
use wardbook::ops::operation::BoundOperation;

use opened::Server;

const WAITERS: usize = 64;

fn pipeline(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = Server::open(folder.path(), Arc::default());
    let (decrypt, blob, key_id) = runtime.block_on(async {
        let key = server.ask("CreateKey", &json!({})).await;
        let key_id = key["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
        let context = json!({ "tenant": "7" });
        let input =
            json!({ "KeyId": key_id, "Plaintext": "c2VjcmV0", "EncryptionContext": context });
        let blob = server.ask("Encrypt", &input).await["CiphertextBlob"].clone();
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
