//! CloudTrail's `userIdentity`, one form a kind of principal.

use serde::Serialize;

use super::EventType;
use super::json::Text;
use crate::base::arn::PARTITION;
use crate::base::caller::{Caller, Principal};
use crate::base::ids::AccountId;
use crate::base::limits::ACCESS_KEY_ID_BYTES;
use crate::base::timestamp;

/// The members in CloudTrail's order; each kind of principal has some of them.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_context: Option<SessionContext<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoked_by: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionContext<'a> {
    session_issuer: SessionIssuer<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<SessionAttributes>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionIssuer<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    principal_id: &'a str,
    arn: String,
    account_id: &'a str,
    user_name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionAttributes {
    creation_date: String,
    mfa_authenticated: &'static str,
}

/// The identity of a record's caller, as the account `in_book_of` gets to know
/// it; `arn` is the principal's text.
pub(super) fn identity<'a>(
    caller: &'a Caller,
    arn: &'a str,
    event_type: EventType,
    in_book_of: &AccountId,
) -> Identity<'a> {
    let principal = &caller.principal;
    let account = principal.account().as_str();
    if principal.account() != in_book_of {
        // Who it was is the other account's own affair.
        return Identity {
            kind: Some("AWSAccount"),
            principal_id: Some(principal.principal_id()),
            account_id: Some(account),
            ..Identity::default()
        };
    }
    if event_type == EventType::AwsServiceEvent || matches!(principal, Principal::System { .. }) {
        return Identity {
            account_id: Some(account),
            invoked_by: Some("AWS Internal"),
            ..Identity::default()
        };
    }
    let known = Identity {
        principal_id: Some(principal.principal_id()),
        arn: Some(arn),
        account_id: Some(account),
        access_key_id: caller
            .access_key_id
            .as_deref()
            .map(|whole| Text { whole, max: ACCESS_KEY_ID_BYTES }),
        invoked_by: caller.via_service.as_deref(),
        ..Identity::default()
    };
    match principal {
        Principal::Root { .. } => Identity { kind: Some("Root"), ..known },
        Principal::User { name, .. } => {
            Identity { kind: Some("IAMUser"), user_name: Some(name), ..known }
        }
        Principal::RoleSession { role_id, role_name, .. } => {
            let session_context = SessionContext {
                session_issuer: SessionIssuer {
                    kind: "Role",
                    principal_id: role_id,
                    arn: format!("arn:{PARTITION}:iam::{account}:role/{role_name}"),
                    account_id: account,
                    user_name: role_name,
                },
                attributes: caller.session.as_deref().map(|session| SessionAttributes {
                    creation_date: timestamp::event_time(session.created_ms),
                    mfa_authenticated: "false",
                }),
            };
            Identity { kind: Some("AssumedRole"), session_context: Some(session_context), ..known }
        }
        Principal::WebIdentity { provider, subject, .. } => Identity {
            kind: Some("WebIdentityUser"),
            arn: None,
            account_id: None,
            user_name: Some(subject),
            identity_provider: Some(provider),
            ..known
        },
        // The access key is the one that was claimed; who it was is not known,
        // so there is neither an ARN nor an account.
        Principal::System { .. } | Principal::Anonymous { .. } => {
            Identity { kind: Some("Unknown"), arn: None, account_id: None, ..known }
        }
    }
}
