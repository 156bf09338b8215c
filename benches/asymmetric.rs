//! What an asymmetric key costs inside the HSM, opened before, beside the bare
//! call of the library with a parsed key: both in one run, so that the ratio
//! means something on any machine.

#![expect(clippy::unwrap_used, reason = "a bench that cannot start has nothing to measure")]

use std::hint::black_box;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, ParsedPublicKey, PqdsaKeyPair,
    PqdsaSigningAlgorithm, RsaKeyPair, RsaSignatureEncoding, VerificationAlgorithm,
};
use criterion::{Criterion, criterion_group, criterion_main};
use wardbook::base::algorithm::{EncryptionAlgorithm, MessageType, SigningAlgorithm};
use wardbook::base::ids::{AccountId, KeyId, Region};
use wardbook::base::secret::SecretBytes;
use wardbook::base::spec::KeySpec;
use wardbook::hsm::{GeneratedKey, Hsm, KeyBinding, OsEntropy, RootKey};

/// As long as a digest and its name.
const MESSAGE: &[u8] = &[7; 64];

/// One key, in the HSM and bare.
struct Bench<'c> {
    criterion: &'c mut Criterion,
    hsm: Hsm,
    region: Region,
    account: AccountId,
}

impl<'c> Bench<'c> {
    fn new(criterion: &'c mut Criterion) -> Self {
        let root = RootKey::generate(&mut OsEntropy).unwrap();
        let (hsm, _) = Hsm::initialize(root, OsEntropy).unwrap();
        let region = Region::parse("eu-central-1").unwrap();
        let account = AccountId::parse("111122223333").unwrap();
        Self { criterion, hsm, region, account }
    }

    fn import(&self, spec: KeySpec, pkcs8: &[u8]) -> GeneratedKey {
        let (key_id, material) = (key_id(), SecretBytes::new(pkcs8.to_vec()));
        self.hsm.import_key(&self.region, &self.account, key_id, spec, &material).unwrap()
    }

    /// Signs and verifies, bare and by the HSM.
    fn run(
        &mut self,
        spec: KeySpec,
        algorithm: SigningAlgorithm,
        key: &GeneratedKey,
        verification: &'static dyn VerificationAlgorithm,
        mut bare: impl FnMut() -> Vec<u8>,
    ) {
        let (region, account) = (&self.region, &self.account);
        let binding =
            KeyBinding { region, account, key_id: key_id(), material_id: key.material_id, spec };
        let (token, raw) = (&key.token, MessageType::Raw);
        let public = self.hsm.public_key(token, &binding).unwrap();
        let public = ParsedPublicKey::new(verification, public).unwrap();
        let signature = bare();

        let mut group = self.criterion.benchmark_group(format!("{spec} {algorithm}"));
        group.bench_function("bare sign", |b| b.iter(&mut bare));
        group.bench_function("sign", |b| {
            let message = black_box(MESSAGE);
            b.iter(|| self.hsm.sign(token, &binding, algorithm, raw, message).unwrap());
        });
        group.bench_function("bare verify", |b| {
            b.iter(|| public.verify_sig(black_box(MESSAGE), &signature).unwrap());
        });
        group.bench_function("verify", |b| {
            let message = black_box(MESSAGE);
            b.iter(|| self.hsm.verify(token, &binding, algorithm, raw, message, &signature));
        });
        group.finish();
    }

    fn decrypt(&mut self, spec: KeySpec, key: &GeneratedKey, pkcs8: &[u8]) {
        let (region, account) = (&self.region, &self.account);
        let binding =
            KeyBinding { region, account, key_id: key_id(), material_id: key.material_id, spec };
        let algorithm = EncryptionAlgorithm::RsaesOaepSha256;
        let ciphertext = self.hsm.encrypt_rsa(&key.token, &binding, algorithm, &[1; 32]).unwrap();
        let bare = PrivateDecryptingKey::from_pkcs8(pkcs8).unwrap();
        let bare = OaepPrivateDecryptingKey::new(bare).unwrap();
        let mut group = self.criterion.benchmark_group(format!("{spec} {algorithm}"));
        group.bench_function("bare decrypt", |b| {
            let mut out = vec![0; bare.min_output_size()];
            let oaep = &OAEP_SHA256_MGF1SHA256;
            b.iter(|| bare.decrypt(oaep, black_box(&ciphertext), &mut out, None).unwrap().len());
        });
        group.bench_function("decrypt", |b| {
            let ciphertext = black_box(&ciphertext);
            b.iter(|| self.hsm.decrypt_rsa(&key.token, &binding, algorithm, ciphertext).unwrap());
        });
        group.finish();
    }
}

