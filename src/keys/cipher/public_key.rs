//! The public half of an asymmetric key.

use super::{Error, current};
use crate::hsm::Hsm;
use crate::keys::key::Key;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::policy::decision::Permit;

/// The key's SubjectPublicKeyInfo as DER. Its state is looked at before its
/// spec; a disabled key has a public half too.
///
/// # Errors
/// [`Error::State`]; [`Error::NoPublicKey`] for a symmetric or HMAC key;
/// [`Error::Permit`] for a permit of another key or use; else as the HSM answers.
pub fn public_key(hsm: &Hsm, permit: &Permit, key: &Key) -> Result<Vec<u8>, Error> {
    StateRule::PublicKey.check(key.state, &key.arn)?;
    if !key.spec.is_asymmetric() {
        return Err(Error::NoPublicKey);
    }
    let (token, binding) = current(permit, key, &[Action::GET_PUBLIC_KEY])?;
    Ok(hsm.public_key(token, &binding)?)
}
