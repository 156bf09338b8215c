use super::testing::{CountingEntropy, bit_flips, root_as_naming_key};
use super::*;
use crate::base::ids::{AccountId, KeyId, MaterialId, Region};
use crate::base::limits::CIPHERTEXT_BYTES;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

mod golden;
mod golden_keys;
mod import;
mod keys;
mod opened;
mod openssl;

/// An HSM with one key.
struct Fixture {
    hsm: Hsm,
    first: SealedDomainKey,
    region: Region,
    account: AccountId,
    key_id: KeyId,
    key: GeneratedKey,
}

impl Fixture {
    fn new() -> Self {
        let (hsm, first) = Hsm::initialize(test_root(), CountingEntropy::default()).unwrap();
        let region = Region::parse("eu-central-1").unwrap();
        let account = AccountId::parse("111122223333").unwrap();
        let key_id = KeyId::from_random([7; 16]);
        let key = hsm.generate_key(&region, &account, key_id, KeySpec::SymmetricDefault).unwrap();
        Self { hsm, first, region, account, key_id, key }
    }

    fn binding(&self) -> KeyBinding<'_> {
        KeyBinding {
            region: &self.region,
            account: &self.account,
            key_id: self.key_id,
            material_id: self.key.material_id,
            spec: KeySpec::SymmetricDefault,
        }
    }

    fn encrypt(&self, plaintext: &[u8], context: &EncryptionContext) -> Vec<u8> {
        self.hsm.encrypt(&self.key.token, &self.binding(), plaintext, context).unwrap()
    }

    fn decrypt(&self, blob: &[u8], context: &EncryptionContext) -> Result<Vec<u8>, Error> {
        let blob = Blob::parse(blob)?;
        let secret = self.hsm.decrypt(&self.key.token, &self.binding(), &blob, context)?;
        Ok(secret.expose().to_vec())
    }

    fn open(&self, token: &[u8], binding: &KeyBinding<'_>) -> Result<(), Error> {
        let token = ExportedKeyToken::from_bytes(token.to_vec());
        self.hsm.encrypt(&token, binding, b"", &context(&[])).map(drop)
    }

    fn rotate_domain(&self) -> SealedDomainKey {
        let pending = self.hsm.prepare_domain_key().unwrap();
        let sealed = pending.sealed().clone();
        self.hsm.activate(pending).unwrap();
        sealed
    }
}

fn test_root() -> RootKey {
    RootKey::generate(&mut CountingEntropy::default()).unwrap()
}

fn other_root() -> RootKey {
    let mut entropy = CountingEntropy::default();
    entropy.fill(&mut [0; 32]).unwrap();
    RootKey::generate(&mut entropy).unwrap()
}

fn start(root: RootKey, sealed: &[SealedDomainKey]) -> Result<Hsm, Error> {
    let names = root_as_naming_key(&root);
    Hsm::start(root, sealed, Some(&names), CountingEntropy::default())
}

fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
    EncryptionContext::new(
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
    )
}

#[test]
fn every_encryption_is_different_and_opens() {
    let fixture = Fixture::new();
    let ctx = context(&[("table", "users")]);
    let (one, two) = (fixture.encrypt(b"hello", &ctx), fixture.encrypt(b"hello", &ctx));
    assert_ne!(one, two);
    assert_eq!(fixture.decrypt(&one, &ctx).unwrap(), b"hello");
    assert_eq!(fixture.decrypt(&two, &ctx).unwrap(), b"hello");
}

#[test]
fn the_largest_plaintext_fits_the_largest_ciphertext() {
    let fixture = Fixture::new();
    let plaintext = vec![1; PLAINTEXT_BYTES];
    let blob = fixture.encrypt(&plaintext, &context(&[]));
    assert_eq!(blob.len(), PLAINTEXT_BYTES + 96);
    assert!(blob.len() <= CIPHERTEXT_BYTES);
    assert_eq!(fixture.decrypt(&blob, &context(&[])).unwrap(), plaintext);

    let longer = vec![1; PLAINTEXT_BYTES + 1];
    let refused =
        fixture.hsm.encrypt(&fixture.key.token, &fixture.binding(), &longer, &context(&[]));
    assert_eq!(refused, Err(Error::PlaintextTooLong));
}

