//! The format's cryptography: every primitive of this module is named here and
//! nowhere else in `items`.
//!
//! Per item: a random data key, HKDF-SHA-512 from it to a commit key and a field
//! root key, from the root key one AES-256-GCM key and nonce for each encrypted
//! attribute. Per recipient: a key-encryption key and a signing key from the
//! intermediate key that the key service gave. Keys are wiped when dropped.
//!
//! Deliberately absent: wrapping the intermediate key, which is the key service's
//! work, and every decision about items: this module sees bytes only.

use std::sync::LazyLock;

use aes::Aes256;
use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use aws_lc_rs::encoding::{AsBigEndian, EcPublicKeyCompressedBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::bytes::wide;
use super::error::{ItemError, ItemErrorCode};
use super::field::Field;
use super::path;
use super::serialize::TYPE_ID_LEN;

/// Bytes of a key: data key, intermediate key and everything derived.
pub(super) const KEY_LEN: usize = 32;
/// Bytes of a message id.
pub(super) const MESSAGE_ID_LEN: usize = 32;
/// Bytes of the header commitment.
pub(super) const COMMITMENT_LEN: usize = 32;
/// Bytes of an AES-GCM tag.
pub(super) const GCM_TAG_LEN: usize = 16;
/// Bytes of a wrapped data key: ciphertext and tag.
pub(super) const WRAPPED_KEY_LEN: usize = 48;
/// Bytes of a recipient tag, and of the canonical hash.
pub(super) const TAG_LEN: usize = 48;
/// Bytes of an ECDSA signature in DER. Its length varies with the numbers in
/// it; the format takes those of this length only.
pub(super) const SIGNATURE_LEN: usize = 103;
/// Bytes of a P-384 point in compressed SEC 1 form.
const PUBLIC_KEY_LEN: usize = 49;

const COMMIT_LABEL: &[u8] = b"AWS_DBE_COMMIT_KEY";
const DERIVE_LABEL: &[u8] = b"AWS_DBE_DERIVE_KEY";
const FIELD_LABEL: &[u8; 11] = b"AwsDbeField";
/// Stands between the field label and the counter: the bytes of key and nonce.
const FIELD_KEY_LEN: u8 = 44;
/// Blocks of key stream that one field takes.
const FIELD_BLOCKS: u32 = 3;
const MAC_LABEL: &[u8] = b"AWS_MPL_INTERMEDIATE_KEYWRAP_MAC";
const ENC_LABEL: &[u8] = b"AWS_MPL_INTERMEDIATE_KEYWRAP_ENC";
/// A key-encryption key wraps one data key in its life, so the nonce is fixed.
const WRAP_NONCE: [u8; 12] = [0; 12];

/// Signatures made until one has the right length. Half of them have, so the
/// chance that all miss is 2^-128.
const SIGNING_ATTEMPTS: usize = 128;

/// A key of this format, wiped when dropped.
#[derive(Default)]
pub(super) struct Key(Zeroizing<[u8; KEY_LEN]>);

impl Key {
    fn copy_of(bytes: &[u8; KEY_LEN]) -> Self {
        let mut key = Self::default();
        key.0.copy_from_slice(bytes);
        key
    }
}

/// A fresh data key and message id: one request for both, since the generator is
/// reseeded before each.
pub(super) fn draw(
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), ItemError>,
) -> Result<(Key, [u8; MESSAGE_ID_LEN]), ItemError> {
    let mut drawn = Zeroizing::new([0; KEY_LEN + MESSAGE_ID_LEN]);
    random(&mut drawn[..])?;
    let (key, rest) = drawn.split_first_chunk().ok_or_else(|| impossible(()))?;
    let message_id = rest.first_chunk().copied().ok_or_else(|| impossible(()))?;
    Ok((Key::copy_of(key), message_id))
}

/// HMAC-SHA-512 under the salt of a derivation that has none, which is all zeros.
static NO_SALT: LazyLock<Hmac<Sha512>> =
    LazyLock::new(|| <Hmac<Sha512> as KeyInit>::new(&Default::default()));

