//! Key encapsulation.

use super::{Error, current};
use crate::base::secret::SecretBytes;
use crate::hsm::Hsm;
use crate::keys::key::Key;
use crate::policy::actions::Action;
use crate::policy::decision::Permit;

/// A shared secret and the ciphertext that leads to it.
#[derive(Debug)]
pub struct Encapsulated {
    /// 32 bytes.
    pub secret: SecretBytes,
    /// 768, 1,088 or 1,568 bytes.
    pub ciphertext: Vec<u8>,
}

/// Makes a shared secret for whoever has the private key.
///
/// # Errors
/// [`Error::Permit`] for a permit of another key or use; else as the HSM answers.
pub fn encapsulate(hsm: &Hsm, permit: &Permit, key: &Key) -> Result<Encapsulated, Error> {
    let (token, binding) = current(permit, key, &[Action::ENCAPSULATE])?;
    let (secret, ciphertext) = hsm.encapsulate(token, &binding)?;
    Ok(Encapsulated { secret, ciphertext })
}

/// The shared secret of a ciphertext. One that was not made with this key has
/// one too, which nobody knows (implicit rejection, FIPS 203, section 6.3).
///
/// # Errors
/// [`Error::Ciphertext`] for a wrong length; [`Error::Permit`] for a permit of
/// another key or use; else as the HSM answers.
pub fn decapsulate(
    hsm: &Hsm,
    permit: &Permit,
    key: &Key,
    ciphertext: &[u8],
) -> Result<SecretBytes, Error> {
    let (token, binding) = current(permit, key, &[Action::DECAPSULATE])?;
    Ok(hsm.decapsulate(token, &binding, ciphertext)?)
}
