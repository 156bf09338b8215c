//! Why a signed request is refused, in AWS's codes and words.
//!
//! Order and texts were measured on AWS's JSON services (dynalite and
//! kinesalite record them); where AWS has no text, because it accepts what we
//! refuse, the text is ours and says what to do. Secrets never appear in a
//! text, and neither does the Authorization header: AWS answers its digest.

use std::fmt;

/// A request that is not, or not correctly, signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither a SigV4 Authorization header nor a presigned query.
    #[error("Missing Authentication Token")]
    Missing,
    /// Signed twice.
    #[error(
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
    )]
    HeaderAndQuery,
    /// Signed in the query, which this server does not accept.
    #[error("Presigned requests are not supported: sign with an 'Authorization' header.")]
    Presigned,
    /// More headers than [`crate::base::limits`] allows.
    #[error("The request has more than {0} headers.")]
    TooManyHeaders(usize),
    /// A header that must be unique came twice.
    #[error("The '{0}' header must not be repeated.")]
    RepeatedHeader(&'static str),
    /// A header that must be text is not.
    #[error("The '{0}' header is not valid UTF-8.")]
    HeaderNotText(&'static str),
    /// A part of the Authorization header without `=`; with the header's digest.
    #[error(
        "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '{0}'."
    )]
    NotKeyValue(String),
    /// A parameter of the Authorization header came twice.
    #[error("Authorization header must not repeat the '{0}' parameter.")]
    RepeatedParameter(&'static str),
    /// Parts are missing; with the Authorization header's digest.
    #[error("{missing}(Hashed with SHA-256 and encoded with Base64) Authorization={digest}")]
    Incomplete {
        /// Everything that is missing.
        missing: MissingParts,
        /// Base64 of the header's SHA-256.
        digest: String,
    },
    /// The time is in no known form.
    #[error(
        "Date must be in ISO-8601 'basic format'. Got '{0}'. See http://en.wikipedia.org/wiki/ISO_8601"
    )]
    BadDate(String),
    /// Signed too long ago. All times in ISO 8601 basic form.
    #[error(
        "Signature expired: {signed} is now earlier than {earliest} ({now} - {skew_minutes} min.)"
    )]
    Expired {
        /// When it was signed.
        signed: String,
        /// The earliest acceptable time.
        earliest: String,
        /// The server's time.
        now: String,
        /// The difference between the two.
        skew_minutes: i64,
    },
    /// Signed in the future. All times in ISO 8601 basic form.
    #[error(
        "Signature not yet current: {signed} is still later than {latest} ({now} + {skew_minutes} min.)"
    )]
    NotYetCurrent {
        /// When it was signed.
        signed: String,
        /// The latest acceptable time.
        latest: String,
        /// The server's time.
        now: String,
        /// The difference between the two.
        skew_minutes: i64,
    },
    /// The signature does not cover the host.
    #[error("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")]
    HostNotSigned,
    /// The signature does not cover an `x-amz-` or `x-wardbook-` header of the request.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization.")]
    HeaderNotSigned(String),
    /// More signed headers than [`crate::base::limits`] allows.
    #[error("Authorization header must not name more than {0} 'SignedHeaders'.")]
    TooManySignedHeaders(usize),
    /// Another algorithm, SigV4A included.
    #[error("Unsupported AWS 'algorithm': '{0}' (only AWS4-HMAC-SHA256 for now). ")]
    Algorithm(String),
    /// A credential that is not `keyid/date/region/service/term`.
    #[error(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{0}'"
    )]
    Credential(String),
    /// Signed for another day, Region or service.
    #[error("{0}")]
    Scope(ScopeMismatch),
    /// `x-amz-content-sha256` promises no digest of the body.
    #[error(
        "The 'x-amz-content-sha256' header must be the SHA-256 of the body: unsigned and chunked payloads are not supported."
    )]
    PayloadNotSigned,
    /// The body comes in pieces, of which no digest is known.
    #[error(
        "The 'x-amz-content-sha256' header of a stream must be UNSIGNED-PAYLOAD: its body is not signed."
    )]
    PayloadSigned,
    /// `x-amz-content-sha256` is the digest of another body.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    PayloadMismatch,
    /// Everything is in place, and the signature is wrong.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )]
    SignatureMismatch,
}

impl Error {
    /// The name that goes into `__type`. The status is 400 for all of them.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::HeaderNotText(_)
            | Self::NotKeyValue(_)
            | Self::RepeatedParameter(_)
            | Self::Incomplete { .. }
            | Self::BadDate(_)
            | Self::Algorithm(_)
            | Self::Credential(_) => "IncompleteSignatureException",
            Self::HeaderAndQuery
            | Self::Presigned
            | Self::TooManyHeaders(_)
            | Self::RepeatedHeader(_)
            | Self::Expired { .. }
            | Self::NotYetCurrent { .. }
            | Self::HostNotSigned
            | Self::HeaderNotSigned(_)
            | Self::TooManySignedHeaders(_)
            | Self::Scope(_)
            | Self::PayloadNotSigned
            | Self::PayloadSigned
            | Self::PayloadMismatch
            | Self::SignatureMismatch => "InvalidSignatureException",
        }
    }
}

/// What an Authorization header lacks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MissingParts {
    /// No `Credential`.
    pub credential: bool,
    /// No `Signature`.
    pub signature: bool,
    /// No `SignedHeaders`.
    pub signed_headers: bool,
    /// Neither an `X-Amz-Date` nor a `Date` header.
    pub date: bool,
}

impl fmt::Display for MissingParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters = [
            (self.credential, "Credential"),
            (self.signature, "Signature"),
            (self.signed_headers, "SignedHeaders"),
        ];
        for (_, name) in parameters.iter().filter(|(missing, _)| *missing) {
            write!(f, "Authorization header requires '{name}' parameter. ")?;
        }
        if self.date {
            f.write_str(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
            )?;
        }
        Ok(())
    }
}

/// Where a credential scope points elsewhere; what is right is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeMismatch {
    /// The Region of the scope, which this server does not serve.
    pub region: Option<String>,
    /// The service that the scope should have named.
    pub service: Option<String>,
    /// The terminator of the scope, which should be `aws4_request`.
    pub terminator: Option<String>,
    /// The date of the scope, and the request's time (ISO 8601 basic).
    pub date: Option<(String, String)>,
}

impl ScopeMismatch {
    pub(super) fn any(&self) -> bool {
        *self != Self::default()
    }
}

impl fmt::Display for ScopeMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(region) = &self.region {
            write!(f, "Credential should be scoped to a valid region, not '{region}'. ")?;
        }
        if let Some(service) = &self.service {
            write!(f, "Credential should be scoped to correct service: '{service}'. ")?;
        }
        if let Some(terminator) = &self.terminator {
            write!(
                f,
                "Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'. "
            )?;
        }
        if let Some((date, time)) = &self.date {
            let day = time.split('T').next().unwrap_or_default();
            write!(
                f,
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{date}' != '{day}', from '{time}'."
            )?;
        }
        Ok(())
    }
}
