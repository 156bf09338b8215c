//! The check that needs the key.

use super::canonical::{canonical_path, canonical_query, canonical_request};
use super::error::Error;
use super::key::SigningKey;
use super::parse::Authorization;
use super::{Payload, UNSIGNED, sha256_hex, string_to_sign};
use crate::base::hex;

impl Authorization<'_> {
    /// Whether the holder of `key` signed the request that this was read from.
    ///
    /// # Errors
    /// [`Error::PayloadMismatch`] if the body is not the announced one, else
    /// [`Error::SignatureMismatch`].
    pub fn verify(&self, key: &SigningKey) -> Result<(), Error> {
        let request = &self.request;
        let body_sha256 = match self.payload {
            Payload::Signed => sha256_hex(request.body),
            Payload::Unsigned => UNSIGNED.to_owned(),
        };
        if self.content_sha256.is_some_and(|announced| announced != body_sha256.as_bytes()) {
            return Err(Error::PayloadMismatch);
        }
        let signature = hex::decode::<32>(self.signature).ok_or(Error::SignatureMismatch)?;
        let canonical_path = canonical_path(request.path);
        let canonical_query = canonical_query(request.query);
        let path_as_sent =
            as_sent(request.path, &canonical_path).filter(|path| !path.contains('%'));
        let query_as_sent = as_sent(request.query, &canonical_query);
        for path in [Some(&*canonical_path), path_as_sent].into_iter().flatten() {
            for query in [Some(&*canonical_query), query_as_sent].into_iter().flatten() {
                let text =
                    canonical_request(request, path, query, self.signed_headers, &body_sha256)
                        .ok_or(Error::SignatureMismatch)?;
                if key.verifies(&string_to_sign(&self.time, self.scope(), &text), &signature) {
                    return Ok(());
                }
            }
        }
        Err(Error::SignatureMismatch)
    }
}

/// The second spelling of a path or a query: the older versions of curl, which
/// the long-lived Linux distributions ship, sign both as they send them.
///
/// This opens nothing. A canonical query is its own canonical form, and so is a
/// canonical path without `%` (with one it is not, and is not tried). So
/// whatever an SDK signs is accepted for exactly the requests that share its
/// canonical form, and what curl signs for the very bytes that it sent.
fn as_sent<'a>(sent: &'a str, canonical: &str) -> Option<&'a str> {
    (sent != canonical && sent.bytes().all(|byte| byte.is_ascii_graphic())).then_some(sent)
}

#[cfg(test)]
mod tests {
    use super::as_sent;

    #[test]
    fn only_what_http_can_carry_is_tried_as_sent() {
        assert_eq!(as_sent("/a:b", "/a%3Ab"), Some("/a:b"));
        assert_eq!(as_sent("/a", "/a"), None);
        // A line break would move the lines of the canonical request.
        assert_eq!(as_sent("/a\nb", "/a%0Ab"), None);
        assert_eq!(as_sent("/a b", "/a%20b"), None);
    }
}
