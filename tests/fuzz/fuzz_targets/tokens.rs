//! What the server sealed and callers bring back: ciphertexts, session tokens,
//! grant tokens. None that it did not seal opens, and what is inside of one that
//! it did is read or refused.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use libfuzzer_sys::fuzz_target;
use wardbook::base::context::EncryptionContext;
use wardbook::base::ids::{AccountId, KeyId, Region};
use wardbook::base::spec::KeySpec;
use wardbook::hsm::blob::Blob;
use wardbook::hsm::{GeneratedKey, Hsm, KeyBinding, OsEntropy, Purpose, RootKey};
use wardbook::identity::credentials;
use wardbook::keys::grants::token::{self, Token};

struct Sealed {
    hsm: Hsm,
    region: Region,
    account: AccountId,
    key_id: KeyId,
    key: GeneratedKey,
    blob: Vec<u8>,
}

impl Sealed {
    fn new() -> Option<Self> {
        let root = RootKey::generate(&mut OsEntropy).ok()?;
        let (hsm, _) = Hsm::initialize(root, OsEntropy).ok()?;
        let (region, account) = (Region::parse("eu-central-1")?, AccountId::parse("111122223333")?);
        let key_id = KeyId::from_bytes([7; 16], false);
        let key = hsm.generate_key(&region, &account, key_id, KeySpec::SymmetricDefault).ok()?;
        let mut made = Self { hsm, region, account, key_id, key, blob: Vec::new() };
        let context = EncryptionContext::default();
        made.blob =
            made.hsm.encrypt(&made.key.token, &made.binding(), b"plaintext", &context).ok()?;
        Some(made)
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

    fn opens(&self, blob: &[u8]) -> bool {
        let Ok(blob) = Blob::parse(blob) else { return false };
        let context = EncryptionContext::default();
        self.hsm.decrypt(&self.key.token, &self.binding(), &blob, &context).is_ok()
    }
}

static SEALED: LazyLock<Sealed> = LazyLock::new(|| Sealed::new().expect("an HSM"));

fuzz_target!(|bytes: &[u8]| {
    let hsm = &SEALED.hsm;
    // As they come.
    assert!(!SEALED.opens(bytes));
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(credentials::open_session(hsm, text).is_none());
        assert!(!matches!(token::open(hsm, text), Some(Token::Names { .. })));
    }
    let text = BASE64_STANDARD.encode(bytes);
    assert!(credentials::open_session(hsm, &text).is_none());
    assert!(!matches!(token::open(hsm, &text), Some(Token::Names { .. })));

    // A blob of the server's, some of its bytes otherwise, and for another key.
    let mut blob = SEALED.blob.clone();
    if let [at, patch @ ..] = bytes {
        let places = blob.iter_mut().skip(usize::from(*at));
        places.zip(patch).for_each(|(byte, patch)| *byte ^= patch);
    }
    assert_eq!(SEALED.opens(&blob), blob == SEALED.blob);
    blob.extend_from_slice(bytes);
    assert!(bytes.is_empty() || !SEALED.opens(&blob));

    // Any content, sealed for its purpose.
    let sealed = |purpose| BASE64_STANDARD.encode(hsm.seal(purpose, &[], bytes).expect("sealed"));
    let grant = sealed(Purpose::GrantToken);
    if let Some(Token::Names { key, id }) = token::open(hsm, &grant) {
        let again = token::seal(hsm, &key, &id).expect("sealed");
        assert_eq!(token::open(hsm, &again), Some(Token::Names { key, id }));
    }
    assert!(credentials::open_session(hsm, &grant).is_none(), "for another purpose");
    drop(credentials::open_session(hsm, &sealed(Purpose::SessionToken)));
});
