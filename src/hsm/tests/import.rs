//! Key material from outside: what is a key of its spec, and how it comes in.

use super::keys::{KEYS, rsa_document, specs};
use super::*;
use crate::base::algorithm::WrappingAlgorithm;
use crate::base::spec::KeyPairSpec;
use crate::hsm::testing::unhex;

/// What [`KEYS`] were made of, as it would be imported.
fn importable(spec: KeySpec) -> Vec<u8> {
    let (token, binding) = KEYS.of(spec);
    let material = token::open(&KEYS.hsm.domain().unwrap(), token, &binding).unwrap();
    let pairs = KeyPairSpec::ALL.iter();
    if pairs.map(|pair| pair.key_spec()).any(|pair| pair == spec) {
        return material::into_pkcs8(spec, material).unwrap().expose().to_vec();
    }
    match spec {
        KeySpec::MlDsa44 => ml_dsa_pkcs8(0x11, material.expose()),
        KeySpec::MlDsa65 => ml_dsa_pkcs8(0x12, material.expose()),
        KeySpec::MlDsa87 => ml_dsa_pkcs8(0x13, material.expose()),
        _ => material.expose().to_vec(),
    }
}

/// OneAsymmetricKey of RFC 9881, in seed form.
fn ml_dsa_pkcs8(oid_end: u8, seed: &[u8]) -> Vec<u8> {
    let head = unhex("3034020100300b060960864801650304030004228020");
    let mut document = [&head[..], seed].concat();
    document[17] = oid_end;
    document
}

#[test]
fn an_imported_key_is_the_same_key() {
    for spec in specs() {
        let (token, binding) = KEYS.of(spec);
        let imported = KEYS.import(spec, &importable(spec)).unwrap();
        assert_eq!(imported.material_id, binding.material_id, "{spec}");
        assert_ne!(imported.token, *token);
        if spec.is_asymmetric() {
            let public = KEYS.hsm.public_key(token, &binding).unwrap();
            assert_eq!(KEYS.hsm.public_key(&imported.token, &binding), Ok(public));
        }
    }
}

#[test]
fn only_a_key_of_the_spec_is_imported() {
    for spec in specs() {
        let material = importable(spec);
        let longer = [&material[..], &[0]].concat();
        for bad in [&material[1..], &material[..material.len() - 1], &longer, &[], &[0x30, 0]] {
            assert_eq!(KEYS.import(spec, bad).err(), Some(Error::KeyMaterial), "{spec}");
        }
        for other in specs().filter(|other| *other != spec) {
            // Any bytes of the right length are a symmetric or HMAC key.
            let fits = !other.is_asymmetric() && importable(other).len() == material.len();
            assert_eq!(KEYS.import(other, &material).is_ok(), fits, "{spec} as {other}");
        }
    }
}

/// Wraps as a caller would: OAEP with a public key, AES-KWP with a new key.
fn wrap(public: &[u8], algorithm: WrappingAlgorithm, material: &[u8]) -> Vec<u8> {
    use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
    use aws_lc_rs::rsa::{
        OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey,
    };
    let oaep = match algorithm {
        WrappingAlgorithm::RsaesOaepSha1 | WrappingAlgorithm::RsaAesKeyWrapSha1 => {
            &OAEP_SHA1_MGF1SHA1
        }
        _ => &OAEP_SHA256_MGF1SHA256,
    };
    let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(public).unwrap()).unwrap();
    let encrypt = |plaintext: &[u8]| {
        let mut ciphertext = vec![0; key.ciphertext_size()];
        key.encrypt(oaep, plaintext, &mut ciphertext, None).unwrap();
        ciphertext
    };
    if algorithm.as_str().starts_with("RSAES") {
        return encrypt(material);
    }
    let mut wrapped = vec![0; 3_000];
    let kek = AesKek::new(&AES_256, &[9; 32]).unwrap();
    let wrapped = kek.wrap_with_padding(material, &mut wrapped).unwrap();
    [&encrypt(&[9; 32])[..], wrapped].concat()
}

#[test]
fn wrapped_material_comes_in() {
    let algorithms = [
        WrappingAlgorithm::RsaesOaepSha1,
        WrappingAlgorithm::RsaesOaepSha256,
        WrappingAlgorithm::RsaAesKeyWrapSha1,
        WrappingAlgorithm::RsaAesKeyWrapSha256,
    ];
    let made = KEYS.hsm.generate_wrapping_key(KeySpec::Rsa2048).unwrap();
    let others = [KeySpec::Rsa3072, KeySpec::Rsa4096].map(|spec| {
        let (token, binding) = KEYS.of(spec);
        let private = SecretBytes::new(rsa_document(spec).unwrap().to_vec());
        WrappingKey { public: KEYS.hsm.public_key(token, &binding).unwrap(), private }
    });
    for key in others.iter().chain([&made]) {
        let sealed = KEYS.hsm.seal(Purpose::ImportToken, b"aad", key.private.expose()).unwrap();
        let private = KEYS.hsm.unseal(Purpose::ImportToken, b"aad", &sealed).unwrap();
        assert!(sealed.len() < CIPHERTEXT_BYTES / 2);
        for algorithm in algorithms {
            let wrapped = wrap(&key.public, algorithm, &[5; 32]);
            let unwrap = |algorithm, wrapped: &[u8]| {
                let opened = KEYS.hsm.unwrap_material(&private, algorithm, wrapped);
                opened.map(|secret| secret.expose().to_vec())
            };
            assert_eq!(unwrap(algorithm, &wrapped), Ok(vec![5; 32]));
            let longer = [&wrapped[..], &[0]].concat();
            for bad in [&wrapped[1..], &wrapped[..wrapped.len() - 1], &longer, &[], &[0; 600]] {
                assert_eq!(unwrap(algorithm, bad), Err(Error::InvalidCiphertext));
            }
            for other in algorithms.into_iter().filter(|other| *other != algorithm) {
                assert_eq!(unwrap(other, &wrapped), Err(Error::InvalidCiphertext));
            }
            for other in [WrappingAlgorithm::RsaesPkcs1V15, WrappingAlgorithm::Sm2pke] {
                assert_eq!(unwrap(other, &wrapped), Err(Error::UnsupportedAlgorithm));
            }
        }
    }
    let algorithm = WrappingAlgorithm::RsaAesKeyWrapSha256;
    let big = wrap(&made.public, algorithm, &importable(KeySpec::Rsa4096));
    let opened = KEYS.hsm.unwrap_material(&made.private, algorithm, &big).unwrap();
    assert_eq!(opened.expose(), importable(KeySpec::Rsa4096));
    let opened = KEYS.hsm.unwrap_material(&others[0].private, algorithm, &big);
    assert_eq!(opened.err(), Some(Error::InvalidCiphertext));
    let wrong = KEYS.hsm.generate_wrapping_key(KeySpec::EccNistP256);
    assert_eq!(wrong.err(), Some(Error::UnsupportedSpec(KeySpec::EccNistP256)));
    let opened = KEYS.hsm.unwrap_material(&SecretBytes::new(vec![1; 32]), algorithm, &big);
    assert_eq!(opened.err(), Some(Error::DamagedSecret));
}