fn key_id() -> KeyId {
    KeyId::from_random([1; 16])
}

fn rsa(c: &mut Criterion) {
    let mut bench = Bench::new(c);
    let keys: [(KeySpec, &[u8]); 3] = [
        (KeySpec::Rsa2048, include_bytes!("../src/hsm/self_test/rsa_2048.der")),
        (KeySpec::Rsa3072, include_bytes!("../tests/vectors/hsm/rsa_3072.der")),
        (KeySpec::Rsa4096, include_bytes!("../tests/vectors/hsm/rsa_4096.der")),
    ];
    for (spec, pkcs8) in keys {
        let key = bench.import(spec, pkcs8);
        let bare = RsaKeyPair::from_pkcs8(pkcs8).unwrap();
        let sign = |encoding: &'static RsaSignatureEncoding| {
            let mut signature = vec![0; bare.public_modulus_len()];
            bare.sign(encoding, &SystemRandom::new(), black_box(MESSAGE), &mut signature).unwrap();
            signature
        };
        let pkcs1 = || sign(&signature::RSA_PKCS1_SHA256);
        let verification = &signature::RSA_PKCS1_2048_8192_SHA256;
        bench.run(spec, SigningAlgorithm::RsassaPkcs1V15Sha256, &key, verification, pkcs1);
        let pss = || sign(&signature::RSA_PSS_SHA256);
        let verification = &signature::RSA_PSS_2048_8192_SHA256;
        bench.run(spec, SigningAlgorithm::RsassaPssSha256, &key, verification, pss);
        bench.decrypt(spec, &key, pkcs8);
    }
}

fn ecc(c: &mut Criterion) {
    let mut bench = Bench::new(c);
    let curves: [(_, &'static EcdsaSigningAlgorithm, &'static dyn VerificationAlgorithm); 4] = [
        (
            KeySpec::EccNistP256,
            &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
            &signature::ECDSA_P256_SHA256_ASN1,
        ),
        (
            KeySpec::EccNistP384,
            &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
            &signature::ECDSA_P384_SHA384_ASN1,
        ),
        (
            KeySpec::EccNistP521,
            &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
            &signature::ECDSA_P521_SHA512_ASN1,
        ),
        (
            KeySpec::EccSecgP256k1,
            &signature::ECDSA_P256K1_SHA256_ASN1_SIGNING,
            &signature::ECDSA_P256K1_SHA256_ASN1,
        ),
    ];
    for (spec, signing, verification) in curves {
        let bare = EcdsaKeyPair::generate(signing).unwrap();
        let key = bench.import(spec, bare.to_pkcs8v1().unwrap().as_ref());
        let algorithm = *spec.signing_algorithms().first().unwrap();
        let sign = || bare.sign(&SystemRandom::new(), black_box(MESSAGE)).unwrap();
        bench.run(spec, algorithm, &key, verification, || sign().as_ref().to_vec());
    }

    let bare = Ed25519KeyPair::generate().unwrap();
    let spec = KeySpec::EccNistEdwards25519;
    let key = bench.import(spec, bare.to_pkcs8v1().unwrap().as_ref());
    let sign = || bare.sign(black_box(MESSAGE)).as_ref().to_vec();
    bench.run(spec, SigningAlgorithm::Ed25519Sha512, &key, &signature::ED25519, sign);
}

fn ml_dsa(c: &mut Criterion) {
    let mut bench = Bench::new(c);
    let sets: [(_, &'static PqdsaSigningAlgorithm, &'static dyn VerificationAlgorithm); 3] = [
        (KeySpec::MlDsa44, &signature::ML_DSA_44_SIGNING, &signature::ML_DSA_44),
        (KeySpec::MlDsa65, &signature::ML_DSA_65_SIGNING, &signature::ML_DSA_65),
        (KeySpec::MlDsa87, &signature::ML_DSA_87_SIGNING, &signature::ML_DSA_87),
    ];
    for (spec, signing, verification) in sets {
        let bare = PqdsaKeyPair::generate(signing).unwrap();
        let key = bench.import(spec, bare.to_pkcs8v1().unwrap().as_ref());
        let sign = || {
            let mut signature = vec![0; signing.signature_len()];
            bare.sign(black_box(MESSAGE), &mut signature).unwrap();
            signature
        };
        bench.run(spec, SigningAlgorithm::MlDsaShake256, &key, verification, sign);
    }
}

criterion_group!(benches, rsa, ecc, ml_dsa);
criterion_main!(benches);
