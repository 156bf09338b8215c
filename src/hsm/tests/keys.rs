//! Every kind of key, through the face of the HSM.

use super::*;
use crate::base::algorithm::{
    EncryptionAlgorithm, MacAlgorithm, MessageType, SigningAlgorithm, WrappingAlgorithm,
};
use crate::base::spec::{KeyPairSpec, KeyUsage};
use crate::hsm::hazmat::encoding;
use crate::hsm::testing::unhex;
use std::sync::LazyLock;

/// One key of each spec in one HSM.
pub(super) struct Keys {
    pub(super) hsm: Hsm,
    pub(super) region: Region,
    pub(super) account: AccountId,
    pub(super) key_id: KeyId,
    pub(super) keys: Vec<(KeySpec, GeneratedKey)>,
}

/// RSA keys take seconds to make, so these are from outside.
pub(super) fn rsa_document(spec: KeySpec) -> Option<&'static [u8]> {
    match spec {
        KeySpec::Rsa2048 => Some(include_bytes!("../self_test/rsa_2048.der")),
        KeySpec::Rsa3072 => Some(include_bytes!("../../../tests/vectors/hsm/rsa_3072.der")),
        KeySpec::Rsa4096 => Some(include_bytes!("../../../tests/vectors/hsm/rsa_4096.der")),
        _ => None,
    }
}

pub(super) static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let (hsm, _) = Hsm::initialize(test_root(), CountingEntropy::default()).unwrap();
    let region = Region::parse("eu-central-1").unwrap();
    let account = AccountId::parse("111122223333").unwrap();
    let key_id = KeyId::from_bytes([7; 16], false);
    let make = |spec| match rsa_document(spec) {
        Some(document) => {
            let material = SecretBytes::new(document.to_vec());
            hsm.import_key(&region, &account, key_id, spec, &material).unwrap()
        }
        None => hsm.generate_key(&region, &account, key_id, spec).unwrap(),
    };
    let keys = specs().map(|spec| (spec, make(spec))).collect();
    Keys { hsm, region, account, key_id, keys }
});

pub(super) fn specs() -> impl Iterator<Item = KeySpec> {
    KeySpec::ALL.iter().copied().filter(|spec| *spec != KeySpec::Sm2)
}

fn with_usage(usage: KeyUsage) -> impl Iterator<Item = KeySpec> {
    specs().filter(move |spec| spec.usages().contains(&usage))
}

impl Keys {
    pub(super) fn of(&self, spec: KeySpec) -> (&ExportedKeyToken, KeyBinding<'_>) {
        let (_, key) = self.keys.iter().find(|(of, _)| *of == spec).unwrap();
        (&key.token, self.binding(spec, key.material_id))
    }

    pub(super) fn binding(&self, spec: KeySpec, material_id: MaterialId) -> KeyBinding<'_> {
        let (region, account) = (&self.region, &self.account);
        KeyBinding { region, account, key_id: self.key_id, material_id, spec }
    }

    pub(super) fn import(&self, spec: KeySpec, material: &[u8]) -> Result<GeneratedKey, Error> {
        let material = SecretBytes::new(material.to_vec());
        self.hsm.import_key(&self.region, &self.account, self.key_id, spec, &material)
    }
}

/// Every message type that goes with an algorithm, and a message of its length.
fn messages(algorithm: SigningAlgorithm) -> Vec<(MessageType, Vec<u8>)> {
    let digest = algorithm.digest_len().map(|len| (MessageType::Digest, vec![5; len]));
    let raw = (algorithm != SigningAlgorithm::Ed25519PhSha512)
        .then(|| (MessageType::Raw, b"message".to_vec()));
    let mu = (algorithm == SigningAlgorithm::MlDsaShake256)
        .then(|| (MessageType::ExternalMu, vec![6; 64]));
    [raw, digest, mu].into_iter().flatten().collect()
}

#[test]
fn every_key_signs_what_it_should_and_nothing_else() {
    for spec in specs() {
        let (token, binding) = KEYS.of(spec);
        for algorithm in SigningAlgorithm::ALL.iter().copied() {
            for (message_type, message) in messages(algorithm) {
                let sign = |message: &[u8]| {
                    KEYS.hsm.sign(token, &binding, algorithm, message_type, message)
                };
                if !spec.signing_algorithms().contains(&algorithm) {
                    assert_eq!(sign(&message), Err(Error::UnsupportedAlgorithm));
                    continue;
                }
                let verify = |message: &[u8], signature: &[u8]| {
                    KEYS.hsm.verify(token, &binding, algorithm, message_type, message, signature)
                };
                let signature = sign(&message).unwrap();
                assert_eq!(verify(&message, &signature), Ok(()), "{spec} {algorithm}");
                let mut other = message.clone();
                other[0] ^= 1;
                assert_eq!(verify(&other, &signature), Err(Error::InvalidSignature));
                for at in [0, signature.len() / 2, signature.len() - 1] {
                    let mut altered = signature.clone();
                    altered[at] ^= 1;
                    assert_eq!(verify(&message, &altered), Err(Error::InvalidSignature));
                }
                for altered in [&signature[1..], &[&signature[..], &[0]].concat(), &[]] {
                    assert_eq!(verify(&message, altered), Err(Error::InvalidSignature));
                }
                if message_type != MessageType::Raw {
                    assert_eq!(sign(&message[1..]), Err(Error::UnsupportedAlgorithm));
                }
            }
        }
    }
}

