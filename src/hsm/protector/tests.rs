use super::*;
use crate::hsm::testing::{CountingEntropy, bit_flips};
use proptest::prelude::*;

const CHEAP: Cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };

const REMOTE_KEY: &str =
    "arn:aws:kms:eu-central-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn wrapped(remote: &str, key_arn: &str, ciphertext: Vec<u8>) -> Wrapped {
    Wrapped { remote: remote.to_owned(), key_arn: key_arn.to_owned(), ciphertext }
}

struct Fixture {
    entropy: CountingEntropy,
    root: RootKey,
    file: KeyFile,
}

impl Fixture {
    fn new() -> Self {
        let mut entropy = CountingEntropy::default();
        let root = RootKey::generate(&mut entropy).unwrap();
        let file = KeyFile::generate(&mut entropy).unwrap();
        Self { entropy, root, file }
    }

    fn by_file(&mut self) -> SealedRootKey {
        protect_with_key_file(&self.root, &self.file, &mut self.entropy).unwrap()
    }

    fn by_passphrase(&mut self, passphrase: &str) -> SealedRootKey {
        let mut random = Random::new(&mut self.entropy).unwrap();
        protect_at_cost(&self.root, &secret(passphrase), CHEAP, &mut random).unwrap()
    }

    /// With a remote key that wraps by turning every bit.
    fn by_remote_key(&mut self) -> (SealedRootKey, SecretBytes) {
        let kek = generate_kek(&mut self.entropy).unwrap();
        let wrapped = wrapped("eu", REMOTE_KEY, kek.expose().iter().map(|b| !b).collect());
        let sealed = protect_with_remote_key(&self.root, &kek, wrapped, &mut self.entropy).unwrap();
        (sealed, kek)
    }

    #[track_caller]
    fn check_root(&self, opened: Result<RootKey, Error>) {
        assert_eq!(opened.unwrap().key().expose(), self.root.key().expose());
    }
}

