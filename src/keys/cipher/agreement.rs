//! Key agreement.

use super::{Error, current};
use crate::base::secret::SecretBytes;
use crate::hsm::Hsm;
use crate::keys::key::Key;
use crate::policy::actions::Action;
use crate::policy::decision::Permit;

/// ECDH with a peer's SubjectPublicKeyInfo: the x-coordinate of the shared
/// point, 32, 48 or 66 bytes.
///
/// # Errors
/// [`Error::PeerPublicKey`]; [`Error::Permit`] for a permit of another key or
/// use; else as the HSM answers.
pub fn derive_shared_secret(
    hsm: &Hsm,
    permit: &Permit,
    key: &Key,
    peer_public_key: &[u8],
) -> Result<SecretBytes, Error> {
    let (token, binding) = current(permit, key, &[Action::DERIVE_SHARED_SECRET])?;
    Ok(hsm.derive_shared_secret(token, &binding, peer_public_key)?)
}
