//! Protectors: what stands between a stored root key and whoever finds it. A
//! key file, a passphrase or a remote key gives a key-encryption key, which
//! seals the root key. Several protectors may hold the same root key.
//!
//! Deliberately absent: files and the network. The caller reads, writes and
//! guards the ones, and has the remote key wrap and unwrap over the other.

use zeroize::Zeroizing;

use crate::base::hex;
use crate::base::limits::{REMOTE_CIPHERTEXT_BYTES, REMOTE_KEY_ARN_CHARS, REMOTE_NAME_CHARS};
use crate::base::secret::SecretBytes;

use crate::hsm::envelope::{self, Fresh, OVERHEAD_LEN};
use crate::hsm::error::Error;
use crate::hsm::hazmat::passphrase::{self, Cost};
use crate::hsm::key::Key;
use crate::hsm::labels::Label;
use crate::hsm::lines::{self, Fields, Refused};
use crate::hsm::random::{EntropySource, Random};
use crate::hsm::root::{self, RootKey};

const KEY_FILE: &str = "wardbook key file";
const SEALED_ROOT_KEY: &str = "wardbook sealed root key";
/// Bytes of a sealed root key: the envelope of 32.
const SEALED_LEN: usize = OVERHEAD_LEN + 32;

/// A key-encryption key that lives in a file of its own.
pub struct KeyFile(Key);

impl KeyFile {
    /// A new key file.
    ///
    /// # Errors
    /// [`Error::Entropy`] if there is no randomness.
    pub fn generate(entropy: &mut dyn EntropySource) -> Result<Self, Error> {
        let mut key = Key::zero();
        Random::new(entropy)?.fill(key.expose_mut())?;
        Ok(Self(key))
    }

    /// The content of the file, a secret.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let key = Zeroizing::new(hex::encode(self.0.expose()));
        lines::with_sum(lines::write(KEY_FILE, &[("key", &key)]))
    }

    /// Reads the content of a key file, exactly as [`Self::to_text`] writes it.
    ///
    /// # Errors
    /// [`Error::DamagedKeyFile`] if it is not one or not intact,
    /// [`Error::UnsupportedVersion`] if it is in a format of the future.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let fields = lines::parse(KEY_FILE, bytes).map_err(|refused| match refused {
            Refused::Damaged => Error::DamagedKeyFile,
            Refused::Version => Error::UnsupportedVersion,
        })?;
        Self::from_fields(fields).ok_or(Error::DamagedKeyFile)
    }

    fn from_fields(mut fields: Fields<'_>) -> Option<Self> {
        let bytes = Zeroizing::new(hex::decode::<32>(fields.take("key")?)?);
        fields.end()?;
        Key::try_from_slice(&*bytes).map(Self)
    }
}

/// What opens a sealed root key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectorKind {
    /// A [`KeyFile`].
    KeyFile,
    /// A passphrase, through Argon2id.
    Passphrase,
    /// A key of AWS KMS, which keeps the key-encryption key.
    AwsKms,
}

impl ProtectorKind {
    /// Its name in settings, records and the sealed form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeyFile => "key-file",
            Self::Passphrase => "passphrase",
            Self::AwsKms => "aws-kms",
        }
    }
}

/// A key-encryption key as a remote key wrapped it, and which key that is. No
/// secret: only the remote gives the key-encryption key back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// What the settings call the remote: 1 to [`REMOTE_NAME_CHARS`] of `[a-z0-9-]`.
    pub remote: String,
    /// The ARN of the remote key, at most [`REMOTE_KEY_ARN_CHARS`] characters.
    pub key_arn: String,
    /// 1 to [`REMOTE_CIPHERTEXT_BYTES`] bytes.
    pub ciphertext: Vec<u8>,
}

impl Wrapped {
    /// Whether it can be written down and read again.
    fn is_fit(&self) -> bool {
        let name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let text = |text: &str, max: usize| !text.is_empty() && text.len() <= max;
        text(&self.remote, REMOTE_NAME_CHARS)
            && self.remote.bytes().all(name)
            && text(&self.key_arn, REMOTE_KEY_ARN_CHARS)
            && self.key_arn.bytes().all(|b| b.is_ascii_graphic())
            && (1..=REMOTE_CIPHERTEXT_BYTES).contains(&self.ciphertext.len())
    }
}

/// A key-encryption key for a remote key to wrap, 32 bytes.
///
/// # Errors
/// [`Error::Entropy`] if there is no randomness.
pub fn generate_kek(entropy: &mut dyn EntropySource) -> Result<SecretBytes, Error> {
    let mut random = Random::new(entropy)?;
    SecretBytes::try_fill(32, |bytes| Ok(random.fill(bytes)?))
}

/// A root key under one protector. Not a secret by itself; how hard it is to
/// open is how good the key file is guarded or the passphrase chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRootKey {
    protector: Protector,
    check_id: [u8; 16],
    sealed: [u8; SEALED_LEN],
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Protector {
    KeyFile,
    Passphrase { salt: [u8; 16], cost: Cost },
    AwsKms(Wrapped),
}

