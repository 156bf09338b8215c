//! The one map from module errors to the errors of the API. No wildcard arm: a
//! new variant must be placed here, or nothing compiles.

use crate::identity::{account, credentials, oidc, tags};
use crate::keys::backend::remote::{Failure, FailureKind};
use crate::keys::state::StateError;
use crate::keys::{cipher, import, multi_region};
use crate::ops::{rates, source};
use crate::policy::error::CompileError;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::{audit, hsm, store};

impl From<StateError> for ApiError {
    fn from(error: StateError) -> Self {
        let code = match &error {
            StateError::Disabled(_) => Code::DisabledException,
            StateError::Invalid { .. } => Code::KMSInvalidStateException,
        };
        Self::new(code, error.to_string())
    }
}

impl From<cipher::Error> for ApiError {
    fn from(error: cipher::Error) -> Self {
        match error {
            cipher::Error::Usage { .. }
            | cipher::Error::Algorithm { .. }
            | cipher::Error::AsymmetricDataKey => {
                Self::new(Code::InvalidKeyUsageException, error.to_string())
            }
            cipher::Error::State(state) => state.into(),
            cipher::Error::MessageTypeOfSpec { .. }
            | cipher::Error::MessageTypeOfAlgorithm { .. }
            | cipher::Error::DigestLength(_)
            | cipher::Error::Context(_)
            | cipher::Error::PlaintextTooLong { .. } => Self::validation(error.to_string()),
            // AWS's text is there, and empty.
            cipher::Error::PeerPublicKey => Self::validation(""),
            cipher::Error::NoPublicKey => Self::bare(Code::UnsupportedOperationException),
            cipher::Error::Ciphertext => Self::bare(Code::InvalidCiphertextException),
            cipher::Error::Signature => Self::bare(Code::KMSInvalidSignatureException),
            cipher::Error::Mac => Self::bare(Code::KMSInvalidMacException),
            cipher::Error::DoubleTooLong(_) | cipher::Error::ReservedContext(..) => {
                Self::validation(error.to_string())
            }
            cipher::Error::Remote(failure) => failure.into(),
            cipher::Error::NoRemote => unavailable(),
            cipher::Error::Permit | cipher::Error::NoMaterial | cipher::Error::Hsm(_) => {
                Self::internal(error)
            }
        }
    }
}

/// What a remote says goes no further than the record: callers learn what they can
/// do about it.
impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            FailureKind::Ciphertext => Self::bare(Code::InvalidCiphertextException),
            FailureKind::Signature => Self::bare(Code::KMSInvalidSignatureException),
            FailureKind::Mac => Self::bare(Code::KMSInvalidMacException),
            FailureKind::IncorrectKey => source::incorrect_key(),
            FailureKind::Denied => Self::new(
                Code::AccessDeniedException,
                "The external key store does not allow this use of the external key.",
            ),
            FailureKind::NotFound | FailureKind::KeyState => Self::new(
                Code::KMSInvalidStateException,
                "The external key that is associated with the KMS key cannot be used: it does not \
                 exist, or its state does not allow it.",
            ),
            FailureKind::Usage => Self::new(
                Code::InvalidKeyUsageException,
                "The external key that is associated with the KMS key is not made for this use.",
            ),
            FailureKind::Unsupported => Self::new(
                Code::UnsupportedOperationException,
                "The external key store does not support this operation.",
            ),
            FailureKind::Validation => {
                Self::validation("The external key store did not accept the request.")
            }
            FailureKind::Throttled => rates::throttled(),
            FailureKind::Credentials
            | FailureKind::KeyUnavailable
            | FailureKind::Unavailable
            | FailureKind::TimedOut
            | FailureKind::Garbage
            | FailureKind::Unknown => unavailable(),
        }
    }
}

/// AWS's clients try again on it.
fn unavailable() -> ApiError {
    let text = "The external key store of the KMS key is not available now.";
    ApiError::new(Code::KeyUnavailableException, text)
}

