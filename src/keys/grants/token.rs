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
        Err(hsm::Error::UnknownDomainKey(version))
            if hsm.current_domain_version().is_ok_and(|current| version < current) =>
        {
            return Some(Token::Outlived);
        }
        Err(_altered) => return None,
    };
    let (id, key) = named.expose().split_first_chunk::<32>()?;
    let key = KeyArn::parse(std::str::from_utf8(key).ok()?)?;
    Some(Token::Names { key, id: GrantId::from_random(*id) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hsm::{OsEntropy, RootKey};

    const KEY: &str =
        "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn hsm() -> Hsm {
        let root = RootKey::generate(&mut OsEntropy).unwrap();
        Hsm::initialize(root, OsEntropy).unwrap().0
    }

    #[test]
    fn a_token_names_its_grant_for_as_long_as_it_opens() {
        let (hsm, key, id) = (hsm(), KeyArn::parse(KEY).unwrap(), GrantId::from_random([7; 32]));
        let token = seal(&hsm, &key, &id).unwrap();
        assert_ne!(token, seal(&hsm, &key, &id).unwrap());
        assert!(token.len() < 300, "far below what GrantTokens take");
        let named = Some(Token::Names { key, id });
        assert_eq!(open(&hsm, &token), named);
        hsm.activate(hsm.prepare_domain_key().unwrap()).unwrap();
        assert_eq!(open(&hsm, &token), named);
        hsm.forget_domain_key(1).unwrap();
        assert_eq!(open(&hsm, &token), Some(Token::Outlived));
    }

    #[test]
    fn what_is_not_ours_does_not_open() {
        let (hsm, key, id) = (hsm(), KeyArn::parse(KEY).unwrap(), GrantId::from_random([7; 32]));
        let token = seal(&hsm, &key, &id).unwrap();
        let of_another = self::hsm();
        assert_eq!(open(&of_another, &token), None);
        let session = hsm.seal(Purpose::SessionToken, &[], &[7; 99]).unwrap();
        // Of a domain key to come, as those of AWS look, too.
        for other in [
            "",
            "token",
            "AAAA",
            "AQ////8=",
            "AQpAAAAAAAAA",
            token.split_at(4).1,
            &BASE64_STANDARD.encode(session),
        ] {
            assert_eq!(open(&hsm, other), None, "{other}");
        }
        let mut bytes = BASE64_STANDARD.decode(&token).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(open(&hsm, &BASE64_STANDARD.encode(bytes)), None);
        for short in [&b""[..], &[7; 31], &[7; 32], b"not a key ARN behind thirty-two bytes"] {
            let sealed = hsm.seal(Purpose::GrantToken, &[], short).unwrap();
            assert_eq!(open(&hsm, &BASE64_STANDARD.encode(sealed)), None);
        }
    }
}
