//! What a call of the HSM costs beside the bare cipher: both in one run, so
//! that the ratio means something on any machine.

#![expect(clippy::unwrap_used, reason = "a bench that cannot start has nothing to measure")]

use std::hint::black_box;

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wardbook::base::context::EncryptionContext;
use wardbook::base::ids::{AccountId, KeyId, Region};
use wardbook::base::spec::KeySpec;
use wardbook::hsm::blob::Blob;
use wardbook::hsm::{Hsm, KeyBinding, OsEntropy, RootKey};

fn crypto(c: &mut Criterion) {
    let root = RootKey::generate(&mut OsEntropy).unwrap();
    let (hsm, _) = Hsm::initialize(root, OsEntropy).unwrap();
    let region = Region::parse("eu-central-1").unwrap();
    let account = AccountId::parse("111122223333").unwrap();
    let (key_id, spec) = (KeyId::from_random([1; 16]), KeySpec::SymmetricDefault);
    let key = hsm.generate_key(&region, &account, key_id, spec).unwrap();
    let binding = KeyBinding {
        region: &region,
        account: &account,
        key_id,
        material_id: key.material_id,
        spec,
    };
    let context = EncryptionContext::default();
    let cipher = Aes256Gcm::new(&[1; 32].into());

    for len in [32, 4096] {
        let plaintext = vec![1; len];
        let bytes = hsm.encrypt(&key.token, &binding, &plaintext, &context).unwrap();
        let blob = Blob::parse(&bytes).unwrap();
        let mut group = c.benchmark_group(format!("{len} bytes"));
        group.throughput(Throughput::Bytes(u64::try_from(len).unwrap()));
        group.bench_function("bare aes-256-gcm", |b| {
            let mut buffer = plaintext.clone();
            b.iter(|| {
                cipher
                    .encrypt_inout_detached(&[2; 12].into(), &[], black_box(&mut buffer[..]).into())
                    .unwrap()
            });
        });
        group.bench_function("encrypt", |b| {
            b.iter(|| hsm.encrypt(&key.token, &binding, black_box(&plaintext), &context).unwrap());
        });
        group.bench_function("decrypt", |b| {
            b.iter(|| hsm.decrypt(&key.token, &binding, black_box(&blob), &context).unwrap());
        });
        group.finish();
    }
    c.bench_function("random 32 bytes", |b| {
        let mut out = [0; 32];
        b.iter(|| hsm.fill_random(black_box(&mut out)).unwrap());
    });
}

criterion_group!(benches, crypto);
criterion_main!(benches);
