//! Making credentials: unique ids, access keys, and the tokens of sessions. A
//! token is stateless: everything it stands for is inside, sealed by the HSM.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::directory::AccessKey;
use crate::base::caller::SessionFacts;
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
    #[error("the session cannot be packed")]
    Pack(#[from] std::io::Error),
    /// `PackedPolicyTooLargeException`, with AWS's text.
    #[error("Packed policy consumes {percent}% of allotted space, please use smaller policy.")]
    Packed { percent: usize },
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

/// Whose session it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holder {
    /// Whoever assumed a role; the session has a name of its own.
    Role { role_id: String, session_name: String },
    /// A user, who made the session with this access key: it ends with it.
    User { user_id: String, access_key_id: String },
}

/// What a session token stands for.
#[derive(Debug)]
pub struct Session {
    pub terms: Terms,
    secret: SecretBytes,
}

/// Everything of a session but its secret.
#[derive(Debug, Serialize, Deserialize)]
pub struct Terms {
    pub access_key_id: String,
    pub holder: Holder,
    pub expires_ms: i64,
    pub facts: SessionFacts,
}

/// The form of what is sealed in a token: this byte, the secret, and the terms as
/// JSON, compressed. The secret is not, so that no length tells of it.
const TOKEN_FORM: u8 = 1;

/// Length of a secret access key, bytes of text.
const SECRET_LEN: usize = 40;

impl Session {
    /// The secret access key of the session.
    #[must_use]
    pub fn secret(&self) -> SecretBytes {
        SecretBytes::new(self.secret.expose().to_vec())
    }
}

/// A new session as its holder gets it.
#[derive(Debug)]
pub struct NewSession {
    pub credentials: Credentials,
    pub token: String,
    /// How much of the room in a token is taken, percent, rounded up.
    pub packed_percent: usize,
}

/// A new session: credentials and the token that goes with them.
///
/// # Errors
/// [`Error::Packed`] if tags and policy do not fit into a token; as the HSM
/// answers.
pub fn session(
    hsm: &Hsm,
    holder: Holder,
    facts: SessionFacts,
    expires_ms: i64,
) -> Result<NewSession, Error> {
    let credentials =
        Credentials { access_key_id: unique_id(hsm, "ASIA", 16)?, secret: generate_secret(hsm)? };
    let terms =
        Terms { access_key_id: credentials.access_key_id.clone(), holder, expires_ms, facts };
    let terms = serde_json::to_vec(&terms)?;
    let percent = |len: usize, limit: usize| len.saturating_mul(100).div_ceil(limit);
    if terms.len() > limits::SESSION_BYTES {
        return Err(Error::Packed { percent: percent(terms.len(), limits::SESSION_BYTES) });
    }
    let packed = zstd::bulk::compress(&terms, 0)?;
    let plain = SecretBytes::new([&[TOKEN_FORM], credentials.secret.expose(), &packed].concat());
    let sealed = hsm.seal(Purpose::SessionToken, &[], plain.expose())?;
    let token = BASE64_STANDARD.encode(sealed);
    let packed_percent = percent(token.len(), limits::SESSION_TOKEN_BYTES);
    if packed_percent > 100 {
        return Err(Error::Packed { percent: packed_percent });
    }
    Ok(NewSession { credentials, token, packed_percent })
}

/// Opens a session token; `None` for anything this server did not seal.
#[must_use]
pub fn open_session(hsm: &Hsm, token: &str) -> Option<Session> {
    if token.len() > limits::SESSION_TOKEN_BYTES {
        return None;
    }
    let sealed = BASE64_STANDARD.decode(token).ok()?;
    let plain = hsm.unseal(Purpose::SessionToken, &[], &sealed).ok()?;
    let (TOKEN_FORM, rest) = plain.expose().split_first().map(|(form, rest)| (*form, rest))? else {
        return None;
    };
    let (secret, packed) = rest.split_at_checked(SECRET_LEN)?;
    let terms = zstd::bulk::decompress(packed, limits::SESSION_BYTES).ok()?;
    let terms = serde_json::from_slice(&terms).ok()?;
    Some(Session { terms, secret: SecretBytes::new(secret.to_vec()) })
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::caller::Federated;
    use crate::hsm::{OsEntropy, RootKey};

    fn new_hsm() -> Hsm {
        let root = RootKey::generate(&mut OsEntropy).unwrap();
        Hsm::initialize(root, OsEntropy).unwrap().0
    }

    fn holder() -> Holder {
        Holder::Role { role_id: "AROA2".to_owned(), session_name: "blue".to_owned() }
    }

    fn tags(number: usize, value: impl Fn(usize) -> String) -> SessionFacts {
        let tags: BTreeMap<_, _> = (0..number).map(|i| (format!("key-{i}"), value(i))).collect();
        SessionFacts { created_ms: 7, tags, ..SessionFacts::default() }
    }

    #[test]
    fn a_token_is_what_was_sealed_and_nothing_else() {
        let hsm = new_hsm();
        let facts = SessionFacts {
            transitive_tag_keys: ["key-1".to_owned()].into(),
            policy: Some("permit (principal, action, resource);".to_owned()),
            federated: Some(Federated {
                provider: "issuer.test".to_owned(),
                audience: "wardbook".to_owned(),
                subject: "repo:a/b".to_owned(),
            }),
            ..tags(3, |i| i.to_string())
        };
        let made = session(&hsm, holder(), facts.clone(), 9).unwrap();
        let opened = open_session(&hsm, &made.token).unwrap();
        assert_eq!(opened.secret.expose(), made.credentials.secret.expose());
        assert_eq!(opened.terms.access_key_id, made.credentials.access_key_id);
        assert_eq!((opened.terms.holder, opened.terms.expires_ms), (holder(), 9));
        assert_eq!(opened.terms.facts, facts);
        let bytes = BASE64_STANDARD.decode(&made.token).unwrap();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(open_session(&hsm, &BASE64_STANDARD.encode(other)).is_none(), "{at}");
        }
        assert!(open_session(&hsm, "").is_none());
        assert!(open_session(&new_hsm(), &made.token).is_none());
    }

    #[test]
    fn another_form_is_not_opened() {
        let hsm = new_hsm();
        let made = session(&hsm, holder(), tags(0, |_| String::new()), 9).unwrap();
        let sealed = BASE64_STANDARD.decode(&made.token).unwrap();
        let plain = hsm.unseal(Purpose::SessionToken, &[], &sealed).unwrap();
        for (form, opens) in [(0, false), (1, true), (2, false), (b'{', false)] {
            let mut plain = plain.expose().to_vec();
            plain[0] = form;
            let sealed = hsm.seal(Purpose::SessionToken, &[], &plain).unwrap();
            assert_eq!(open_session(&hsm, &BASE64_STANDARD.encode(sealed)).is_some(), opens);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let hsm = new_hsm();
        let made = session(&hsm, holder(), tags(50, |_| "x".repeat(256)), 9).unwrap();
        assert!(made.packed_percent < 50 && made.token.len() <= limits::SESSION_TOKEN_BYTES);
        // What cannot be compressed, and what would be too large when unpacked.
        let random = |_| {
            let bytes = hsm.random(96).unwrap();
            BASE64_STANDARD.encode(bytes.expose())
        };
        for facts in [tags(50, random), tags(50, |_| "\u{ff}".repeat(400))] {
            let refused = session(&hsm, holder(), facts, 9).unwrap_err();
            assert!(matches!(refused, Error::Packed { percent } if percent > 100), "{refused}");
        }
    }
}