#[test]
fn any_change_to_a_blob_is_refused() {
    let fixture = Fixture::new();
    let ctx = context(&[("a", "b")]);
    let blob = fixture.encrypt(b"hello", &ctx);
    for flipped in bit_flips(&blob) {
        assert_eq!(fixture.decrypt(&flipped, &ctx), Err(Error::InvalidCiphertext));
    }
    for len in 0..blob.len() {
        assert_eq!(fixture.decrypt(&blob[..len], &ctx), Err(Error::InvalidCiphertext));
    }
    let longer = [&blob[..], &[0]].concat();
    assert_eq!(fixture.decrypt(&longer, &ctx), Err(Error::InvalidCiphertext));
    for other in [&[][..], &[("a", "B")], &[("A", "b")], &[("a", "b"), ("c", "")]] {
        assert_eq!(fixture.decrypt(&blob, &context(other)), Err(Error::InvalidCiphertext));
    }
}

/// The header check alone would refuse these; the cryptography must as well.
#[test]
fn a_blob_relabelled_for_another_key_is_refused() {
    let fixture = Fixture::new();
    let spec = KeySpec::SymmetricDefault;
    let second =
        fixture.hsm.generate_key(&fixture.region, &fixture.account, fixture.key_id, spec).unwrap();
    assert_ne!(second.material_id, fixture.key.material_id);

    let mut blob = fixture.encrypt(b"hello", &context(&[]));
    let binding = KeyBinding { material_id: second.material_id, ..fixture.binding() };
    let decrypt = |blob: &[u8]| {
        let blob = Blob::parse(blob).unwrap();
        fixture.hsm.decrypt(&second.token, &binding, &blob, &context(&[])).err()
    };
    assert_eq!(decrypt(&blob), Some(Error::InvalidCiphertext));
    blob[20..52].copy_from_slice(second.material_id.as_bytes());
    assert_eq!(decrypt(&blob), Some(Error::InvalidCiphertext));
}

#[test]
fn a_token_opens_only_where_it_belongs() {
    let fixture = Fixture::new();
    let token = fixture.key.token.as_bytes();
    let binding = fixture.binding();
    assert_eq!(fixture.open(token, &binding), Ok(()));

    let region = Region::parse("eu-central-2").unwrap();
    let account = AccountId::parse("111122223334").unwrap();
    let others = [
        KeyBinding { region: &region, ..binding },
        KeyBinding { account: &account, ..binding },
        KeyBinding { key_id: KeyId::from_bytes(*fixture.key_id.as_bytes(), true), ..binding },
        KeyBinding { key_id: KeyId::from_random([8; 16]), ..binding },
        KeyBinding { material_id: MaterialId::from_bytes([0; 32]), ..binding },
    ];
    for other in others {
        assert_eq!(fixture.open(token, &other), Err(Error::DamagedToken), "{other:?}");
    }
    for len in 0..token.len() {
        assert_eq!(fixture.open(&token[..len], &binding), Err(Error::DamagedToken));
    }
    for flipped in bit_flips(token) {
        // The version of the domain key is readable, so it has its own answer.
        let want = match Header::parse(&flipped) {
            Some((header, _)) => fixture.hsm.domain().unwrap().load(header).err(),
            None => None,
        };
        let want = want.unwrap_or(Error::DamagedToken);
        assert_eq!(fixture.open(&flipped, &binding), Err(want));
    }
}

#[test]
fn blobs_are_made_by_symmetric_keys_only() {
    let fixture = Fixture::new();
    for spec in KeySpec::ALL.iter().copied().filter(|spec| *spec != KeySpec::SymmetricDefault) {
        let binding = KeyBinding { spec, ..fixture.binding() };
        let opened = fixture.open(fixture.key.token.as_bytes(), &binding);
        assert_eq!(opened, Err(Error::UnsupportedSpec(spec)));
    }
}

#[test]
fn a_restart_opens_everything() {
    let fixture = Fixture::new();
    let second = fixture.rotate_domain();
    let blob = fixture.encrypt(b"hello", &context(&[]));
    let secret = fixture.hsm.seal(Purpose::AccessKey, b"", b"secret").unwrap();

    let hsm = start(test_root(), &[second, fixture.first.clone()]).unwrap();
    assert_eq!(hsm.current_domain_version(), Ok(2));
    assert_eq!(hsm.unseal(Purpose::AccessKey, b"", &secret).unwrap().expose(), b"secret");
    let restarted = Fixture { hsm, ..fixture };
    assert_eq!(restarted.decrypt(&blob, &context(&[])).unwrap(), b"hello");
}

