//! Making credentials: unique ids, access keys, and the session tokens of role
//! sessions. A token is stateless: everything it stands for is inside, sealed
//! by the HSM.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::directory::{AccessKey, Identity};
use crate::base::limits;
use crate::base::secret::SecretBytes;
use crate::hsm::{self, Hsm, Purpose};

/// Why no credentials were made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the software HSM failed")]
    Hsm(#[from] hsm::Error),
    #[error("the session cannot be written")]
    Session(#[from] serde_json::Error),
}

/// A new access key in clear: shown once, never kept.
#[derive(Debug)]
pub struct Credentials {
    pub access_key_id: String,
    /// 40 characters of base64.
    pub secret: SecretBytes,
}

/// The unique id of a new user (`AIDA…`).
///
/// # Errors
/// If the HSM has no randomness.
pub fn user_id(hsm: &Hsm) -> Result<String, hsm::Error> {
    unique_id(hsm, "AIDA", 17)
}

/// The unique id of a new role (`AROA…`).
///
/// # Errors
/// If the HSM has no randomness.
pub fn role_id(hsm: &Hsm) -> Result<String, hsm::Error> {
    unique_id(hsm, "AROA", 17)
}

/// The unique id of a new group (`AGPA…`).
///
/// # Errors
/// If the HSM has no randomness.
pub fn group_id(hsm: &Hsm) -> Result<String, hsm::Error> {
    unique_id(hsm, "AGPA", 17)
}

/// A new access key for a user: what is kept, and what is shown.
///
/// # Errors
/// As the HSM answers.
pub fn access_key(
    hsm: &Hsm,
    user_id: &str,
    created_ms: i64,
) -> Result<(AccessKey, Credentials), hsm::Error> {
    let credentials =
        Credentials { access_key_id: unique_id(hsm, "AKIA", 16)?, secret: generate_secret(hsm)? };
    let Credentials { access_key_id, secret } = &credentials;
    let key = given_access_key(hsm, user_id, access_key_id, secret, created_ms)?;
    Ok((key, credentials))
}

/// An access key with a given id and secret, active.
///
/// # Errors
/// As the HSM answers.
pub fn given_access_key(
    hsm: &Hsm,
    user_id: &str,
    id: &str,
    secret: &SecretBytes,
    created_ms: i64,
) -> Result<AccessKey, hsm::Error> {
    Ok(AccessKey {
        id: id.to_owned(),
        user_id: user_id.to_owned(),
        sealed_secret: hsm.seal(Purpose::AccessKey, id.as_bytes(), secret.expose())?,
        active: true,
        created_ms,
    })
}

/// What a session token stands for.
#[derive(Debug, Serialize, Deserialize)]
pub struct Session {
    pub access_key_id: String,
    pub role_id: String,
    pub session_name: String,
    pub created_ms: i64,
    pub expires_ms: i64,
    secret: SessionSecret,
}

/// The secret inside a token, as text; wiped when dropped, never printed.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
struct SessionSecret(String);

impl std::fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionSecret(..)")
    }
}

impl Session {
    /// The secret access key of the session.
    #[must_use]
    pub fn secret(&self) -> SecretBytes {
        SecretBytes::new(self.secret.0.as_bytes().to_vec())
    }
}

/// A new session of a role: credentials and the token that goes with them.
///
/// # Errors
/// As the HSM answers.
pub fn role_session(
    hsm: &Hsm,
    role: &Identity,
    session_name: &str,
    created_ms: i64,
    expires_ms: i64,
) -> Result<(Credentials, String), Error> {
    let credentials =
        Credentials { access_key_id: unique_id(hsm, "ASIA", 16)?, secret: generate_secret(hsm)? };
    let session = Session {
        access_key_id: credentials.access_key_id.clone(),
        role_id: role.unique_id.clone(),
        session_name: session_name.to_owned(),
        created_ms,
        expires_ms,
        secret: SessionSecret(String::from_utf8_lossy(credentials.secret.expose()).into_owned()),
    };
    let plain = SecretBytes::new(serde_json::to_vec(&session)?);
    let sealed = hsm.seal(Purpose::SessionToken, &[], plain.expose())?;
    Ok((credentials, BASE64_STANDARD.encode(sealed)))
}

/// Opens a session token; `None` for anything this server did not seal.
#[must_use]
pub fn open_session(hsm: &Hsm, token: &str) -> Option<Session> {
    if token.len() > limits::SESSION_TOKEN_BYTES {
        return None;
    }
    let sealed = BASE64_STANDARD.decode(token).ok()?;
    let plain = hsm.unseal(Purpose::SessionToken, &[], &sealed).ok()?;
    serde_json::from_slice(plain.expose()).ok()
}

/// `prefix` and `len` random characters of AWS's alphabet for ids, base32.
fn unique_id(hsm: &Hsm, prefix: &str, len: usize) -> Result<String, hsm::Error> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut random = vec![0; len];
    hsm.fill_random(&mut random)?;
    let digits = random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31)));
    Ok(prefix.chars().chain(digits.map(|digit| char::from(*digit))).collect())
}

fn generate_secret(hsm: &Hsm) -> Result<SecretBytes, hsm::Error> {
    let random = hsm.random(30)?;
    Ok(SecretBytes::new(BASE64_STANDARD.encode(random.expose()).into_bytes()))
}