/// Seals `root` under a key file.
///
/// # Errors
/// [`Error::Entropy`] if there is no randomness.
pub fn protect_with_key_file(
    root: &RootKey,
    file: &KeyFile,
    entropy: &mut dyn EntropySource,
) -> Result<SealedRootKey, Error> {
    protect(root, &file.0, Protector::KeyFile, &mut Random::new(entropy)?)
}

/// Seals `root` under a passphrase, which costs 64 MiB and some tenths of a
/// second, and costs every guess the same.
///
/// # Errors
/// [`Error::EmptyPassphrase`], [`Error::OutOfMemory`], [`Error::Entropy`].
pub fn protect_with_passphrase(
    root: &RootKey,
    passphrase: &SecretBytes,
    entropy: &mut dyn EntropySource,
) -> Result<SealedRootKey, Error> {
    protect_at_cost(root, passphrase, Cost::DEFAULT, &mut Random::new(entropy)?)
}

/// Seals `root` under a key-encryption key of [`generate_kek`], which a remote
/// key has wrapped.
///
/// # Errors
/// [`Error::UnfitRemoteKey`] if what the remote made is not of the form of
/// [`Wrapped`], [`Error::ForeignRemoteKey`] if `kek` is not 32 bytes,
/// [`Error::Entropy`].
pub fn protect_with_remote_key(
    root: &RootKey,
    kek: &SecretBytes,
    wrapped: Wrapped,
    entropy: &mut dyn EntropySource,
) -> Result<SealedRootKey, Error> {
    if !wrapped.is_fit() {
        return Err(Error::UnfitRemoteKey);
    }
    let kek = Key::try_from_slice(kek.expose()).ok_or(Error::ForeignRemoteKey)?;
    protect(root, &kek, Protector::AwsKms(wrapped), &mut Random::new(entropy)?)
}

fn protect_at_cost(
    root: &RootKey,
    passphrase: &SecretBytes,
    cost: Cost,
    random: &mut Random<'_>,
) -> Result<SealedRootKey, Error> {
    if passphrase.is_empty() {
        return Err(Error::EmptyPassphrase);
    }
    let mut salt = [0; 16];
    random.fill(&mut salt)?;
    let kek = passphrase::derive(passphrase.expose(), &salt, cost).ok_or(Error::OutOfMemory)?;
    protect(root, &kek, Protector::Passphrase { salt, cost }, random)
}

fn protect(
    root: &RootKey,
    kek: &Key,
    protector: Protector,
    random: &mut Random<'_>,
) -> Result<SealedRootKey, Error> {
    let check_id = root::check_id(kek, Label::PROTECTOR_CHECK);
    let mut sealed_root = SealedRootKey { protector, check_id, sealed: [0; SEALED_LEN] };
    let bound = sealed_root.bound_text();
    let fresh = Fresh::draw(random)?;
    let sealed =
        envelope::seal(kek, Label::ROOT_KEY, fresh, &[], bound.as_bytes(), root.key().expose())?;
    sealed_root.sealed.copy_from_slice(&sealed);
    Ok(sealed_root)
}

impl SealedRootKey {
    /// What opens it.
    #[must_use]
    pub fn kind(&self) -> ProtectorKind {
        match self.protector {
            Protector::KeyFile => ProtectorKind::KeyFile,
            Protector::Passphrase { .. } => ProtectorKind::Passphrase,
            Protector::AwsKms(_) => ProtectorKind::AwsKms,
        }
    }

    /// What a remote key is to unwrap; `None` if no remote key opens it.
    #[must_use]
    pub fn wrapped(&self) -> Option<&Wrapped> {
        match &self.protector {
            Protector::AwsKms(wrapped) => Some(wrapped),
            Protector::KeyFile | Protector::Passphrase { .. } => None,
        }
    }

    /// Whether the same key-encryption key opens both, as far as that can be seen: two
    /// from one passphrase have different salts.
    #[must_use]
    pub fn has_same_key(&self, other: &Self) -> bool {
        self.check_id == other.check_id
    }

