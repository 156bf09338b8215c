//! From the errors of the SDK to [`Failure`].

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::RequestId;

use super::connection::BadLength;
use super::failure::{Failure, FailureKind};
use crate::base::limits;

/// Error codes of AWS KMS and of the front of all AWS services (AWS KMS API
/// Reference, "Common errors" and the errors of each operation), sorted.
const KINDS: &[(&str, FailureKind)] = &[
    ("AccessDenied", FailureKind::Denied),
    ("AccessDeniedException", FailureKind::Denied),
    ("DependencyTimeoutException", FailureKind::Unavailable),
    ("DisabledException", FailureKind::KeyState),
    ("ExpiredToken", FailureKind::Credentials),
    ("ExpiredTokenException", FailureKind::Credentials),
    ("IncompleteSignature", FailureKind::Credentials),
    ("IncompleteSignatureException", FailureKind::Credentials),
    ("IncorrectKeyException", FailureKind::IncorrectKey),
    ("InternalFailure", FailureKind::Unavailable),
    ("InternalServerError", FailureKind::Unavailable),
    ("InvalidAccessKeyId", FailureKind::Credentials),
    ("InvalidAction", FailureKind::Unsupported),
    ("InvalidArnException", FailureKind::Validation),
    ("InvalidCiphertextException", FailureKind::Ciphertext),
    ("InvalidClientTokenId", FailureKind::Credentials),
    ("InvalidKeyUsageException", FailureKind::Usage),
    ("InvalidSignatureException", FailureKind::Credentials),
    ("KMSInternalException", FailureKind::Unavailable),
    ("KMSInvalidMacException", FailureKind::Mac),
    ("KMSInvalidSignatureException", FailureKind::Signature),
    ("KMSInvalidStateException", FailureKind::KeyState),
    ("KeyUnavailableException", FailureKind::KeyUnavailable),
    ("LimitExceededException", FailureKind::Throttled),
    ("MissingAuthenticationToken", FailureKind::Credentials),
    ("MissingAuthenticationTokenException", FailureKind::Credentials),
    ("NotAuthorized", FailureKind::Denied),
    ("NotFoundException", FailureKind::NotFound),
    ("OptInRequired", FailureKind::Credentials),
    ("RequestExpired", FailureKind::Credentials),
    ("RequestLimitExceeded", FailureKind::Throttled),
    ("RequestTimeout", FailureKind::Unavailable),
    ("RequestTimeoutException", FailureKind::Unavailable),
    ("SerializationException", FailureKind::Validation),
    ("ServiceUnavailable", FailureKind::Unavailable),
    ("ServiceUnavailableException", FailureKind::Unavailable),
    ("SignatureDoesNotMatch", FailureKind::Credentials),
    ("SlowDown", FailureKind::Throttled),
    ("Throttling", FailureKind::Throttled),
    ("ThrottlingException", FailureKind::Throttled),
    ("TooManyRequestsException", FailureKind::Throttled),
    ("UnknownOperationException", FailureKind::Unsupported),
    ("UnrecognizedClientException", FailureKind::Credentials),
    ("UnsupportedOperationException", FailureKind::Unsupported),
    ("ValidationError", FailureKind::Validation),
    ("ValidationException", FailureKind::Validation),
];

/// What an answer with this error code and HTTP status is.
pub(super) fn kind_of(code: Option<&str>, status: u16) -> FailureKind {
    let known = code.and_then(|code| KINDS.binary_search_by(|(name, _)| (*name).cmp(code)).ok());
    match (known.and_then(|at| KINDS.get(at)), code, status) {
        (Some((_, kind)), _, _) => *kind,
        (None, _, 429) => FailureKind::Throttled,
        (None, Some(_), 400..500) => FailureKind::Unknown,
        // No error of AWS at all: a proxy's page, say.
        (None, None, ..500) => FailureKind::Garbage,
        // A fault of the server.
        (None, _, _) => FailureKind::Unavailable,
    }
}

/// The failure behind an error of the SDK.
pub(super) fn failure<E>(error: &SdkError<E>) -> Failure
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let request_id = request_id(error);
    match error {
        SdkError::ServiceError(context) => {
            let (status, code) = (context.raw().status().as_u16(), context.err().code());
            let kind = kind_of(code, status);
            let cause = match (code, context.err().message()) {
                (Some(code), Some(text)) => format!("{code}: {text}"),
                (Some(code), None) => code.to_owned(),
                // The texts of parsers may quote what they could not read.
                (None, _) => format!("an answer that cannot be read, HTTP status {status}"),
            };
            Failure::new(kind, request_id, &cause)
        }
        SdkError::TimeoutError(_) => {
            Failure::new(FailureKind::TimedOut, request_id, "no answer in time")
        }
        SdkError::ResponseError(_) => {
            let bad = causes(error).find_map(|cause| cause.downcast_ref::<BadLength>());
            let cause =
                bad.map_or_else(|| "an answer that cannot be read".into(), BadLength::to_string);
            Failure::garbage(request_id, &cause)
        }
        _ => {
            let late = matches!(error, SdkError::DispatchFailure(sent) if sent.is_timeout());
            let kind = match causes(error).any(|cause| cause.is::<CredentialsError>()) {
                true => FailureKind::Credentials,
                false if late => FailureKind::TimedOut,
                false => FailureKind::Unavailable,
            };
            let cause: Vec<String> = causes(error).map(ToString::to_string).collect();
            Failure::new(kind, request_id, &cause.join(": "))
        }
    }
}

/// An error and what caused it, outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// The remote's id of a call, if it has one that may stand in a record.
pub(super) fn request_id(answer: &impl RequestId) -> Option<String> {
    let id = answer.request_id()?;
    let is_plain = id.bytes().all(|b| b.is_ascii_graphic());
    (is_plain && (1..=limits::REMOTE_REQUEST_ID_CHARS).contains(&id.len())).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_can_be_searched() {
        assert!(KINDS.is_sorted_by(|(one, _), (next, _)| one < next));
        for (code, kind) in KINDS {
            assert_eq!(kind_of(Some(code), 400), *kind);
        }
    }

    #[test]
    fn without_a_known_code_the_status_decides() {
        for (code, status, want) in [
            (Some("New"), 400, FailureKind::Unknown),
            (Some("New"), 403, FailureKind::Unknown),
            (Some("New"), 429, FailureKind::Throttled),
            (Some("New"), 500, FailureKind::Unavailable),
            (None, 200, FailureKind::Garbage),
            (None, 403, FailureKind::Garbage),
            (None, 429, FailureKind::Throttled),
            (None, 502, FailureKind::Unavailable),
        ] {
            assert_eq!(kind_of(code, status), want, "{code:?} {status}");
        }
    }
}
