//! AWS STS: sessions of roles and of users, and who one is. Rows of the same
//! kind as those of KMS, through the same pipeline.
//!
//! Deliberately absent: forms and XML (`http`), and what a token holds
//! (`identity`). Who may have a session is said by trust policies.

use super::ctx::Ctx;
use super::operation::{Description, Entry, Service};
use crate::base::caller::{Caller, Principal};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

mod assume_role;
mod assume_role_with_web_identity;
pub mod bearer;
mod get_caller_identity;
mod get_session_token;
mod members;
mod session;
mod tags;
mod target;

/// The operations, sorted by name.
pub static TABLE: &[Entry<Ctx>] = &[
    Entry::of::<assume_role::AssumeRole>(),
    Entry::of::<assume_role_with_web_identity::AssumeRoleWithWebIdentity>(),
    Entry::of::<get_caller_identity::GetCallerIdentity>(),
    Entry::of::<get_session_token::GetSessionToken>(),
];

/// Refuses what a user's temporary credentials are not good for (AWS STS API
/// Reference, GetSessionToken): identities, and sessions but those of roles.
///
/// # Errors
/// `AccessDeniedException`.
pub(super) fn check_user_session(operation: &Description, caller: &Caller) -> Result<(), ApiError> {
    let is_user_session =
        matches!(caller.principal, Principal::User { .. }) && caller.session.is_some();
    let is_refused = match operation.service {
        Service::Iam => true,
        Service::Sts => !matches!(operation.name, "AssumeRole" | "GetCallerIdentity"),
        Service::Audit
        | Service::Backup
        | Service::Cloudtrail
        | Service::Items
        | Service::Kms
        | Service::Policy
        | Service::System => false,
    };
    if !(is_user_session && is_refused) {
        return Ok(());
    }
    let text = format!("Cannot call {} with session credentials", operation.name);
    Err(ApiError::new(Code::AccessDeniedException, text))
}