fn secret(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

#[test]
fn several_protectors_hold_one_root_key() {
    let mut fixture = Fixture::new();
    let by_file = SealedRootKey::decode(fixture.by_file().encode().as_bytes()).unwrap();
    assert_eq!(by_file.kind(), ProtectorKind::KeyFile);
    let file = KeyFile::parse(fixture.file.to_text().as_bytes()).unwrap();
    fixture.check_root(by_file.open_with_key_file(&file));

    let sealed = fixture.by_passphrase("correct horse").encode();
    let by_passphrase = SealedRootKey::decode(sealed.as_bytes()).unwrap();
    assert_eq!(by_passphrase.kind(), ProtectorKind::Passphrase);
    fixture.check_root(by_passphrase.open_with_passphrase(&secret("correct horse")));

    let (sealed, kek) = fixture.by_remote_key();
    let by_remote_key = SealedRootKey::decode(sealed.encode().as_bytes()).unwrap();
    assert_eq!(by_remote_key.kind(), ProtectorKind::AwsKms);
    let wrapped = by_remote_key.wrapped().unwrap();
    assert_eq!((wrapped.remote.as_str(), wrapped.key_arn.as_str()), ("eu", REMOTE_KEY));
    let unwrapped = SecretBytes::new(wrapped.ciphertext.iter().map(|b| !b).collect());
    assert!(kek.ct_eq(unwrapped.expose()));
    fixture.check_root(by_remote_key.open_with_kek(&unwrapped));
    assert_eq!((by_file.wrapped(), by_passphrase.wrapped()), (None, None));
}

#[test]
fn what_a_remote_key_made_must_be_fit_to_be_kept() {
    let mut fixture = Fixture::new();
    let kek = generate_kek(&mut fixture.entropy).unwrap();
    let mut refused = |wrapped: Wrapped| {
        protect_with_remote_key(&fixture.root, &kek, wrapped, &mut fixture.entropy).err()
    };
    assert_eq!(refused(wrapped("eu-1-a", "a", vec![0; 6_144])), None);
    assert_eq!(refused(wrapped(&"x".repeat(64), &"y".repeat(2_048), vec![0])), None);
    for unfit in [
        wrapped("", "a", vec![0]),
        wrapped("e u", "a", vec![0]),
        wrapped("EU", "a", vec![0]),
        wrapped("eu\n", "a", vec![0]),
        wrapped(&"x".repeat(65), "a", vec![0]),
        wrapped("eu", "", vec![0]),
        wrapped("eu", "a b", vec![0]),
        wrapped("eu", &"y".repeat(2_049), vec![0]),
        wrapped("eu", "a", Vec::new()),
        wrapped("eu", "a", vec![0; 6_145]),
    ] {
        assert_eq!(refused(unfit.clone()), Some(Error::UnfitRemoteKey), "{unfit:?}");
    }
    let short = SecretBytes::new(vec![0; 31]);
    let (root, entropy) = (&fixture.root, &mut fixture.entropy);
    let made = protect_with_remote_key(root, &short, wrapped("eu", "a", vec![0]), entropy);
    assert_eq!(made.err(), Some(Error::ForeignRemoteKey));
}

#[test]
fn each_mistake_has_its_own_error() {
    let mut fixture = Fixture::new();
    let by_file = fixture.by_file();
    let by_passphrase = fixture.by_passphrase("right");
    let foreign = KeyFile::generate(&mut fixture.entropy).unwrap();

    let err = |result: Result<RootKey, Error>| result.err();
    assert_eq!(err(by_file.open_with_key_file(&foreign)), Some(Error::ForeignKeyFile));
    assert_eq!(err(by_file.open_with_passphrase(&secret("right"))), Some(Error::WrongProtector));
    assert_eq!(err(by_passphrase.open_with_key_file(&fixture.file)), Some(Error::WrongProtector));
    assert_eq!(
        err(by_passphrase.open_with_passphrase(&secret("wrong"))),
        Some(Error::WrongPassphrase)
    );
    let (by_remote_key, kek) = fixture.by_remote_key();
    let other = generate_kek(&mut fixture.entropy).unwrap();
    assert_eq!(err(by_remote_key.open_with_kek(&other)), Some(Error::ForeignRemoteKey));
    assert_eq!(err(by_remote_key.open_with_kek(&secret("short"))), Some(Error::ForeignRemoteKey));
    assert_eq!(err(by_file.open_with_kek(&kek)), Some(Error::WrongProtector));
    assert_eq!(err(by_remote_key.open_with_key_file(&fixture.file)), Some(Error::WrongProtector));
    assert_eq!(
        err(by_remote_key.open_with_passphrase(&secret("right"))),
        Some(Error::WrongProtector)
    );
    let mut random = Random::new(&mut fixture.entropy).unwrap();
    assert_eq!(
        protect_at_cost(&fixture.root, &secret(""), CHEAP, &mut random).err(),
        Some(Error::EmptyPassphrase)
    );
}

#[test]
fn the_default_cost_is_the_recommended_one() {
    let mut fixture = Fixture::new();
    let passphrase = secret("correct horse");
    let sealed = protect_with_passphrase(&fixture.root, &passphrase, &mut fixture.entropy).unwrap();
    assert!(sealed.encode().contains("\nargon2id 65536 3 4\n"));
    fixture.check_root(sealed.open_with_passphrase(&passphrase));
}

#[test]
fn accidents_are_found_when_a_file_is_read() {
    let mut fixture = Fixture::new();
    let (by_file, by_passphrase) =
        (fixture.by_file().encode(), fixture.by_passphrase("right").encode());
    let by_remote_key = fixture.by_remote_key().0.encode();
    for text in [by_file, by_passphrase, by_remote_key] {
        for flipped in bit_flips(text.as_bytes()) {
            assert!(SealedRootKey::decode(&flipped).is_err());
        }
        for len in 0..text.len() {
            assert_eq!(
                SealedRootKey::decode(&text.as_bytes()[..len]),
                Err(Error::DamagedSealedRootKey)
            );
        }
    }
    let text = fixture.file.to_text();
    for flipped in bit_flips(text.as_bytes()) {
        assert!(KeyFile::parse(&flipped).is_err());
    }
    for len in 0..text.len() {
        assert_eq!(KeyFile::parse(&text.as_bytes()[..len]).err(), Some(Error::DamagedKeyFile));
    }
}

/// Somebody who repairs the checksum after a change still gets nowhere.
#[test]
fn what_is_sealed_is_bound_to_every_field() {
    let mut fixture = Fixture::new();
    let sealed = fixture.by_passphrase("right");
    let open = |sealed: &SealedRootKey| {
        let again = SealedRootKey::decode(sealed.encode().as_bytes()).unwrap();
        again.open_with_passphrase(&secret("right")).err()
    };

    let mut altered = sealed.clone();
    altered.check_id[0] ^= 1;
    assert_eq!(open(&altered), Some(Error::WrongPassphrase));
    for bit in 0..SEALED_LEN * 8 {
        let mut altered = sealed.clone();
        altered.sealed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open(&altered), Some(Error::DamagedSealedRootKey));
    }
    let as_file = SealedRootKey { protector: Protector::KeyFile, ..sealed };
    assert_eq!(as_file.open_with_key_file(&fixture.file).err(), Some(Error::ForeignKeyFile));
}

