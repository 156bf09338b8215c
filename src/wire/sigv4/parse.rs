//! What a request says about its signer, and every check that needs no key.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::error::{Error, MissingParts, ScopeMismatch};
use super::{ALGORITHM, Payload, Request, TERMINATOR, UNSIGNED};
use crate::base::{limits, timestamp};

/// What the server accepts here and now.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The service that the request is for, as in a credential scope.
    pub service: &'a str,
    /// Whether a Region is served here.
    pub is_region: &'a dyn Fn(&str) -> bool,
    /// The server's time, epoch milliseconds.
    pub now_ms: i64,
    pub payload: Payload,
}

/// A complete claim of who signed a request: current, for the expected Region
/// and service, over all headers that matter. Nothing of it is proven before
/// [`Authorization::verify`] says so.
pub struct Authorization<'a> {
    pub(super) request: Request<'a>,
    access_key_id: &'a str,
    scope: Scope<'a>,
    session_token: Option<&'a str>,
    pub(super) signed_headers: &'a str,
    pub(super) signature: &'a str,
    pub(super) time: Cow<'a, str>,
    pub(super) content_sha256: Option<&'a [u8]>,
    pub(super) payload: Payload,
}

impl<'a> Authorization<'a> {
    /// Reads the Authorization header and what belongs to it.
    ///
    /// # Errors
    /// In this order: signed twice, not at all or in the query; the header is
    /// malformed or incomplete; the time is unreadable, too old or ahead;
    /// `host` or an `x-amz-` header is not signed; another algorithm; the
    /// credential or its scope is wrong; the payload is not signed.
    pub fn parse(request: &Request<'a>, expected: &Expected<'_>) -> Result<Self, Error> {
        let headers = SignatureHeaders::collect(request.headers)?;
        let text = headers.authorization_text(request.query)?;
        let (algorithm, parameters) = text.split_once(is_blank).unwrap_or((text, ""));
        let parameters = Parameters::parse(text, parameters)?;

        let date = headers.amz_date.or(headers.date);
        let (Some(credential), Some(signature), Some(signed_headers), Some(date)) =
            (parameters.credential, parameters.signature, parameters.signed_headers, date)
        else {
            let missing = MissingParts {
                credential: parameters.credential.is_none(),
                signature: parameters.signature.is_none(),
                signed_headers: parameters.signed_headers.is_none(),
                date: date.is_none(),
            };
            return Err(Error::Incomplete { missing, digest: digest(text) });
        };
        let (time, time_ms) = parse_time(date)?;
        check_time(&time, time_ms, expected.now_ms)?;
        check_signed_headers(signed_headers, request.headers)?;
        if algorithm != ALGORITHM {
            return Err(Error::Algorithm(algorithm.to_owned()));
        }
        let (access_key_id, scope) = parse_credential(credential)?;
        check_scope(&scope, &time, expected)?;
        check_payload(headers.content_sha256, expected.payload)?;
        Ok(Self {
            request: *request,
            access_key_id,
            scope,
            session_token: headers.session_token_text()?,
            signed_headers,
            signature,
            time,
            content_sha256: headers.content_sha256,
            payload: expected.payload,
        })
    }

    /// The access key that the caller claims to hold.
    #[must_use]
    pub fn access_key_id(&self) -> &'a str {
        self.access_key_id
    }

    /// The token of temporary credentials. Whether it belongs to the access key
    /// is for the caller to check.
    #[must_use]
    pub fn session_token(&self) -> Option<&'a str> {
        self.session_token
    }

    /// `YYYYMMDD`, the day of the signature.
    #[must_use]
    pub fn date(&self) -> &'a str {
        self.scope.date
    }

    /// The Region of the scope.
    #[must_use]
    pub fn region(&self) -> &'a str {
        self.scope.region
    }

    /// The service of the scope.
    #[must_use]
    pub fn service(&self) -> &'a str {
        self.scope.service
    }

    /// `date/region/service/aws4_request`.
    #[must_use]
    pub fn scope(&self) -> &'a str {
        self.scope.text
    }
}

impl fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorization({}/{}, {})", self.access_key_id, self.scope.text, self.time)
    }
}

/// The headers that a signature is read from. Each of them may come once: of
/// two, this module and the next reader could believe different ones.
#[derive(Default)]
struct SignatureHeaders<'a> {
    authorization: Option<&'a [u8]>,
    amz_date: Option<&'a [u8]>,
    date: Option<&'a [u8]>,
    session_token: Option<&'a [u8]>,
    content_sha256: Option<&'a [u8]>,
}

