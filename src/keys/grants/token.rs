//! Grant tokens. AWS needs them until a new grant is known everywhere; here it is
//! known at once, so that a token adds nothing to a decision and only names its
//! grant. Sealed by the HSM, and never the same twice.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::base::arn::KeyArn;
use crate::base::grant::GrantId;
use crate::hsm::{self, Hsm, Purpose};

/// What became of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    Names {
        key: KeyArn,
        id: GrantId,
    },
    /// Sealed under a domain key that is forgotten: it may have been good once.
    Outlived,
}

/// A new token of a grant.
///
/// # Errors
/// As the HSM answers.
pub fn seal(hsm: &Hsm, key: &KeyArn, id: &GrantId) -> Result<String, hsm::Error> {
    let mut named = id.as_bytes().to_vec();
    named.extend_from_slice(key.to_string().as_bytes());
    Ok(BASE64_STANDARD.encode(hsm.seal(Purpose::GrantToken, &[], &named)?))
}

/// Opens a token; `None` for what this server did not seal.
#[must_use]
pub fn open(hsm: &Hsm, token: &str) -> Option<Token> {
    let sealed = BASE64_STANDARD.decode(token).ok()?;
    let named = match hsm.unseal(Purpose::GrantToken, &[], &sealed) {
        Ok(named) => named,
        Err(hsm::Error::UnknownDomainKey(_)) => return Some(Token::Outlived),
        Err(_altered) => return None,
    };
    let (id, key) = named.expose().split_first_chunk::<32>()?;
    let key = KeyArn::parse(std::str::from_utf8(key).ok()?)?;
    Some(Token::Names { key, id: GrantId::from_random(*id) })
}
