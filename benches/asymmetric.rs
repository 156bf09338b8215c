//! What an asymmetric key costs inside the HSM, opened before, beside the bare
//! call of the library with a parsed key. Both in turn, in short rounds, so that
//! a busy machine falls on both; printed are the medians of all rounds.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "a benchmark measures time, and may stop at the first surprise"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, ParsedPublicKey, PqdsaKeyPair,
    PqdsaSigningAlgorithm, RsaKeyPair, RsaSignatureEncoding, VerificationAlgorithm,
};
use wardbook::base::algorithm::{EncryptionAlgorithm, MessageType, SigningAlgorithm};
use wardbook::base::ids::{AccountId, KeyId, Region};
use wardbook::base::secret::SecretBytes;
use wardbook::base::spec::KeySpec;
use wardbook::hsm::{GeneratedKey, Hsm, KeyBinding, OsEntropy, RootKey};

/// As long as a digest and its name.
const MESSAGE: &[u8] = &[7; 64];

/// Odd, so that there is one in the middle.
const ROUNDS: usize = 401;
/// How long one half of a round takes.
const HALF: Duration = Duration::from_millis(4);

fn main() {
    println!("| what | bare us | HSM us | ratio |");
    println!("|---|---|---|---|");
    let bench = Bench::new();
    rsa(&bench);
    ecc(&bench);
    ml_dsa(&bench);
}

/// Prints one line.
fn compare<A, B>(name: &str, mut bare: impl FnMut() -> A, mut ours: impl FnMut() -> B) {
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < HALF {
        black_box(bare());
        black_box(ours());
        count += 1;
    }
    let (mut bares, mut all, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (bare, ours) = (seconds_each(count, &mut bare), seconds_each(count, &mut ours));
        ratios.push(ours / bare);
        bares.push(bare * 1e6);
        all.push(ours * 1e6);
    }
    println!("| {name} | {:.1} | {:.1} | {:.2} |", median(bares), median(all), median(ratios));
}

fn seconds_each<A>(count: u32, call: &mut impl FnMut() -> A) -> f64 {
    let start = Instant::now();
    for _ in 0..count {
        black_box(call());
    }
    start.elapsed().as_secs_f64() / f64::from(count)
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

struct Bench {
    hsm: Hsm,
    region: Region,
    account: AccountId,
}

impl Bench {
    fn new() -> Self {
        let root = RootKey::generate(&mut OsEntropy).unwrap();
        let (hsm, _) = Hsm::initialize(root, OsEntropy).unwrap();
        let region = Region::parse("eu-central-1").unwrap();
        let account = AccountId::parse("111122223333").unwrap();
        Self { hsm, region, account }
    }

    fn import(&self, spec: KeySpec, pkcs8: &[u8]) -> GeneratedKey {
        let (key_id, material) = (key_id(), SecretBytes::new(pkcs8.to_vec()));
        self.hsm.import_key(&self.region, &self.account, key_id, spec, &material).unwrap()
    }

    fn binding(&self, spec: KeySpec, key: &GeneratedKey) -> KeyBinding<'_> {
        let (region, account) = (&self.region, &self.account);
        KeyBinding { region, account, key_id: key_id(), material_id: key.material_id, spec }
    }

    /// Signs and verifies.
    fn sign(
        &self,
        spec: KeySpec,
        algorithm: SigningAlgorithm,
        key: &GeneratedKey,
        verification: &'static dyn VerificationAlgorithm,
        mut bare: impl FnMut() -> Vec<u8>,
    ) {
        let (token, binding, raw) = (&key.token, self.binding(spec, key), MessageType::Raw);
        let public = self.hsm.public_key(token, &binding).unwrap();
        let public = ParsedPublicKey::new(verification, public).unwrap();
        let signature = bare();
        let sign = || self.hsm.sign(token, &binding, algorithm, raw, black_box(MESSAGE)).unwrap();
        compare(&format!("{spec} {algorithm}, sign"), bare, sign);
        let bare = || public.verify_sig(black_box(MESSAGE), &signature).unwrap();
        let verify = || {
            let message = black_box(MESSAGE);
            self.hsm.verify(token, &binding, algorithm, raw, message, &signature).unwrap();
        };
        compare(&format!("{spec} {algorithm}, verify"), bare, verify);
    }

    fn decrypt(&self, spec: KeySpec, key: &GeneratedKey, pkcs8: &[u8]) {
        let (token, binding) = (&key.token, self.binding(spec, key));
        let algorithm = EncryptionAlgorithm::RsaesOaepSha256;
        let ciphertext = self.hsm.encrypt_rsa(token, &binding, algorithm, &[1; 32]).unwrap();
        let bare = PrivateDecryptingKey::from_pkcs8(pkcs8).unwrap();
        let bare = OaepPrivateDecryptingKey::new(bare).unwrap();
        let mut out = vec![0; bare.min_output_size()];
        let bare = || {
            let oaep = &OAEP_SHA256_MGF1SHA256;
            bare.decrypt(oaep, black_box(&ciphertext), &mut out, None).unwrap().len()
        };
        let decrypt =
            || self.hsm.decrypt_rsa(token, &binding, algorithm, black_box(&ciphertext)).unwrap();
        compare(&format!("{spec} {algorithm}, decrypt"), bare, decrypt);
    }
}

fn key_id() -> KeyId {
    KeyId::from_random([1; 16])
}

fn rsa(bench: &Bench) {
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
        bench.sign(spec, SigningAlgorithm::RsassaPkcs1V15Sha256, &key, verification, pkcs1);
        let pss = || sign(&signature::RSA_PSS_SHA256);
        let verification = &signature::RSA_PSS_2048_8192_SHA256;
        bench.sign(spec, SigningAlgorithm::RsassaPssSha256, &key, verification, pss);
        bench.decrypt(spec, &key, pkcs8);
    }
}

fn ecc(bench: &Bench) {
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
        bench.sign(spec, algorithm, &key, verification, || sign().as_ref().to_vec());
    }

    let bare = Ed25519KeyPair::generate().unwrap();
    let spec = KeySpec::EccNistEdwards25519;
    let key = bench.import(spec, bare.to_pkcs8v1().unwrap().as_ref());
    let sign = || bare.sign(black_box(MESSAGE)).as_ref().to_vec();
    bench.sign(spec, SigningAlgorithm::Ed25519Sha512, &key, &signature::ED25519, sign);
}

fn ml_dsa(bench: &Bench) {
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
        bench.sign(spec, SigningAlgorithm::MlDsaShake256, &key, verification, sign);
    }
}
