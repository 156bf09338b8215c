//! Exported key tokens: backing keys in the only form in which they are stored.

use crate::base::ids::{AccountId, KeyId, MaterialId, Region};
use crate::base::secret::SecretBytes;
use crate::base::spec::KeySpec;

use super::domain::{DomainKeys, Header};
use super::envelope::{self, Fresh};
use super::error::Error;
use super::hazmat::hash;
use super::labels::Label;

/// A backing key sealed under a domain key (AWS: EKT). Not a secret, and of no
/// use without the domain key or under another [`KeyBinding`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedKeyToken(Vec<u8>);

impl ExportedKeyToken {
    /// The token with these stored bytes; checked when it is used.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a token is bound to, as associated data: a token copied into the row of
/// another key, account or Region does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyBinding<'a> {
    /// The Region of the key, or of this replica of it.
    pub region: &'a Region,
    /// The account that owns the key.
    pub account: &'a AccountId,
    /// The key.
    pub key_id: KeyId,
    /// Which of the key's materials this is.
    pub material_id: MaterialId,
    /// What kind of key it is.
    pub spec: KeySpec,
}

impl KeyBinding<'_> {
    /// Injective: parts of variable length carry it in front.
    fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in [self.region.as_str(), self.account.as_str(), self.spec.as_str()] {
            // All three are at most 32 bytes by their syntax.
            let len = u8::try_from(text.len()).unwrap_or(u8::MAX);
            bytes.push(len);
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.push(self.key_id.is_multi_region().into());
        bytes.extend_from_slice(self.key_id.as_bytes());
        bytes.extend_from_slice(self.material_id.as_bytes());
        bytes
    }
}

/// New key material: its id and its token, both to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedKey {
    /// The id of the material, derived from it.
    pub material_id: MaterialId,
    /// The material itself, sealed.
    pub token: ExportedKeyToken,
}

/// The id of a material of `key_id`: a digest, so that equal material of one
/// key has one id wherever it came from, and the same material under two keys
/// has two. `identity` is the material itself, or the public key of an
/// asymmetric one, whose private key has more than one encoding.
pub(super) fn material_id(key_id: KeyId, identity: &[u8]) -> MaterialId {
    let multi_region = [key_id.is_multi_region().into()];
    MaterialId::from_bytes(hash::sha256(&[
        Label::MATERIAL_ID.as_bytes(),
        &multi_region,
        key_id.as_bytes(),
        identity,
    ]))
}

/// The name under which the key that `token` and `binding` open is kept in
/// memory. What opens nothing has a name that nothing is kept under.
pub(super) fn opened_name(token: &ExportedKeyToken, binding: &KeyBinding<'_>) -> [u8; 32] {
    hash::sha256(&[Label::OPENED_KEY.as_bytes(), &binding.canonical_bytes(), &token.0])
}

pub(super) fn seal(
    domain: &DomainKeys,
    fresh: Fresh,
    binding: &KeyBinding<'_>,
    material: &[u8],
) -> Result<ExportedKeyToken, Error> {
    let (header, key) = domain.current();
    let bound = binding.canonical_bytes();
    envelope::seal(key, Label::BACKING_KEY, fresh, &header.to_bytes(), &bound, material)
        .map(ExportedKeyToken)
}

pub(super) fn open(
    domain: &DomainKeys,
    token: &ExportedKeyToken,
    binding: &KeyBinding<'_>,
) -> Result<SecretBytes, Error> {
    let (header, envelope) = Header::parse(&token.0).ok_or(Error::DamagedToken)?;
    let key = domain.load(header)?;
    let bound = binding.canonical_bytes();
    envelope::open(key, Label::BACKING_KEY, &header.to_bytes(), &bound, envelope)
        .ok_or(Error::DamagedToken)
}