#[test]
fn every_kind_of_key_can_be_made() {
    let big = [KeySpec::Rsa3072, KeySpec::Rsa4096];
    for spec in specs().filter(|spec| !big.contains(spec)) {
        let make =
            || KEYS.hsm.generate_key(&KEYS.region, &KEYS.account, KEYS.key_id, spec).unwrap();
        let (one, two) = (make(), make());
        assert_ne!(one.material_id, two.material_id);
        let binding = KEYS.binding(spec, one.material_id);
        let opened = token::open(&KEYS.hsm.domain().unwrap(), &one.token, &binding).unwrap();
        let len = match spec {
            KeySpec::Hmac224 => 28,
            KeySpec::Hmac384 => 48,
            KeySpec::Hmac512 => 64,
            _ if spec.usages().contains(&KeyUsage::EncapsulateDecapsulate) => 64,
            KeySpec::Rsa2048
            | KeySpec::EccNistP256
            | KeySpec::EccNistP384
            | KeySpec::EccNistP521
            | KeySpec::EccSecgP256k1 => {
                assert!(encoding::is_one_element(opened.expose()));
                continue;
            }
            _ => 32,
        };
        assert_eq!(opened.len(), len, "{spec}");
    }
}

#[test]
fn rsa_encrypts_up_to_its_limit() {
    let algorithms = [EncryptionAlgorithm::RsaesOaepSha1, EncryptionAlgorithm::RsaesOaepSha256];
    let limits = [[214, 190], [342, 318], [470, 446]];
    let specs = [KeySpec::Rsa2048, KeySpec::Rsa3072, KeySpec::Rsa4096];
    for (spec, limits) in specs.into_iter().zip(limits) {
        let (token, binding) = KEYS.of(spec);
        for (algorithm, limit) in algorithms.into_iter().zip(limits) {
            assert_eq!(rsa_plaintext_max(spec, algorithm), Some(limit));
            let encrypt = |len| KEYS.hsm.encrypt_rsa(token, &binding, algorithm, &vec![1; len]);
            let decrypt = |ciphertext: &[u8]| {
                let opened = KEYS.hsm.decrypt_rsa(token, &binding, algorithm, ciphertext);
                opened.map(|secret| secret.expose().to_vec())
            };
            assert_eq!(encrypt(limit + 1), Err(Error::PlaintextTooLong));
            for len in [0, 1, limit] {
                let ciphertext = encrypt(len).unwrap();
                assert_eq!(decrypt(&ciphertext), Ok(vec![1; len]));
                let mut altered = ciphertext.clone();
                altered[100] ^= 1;
                let longer = [&ciphertext[..], &[0]].concat();
                for bad in [&altered[..], &ciphertext[1..], &longer, &[], &[0xff; 512]] {
                    assert_eq!(decrypt(bad), Err(Error::InvalidCiphertext));
                }
            }
        }
        let other = KEYS.hsm.encrypt_rsa(token, &binding, algorithms[0], b"a").unwrap();
        let opened = KEYS.hsm.decrypt_rsa(token, &binding, algorithms[1], &other);
        assert_eq!(opened.err(), Some(Error::InvalidCiphertext));
        let refused =
            KEYS.hsm.encrypt_rsa(token, &binding, EncryptionAlgorithm::SymmetricDefault, b"");
        assert_eq!(refused, Err(Error::UnsupportedAlgorithm));
    }
    assert_eq!(rsa_plaintext_max(KeySpec::EccNistP256, algorithms[0]), None);
    let symmetric = EncryptionAlgorithm::SymmetricDefault;
    assert_eq!(rsa_plaintext_max(KeySpec::Rsa2048, symmetric), None);
}