/// Nobody can point a protector to another remote key, and not even swap what
/// was wrapped.
#[test]
fn what_a_remote_key_protects_is_bound_to_that_key() {
    let mut fixture = Fixture::new();
    let (sealed, kek) = fixture.by_remote_key();
    let altered = [
        wrapped("us", REMOTE_KEY, sealed.wrapped().unwrap().ciphertext.clone()),
        wrapped("eu", "arn", sealed.wrapped().unwrap().ciphertext.clone()),
        wrapped("eu", REMOTE_KEY, vec![1]),
    ];
    for wrapped in altered {
        let altered = SealedRootKey { protector: Protector::AwsKms(wrapped), ..sealed.clone() };
        let again = SealedRootKey::decode(altered.encode().as_bytes()).unwrap();
        assert_eq!(again.open_with_kek(&kek).err(), Some(Error::DamagedSealedRootKey));
    }
    let resummed = |from: &str, to: &str| {
        let text = sealed.encode();
        let (body, _) = text.rsplit_once("sum ").unwrap();
        let text = lines::with_sum(Zeroizing::new(body.replace(from, to)));
        SealedRootKey::decode(text.as_bytes())
    };
    assert!(resummed("remote eu", "remote us").is_ok());
    for (from, to) in [
        ("remote eu", "remote e/u"),
        ("remote eu", "remote "),
        ("key arn:", "key arn "),
        ("\nwrapped ", "\nwrapped A"),
        ("\nwrapped ", "\nwrapped a"),
        ("protector aws-kms", "protector aws"),
    ] {
        assert_eq!(resummed(from, to), Err(Error::DamagedSealedRootKey), "{to}");
    }
}

#[test]
fn hostile_costs_and_other_spellings_are_refused() {
    let mut fixture = Fixture::new();
    let text = fixture.by_passphrase("right").encode();
    let with_cost = |cost: &str| {
        let (body, _) = text.rsplit_once("sum ").unwrap();
        let body = body.replace("argon2id 32 1 4", &format!("argon2id {cost}"));
        SealedRootKey::decode(lines::with_sum(Zeroizing::new(body)).as_bytes())
    };
    assert!(with_cost("32 1 4").is_ok());
    assert!(with_cost("1048576 16 16").is_ok());
    for cost in ["1048577 1 1", "4294967295 1 1", "32 4294967295 4", "32 1 9", "32 1", "32 1 4 5"] {
        assert_eq!(with_cost(cost), Err(Error::DamagedSealedRootKey), "{cost}");
    }
    for spelling in ["032 1 4", "+32 1 4", "32  1 4", "32 1 4 "] {
        assert_eq!(with_cost(spelling), Err(Error::DamagedSealedRootKey), "{spelling}");
    }
}

#[test]
fn files_of_the_future_are_named_as_such() {
    let mut fixture = Fixture::new();
    let text = fixture.by_file().encode().replace("version 1", "version 2");
    assert_eq!(SealedRootKey::decode(text.as_bytes()), Err(Error::UnsupportedVersion));
    let text = fixture.file.to_text().replace("version 1", "version 2");
    assert_eq!(KeyFile::parse(text.as_bytes()).err(), Some(Error::UnsupportedVersion));
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(SealedRootKey::decode(&bytes).is_err());
        prop_assert!(KeyFile::parse(&bytes).is_err());
    }
}