#[test]
fn a_start_needs_the_right_root_and_whole_domain_keys() {
    let first = Fixture::new().first;
    let one = std::slice::from_ref(&first);
    assert_eq!(start(test_root(), &[]).err(), Some(Error::NoDomainKey));
    assert_eq!(start(other_root(), one).err(), Some(Error::WrongRootKey));
    let twice = [first.clone(), first.clone()];
    assert_eq!(start(test_root(), &twice).err(), Some(Error::DomainKeyOutOfSequence(1)));

    let renamed = SealedDomainKey { version: 2, ..first.clone() };
    assert_eq!(start(test_root(), &[renamed]).err(), Some(Error::DamagedDomainKey(2)));
    // Without a start each time, for its self test.
    let open = |sealed: &SealedDomainKey| {
        DomainKeys::open(&test_root(), std::slice::from_ref(sealed)).err()
    };
    for bytes in bit_flips(&first.bytes) {
        let foreign = bytes[1..17] != first.bytes[1..17];
        let want = if foreign { Error::WrongRootKey } else { Error::DamagedDomainKey(1) };
        assert_eq!(open(&SealedDomainKey { version: 1, bytes }), Some(want));
    }
    for len in 0..first.bytes.len() {
        let cut = SealedDomainKey { version: 1, bytes: first.bytes[..len].to_vec() };
        assert_eq!(open(&cut), Some(Error::DamagedDomainKey(1)));
    }
}

#[test]
fn domain_keys_rotate_and_reseal() {
    let fixture = Fixture::new();
    let (hsm, token, binding) = (&fixture.hsm, &fixture.key.token, fixture.binding());
    let blob = fixture.encrypt(b"hello", &context(&[]));
    let secret = hsm.seal(Purpose::AuditKey, b"aad", b"secret").unwrap();
    assert_eq!(hsm.reseal_key(token, &binding), Ok(None));
    assert_eq!(hsm.reseal(Purpose::AuditKey, b"aad", &secret), Ok(None));

    assert_eq!(fixture.rotate_domain().version, 2);
    assert_eq!(hsm.current_domain_version(), Ok(2));
    assert_eq!(fixture.decrypt(&blob, &context(&[])).unwrap(), b"hello");
    let new_token = hsm.reseal_key(token, &binding).unwrap().unwrap();
    let new_secret = hsm.reseal(Purpose::AuditKey, b"aad", &secret).unwrap().unwrap();
    assert_eq!(hsm.reseal_key(&new_token, &binding), Ok(None));

    assert_eq!(hsm.forget_domain_key(2), Err(Error::DomainKeyInUse(2)));
    assert_eq!(hsm.forget_domain_key(1), Ok(()));
    assert_eq!(hsm.forget_domain_key(1), Err(Error::UnknownDomainKey(1)));
    assert_eq!(fixture.decrypt(&blob, &context(&[])), Err(Error::UnknownDomainKey(1)));
    assert_eq!(
        hsm.unseal(Purpose::AuditKey, b"aad", &secret).err(),
        Some(Error::UnknownDomainKey(1))
    );
    assert_eq!(hsm.unseal(Purpose::AuditKey, b"aad", &new_secret).unwrap().expose(), b"secret");
    let parsed = Blob::parse(&blob).unwrap();
    let plaintext = hsm.decrypt(&new_token, &binding, &parsed, &context(&[])).unwrap();
    assert_eq!(plaintext.expose(), b"hello");
}

#[test]
fn of_two_prepared_domain_keys_one_is_activated() {
    let fixture = Fixture::new();
    let (one, two) =
        (fixture.hsm.prepare_domain_key().unwrap(), fixture.hsm.prepare_domain_key().unwrap());
    assert_eq!((one.sealed().version, two.sealed().version), (2, 2));
    assert_eq!(fixture.hsm.activate(one), Ok(()));
    assert_eq!(fixture.hsm.activate(two), Err(Error::DomainKeyOutOfSequence(2)));
}

#[test]
fn secrets_are_bound_to_purpose_and_aad() {
    let hsm = Fixture::new().hsm;
    let sealed = hsm.seal(Purpose::AccessKey, b"AKIA", b"secret").unwrap();
    let open = |purpose, aad: &[u8], sealed: &[u8]| {
        hsm.unseal(purpose, aad, sealed).map(|secret| secret.expose().to_vec())
    };
    assert_eq!(open(Purpose::AccessKey, b"AKIA", &sealed), Ok(b"secret".to_vec()));
    assert_eq!(open(Purpose::SessionToken, b"AKIA", &sealed), Err(Error::DamagedSecret));
    assert_eq!(open(Purpose::AccessKey, b"ASIA", &sealed), Err(Error::DamagedSecret));
    for flipped in bit_flips(&sealed) {
        assert!(open(Purpose::AccessKey, b"AKIA", &flipped).is_err());
    }
    for len in 0..sealed.len() {
        assert_eq!(open(Purpose::AccessKey, b"AKIA", &sealed[..len]), Err(Error::DamagedSecret));
    }
}