#[test]
fn macs_verify() {
    for spec in specs() {
        let (token, binding) = KEYS.of(spec);
        for algorithm in MacAlgorithm::ALL.iter().copied() {
            let mac = KEYS.hsm.mac(token, &binding, algorithm, b"message");
            if !spec.mac_algorithms().contains(&algorithm) {
                assert_eq!(mac, Err(Error::UnsupportedAlgorithm));
                continue;
            }
            let mac = mac.unwrap();
            let verify = |message: &[u8], mac: &[u8]| {
                KEYS.hsm.verify_mac(token, &binding, algorithm, message, mac)
            };
            assert_eq!(verify(b"message", &mac), Ok(()));
            assert_eq!(verify(b"massage", &mac), Err(Error::InvalidMac));
            assert_eq!(verify(b"message", &mac[1..]), Err(Error::InvalidMac));
            assert_eq!(verify(b"message", &[]), Err(Error::InvalidMac));
            for flipped in bit_flips(&mac) {
                assert_eq!(verify(b"message", &flipped), Err(Error::InvalidMac));
            }
        }
    }
}

#[test]
fn both_sides_agree() {
    let lens = [32, 48, 66];
    for (spec, len) in with_usage(KeyUsage::KeyAgreement).zip(lens) {
        let (token, binding) = KEYS.of(spec);
        let peer = KEYS.hsm.generate_key(&KEYS.region, &KEYS.account, KEYS.key_id, spec).unwrap();
        let peer_binding = KEYS.binding(spec, peer.material_id);
        let derive = |peer: &[u8]| {
            let derived = KEYS.hsm.derive_shared_secret(token, &binding, peer);
            derived.map(|secret| secret.expose().to_vec())
        };
        let ours = KEYS.hsm.public_key(token, &binding).unwrap();
        let theirs = KEYS.hsm.public_key(&peer.token, &peer_binding).unwrap();
        let shared = KEYS.hsm.derive_shared_secret(&peer.token, &peer_binding, &ours).unwrap();
        assert_eq!(derive(&theirs).unwrap(), shared.expose());
        assert_eq!(shared.len(), len);

        let point = &theirs[theirs.len() - 2 * len - 1..];
        let longer = [&theirs[..], &[0]].concat();
        let mut off_curve = theirs.clone();
        *off_curve.last_mut().unwrap() ^= 1;
        for bad in [point, &longer, &off_curve, &theirs[1..], &[], &[0x30, 0], &[4; 65]] {
            assert_eq!(derive(bad), Err(Error::PeerPublicKey));
        }
        for other in specs().filter(|other| *other != spec && other.is_asymmetric()) {
            let (token, binding) = KEYS.of(other);
            let public = KEYS.hsm.public_key(token, &binding).unwrap();
            assert_eq!(derive(&public), Err(Error::PeerPublicKey));
        }
    }
}

#[test]
fn secrets_are_encapsulated() {
    let lens = [768, 1088, 1568];
    for (spec, len) in with_usage(KeyUsage::EncapsulateDecapsulate).zip(lens) {
        let (token, binding) = KEYS.of(spec);
        let (secret, ciphertext) = KEYS.hsm.encapsulate(token, &binding).unwrap();
        assert_eq!((secret.len(), ciphertext.len()), (32, len));
        let decapsulate = |ciphertext: &[u8]| {
            let opened = KEYS.hsm.decapsulate(token, &binding, ciphertext);
            opened.map(|secret| secret.expose().to_vec())
        };
        assert_eq!(decapsulate(&ciphertext).unwrap(), secret.expose());
        let mut altered = ciphertext.clone();
        altered[0] ^= 1;
        let rejected = decapsulate(&altered).unwrap();
        assert_eq!(rejected, decapsulate(&altered).unwrap());
        assert_ne!(rejected, secret.expose());
        let longer = [&ciphertext[..], &[0]].concat();
        for bad in [&ciphertext[1..], &longer, &[]] {
            assert_eq!(decapsulate(bad), Err(Error::InvalidCiphertext));
        }
    }
}

#[test]
fn each_use_needs_the_right_kind_of_key() {
    for spec in specs() {
        let (token, binding) = KEYS.of(spec);
        let refused = Some(Error::UnsupportedSpec(spec));
        let algorithm = EncryptionAlgorithm::RsaesOaepSha256;
        let usages = spec.usages();
        if !spec.is_asymmetric() {
            assert_eq!(KEYS.hsm.public_key(token, &binding).err(), refused);
        }
        if spec.signing_algorithms().len() != 6 {
            assert_eq!(KEYS.hsm.encrypt_rsa(token, &binding, algorithm, b"").err(), refused);
            assert_eq!(KEYS.hsm.decrypt_rsa(token, &binding, algorithm, b"").err(), refused);
        }
        if !usages.contains(&KeyUsage::KeyAgreement) {
            assert_eq!(KEYS.hsm.derive_shared_secret(token, &binding, b"").err(), refused);
        }
        if !usages.contains(&KeyUsage::EncapsulateDecapsulate) {
            assert_eq!(KEYS.hsm.encapsulate(token, &binding).err(), refused);
            assert_eq!(KEYS.hsm.decapsulate(token, &binding, b"").err(), refused);
        }
    }
    let sm2 = KeySpec::Sm2;
    let made = KEYS.hsm.generate_key(&KEYS.region, &KEYS.account, KEYS.key_id, sm2);
    assert_eq!(made, Err(Error::UnsupportedSpec(sm2)));
    assert_eq!(KEYS.import(sm2, &[]), Err(Error::UnsupportedSpec(sm2)));
    let (token, binding) = KEYS.of(KeySpec::EccNistP256);
    let binding = KeyBinding { spec: sm2, ..binding };
    assert_eq!(KEYS.hsm.public_key(token, &binding).err(), Some(Error::DamagedToken));
}

