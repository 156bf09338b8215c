//! A ciphertext that a call wants opened: what Decrypt and ReEncrypt share.

use super::access::{Access, PermittedKey};
use super::resolve::Accepts;
use crate::base::algorithm::EncryptionAlgorithm;
use crate::base::context::EncryptionContext;
use crate::base::spec::KeySpec;
use crate::keys::backend::Ciphertext;
use crate::keys::cipher::{self, Decrypted};
use crate::keys::key::Key;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::blob::Blob;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// The ciphertext and what the caller says of it.
pub(super) struct Source {
    pub(super) operation: &'static str,
    pub(super) action: Action,
    pub(super) blob: Option<Blob>,
    pub(super) key_id: Option<String>,
    /// How validation texts spell the member of `key_id`.
    pub(super) key_member: &'static str,
    pub(super) context: EncryptionContext,
    pub(super) algorithm: EncryptionAlgorithm,
    /// `IGNORE_CIPHERTEXT` of a dry run: only the permission is tried.
    pub(super) ignore_ciphertext: bool,
}

impl Source {
    /// Finds the key, decides, and checks that it can open such a ciphertext.
    pub(super) fn find(&self, access: &mut Access<'_>) -> Result<PermittedKey, ApiError> {
        access.says(Fact::EncryptionAlgorithm, self.algorithm.as_str());
        let found = self.find_key(access)?;
        cipher::check(&found.key, self.operation, self.algorithm)?;
        Ok(found)
    }

    /// Opens the ciphertext with the key that was found; `None` where the caller asked
    /// to ignore it.
    pub(super) async fn open(
        &self,
        access: &Access<'_>,
        found: &PermittedKey,
    ) -> Result<Option<Decrypted>, ApiError> {
        let Some(Blob(blob)) = self.blob.as_ref().filter(|_| !self.ignore_ciphertext) else {
            return Ok(None);
        };
        let PermittedKey { permit, key } = found;
        let backend = access.backend();
        let opened = backend.decrypt(permit, key, self.algorithm, blob, &self.context).await?;
        Ok(Some(opened))
    }

    /// The key that the caller names, or else the one that the ciphertext names.
    fn find_key(&self, access: &mut Access<'_>) -> Result<PermittedKey, ApiError> {
        if self.ignore_ciphertext {
            let Some(name) = &self.key_id else { return Err(missing(self.key_member)) };
            return self.find_named(access, name);
        }
        let Some(Blob(blob)) = &self.blob else { return Err(missing("ciphertextBlob")) };
        let Some(name) = &self.key_id else {
            return access.ciphertext_key(self.action, blob, &self.context);
        };
        let found = self.find_named(access, name)?;
        // RSA's ciphertexts say nothing of their key; all others must be of the
        // one that is named, which comes before what that key is for.
        let is_bare = self.algorithm != EncryptionAlgorithm::SymmetricDefault
            && found.key.spec != KeySpec::SymmetricDefault;
        if !is_bare {
            check_made_by(&found.key, blob)?;
        }
        Ok(found)
    }

    fn find_named(&self, access: &mut Access<'_>, name: &str) -> Result<PermittedKey, ApiError> {
        access.key(self.action, name, Accepts::KeyOrAlias, Some(&self.context))
    }
}

/// A member that must be there, or not, by what another one says.
fn missing(member: &str) -> ApiError {
    ApiError::validation(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: \
         Member must not be null"
    ))
}

/// Whether the modifiers of a dry run ask to ignore the ciphertext.
///
/// # Errors
/// `ValidationException` for modifiers of a call that is no dry run.
pub(super) fn ignores_ciphertext(dry_run: bool, modifiers: &[String]) -> Result<bool, ApiError> {
    match (modifiers.is_empty(), dry_run) {
        (true, _) => Ok(false),
        (false, true) => Ok(true),
        (false, false) => {
            Err(ApiError::validation("DryRunModifiers can only be specified with DryRun."))
        }
    }
}

/// Checks that the ciphertext `blob` can be one of this key.
///
/// # Errors
/// `InvalidCiphertextException` for what is no ciphertext of ours;
/// `IncorrectKeyException` for one of another key.
fn check_made_by(key: &Key, blob: &[u8]) -> Result<(), ApiError> {
    match Ciphertext::parse(blob) {
        Some(made) if made.key_id() == key.id() => Ok(()),
        // What a remote made may look like anything, even like a ciphertext of ours: it
        // is for the remote to say whose it is.
        _ if key.remote.is_some() && !key.is_double() => Ok(()),
        Some(_) => Err(incorrect_key()),
        None => Err(ApiError::bare(Code::InvalidCiphertextException)),
    }
}

/// Whether the ciphertext `blob` says that it is of this key.
pub(super) fn names(blob: &[u8], key: &Key) -> bool {
    Ciphertext::parse(blob).is_some_and(|made| made.key_id() == key.id())
}

/// The key that a call names is not the one of the ciphertext.
pub(super) fn incorrect_key() -> ApiError {
    let text = "The key ID in the request does not identify a CMK that can perform this operation.";
    ApiError::new(Code::IncorrectKeyException, text)
}

/// Reads a ciphertext that says which key it is of.
///
/// # Errors
/// `InvalidCiphertextException` for what is no ciphertext of ours.
pub(super) fn parse_blob(blob: &[u8]) -> Result<Ciphertext<'_>, ApiError> {
    Ciphertext::parse(blob).ok_or_else(|| ApiError::bare(Code::InvalidCiphertextException))
}
