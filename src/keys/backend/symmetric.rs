//! Symmetric encryption with a remote key. A key that has material of its own is a
//! *double* one, for its whole life: its plaintexts are sealed by our HSM before the
//! remote seals them. For all others the settings of the remote say whether callers
//! get the remote's ciphertext inside a blob of ours, or bare; both can be opened
//! whatever the settings say.

use super::Far;
use super::ciphertext::{Ciphertext, RemoteBlob};
use super::remote::Mode;
use crate::base::algorithm::EncryptionAlgorithm;
use crate::base::context::EncryptionContext;
use crate::base::limits::PLAINTEXT_BYTES;
use crate::base::secret::SecretBytes;
use crate::hsm::Hsm;
use crate::keys::cipher::{self, Decrypted, Encrypted, Error};
use crate::keys::key::Key;
use crate::policy::decision::Permit;

const ALGORITHM: EncryptionAlgorithm = EncryptionAlgorithm::SymmetricDefault;

/// Encrypts `plaintext`; the permit has been checked.
pub(super) async fn encrypt(
    hsm: &Hsm,
    far: &Far<'_>,
    permit: &Permit,
    key: &Key,
    plaintext: &[u8],
    context: &EncryptionContext,
) -> Result<Encrypted, Error> {
    if key.is_double() {
        let inner = cipher::encrypt(hsm, permit, key, ALGORITHM, plaintext, context)?;
        if inner.blob.len() > PLAINTEXT_BYTES {
            let overhead = inner.blob.len().saturating_sub(plaintext.len());
            return Err(Error::DoubleTooLong(PLAINTEXT_BYTES.saturating_sub(overhead)));
        }
        let sealed = far.encrypt(ALGORITHM, &inner.blob, context).await?;
        let blob = RemoteBlob::encode(key.id(), true, &sealed);
        return Ok(Encrypted { blob, material_id: inner.material_id });
    }
    let sealed = far.encrypt(ALGORITHM, plaintext, context).await?;
    let blob = match far.mode() {
        Mode::Raw => sealed,
        // A store that asks for more than this key can do gets no less than it had.
        Mode::PassThrough | Mode::Double => RemoteBlob::encode(key.id(), false, &sealed),
    };
    Ok(Encrypted { blob, material_id: None })
}

/// Opens a blob of this key, or for one that is not double the remote's bare
/// ciphertext; the permit has been checked.
pub(super) async fn decrypt(
    hsm: &Hsm,
    far: &Far<'_>,
    permit: &Permit,
    key: &Key,
    blob: &[u8],
    context: &EncryptionContext,
) -> Result<Decrypted, Error> {
    let of_this_key = match Ciphertext::parse(blob) {
        Some(Ciphertext::Remote(remote)) => {
            let fits = remote.key_id == key.id() && remote.is_double == key.is_double();
            fits.then_some(remote.content)
        }
        _ => None,
    };
    let sealed = match of_this_key {
        Some(content) => content,
        // Whoever can use the remote without us could make one that is not double.
        None if key.is_double() => return Err(Error::Ciphertext),
        // A remote that is a wardbook, too, makes ciphertexts that look like ours.
        None => blob,
    };
    let opened = open(far, sealed, context).await?;
    if key.is_double() && !far.is_dry_run {
        return cipher::decrypt(hsm, permit, key, ALGORITHM, opened.expose(), context);
    }
    Ok(Decrypted { plaintext: opened, material_id: None })
}

async fn open(
    far: &Far<'_>,
    sealed: &[u8],
    context: &EncryptionContext,
) -> Result<SecretBytes, Error> {
    far.done("Decrypt", far.remote.decrypt(far.id(), ALGORITHM, sealed, context)).await
}
