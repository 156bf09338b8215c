//! One token: read strictly, verified with a key of its issuer, and only then
//! believed. The library checks the signature; what it leaves open is checked
//! here: members that are given twice, `crit`, the times by our own clock.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Validation, decode};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::Error;
use super::keys::Keys;
use crate::base::{limits, timestamp};
use crate::wire::json;

/// A token that is a JWT by its form; nothing in it is believed yet.
pub(super) struct Token<'a> {
    whole: &'a str,
    issuer: String,
    algorithm: Algorithm,
    kid: Option<String>,
    claims: Claims,
}

/// The claims of a token that was verified.
pub(super) struct Claims {
    members: Map<String, Value>,
}

impl<'a> Token<'a> {
    pub(super) fn parse(whole: &'a str) -> Result<Self, Error> {
        if whole.len() > limits::WEB_IDENTITY_TOKEN_BYTES {
            return Err(Error::Malformed);
        }
        let parts: Vec<&str> = whole.splitn(4, '.').collect();
        let [header, claims, signature] = parts.as_slice() else { return Err(Error::Malformed) };
        if signature.is_empty() {
            return Err(Error::Malformed);
        }
        let (header, members) = (object(header)?, object(claims)?);
        // Extensions that must be understood, and none is (RFC 7515, 4.1.11).
        if header.contains_key("crit") {
            return Err(Error::Malformed);
        }
        let algorithm = header.get("alg").and_then(Value::as_str).ok_or(Error::Malformed)?;
        let algorithm = algorithm.parse().map_err(|_unknown| Error::Key)?;
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(Error::Malformed),
        };
        let issuer = members.get("iss").and_then(Value::as_str).ok_or(Error::Claim("iss"))?;
        let issuer = issuer.to_owned();
        Ok(Self { whole, issuer, algorithm, kid, claims: Claims { members } })
    }

    /// Whom the token says to be from.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The claims, if one of `keys` has signed them for one of `audiences`.
    pub(super) fn verify(
        &self,
        keys: &Keys,
        issuer: &str,
        audiences: &[String],
    ) -> Result<&Claims, Error> {
        let key = keys.find(self.kid.as_deref()).ok_or(Error::Key)?;
        // The key decides what its algorithm is, never the token.
        if !key.algorithms.contains(&self.algorithm) {
            return Err(Error::Key);
        }
        let mut validation = Validation::new(self.algorithm);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["iss"]);
        // The library would read the machine's clock, and says "not for you" of a
        // token whose signature is wrong as well as of one that is for others.
        validation.validate_exp = false;
        validation.validate_aud = false;
        decode::<IgnoredAny>(self.whole, &key.key, &validation)
            .map_err(|_refused| Error::Signature)?;
        self.claims.audience(audiences)?;
        Ok(&self.claims)
    }
}

impl Claims {
    /// The first audience of the token that is one of `audiences`.
    pub(super) fn audience<'a>(&'a self, audiences: &[String]) -> Result<&'a str, Error> {
        let named: Vec<&str> = match self.members.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) if several.len() <= limits::TOKEN_AUDIENCES => {
                let texts: Option<_> = several.iter().map(Value::as_str).collect();
                texts.ok_or(Error::Claim("aud"))?
            }
            _ => return Err(Error::Claim("aud")),
        };
        let known = |of: &&str| audiences.iter().any(|audience| audience == of);
        named.into_iter().find(known).ok_or(Error::Audience)
    }

    /// Whom the token is about: printable ASCII.
    pub(super) fn subject(&self) -> Result<&str, Error> {
        let subject = self.members.get("sub").and_then(Value::as_str);
        let is_name = |text: &&str| {
            (1..=limits::SUBJECT_CHARS).contains(&text.len())
                && text.bytes().all(|b| matches!(b, b' '..=b'~'))
        };
        subject.filter(is_name).ok_or(Error::Claim("sub"))
    }

    /// Checks that the token holds at `now_ms`; when it was issued, or now.
    pub(super) fn check_times(&self, now_ms: i64) -> Result<i64, Error> {
        let expires_ms = self.date("exp")?.ok_or(Error::Claim("exp"))?;
        if expires_ms <= now_ms {
            return Err(Error::Expired { now_ms, expires_ms });
        }
        let soon_ms = now_ms.saturating_add(limits::TOKEN_LEEWAY_MS);
        if self.date("nbf")?.is_some_and(|begins_ms| begins_ms > soon_ms) {
            return Err(Error::Claim("nbf"));
        }
        let issued_ms = self.date("iat")?.unwrap_or(now_ms);
        if issued_ms > soon_ms {
            return Err(Error::Claim("iat"));
        }
        Ok(issued_ms.min(now_ms))
    }

    fn date(&self, name: &'static str) -> Result<Option<i64>, Error> {
        match self.members.get(name) {
            None => Ok(None),
            Some(value) => {
                let date = value.as_f64().and_then(timestamp::from_epoch_seconds);
                date.map(Some).ok_or(Error::Claim(name))
            }
        }
    }
}

/// One part of a token: an object that says one thing only.
fn object(part: &str) -> Result<Map<String, Value>, Error> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_bad| Error::Malformed)?;
    if bytes.is_empty() {
        return Err(Error::Malformed);
    }
    json::object(&bytes).map_err(|_bad| Error::Malformed)
}
