//! Backing keys from their making to their last sealing.

use crate::base::ids::{AccountId, KeyId, Region};
use crate::base::secret::SecretBytes;
use crate::base::spec::KeySpec;

use super::opened::OpenedKey;
use super::{Error, ExportedKeyToken, GeneratedKey, Hsm, KeyBinding, is_current, material, token};

impl Hsm {
    /// New key material for `key_id`: its first, or the next when it rotates.
    ///
    /// # Errors
    /// [`Error::UnsupportedSpec`] for `SM2`, [`Error::Entropy`],
    /// [`Error::Failed`].
    pub fn generate_key(
        &self,
        region: &Region,
        account: &AccountId,
        key_id: KeyId,
        spec: KeySpec,
    ) -> Result<GeneratedKey, Error> {
        let material = self.generate_material(spec)?;
        self.seal_new(region, account, key_id, spec, &material)
    }

    /// Key material from outside for `key_id`: raw bytes for a symmetric (32) or
    /// HMAC key (as long as the hash), PKCS#8 as DER for all others. The same key
    /// has the same material id each time.
    ///
    /// # Errors
    /// [`Error::KeyMaterial`] if it is not a key of this spec: another length,
    /// curve, modulus or exponent than 65537, or ML-DSA or ML-KEM without its
    /// seed. [`Error::UnsupportedSpec`] for `SM2`, [`Error::Entropy`].
    pub fn import_key(
        &self,
        region: &Region,
        account: &AccountId,
        key_id: KeyId,
        spec: KeySpec,
        imported: &SecretBytes,
    ) -> Result<GeneratedKey, Error> {
        let material = material::import(spec, imported.expose())?;
        self.seal_new(region, account, key_id, spec, &material)
    }

    /// The same material for the replica of its key in `region`, under the
    /// current domain key. Material and key id stay.
    ///
    /// # Errors
    /// Those of [`Self::reseal_key`].
    pub fn rebind_key(
        &self,
        token: &ExportedKeyToken,
        from: &KeyBinding<'_>,
        region: &Region,
    ) -> Result<ExportedKeyToken, Error> {
        let domain = self.domain()?;
        let material = token::open(&domain, token, from)?;
        let to = KeyBinding { region, ..*from };
        token::seal(&domain, self.draw_fresh()?, &to, material.expose())
    }

    /// The same material under the current domain key; `None` if it is there
    /// already.
    ///
    /// # Errors
    /// [`Error::DamagedToken`], [`Error::UnknownDomainKey`], [`Error::Entropy`].
    pub fn reseal_key(
        &self,
        token: &ExportedKeyToken,
        binding: &KeyBinding<'_>,
    ) -> Result<Option<ExportedKeyToken>, Error> {
        let domain = self.domain()?;
        if is_current(&domain, token.as_bytes()) {
            return Ok(None);
        }
        let material = token::open(&domain, token, binding)?;
        token::seal(&domain, self.draw_fresh()?, binding, material.expose()).map(Some)
    }

    pub(super) fn generate_material(&self, spec: KeySpec) -> Result<SecretBytes, Error> {
        material::generate(spec, |out| self.fill_random(out))
    }

    fn seal_new(
        &self,
        region: &Region,
        account: &AccountId,
        key_id: KeyId,
        spec: KeySpec,
        material: &SecretBytes,
    ) -> Result<GeneratedKey, Error> {
        let material_id = if spec.is_asymmetric() {
            let key = OpenedKey::from_material(spec, material.expose());
            token::material_id(key_id, key.ok_or(Error::KeyMaterial)?.public_key())
        } else {
            token::material_id(key_id, material.expose())
        };
        let binding = KeyBinding { region, account, key_id, material_id, spec };
        let fresh = self.draw_fresh()?;
        let token = token::seal(&*self.domain()?, fresh, &binding, material.expose())?;
        Ok(GeneratedKey { material_id, token })
    }
}
