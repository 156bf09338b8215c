//! Signing, for the command line and for tests.

use super::canonical::{canonical_path, canonical_query, canonical_request};
use super::key::SigningKey;
use super::{ALGORITHM, Request, TERMINATOR, UNSIGNED, sha256_hex, string_to_sign};
use crate::base::secret::SecretBytes;
use crate::base::{hex, timestamp};

/// Who signs.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The access key id, which names the secret.
    pub access_key_id: &'a str,
    /// The secret access key.
    pub secret: &'a SecretBytes,
    /// The token of temporary credentials.
    pub session_token: Option<&'a str>,
}

/// A request that cannot be signed; a mistake of the program, not of a user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The signature must cover the host.
    #[error("the request has no host header")]
    NoHost,
    /// The header is made by [`sign`] and must not be there yet.
    #[error("the request already has a header named {0}")]
    AlreadyThere(&'static str),
    /// A name has a `;`, which separates the names of signed headers.
    #[error("a header name has a semicolon")]
    HeaderName,
}

/// The headers to add to `request`, which must have its `host` already. All
/// its headers are signed, except those that proxies change on the way.
///
/// # Errors
/// See [`Error`].
pub fn sign(
    request: &Request<'_>,
    credentials: &Credentials<'_>,
    region: &str,
    service: &str,
    now_ms: i64,
) -> Result<Vec<(&'static str, String)>, Error> {
    check_headers(request.headers)?;
    let time = timestamp::basic(now_ms);
    let date = time.split('T').next().unwrap_or_default();
    let scope = [date, region, service, TERMINATOR].join("/");

    let mut added = vec![("x-amz-date", time.clone())];
    added.extend(credentials.session_token.map(|token| ("x-amz-security-token", token.to_owned())));

    let mut headers = request.headers.to_vec();
    headers.retain(|(name, _)| !CHANGED_ON_THE_WAY.contains(name));
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let mut names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    let signed_headers = names.join(";");

    let request = Request { headers: &headers, ..*request };
    let announces = |(name, value): &(&str, &[u8])| {
        *name == "x-amz-content-sha256" && *value == UNSIGNED.as_bytes()
    };
    let body_sha256 = match headers.iter().any(announces) {
        true => UNSIGNED.to_owned(),
        false => sha256_hex(request.body),
    };
    let canonical_request = canonical_request(
        &request,
        &canonical_path(request.path),
        &canonical_query(request.query),
        &signed_headers,
        &body_sha256,
    )
    .ok_or(Error::HeaderName)?;
    let key = SigningKey::derive(credentials.secret, date, region, service);
    let signature = hex::encode(&key.sign(&string_to_sign(&time, &scope, &canonical_request)));
    let access_key_id = credentials.access_key_id;
    added.push((
        "authorization",
        format!(
            "{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={signed_headers}, Signature={signature}"
        ),
    ));
    Ok(added)
}

/// Headers that the SDKs leave unsigned because clients and proxies rewrite them.
const CHANGED_ON_THE_WAY: [&str; 5] =
    ["connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"];

fn check_headers(headers: &[(&str, &[u8])]) -> Result<(), Error> {
    let has = |wanted: &str| headers.iter().any(|(name, _)| *name == wanted);
    if !has("host") {
        return Err(Error::NoHost);
    }
    match ["authorization", "x-amz-date", "x-amz-security-token"].into_iter().find(|n| has(n)) {
        Some(name) => Err(Error::AlreadyThere(name)),
        None => Ok(()),
    }
}