#[test]
fn data_key_pairs_are_whole() {
    for pair in KeyPairSpec::ALL.iter().copied() {
        let spec = pair.key_spec();
        let made = KEYS.hsm.generate_data_key_pair(pair);
        if pair == KeyPairSpec::Sm2 {
            assert_eq!(made.err(), Some(Error::UnsupportedSpec(spec)));
            continue;
        }
        let made = made.unwrap();
        let key = KEYS.import(spec, made.private.expose()).unwrap();
        let public = KEYS.hsm.public_key(&key.token, &KEYS.binding(spec, key.material_id));
        assert_eq!(public.unwrap(), made.public);
        let ml_kem = spec.usages().contains(&KeyUsage::EncapsulateDecapsulate);
        assert!(!ml_kem || made.private.len() == 86);
    }
}

#[test]
fn a_replica_has_the_same_material_and_its_own_token() {
    let other = Region::parse("us-east-1").unwrap();
    for spec in specs() {
        let (token, binding) = KEYS.of(spec);
        let replica = KEYS.hsm.rebind_key(token, &binding, &other).unwrap();
        let there = KeyBinding { region: &other, ..binding };
        let opened = |token, binding| {
            let secret = token::open(&KEYS.hsm.domain().unwrap(), token, binding)?;
            Ok::<_, Error>(secret.expose().to_vec())
        };
        assert_eq!(opened(&replica, &there), opened(token, &binding));
        assert_eq!(opened(&replica, &binding), Err(Error::DamagedToken));
        assert_eq!(opened(token, &there), Err(Error::DamagedToken));
        let refused = KEYS.hsm.rebind_key(token, &there, &other);
        assert_eq!(refused, Err(Error::DamagedToken));
    }
}

/// Not even under a header that leads further in.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let heads = prop_oneof![
        Just(vec![]),
        Just(vec![0x30, 0x82, 1, 0]),
        Just(unhex("302e020100300506032b657004220420")),
        Just(unhex("308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b02010104")),
        Just(unhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")),
        Just(unhex("308204bd020100300d06092a864886f70d0101010500048204a7308204a3020100")),
    ];
    (heads, proptest::collection::vec(any::<u8>(), 0..700))
        .prop_map(|(head, tail)| [head, tail].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn garbage_is_refused_and_never_panics(bytes in garbage()) {
        for spec in specs() {
            let (token, binding) = KEYS.of(spec);
            if spec.is_asymmetric() {
                prop_assert_eq!(KEYS.import(spec, &bytes).err(), Some(Error::KeyMaterial));
            }
            for algorithm in spec.signing_algorithms() {
                let raw = MessageType::Raw;
                let verified =
                    KEYS.hsm.verify(token, &binding, *algorithm, raw, b"message", &bytes);
                prop_assert!(verified.is_err());
            }
            for algorithm in spec.mac_algorithms() {
                let verified = KEYS.hsm.verify_mac(token, &binding, *algorithm, b"", &bytes);
                prop_assert_eq!(verified, Err(Error::InvalidMac));
            }
            if spec.usages().contains(&KeyUsage::KeyAgreement) {
                let derived = KEYS.hsm.derive_shared_secret(token, &binding, &bytes);
                prop_assert_eq!(derived.err(), Some(Error::PeerPublicKey));
            }
            if spec.usages().contains(&KeyUsage::EncapsulateDecapsulate) {
                let opened = KEYS.hsm.decapsulate(token, &binding, &bytes);
                prop_assert_eq!(opened.err(), Some(Error::InvalidCiphertext));
            }
        }
        let (token, binding) = KEYS.of(KeySpec::Rsa2048);
        let algorithm = EncryptionAlgorithm::RsaesOaepSha256;
        let opened = KEYS.hsm.decrypt_rsa(token, &binding, algorithm, &bytes);
        prop_assert_eq!(opened.err(), Some(Error::InvalidCiphertext));
        let private = SecretBytes::new(rsa_document(KeySpec::Rsa2048).unwrap().to_vec());
        for algorithm in WrappingAlgorithm::ALL {
            prop_assert!(KEYS.hsm.unwrap_material(&private, *algorithm, &bytes).is_err());
        }
    }
}