/// A source that can be switched off from outside.
struct Switched(CountingEntropy, Arc<AtomicBool>);

impl EntropySource for Switched {
    fn fill(&mut self, seed: &mut [u8]) -> Result<(), EntropyError> {
        match self.1.load(Ordering::Relaxed) {
            true => self.0.fill(seed),
            false => Err(EntropyError::Unavailable),
        }
    }
}

#[test]
fn without_entropy_nothing_new_is_made() {
    let fixture = Fixture::new();
    let on = Arc::new(AtomicBool::new(true));
    let source = Switched(CountingEntropy::default(), Arc::clone(&on));
    let names = root_as_naming_key(&test_root());
    let first = std::slice::from_ref(&fixture.first);
    let hsm = Hsm::start(test_root(), first, Some(&names), source).unwrap();
    let fixture = Fixture { hsm, ..fixture };
    let blob = fixture.encrypt(b"hello", &context(&[]));

    on.store(false, Ordering::Relaxed);
    let refused = Error::Entropy(EntropyError::Unavailable);
    let hsm = &fixture.hsm;
    assert_eq!(hsm.fill_random(&mut [0; 8]), Err(refused.clone()));
    assert_eq!(hsm.random(8).err(), Some(refused.clone()));
    assert_eq!(hsm.seal(Purpose::AccessKey, b"", b""), Err(refused.clone()));
    assert_eq!(hsm.prepare_domain_key().err(), Some(refused.clone()));
    assert_eq!(fixture.open(fixture.key.token.as_bytes(), &fixture.binding()), Err(refused));
    assert_eq!(fixture.decrypt(&blob, &context(&[])).unwrap(), b"hello");

    on.store(true, Ordering::Relaxed);
    assert_eq!(hsm.random(8).unwrap().len(), 8);
}

#[test]
fn a_poisoned_lock_is_an_error() {
    let fixture = Fixture::new();
    let blob = fixture.encrypt(b"hello", &context(&[]));
    std::thread::scope(|scope| {
        let poison = scope.spawn(|| {
            let _random = fixture.hsm.random.lock();
            let _domain = fixture.hsm.domain.write();
            let _opened = fixture.hsm.opened.lock();
            panic!("on purpose");
        });
        assert!(poison.join().is_err());
    });
    let hsm = &fixture.hsm;
    assert_eq!(hsm.random(1).err(), Some(Error::Poisoned));
    assert_eq!(hsm.current_domain_version(), Err(Error::Poisoned));
    assert_eq!(hsm.forget_domain_key(1), Err(Error::Poisoned));
    assert_eq!(hsm.forget_key(fixture.key.material_id), Err(Error::Poisoned));
    assert_eq!(fixture.decrypt(&blob, &context(&[])), Err(Error::Poisoned));
}

/// For tests with many cases.
static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::new);

proptest! {
    #[test]
    fn round_trips(
        plaintext in proptest::collection::vec(any::<u8>(), 0..=PLAINTEXT_BYTES),
        pairs in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..4),
        others in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..4),
    ) {
        let fixture = &*FIXTURE;
        let ctx = EncryptionContext::new(pairs);
        let blob = fixture.encrypt(&plaintext, &ctx);
        prop_assert_eq!(fixture.decrypt(&blob, &ctx), Ok(plaintext));
        let other = EncryptionContext::new(others);
        if other != ctx {
            prop_assert_eq!(fixture.decrypt(&blob, &other), Err(Error::InvalidCiphertext));
        }
    }

    #[test]
    fn stored_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..150)) {
        let fixture = &*FIXTURE;
        prop_assert!(fixture.open(&bytes, &fixture.binding()).is_err());
        prop_assert!(fixture.hsm.unseal(Purpose::AccessKey, b"", &bytes).is_err());
        // The same behind a header that leads further in.
        let named = [&[1, 0, 0, 0, 1], &bytes[..]].concat();
        prop_assert_eq!(fixture.open(&named, &fixture.binding()), Err(Error::DamagedToken));
        let unsealed = fixture.hsm.unseal(Purpose::AccessKey, b"", &named);
        prop_assert_eq!(unsealed.err(), Some(Error::DamagedSecret));
        let sealed = [SealedDomainKey { version: 1, bytes }];
        prop_assert!(DomainKeys::open(&test_root(), &sealed).is_err());
    }
}