impl<'a> SignatureHeaders<'a> {
    fn collect(headers: &[(&str, &'a [u8])]) -> Result<Self, Error> {
        if headers.len() > limits::HEADERS {
            return Err(Error::TooManyHeaders(limits::HEADERS));
        }
        let mut found = Self::default();
        for (name, value) in headers {
            let (slot, title) = match *name {
                "authorization" => (&mut found.authorization, "Authorization"),
                "x-amz-date" => (&mut found.amz_date, "X-Amz-Date"),
                "date" => (&mut found.date, "Date"),
                "x-amz-security-token" => (&mut found.session_token, "X-Amz-Security-Token"),
                "x-amz-content-sha256" => (&mut found.content_sha256, "X-Amz-Content-SHA256"),
                _ => continue,
            };
            if slot.replace(*value).is_some() {
                return Err(Error::RepeatedHeader(title));
            }
        }
        Ok(found)
    }

    /// The SigV4 Authorization header. A header of another scheme counts as
    /// none, as with AWS.
    fn authorization_text(&self, query: &str) -> Result<&'a str, Error> {
        let presigned = query
            .split('&')
            .any(|pair| pair.split('=').next().is_some_and(|name| name == "X-Amz-Algorithm"));
        let Some(value) = self.authorization else {
            return Err(if presigned { Error::Presigned } else { Error::Missing });
        };
        if presigned {
            return Err(Error::HeaderAndQuery);
        }
        let text = std::str::from_utf8(value)
            .map_err(|_not_utf8| Error::HeaderNotText("Authorization"))?
            .trim_matches(is_blank);
        if text.starts_with("AWS4-") { Ok(text) } else { Err(Error::Missing) }
    }

    fn session_token_text(&self) -> Result<Option<&'a str>, Error> {
        self.session_token
            .map(std::str::from_utf8)
            .transpose()
            .map_err(|_not_utf8| Error::HeaderNotText("X-Amz-Security-Token"))
    }
}

/// The parameters after the algorithm's name.
#[derive(Default)]
struct Parameters<'a> {
    credential: Option<&'a str>,
    signature: Option<&'a str>,
    signed_headers: Option<&'a str>,
}

impl<'a> Parameters<'a> {
    /// Reads `key=value` pairs between commas, in any order, with or without
    /// blanks. Unknown keys are passed over, as AWS does. `SignedHeaders` may
    /// be empty here, which fails later with a better text.
    fn parse(header: &str, parameters: &'a str) -> Result<Self, Error> {
        let mut found = Self::default();
        if parameters.is_empty() {
            return Ok(found);
        }
        for pair in parameters.split(',') {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(Error::NotKeyValue(digest(header)));
            };
            let value = value.trim_matches(is_blank);
            let (slot, title) = match key.trim_matches(is_blank) {
                "Credential" => (&mut found.credential, "Credential"),
                "Signature" => (&mut found.signature, "Signature"),
                "SignedHeaders" => (&mut found.signed_headers, "SignedHeaders"),
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(Error::RepeatedParameter(title));
            }
        }
        found.credential = found.credential.filter(|value| !value.is_empty());
        found.signature = found.signature.filter(|value| !value.is_empty());
        Ok(found)
    }
}

/// The part of the credential after the access key id.
struct Scope<'a> {
    text: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    terminator: &'a str,
}

fn parse_credential(credential: &str) -> Result<(&str, Scope<'_>), Error> {
    let refused = || Error::Credential(credential.to_owned());
    let (access_key_id, text) = credential.split_once('/').ok_or_else(refused)?;
    let mut elements = text.split('/');
    let (Some(date), Some(region), Some(service), Some(terminator), None) =
        (elements.next(), elements.next(), elements.next(), elements.next(), elements.next())
    else {
        return Err(refused());
    };
    Ok((access_key_id, Scope { text, date, region, service, terminator }))
}