impl From<import::Error> for ApiError {
    fn from(error: import::Error) -> Self {
        use import::Error as E;
        let code = match &error {
            E::Algorithm(_) | E::WrappingSpec(_) | E::DoesNotFit { .. } | E::NotPrimary(_) => {
                Code::UnsupportedOperationException
            }
            E::InvalidToken => return Self::bare(Code::InvalidImportTokenException),
            E::ExpiredToken => return Self::bare(Code::ExpiredImportTokenException),
            E::Ciphertext => return Self::bare(Code::InvalidCiphertextException),
            E::Kind(_) | E::OtherMaterial | E::OtherId(_) | E::NotNew => {
                Code::IncorrectKeyMaterialException
            }
            E::Pending { .. } => Code::KMSInvalidStateException,
            E::Permit | E::Hsm(_) => return Self::internal(error),
        };
        Self::new(code, error.to_string())
    }
}

impl From<multi_region::Error> for ApiError {
    fn from(error: multi_region::Error) -> Self {
        match error {
            multi_region::Error::Permit | multi_region::Error::Hsm(_) => Self::internal(error),
        }
    }
}

/// The HSM's own failures. Those that a caller's bytes can cause are mapped
/// where the bytes are known, in `cipher`.
impl From<hsm::Error> for ApiError {
    fn from(error: hsm::Error) -> Self {
        Self::internal(error)
    }
}

impl From<credentials::Error> for ApiError {
    fn from(error: credentials::Error) -> Self {
        match error {
            credentials::Error::Packed { .. } => {
                Self::new(Code::PackedPolicyTooLargeException, error.to_string())
            }
            credentials::Error::Hsm(_)
            | credentials::Error::Session(_)
            | credentials::Error::Pack(_) => Self::internal(error),
        }
    }
}

impl From<oidc::Error> for ApiError {
    fn from(error: oidc::Error) -> Self {
        let code = match &error {
            oidc::Error::Malformed
            | oidc::Error::Issuer
            | oidc::Error::Key
            | oidc::Error::Signature
            | oidc::Error::Audience => Code::InvalidIdentityTokenException,
            oidc::Error::Claim(_) => Code::IDPRejectedClaimException,
            oidc::Error::Expired { .. } => Code::ExpiredTokenException,
        };
        Self::new(code, error.to_string())
    }
}

impl From<account::Error> for ApiError {
    fn from(error: account::Error) -> Self {
        Self::internal(error)
    }
}

impl From<tags::Error> for ApiError {
    fn from(error: tags::Error) -> Self {
        let code = match error {
            tags::Error::Reserved | tags::Error::Duplicate => Code::ValidationException,
            tags::Error::TooMany => Code::LimitExceededException,
        };
        Self::new(code, error.to_string())
    }
}

impl From<CompileError> for ApiError {
    fn from(error: CompileError) -> Self {
        let code = match &error {
            CompileError::TooLarge { .. } => Code::LimitExceededException,
            CompileError::Malformed(_)
            | CompileError::InvalidPrincipal { .. }
            | CompileError::Lockout => Code::MalformedPolicyDocumentException,
        };
        Self::new(code, error.to_string())
    }
}

impl From<audit::Error> for ApiError {
    fn from(error: audit::Error) -> Self {
        match error {
            audit::Error::NoSuchEvent(id) => {
                Self::validation(format!("There is no event {id} in the book of this account."))
            }
            audit::Error::Cursor => Self::validation("The cursor is not valid for this query."),
            audit::Error::UnknownEvent => {
                Self::new(Code::NotFoundException, "There is no such event in the book.")
            }
            audit::Error::TreeSize { size, from, has } => Self::validation(format!(
                "There is no proof for {size} records, only for {from} to {has}."
            )),
            wrong @ audit::Error::Value { .. } => Self::validation(format!("{wrong}.")),
            audit::Error::Store(store::Error::TooManyAddresses(most)) => Self::validation(format!(
                "sourceIp has more than {most} recorded addresses; use a narrower network."
            )),
            audit::Error::Store(store::Error::IndexBehind) => Self::new(
                Code::LimitExceededException,
                "The search index is being built. Count again in a while, or query the events.",
            ),
            other => Self::internal(other),
        }
    }
}
