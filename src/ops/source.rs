//! A ciphertext that a call wants opened: what Decrypt and ReEncrypt share.

use super::access::{Access, PermittedKey};
use super::ctx::Ctx;
use super::resolve::Accepts;
use crate::base::context::EncryptionContext;
use crate::keys::cipher::{self, Decrypted, SYMMETRIC_DEFAULT};
use crate::policy::actions::Action;
use crate::wire::blob::Blob;
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
    pub(super) algorithm: Option<String>,
    /// `IGNORE_CIPHERTEXT` of a dry run: only the permission is tried.
    pub(super) ignore_ciphertext: bool,
}

impl Source {
    /// Finds the key, decides, and opens the ciphertext; `None` instead of a
    /// plaintext where the caller asked to ignore it.
    pub(super) fn open(
        &self,
        ctx: &Ctx,
        access: &mut Access<'_>,
    ) -> Result<(PermittedKey, Option<Decrypted>), ApiError> {
        let algorithm = self.algorithm.as_deref().unwrap_or(SYMMETRIC_DEFAULT);
        let Some(Blob(blob)) = &self.blob else {
            let missing = if self.ignore_ciphertext { self.key_member } else { "ciphertextBlob" };
            let Some(name) = self.key_id.as_deref().filter(|_| self.ignore_ciphertext) else {
                return Err(ApiError::validation(format!(
                    "1 validation error detected: Value null at '{missing}' failed to satisfy \
                     constraint: Member must not be null"
                )));
            };
            let found = access.key(self.action, name, Accepts::KeyOrAlias, Some(&self.context))?;
            cipher::check_encrypt_decrypt(&found.key, self.operation, algorithm)?;
            return Ok((found, None));
        };
        let found =
            access.ciphertext_key(self.action, blob, self.key_id.as_deref(), &self.context)?;
        cipher::check_encrypt_decrypt(&found.key, self.operation, algorithm)?;
        let opened = cipher::decrypt(&ctx.hsm, &found.permit, &found.key, blob, &self.context)?;
        Ok((found, Some(opened)))
    }
}
