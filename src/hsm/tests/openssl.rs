//! The `openssl` command (3.0 or later, required) signs, encrypts and derives
//! what we verify, decrypt and derive, and the other way round.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::keys::KEYS;
use super::*;
use crate::base::algorithm::{
    EncryptionAlgorithm, MessageType, SigningAlgorithm, WrappingAlgorithm,
};
use crate::base::spec::{KeyPairSpec, KeyUsage};

/// A key in the HSM, and in files for the command.
struct Shared {
    spec: KeySpec,
    key: GeneratedKey,
    folder: tempfile::TempDir,
}

impl Shared {
    /// A key that the command has made.
    fn new(spec: KeySpec) -> Self {
        let options: &[&str] = match spec {
            KeySpec::Rsa2048 => &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            KeySpec::EccNistP256 => &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            KeySpec::EccNistP384 => &["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
            KeySpec::EccNistP521 => &["EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
            KeySpec::EccSecgP256k1 => &["EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
            KeySpec::EccNistEdwards25519 => &["ED25519"],
            other => panic!("{other}"),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let pem = openssl(&[&["genpkey", "-algorithm"], options].concat(), b"");
        std::fs::write(path("key"), &pem).unwrap();
        let pkcs8 = openssl(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], &pem);
        let key = KEYS.import(spec, &pkcs8).unwrap();
        let shared = Self { spec, key, folder };
        let ours = KEYS.hsm.public_key(&shared.key.token, &shared.binding()).unwrap();
        assert_eq!(openssl(&["pkey", "-pubout", "-outform", "DER"], &pem), ours);
        std::fs::write(shared.path("public"), openssl(&["pkey", "-pubout"], &pem)).unwrap();
        shared
    }

    fn binding(&self) -> KeyBinding<'_> {
        KEYS.binding(self.spec, self.key.material_id)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn sign(&self, algorithm: SigningAlgorithm) -> Vec<u8> {
        let (token, binding) = (&self.key.token, self.binding());
        KEYS.hsm.sign(token, &binding, algorithm, MessageType::Raw, b"message").unwrap()
    }

    fn verify(&self, algorithm: SigningAlgorithm, signature: &[u8]) {
        let (token, binding) = (&self.key.token, self.binding());
        let raw = MessageType::Raw;
        KEYS.hsm.verify(token, &binding, algorithm, raw, b"message", signature).unwrap();
    }
}

/// What the command answers to this input; it must succeed.
#[track_caller]
fn openssl(args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the openssl command is needed by this test");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The options of `openssl dgst` for an algorithm with a digest.
fn dgst_options(algorithm: SigningAlgorithm) -> Vec<&'static str> {
    let mut options = vec![match algorithm.digest_len() {
        Some(32) => "-sha256",
        Some(48) => "-sha384",
        _ => "-sha512",
    }];
    if algorithm.as_str().starts_with("RSASSA_PSS") {
        options.extend(["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]);
    }
    options
}

#[test]
fn signatures() {
    let curves = [
        KeySpec::EccNistP256,
        KeySpec::EccNistP384,
        KeySpec::EccNistP521,
        KeySpec::EccSecgP256k1,
        KeySpec::Rsa2048,
    ];
    for spec in curves {
        let shared = Shared::new(spec);
        for algorithm in spec.signing_algorithms().iter().copied() {
            let options = dgst_options(algorithm);
            let sign = ["-sign", &shared.path("key")];
            let theirs = openssl(&[&["dgst"], &options[..], &sign].concat(), b"message");
            shared.verify(algorithm, &theirs);

            std::fs::write(shared.path("signature"), shared.sign(algorithm)).unwrap();
            let (public, signature) = (shared.path("public"), shared.path("signature"));
            let verify = ["-verify", &public, "-signature", &signature];
            let said = openssl(&[&["dgst"], &options[..], &verify].concat(), b"message");
            assert_eq!(said, b"Verified OK\n");
        }
    }
}

#[test]
fn ed25519() {
    let shared = Shared::new(KeySpec::EccNistEdwards25519);
    let path = |name: &str| shared.path(name);
    std::fs::write(path("message"), b"message").unwrap();
    let (key, public, message) = (path("key"), path("public"), path("message"));
    let sign = ["pkeyutl", "-sign", "-rawin", "-inkey", &key, "-in", &message];
    let theirs = openssl(&sign, b"");
    assert_eq!(shared.sign(SigningAlgorithm::Ed25519Sha512), theirs);
    std::fs::write(path("signature"), theirs).unwrap();
    let signature = path("signature");
    let verify = ["-rawin", "-pubin", "-inkey", &public, "-in", &message, "-sigfile", &signature];
    openssl(&[&["pkeyutl", "-verify"], &verify[..]].concat(), b"");
}

/// The options of `openssl pkeyutl` for OAEP with this hash.
fn oaep_options(hash: &str) -> Vec<String> {
    let options = [
        String::from("rsa_padding_mode:oaep"),
        format!("rsa_oaep_md:{hash}"),
        format!("rsa_mgf1_md:{hash}"),
    ];
    options.into_iter().flat_map(|option| ["-pkeyopt".to_owned(), option]).collect()
}

fn encrypt_oaep(public: &str, hash: &str, plaintext: &[u8]) -> Vec<u8> {
    let options = oaep_options(hash);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let encrypt = ["pkeyutl", "-encrypt", "-pubin", "-inkey", public];
    openssl(&[&encrypt[..], &options].concat(), plaintext)
}

#[test]
fn encryption() {
    let shared = Shared::new(KeySpec::Rsa2048);
    let (token, binding) = (&shared.key.token, shared.binding());
    let cases = [
        (EncryptionAlgorithm::RsaesOaepSha1, "sha1"),
        (EncryptionAlgorithm::RsaesOaepSha256, "sha256"),
    ];
    for (algorithm, hash) in cases {
        let theirs = encrypt_oaep(&shared.path("public"), hash, b"plaintext");
        let opened = KEYS.hsm.decrypt_rsa(token, &binding, algorithm, &theirs).unwrap();
        assert_eq!(opened.expose(), b"plaintext");

        let ours = KEYS.hsm.encrypt_rsa(token, &binding, algorithm, b"plaintext").unwrap();
        let (options, key) = (oaep_options(hash), shared.path("key"));
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let decrypt = ["pkeyutl", "-decrypt", "-inkey", &key];
        assert_eq!(openssl(&[&decrypt[..], &options].concat(), &ours), b"plaintext");
    }
}

#[test]
fn agreement() {
    let specs = KeySpec::ALL.iter().copied();
    for spec in specs.filter(|spec| *spec != KeySpec::Sm2) {
        if !spec.usages().contains(&KeyUsage::KeyAgreement) {
            continue;
        }
        let (one, two) = (Shared::new(spec), Shared::new(spec));
        let (key, peer) = (one.path("key"), two.path("public"));
        let theirs = openssl(&["pkeyutl", "-derive", "-inkey", &key, "-peerkey", &peer], b"");
        let public = KEYS.hsm.public_key(&one.key.token, &one.binding()).unwrap();
        let ours = KEYS.hsm.derive_shared_secret(&two.key.token, &two.binding(), &public);
        assert_eq!(ours.unwrap().expose(), theirs);
    }
}

#[test]
fn data_key_pairs() {
    let unknown = [KeyPairSpec::MlKem512, KeyPairSpec::MlKem768, KeyPairSpec::MlKem1024];
    let big = [KeyPairSpec::Rsa3072, KeyPairSpec::Rsa4096, KeyPairSpec::Sm2];
    for spec in KeyPairSpec::ALL.iter().copied() {
        // OpenSSL 3.0 does not know ML-KEM; large RSA keys only take longer.
        if unknown.contains(&spec) || big.contains(&spec) {
            continue;
        }
        let pair = KEYS.hsm.generate_data_key_pair(spec).unwrap();
        let derive = ["pkey", "-inform", "DER", "-pubout", "-outform", "DER"];
        assert_eq!(openssl(&derive, pair.private.expose()), pair.public);
    }
}

/// As the AWS KMS Developer Guide tells those who import key material.
#[test]
fn wrapping() {
    let folder = tempfile::tempdir().unwrap();
    let public: &Path = &folder.path().join("public");
    let key = KEYS.hsm.generate_wrapping_key(KeySpec::Rsa2048).unwrap();
    let pem = openssl(&["pkey", "-pubin", "-inform", "DER", "-pubout"], &key.public);
    std::fs::write(public, pem).unwrap();
    let public = public.to_str().unwrap();

    let material = openssl(&["rand", "32"], b"");
    let pkcs8 = {
        let pem =
            openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], b"");
        openssl(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], &pem)
    };
    let aes_key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let wrap = ["enc", "-id-aes256-wrap-pad", "-iv", "A65959A6", "-K", aes_key];
    let cases = [
        (WrappingAlgorithm::RsaesOaepSha1, WrappingAlgorithm::RsaAesKeyWrapSha1, "sha1"),
        (WrappingAlgorithm::RsaesOaepSha256, WrappingAlgorithm::RsaAesKeyWrapSha256, "sha256"),
    ];
    for (oaep, key_wrap, hash) in cases {
        let wrapped = encrypt_oaep(public, hash, &material);
        let opened = KEYS.hsm.unwrap_material(&key.private, oaep, &wrapped).unwrap();
        assert_eq!(opened.expose(), material);

        let aes_key = encrypt_oaep(public, hash, &testing::unhex(aes_key));
        let wrapped = [aes_key, openssl(&wrap, &pkcs8)].concat();
        let opened = KEYS.hsm.unwrap_material(&key.private, key_wrap, &wrapped).unwrap();
        assert_eq!(opened.expose(), pkcs8);
        KEYS.import(KeySpec::EccNistP521, opened.expose()).unwrap();
    }
}