/// HKDF with SHA-512 and no salt (RFC 5869), one extraction for two keys.
fn derive_two(secret: &[u8], one: &[&[u8]], other: &[&[u8]]) -> Result<(Key, Key), ItemError> {
    // Of a salt that is always the same, half of the work is done once.
    let mut extract = NO_SALT.clone();
    extract.update(secret);
    let mut pseudorandom = extract.finalize().into_bytes();
    let hkdf = Hkdf::<Sha512>::from_prk(&pseudorandom).map_err(impossible);
    pseudorandom.as_mut_slice().zeroize();
    let hkdf = hkdf?;
    let mut keys = (Key::default(), Key::default());
    hkdf.expand_multi_info(one, &mut keys.0.0[..]).map_err(impossible)?;
    hkdf.expand_multi_info(other, &mut keys.1.0[..]).map_err(impossible)?;
    Ok(keys)
}

/// The two keys that a recipient's intermediate key stands for.
pub(super) struct RecipientKeys {
    key_encryption_key: Key,
    signing_key: Key,
}

impl RecipientKeys {
    pub(super) fn derive(intermediate_key: &[u8]) -> Result<Self, ItemError> {
        if intermediate_key.len() != KEY_LEN {
            return Err(ItemError::new(
                ItemErrorCode::InvalidKeyMaterial,
                "an intermediate key has 32 bytes: ask the key service for that many",
            ));
        }
        let (key_encryption_key, signing_key) =
            derive_two(intermediate_key, &[ENC_LABEL], &[MAC_LABEL])?;
        Ok(Self { key_encryption_key, signing_key })
    }

    pub(super) fn wrap(
        &self,
        data_key: &Key,
        context: &[u8],
    ) -> Result<[u8; WRAPPED_KEY_LEN], ItemError> {
        let mut wrapped = [0; WRAPPED_KEY_LEN];
        let (body, place) = wrapped.split_at_mut(KEY_LEN);
        body.copy_from_slice(&data_key.0[..]);
        let tag = seal(&self.key_encryption_key, &WRAP_NONCE, context, body)?;
        place.copy_from_slice(&tag);
        Ok(wrapped)
    }

    pub(super) fn unwrap(
        &self,
        wrapped: &[u8; WRAPPED_KEY_LEN],
        context: &[u8],
    ) -> Result<Key, ItemError> {
        let mut data_key = Key::default();
        let opened = wrapped.split_first_chunk::<KEY_LEN>().and_then(|(body, tag)| {
            data_key.0.copy_from_slice(body);
            let tag = tag.first_chunk()?;
            open(&self.key_encryption_key, &WRAP_NONCE, context, &mut data_key.0[..], tag)
        });
        match opened {
            Some(()) => Ok(data_key),
            None => Err(ItemError::new(
                ItemErrorCode::KeyMismatch,
                "the key does not open this item's data key: table name, key attribute or key value \
                 changed since encryption, or the key belongs to another item",
            )),
        }
    }

    pub(super) fn tag(&self, hash: &[u8; TAG_LEN]) -> Result<[u8; TAG_LEN], ItemError> {
        let mut mac = <Hmac<Sha384> as KeyInit>::new_from_slice(&self.signing_key.0[..])
            .map_err(impossible)?;
        mac.update(hash);
        Ok(mac.finalize().into_bytes().into())
    }
}

/// SHA-256, of what is no secret.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Whether `tag` is among `tags`, in a time that depends on their number only.
pub(super) fn contains(tags: &[[u8; TAG_LEN]], tag: &[u8; TAG_LEN]) -> bool {
    tags.iter().fold(Choice::from(0), |found, one| found | one.ct_eq(tag)).into()
}

/// The keys that an item's data key stands for.
pub(super) struct ItemKeys {
    commit_key: Key,
    field_root_key: Key,
}

impl ItemKeys {
    pub(super) fn derive(
        data_key: &Key,
        message_id: &[u8; MESSAGE_ID_LEN],
    ) -> Result<Self, ItemError> {
        let (commit_key, field_root_key) =
            derive_two(&data_key.0[..], &[COMMIT_LABEL, message_id], &[DERIVE_LABEL, message_id])?;
        Ok(Self { commit_key, field_root_key })
    }