    /// The form to store: a few lines of text, below 1 KiB; with what a remote
    /// key wrapped, below 16 KiB.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = self.bound_text();
        text.extend(["sealed ", &hex::encode(&self.sealed), "\n"]);
        lines::with_sum(text).to_string()
    }

    /// Reads the stored form, exactly as [`Self::encode`] writes it.
    ///
    /// # Errors
    /// [`Error::DamagedSealedRootKey`] if it is not one, not intact, or asks
    /// for more than 1 GiB of memory; [`Error::UnsupportedVersion`] if it is in
    /// a format of the future.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let fields = lines::parse(SEALED_ROOT_KEY, bytes).map_err(|refused| match refused {
            Refused::Damaged => Error::DamagedSealedRootKey,
            Refused::Version => Error::UnsupportedVersion,
        })?;
        Self::from_fields(fields)
            // One value has one spelling.
            .filter(|sealed| sealed.encode().as_bytes() == bytes)
            .ok_or(Error::DamagedSealedRootKey)
    }

    fn from_fields(mut fields: Fields<'_>) -> Option<Self> {
        let protector = match fields.take("protector")? {
            "key-file" => Protector::KeyFile,
            "passphrase" => {
                let cost = parse_cost(fields.take("argon2id")?)?;
                let salt = hex::decode(fields.take("salt")?)?;
                Protector::Passphrase { salt, cost }
            }
            "aws-kms" => {
                let remote = fields.take("remote")?.to_owned();
                let key_arn = fields.take("key")?.to_owned();
                let ciphertext = hex::decode_all(fields.take("wrapped")?)?;
                let wrapped = Wrapped { remote, key_arn, ciphertext };
                Protector::AwsKms(wrapped.is_fit().then_some(wrapped)?)
            }
            _ => return None,
        };
        let check_id = hex::decode(fields.take("check")?)?;
        let sealed = hex::decode(fields.take("sealed")?)?;
        fields.end()?;
        Some(Self { protector, check_id, sealed })
    }

    /// Opens it with the key file that protects it.
    ///
    /// # Errors
    /// [`Error::ForeignKeyFile`] if the file is intact but another one,
    /// [`Error::DamagedSealedRootKey`] if the file is right but this is altered,
    /// [`Error::WrongProtector`] if something else opens it.
    pub fn open_with_key_file(&self, file: &KeyFile) -> Result<RootKey, Error> {
        match self.protector {
            Protector::KeyFile => self.open(&file.0, Error::ForeignKeyFile),
            Protector::Passphrase { .. } | Protector::AwsKms(_) => Err(Error::WrongProtector),
        }
    }

    /// Opens it with the passphrase that protects it, in the time and memory
    /// that its stored cost says.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`], [`Error::DamagedSealedRootKey`] if the
    /// passphrase is right but this is altered, [`Error::WrongProtector`] if
    /// something else opens it, [`Error::OutOfMemory`].
    pub fn open_with_passphrase(&self, passphrase: &SecretBytes) -> Result<RootKey, Error> {
        match self.protector {
            Protector::KeyFile | Protector::AwsKms(_) => Err(Error::WrongProtector),
            Protector::Passphrase { salt, cost } => {
                let kek = passphrase::derive(passphrase.expose(), &salt, cost)
                    .ok_or(Error::OutOfMemory)?;
                self.open(&kek, Error::WrongPassphrase)
            }
        }
    }

    /// Opens it with the key-encryption key that the remote key has unwrapped.
    ///
    /// # Errors
    /// [`Error::ForeignRemoteKey`] if that is not the one that was wrapped,
    /// [`Error::DamagedSealedRootKey`] if it is but this is altered,
    /// [`Error::WrongProtector`] if something else opens it.
    pub fn open_with_kek(&self, kek: &SecretBytes) -> Result<RootKey, Error> {
        if self.wrapped().is_none() {
            return Err(Error::WrongProtector);
        }
        let kek = Key::try_from_slice(kek.expose()).ok_or(Error::ForeignRemoteKey)?;
        self.open(&kek, Error::ForeignRemoteKey)
    }

    fn open(&self, kek: &Key, wrong: Error) -> Result<RootKey, Error> {
        if root::check_id(kek, Label::PROTECTOR_CHECK) != self.check_id {
            return Err(wrong);
        }
        let bound = self.bound_text();
        envelope::open(kek, Label::ROOT_KEY, &[], bound.as_bytes(), &self.sealed)
            .and_then(|secret| Key::try_from_slice(secret.expose()))
            .map(RootKey::from_key)
            .ok_or(Error::DamagedSealedRootKey)
    }

    /// Everything before the sealed bytes, which are bound to it.
    fn bound_text(&self) -> Zeroizing<String> {
        let check = hex::encode(&self.check_id);
        match &self.protector {
            Protector::KeyFile => {
                lines::write(SEALED_ROOT_KEY, &[("protector", "key-file"), ("check", &check)])
            }
            Protector::Passphrase { salt, cost } => {
                let cost = format!("{} {} {}", cost.memory_kib, cost.passes, cost.lanes);
                let fields = [
                    ("protector", "passphrase"),
                    ("argon2id", &cost),
                    ("salt", &hex::encode(salt)),
                    ("check", &check),
                ];
                lines::write(SEALED_ROOT_KEY, &fields)
            }
            Protector::AwsKms(Wrapped { remote, key_arn, ciphertext }) => {
                let fields = [
                    ("protector", "aws-kms"),
                    ("remote", remote),
                    ("key", key_arn),
                    ("wrapped", &hex::encode(ciphertext)),
                    ("check", &check),
                ];
                lines::write(SEALED_ROOT_KEY, &fields)
            }
        }
    }
}

/// `<KiB> <passes> <lanes>`, if it is a cost that we are willing to pay.
fn parse_cost(text: &str) -> Option<Cost> {
    let mut numbers = text.split(' ').map(str::parse::<u32>);
    let mut next = || numbers.next()?.ok();
    let cost = Cost { memory_kib: next()?, passes: next()?, lanes: next()? };
    (numbers.next().is_none() && cost.is_acceptable()).then_some(cost)
}

#[cfg(test)]
mod tests;
