//! Signed notes (c2sp.org/signed-note) with Ed25519 signatures, and the text
//! form of their public keys (golang.org/x/mod/sumdb/note).

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::Error;
use crate::base::hex;
use crate::base::limits::{LOG_ORIGIN_BYTES, NOTE_BYTES};
use crate::hsm;

/// The signature type of Ed25519 (c2sp.org/signed-note, "Signature types").
const ED25519: u8 = 0x01;
/// Bytes of an Ed25519 signature. A shorter one was not written to its end.
pub(super) const SIGNATURE_BYTES: usize = 64;
/// What opens a line with a signature: em dash, space.
pub(super) const DASH: &str = "\u{2014} ";

/// The public key of a log: a name, which is the log's origin, and an Ed25519
/// key. Its text is `NAME+ID+KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public_key: [u8; 32],
}

impl VerifierKey {
    /// A key with this name.
    ///
    /// # Errors
    /// [`Error::OriginForm`] if it cannot be the name of a key.
    pub fn new(name: &str, public_key: [u8; 32]) -> Result<Self, Error> {
        match is_key_name(name) && name.len() <= LOG_ORIGIN_BYTES {
            true => Ok(Self { name: name.to_owned(), public_key }),
            false => Err(Error::OriginForm),
        }
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`Error::VerifierKey`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::parsed(text).ok_or(Error::VerifierKey)
    }

    fn parsed(text: &str) -> Option<Self> {
        // Base64 may hold further plus signs.
        let mut parts = text.splitn(3, '+');
        let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
        let key = BASE64_STANDARD.decode(key).ok()?;
        let (kind, key) = key.split_first()?;
        let found = Self::new(name, key.try_into().ok()?).ok()?;
        (*kind == ED25519 && hex::decode(id)? == found.id()).then_some(found)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key as RFC 8032 encodes it.
    #[must_use]
    pub fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// Tells the keys of one name apart. Short: not a proof of anything.
    fn id(&self) -> [u8; 4] {
        let mut hash = Sha256::new_with_prefix(&self.name);
        hash.update([b'\n', ED25519]);
        hash.update(self.public_key);
        let digest: [u8; 32] = hash.finalize().into();
        digest.first_chunk().copied().unwrap_or_default()
    }

    /// The note with this text and a signature that the key's owner made of it.
    #[must_use]
    pub fn note(&self, text: &str, signature: &[u8; 64]) -> String {
        let signature = BASE64_STANDARD.encode([&self.id()[..], signature].concat());
        format!("{text}\n{DASH}{} {signature}\n", self.name)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64_STANDARD.encode([&[ED25519], &self.public_key[..]].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(&self.id()))
    }
}

/// A note as it is read; nothing of it is to be believed before
/// [`Note::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What is signed, to its last newline.
    pub text: String,
    pub signatures: Vec<NoteSignature>,
}

/// One signature of a note, by whomever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    pub name: String,
    pub id: [u8; 4],
    pub signature: Vec<u8>,
}

impl Note {
    /// Reads a note.
    ///
    /// # Errors
    /// [`Error::Note`].
    pub fn parse(note: &str) -> Result<Self, Error> {
        Self::parsed(note).ok_or(Error::Note)
    }

    fn parsed(note: &str) -> Option<Self> {
        let odd = |byte: u8| byte < b' ' && byte != b'\n';
        if note.len() > NOTE_BYTES || note.bytes().any(odd) {
            return None;
        }
        let (text, signatures) = note.strip_suffix('\n')?.rsplit_once("\n\n")?;
        let signatures = signatures.split('\n').map(NoteSignature::parsed).collect::<Option<_>>();
        Some(Self { text: format!("{text}\n"), signatures: signatures? })
    }

    /// The text, if the key signed it. Signatures of others are passed over; one
    /// of the key that is not valid is the end of the note.
    ///
    /// # Errors
    /// [`Error::Unsigned`], [`Error::Signature`].
    pub fn verify(&self, key: &VerifierKey) -> Result<&str, Error> {
        let by_key = |made: &&NoteSignature| made.name == key.name && made.id == key.id();
        let mut found = false;
        for made in self.signatures.iter().filter(by_key) {
            let text = self.text.as_bytes();
            if !hsm::is_signed_by_audit_key(&key.public_key, text, &made.signature) {
                return Err(Error::Signature(key.to_string()));
            }
            found = true;
        }
        if found { Ok(&self.text) } else { Err(Error::Unsigned(key.to_string())) }
    }
}

impl NoteSignature {
    fn parsed(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix(DASH)?.split_once(' ')?;
        let signature = BASE64_STANDARD.decode(signature).ok()?;
        let (id, signature) = signature.split_first_chunk()?;
        let valid = is_key_name(name) && !signature.is_empty();
        valid.then(|| Self { name: name.to_owned(), id: *id, signature: signature.to_vec() })
    }
}

fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}