    /// HMAC-SHA-512 over the header up to here, cut to 32 bytes.
    pub(super) fn commitment(&self, header: &[u8]) -> Result<[u8; COMMITMENT_LEN], ItemError> {
        let mut mac = <Hmac<Sha512> as KeyInit>::new_from_slice(&self.commit_key.0[..])
            .map_err(impossible)?;
        mac.update(header);
        let bytes: [u8; 64] = mac.finalize().into_bytes().into();
        bytes.first_chunk().copied().ok_or_else(|| impossible(()))
    }

    /// Checks the commitment at the end of `header`, which is over all before it.
    pub(super) fn check_commitment(&self, header: &[u8]) -> Result<(), ItemError> {
        if let Some((header, commitment)) = header.split_last_chunk::<COMMITMENT_LEN>()
            && self.commitment(header)?.ct_eq(commitment).into()
        {
            return Ok(());
        }
        Err(ItemError::new(
            ItemErrorCode::CommitmentMismatch,
            "the header does not commit to this key: the header was damaged or altered",
        ))
    }

    pub(super) fn fields(&self) -> FieldCipher {
        FieldCipher(Aes256::new(&(*self.field_root_key.0).into()))
    }
}

/// Encrypts and decrypts an item's attributes; the field root key, expanded.
pub(super) struct FieldCipher(Aes256);

impl FieldCipher {
    /// Cipher key and nonce of the `ordinal`th encrypted attribute: three blocks
    /// of AES-CTR key stream, each attribute after the one before it.
    fn field_key(&self, ordinal: u32) -> Result<(Key, [u8; 12]), ItemError> {
        let counter = ordinal.checked_mul(FIELD_BLOCKS).ok_or_else(|| impossible(()))?;
        let mut stream = Zeroizing::new([0; 48]);
        let (blocks, _) = stream.as_chunks_mut::<16>();
        for (block, offset) in blocks.iter_mut().zip(0..) {
            // The counter is in the last four bytes and below 2^32 by the check
            // above and the bound on attributes, so nothing is carried further.
            let counter = counter.checked_add(offset).ok_or_else(|| impossible(()))?;
            let (label, rest) = block.split_at_mut(FIELD_LABEL.len());
            label.copy_from_slice(FIELD_LABEL);
            if let [length, number @ ..] = rest {
                *length = FIELD_KEY_LEN;
                number.copy_from_slice(&counter.to_be_bytes());
            }
            let mut cipher_block: Block<Aes256> = (*block).into();
            self.0.encrypt_block(&mut cipher_block);
            block.copy_from_slice(&cipher_block);
            cipher_block.as_mut_slice().zeroize();
        }
        let mut key = Key::default();
        let (head, tail) = stream.split_at(KEY_LEN);
        key.0.copy_from_slice(head);
        let nonce = tail.first_chunk().copied().ok_or_else(|| impossible(()))?;
        Ok((key, nonce))
    }

    /// Encrypts `value` behind its type id in place and appends the tag.
    pub(super) fn encrypt(
        &self,
        ordinal: u32,
        path: &[u8],
        value: &mut Vec<u8>,
    ) -> Result<(), ItemError> {
        let (key, nonce) = self.field_key(ordinal)?;
        let plaintext = value.get_mut(TYPE_ID_LEN..).unwrap_or_default();
        let tag = seal(&key, &nonce, path, plaintext)?;
        value.extend_from_slice(&tag);
        Ok(())
    }

    /// The reverse of [`Self::encrypt`]. `None` if the tag does not match.
    pub(super) fn decrypt(&self, ordinal: u32, path: &[u8], value: &mut Vec<u8>) -> Option<()> {
        let (key, nonce) = self.field_key(ordinal).ok()?;
        let tag = *value.last_chunk::<GCM_TAG_LEN>()?;
        value.truncate(value.len().checked_sub(GCM_TAG_LEN)?);
        let ciphertext = value.get_mut(TYPE_ID_LEN..)?;
        open(&key, &nonce, path, ciphertext, &tag)
    }
}

