//! AWS Signature Version 4: the server checks signatures, the command line
//! makes them.
//!
//! ```text
//! let authorization = Authorization::parse(&request, &expected)?;  // who, when, for what
//! let key = cache.find_or_derive(&authorization, || secret)?;      // of a key that exists and is active
//! authorization.verify(&key)?;                                     // and it really was them
//! ```
//!
//! The order of the checks and their texts are those of AWS's JSON services.
//! The signature covers the *normalised* path ([`canonical::normal_path`]), as
//! for every AWS service but S3: whoever routes a request must route that path
//! too, or `/a/../b` runs under a signature made for `/b`.
//!
//! Deliberately absent: I/O, the clock, HTTP types, the list of access keys;
//! memory of the requests seen (as with AWS, who can read a request can send it
//! again for fifteen minutes, so use TLS); and presigned URLs, SigV4A and S3's
//! chunked payloads, all of which are refused by name. An unsigned payload is for
//! whoever asks for one ([`Payload::Unsigned`]), and for nobody else.
//!
//! Source: IAM User Guide, "AWS Signature Version 4 for API requests".

pub mod canonical;
pub mod error;
pub mod key;
pub mod parse;
pub mod sign;
mod verify;

#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};

use crate::base::hex;

/// The one algorithm; its name opens the Authorization header and the string
/// to sign.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The last element of every credential scope.
const TERMINATOR: &str = "aws4_request";

/// What `x-amz-content-sha256` says of a body that nobody signs.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// What a signature covers beside the headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Payload {
    /// The whole body.
    #[default]
    Signed,
    /// Nothing: the body is not there yet. Who can change a request on its way can put
    /// another body under the signature, so that the way must be safe by itself.
    Unsigned,
}

/// A request as it came over the wire.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method, in the case in which it was sent.
    pub method: &'a str,
    /// The path as sent: not decoded, not normalised, without the query.
    pub path: &'a str,
    /// The query as sent, without the `?`; empty when there is none.
    pub query: &'a str,
    /// All headers in the order of arrival: name in lower case, value as sent
    /// (bytes, because HTTP does not promise UTF-8). Over HTTP/2 the caller
    /// passes `:authority` as `host`.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The whole body; nothing if it is unsigned.
    pub body: &'a [u8],
}

/// What the signature is computed over (IAM User Guide, "Create a string to sign").
fn string_to_sign(time: &str, scope: &str, canonical_request: &[u8]) -> String {
    let digest = sha256_hex(canonical_request);
    [ALGORITHM, "\n", time, "\n", scope, "\n", &digest].concat()
}

/// SHA-256 (FIPS 180-4) as 64 lower-case hex digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}
