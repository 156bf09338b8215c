//! Message authentication codes.

use super::{Error, current};
use crate::base::algorithm::MacAlgorithm;
use crate::hsm::Hsm;
use crate::keys::key::Key;
use crate::policy::actions::Action;
use crate::policy::decision::Permit;

/// The HMAC of a message.
///
/// # Errors
/// [`Error::Permit`] for a permit of another key or use; else as the HSM answers.
pub fn generate_mac(
    hsm: &Hsm,
    permit: &Permit,
    key: &Key,
    algorithm: MacAlgorithm,
    message: &[u8],
) -> Result<Vec<u8>, Error> {
    let (token, binding) = current(permit, key, &[Action::GENERATE_MAC])?;
    Ok(hsm.mac(token, &binding, algorithm, message)?)
}

/// Verifies an HMAC.
///
/// # Errors
/// [`Error::Mac`], and those of [`generate_mac`].
pub fn verify_mac(
    hsm: &Hsm,
    permit: &Permit,
    key: &Key,
    algorithm: MacAlgorithm,
    message: &[u8],
    mac: &[u8],
) -> Result<(), Error> {
    let (token, binding) = current(permit, key, &[Action::VERIFY_MAC])?;
    Ok(hsm.verify_mac(token, &binding, algorithm, message, mac)?)
}