fn seal(
    key: &Key,
    nonce: &[u8; 12],
    aad: &[u8],
    body: &mut [u8],
) -> Result<[u8; GCM_TAG_LEN], ItemError> {
    let cipher = Aes256Gcm::new(&(*key.0).into());
    let tag = cipher
        .encrypt_inout_detached(&Nonce::from(*nonce), aad, body.into())
        .map_err(impossible)?;
    Ok(tag.into())
}

fn open(
    key: &Key,
    nonce: &[u8; 12],
    aad: &[u8],
    body: &mut [u8],
    tag: &[u8; GCM_TAG_LEN],
) -> Option<()> {
    let cipher = Aes256Gcm::new(&(*key.0).into());
    cipher.decrypt_inout_detached(&Nonce::from(*nonce), aad, body.into(), &Tag::from(*tag)).ok()
}

/// The canonical record, fed piece by piece: header, encryption context and every
/// signed field in canonical order.
pub(super) struct CanonicalRecord(Sha384);

impl CanonicalRecord {
    pub(super) fn new(header: &[u8], context: &[u8]) -> Self {
        let mut hash = Sha384::new();
        hash.update(header);
        hash.update(wide(context.len()));
        hash.update(context);
        Self(hash)
    }

    /// Adds the field at `path`; `value` is its type id and its bytes.
    pub(super) fn add(&mut self, path: &[u8], encrypted: bool, value: &[u8]) {
        self.0.update(path);
        // The type id is hashed but not counted.
        self.0.update(wide(value.len().saturating_sub(TYPE_ID_LEN)));
        self.0.update(if encrypted { b"ENCRYPTED" } else { b"PLAINTEXT" });
        self.0.update(value);
    }

    /// SHA-384 over it.
    pub(super) fn hash(self) -> [u8; TAG_LEN] {
        self.0.finalize().into()
    }
}

/// The hash of an item's canonical record.
pub(super) fn canonical_hash(
    header: &[u8],
    context: &[u8],
    path_prefix: &[u8],
    fields: &[Field],
) -> [u8; TAG_LEN] {
    let mut record = CanonicalRecord::new(header, context);
    let mut path = Vec::with_capacity(path_prefix.len().saturating_add(64));
    for field in fields {
        path::write(path_prefix, &field.name, &mut path);
        record.add(&path, field.encrypted, &field.value);
    }
    record.hash()
}

/// The key pair that signs one item and is then forgotten. aws-lc generates the
/// pair and the signature's secret number with its own generator.
pub(super) struct ItemSigner(EcdsaKeyPair);

impl ItemSigner {
    pub(super) fn generate() -> Result<Self, ItemError> {
        EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).map(Self).map_err(impossible)
    }

    /// The verification key, a compressed SEC 1 point of 49 bytes.
    pub(super) fn public_key(&self) -> Result<Vec<u8>, ItemError> {
        let point: EcPublicKeyCompressedBin<'_> =
            self.0.public_key().as_be_bytes().map_err(impossible)?;
        Ok(point.as_ref().to_vec())
    }

    /// Signs `hash` as a message, so it is hashed once more.
    pub(super) fn sign(&self, hash: &[u8; TAG_LEN]) -> Result<[u8; SIGNATURE_LEN], ItemError> {
        let random = SystemRandom::new();
        for _ in 0..SIGNING_ATTEMPTS {
            let signature = self.0.sign(&random, hash).map_err(impossible)?;
            if let Ok(signature) = signature.as_ref().try_into() {
                return Ok(signature);
            }
        }
        Err(impossible(()))
    }
}

/// Whether `signature` over `hash` verifies under `public_key`.
pub(super) fn verify(
    public_key: &[u8],
    hash: &[u8; TAG_LEN],
    signature: &[u8; SIGNATURE_LEN],
) -> bool {
    // aws-lc would take other encodings of a key as well.
    public_key.len() == PUBLIC_KEY_LEN
        && UnparsedPublicKey::new(&ECDSA_P384_SHA384_ASN1, public_key)
            .verify(hash, signature)
            .is_ok()
}

/// An error that no input of good lengths brings about.
fn impossible<E>(_: E) -> ItemError {
    ItemError::new(ItemErrorCode::CryptoFailed, "a cryptographic operation failed")
}

#[cfg(test)]
pub(super) mod tests;