fn check_scope(scope: &Scope<'_>, time: &str, expected: &Expected<'_>) -> Result<(), Error> {
    let wrong_date = time.split('T').next() != Some(scope.date);
    let mismatch = ScopeMismatch {
        region: (!(expected.is_region)(scope.region)).then(|| scope.region.to_owned()),
        service: (scope.service != expected.service).then(|| expected.service.to_owned()),
        terminator: (scope.terminator != TERMINATOR).then(|| scope.terminator.to_owned()),
        date: wrong_date.then(|| (scope.date.to_owned(), time.to_owned())),
    };
    if mismatch.any() { Err(Error::Scope(mismatch)) } else { Ok(()) }
}

/// ISO 8601 basic as every SDK sends it, or the RFC 2822 form that botocore
/// puts into a `Date` header. Answers the basic form, which is part of the
/// signed text, and epoch milliseconds.
fn parse_time(value: &[u8]) -> Result<(Cow<'_, str>, i64), Error> {
    const BASIC_LEN: usize = "20261102T101112Z".len();
    let refused = || Error::BadDate(String::from_utf8_lossy(value).into_owned());
    let text = std::str::from_utf8(value).map_err(|_not_utf8| refused())?.trim_matches(is_blank);
    if text.len() == BASIC_LEN
        && let Some(ms) = timestamp::parse_basic(text)
    {
        return Ok((Cow::Borrowed(text), ms));
    }
    let parsed = OffsetDateTime::parse(text, &Rfc2822).map_err(|_other_form| refused())?;
    let ms = parsed.unix_timestamp().saturating_mul(1_000);
    Ok((Cow::Owned(timestamp::basic(ms)), ms))
}

fn check_time(signed: &str, signed_ms: i64, now_ms: i64) -> Result<(), Error> {
    // Signatures count in whole seconds, so the limits do too.
    let now_ms = now_ms.saturating_sub(now_ms.rem_euclid(1_000));
    let earliest_ms = now_ms.saturating_sub(limits::CLOCK_SKEW_PAST_S.saturating_mul(1_000));
    let latest_ms = now_ms.saturating_add(limits::CLOCK_SKEW_AHEAD_S.saturating_mul(1_000));
    if signed_ms < earliest_ms {
        return Err(Error::Expired {
            signed: signed.to_owned(),
            earliest: timestamp::basic(earliest_ms),
            now: timestamp::basic(now_ms),
            skew_minutes: limits::CLOCK_SKEW_PAST_S / 60,
        });
    }
    if signed_ms > latest_ms {
        return Err(Error::NotYetCurrent {
            signed: signed.to_owned(),
            latest: timestamp::basic(latest_ms),
            now: timestamp::basic(now_ms),
            skew_minutes: limits::CLOCK_SKEW_AHEAD_S / 60,
        });
    }
    Ok(())
}

/// AWS documents that `host` and every `x-amz-` header must be signed; only S3
/// enforces the second half. We do: an unsigned `x-amz-target` would let
/// anybody on the way turn Encrypt into ScheduleKeyDeletion. All SDKs and curl
/// sign them all. Our own headers have to be signed, too. (`x-amzn-trace-id`, which proxies add, has another prefix.)
fn check_signed_headers(signed: &str, headers: &[(&str, &[u8])]) -> Result<(), Error> {
    if signed.split(';').count() > limits::SIGNED_HEADERS {
        return Err(Error::TooManySignedHeaders(limits::SIGNED_HEADERS));
    }
    let is_signed = |name: &str| signed.split(';').any(|signed| signed == name);
    if !is_signed("host") {
        return Err(Error::HostNotSigned);
    }
    let must_be = |name: &str| name.starts_with("x-amz-") || name.starts_with("x-wardbook-");
    match headers.iter().find(|(name, _)| must_be(name) && !is_signed(name)) {
        Some((name, _)) => Err(Error::HeaderNotSigned((*name).to_owned())),
        None => Ok(()),
    }
}

/// `UNSIGNED-PAYLOAD` and `STREAMING-...` are S3's; a digest has 64 digits. An
/// unsigned body must be called so, or its signer may believe that it is not.
fn check_payload(content_sha256: Option<&[u8]>, payload: Payload) -> Result<(), Error> {
    match (payload, content_sha256) {
        (Payload::Signed, Some(value)) if value.len() != 64 => Err(Error::PayloadNotSigned),
        (Payload::Unsigned, value) if value != Some(UNSIGNED.as_bytes()) => {
            Err(Error::PayloadSigned)
        }
        _ => Ok(()),
    }
}

/// How AWS names a header that it does not want to repeat in an answer.
fn digest(header: &str) -> String {
    STANDARD.encode(Sha256::digest(header))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}
