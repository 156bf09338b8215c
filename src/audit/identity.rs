//! CloudTrail's `userIdentity`, one form a kind of principal.

use std::collections::BTreeMap;

use serde::Serialize;

use super::EventType;
use super::json::Text;
use crate::base::arn::{PARTITION, oidc_provider};
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
    identity_provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_context: Option<SessionContext<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoked_by: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionContext<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session_issuer: Option<SessionIssuer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    web_id_federation_data: Option<WebIdFederationData>,
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

/// Who assumed the role. The names of the attributes begin with the provider's,
/// as those of condition keys do.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebIdFederationData {
    federated_provider: String,
    attributes: BTreeMap<String, String>,
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
        Principal::User { name, .. } => Identity {
            kind: Some("IAMUser"),
            user_name: Some(name),
            session_context: caller.session.as_ref().map(|_| session_context(caller, None)),
            ..known
        },
        Principal::RoleSession { role_id, role_name, .. } => {
            let issuer = SessionIssuer {
                kind: "Role",
                principal_id: role_id,
                arn: format!("arn:{PARTITION}:iam::{account}:role/{role_name}"),
                account_id: account,
                user_name: role_name,
            };
            let session_context = session_context(caller, Some(issuer));
            Identity { kind: Some("AssumedRole"), session_context: Some(session_context), ..known }
        }
        Principal::WebIdentity { provider, audience, subject, .. } => {
            let provider = oidc_provider(principal.account(), provider);
            Identity {
                kind: Some("WebIdentityUser"),
                principal_id: Some(format!("{provider}:{audience}:{subject}")),
                arn: None,
                account_id: None,
                user_name: Some(subject),
                identity_provider: Some(provider),
                ..known
            }
        }
        // The access key is the one that was claimed; who it was is not known,
        // so there is neither an ARN nor an account.
        Principal::System { .. } | Principal::Anonymous { .. } => {
            Identity { kind: Some("Unknown"), arn: None, account_id: None, ..known }
        }
    }
}

/// By what the records of a caller are found.
pub(super) struct FoundBy<'a> {
    /// The user, or the role of a session.
    pub(super) principal: String,
    /// Its unique id.
    pub(super) principal_id: Option<&'a str>,
    pub(super) access_key: Option<&'a str>,
    /// What tells one session of the role from another.
    pub(super) session: Option<&'a str>,
}

/// Nothing that [`identity`] does not tell the account `in_book_of` as well.
pub(super) fn found_by<'a>(
    caller: &'a Caller,
    event_type: EventType,
    in_book_of: &AccountId,
) -> FoundBy<'a> {
    let principal = &caller.principal;
    let account = principal.account();
    let only =
        |principal| FoundBy { principal, principal_id: None, access_key: None, session: None };
    if account != in_book_of {
        return only(format!("arn:{PARTITION}:iam::{account}:root"));
    }
    let is_internal = event_type == EventType::AwsServiceEvent;
    // What is longer is not written in full.
    let access_key = caller.access_key_id.as_deref();
    let access_key = access_key.filter(|id| !is_internal && id.len() <= ACCESS_KEY_ID_BYTES);
    match principal {
        Principal::System { .. } => only(principal.to_string()),
        _ if is_internal => only(Principal::System { account: account.clone() }.to_string()),
        Principal::Root { .. } | Principal::Anonymous { .. } => {
            FoundBy { access_key, ..only(principal.to_string()) }
        }
        Principal::User { unique_id, .. } => {
            FoundBy { principal_id: Some(unique_id), access_key, ..only(principal.to_string()) }
        }
        Principal::RoleSession { role_id, role_name, name, .. } => FoundBy {
            principal: format!("arn:{PARTITION}:iam::{account}:role/{role_name}"),
            principal_id: Some(role_id),
            access_key,
            session: Some(name),
        },
        Principal::WebIdentity { provider, subject, .. } => FoundBy {
            principal: oidc_provider(account, provider),
            principal_id: None,
            access_key,
            session: Some(subject),
        },
    }
}

/// What the record says of temporary credentials.
fn session_context<'a>(
    caller: &Caller,
    session_issuer: Option<SessionIssuer<'a>>,
) -> SessionContext<'a> {
    let session = caller.session.as_deref();
    let federated = session.and_then(|session| session.federated.as_ref());
    SessionContext {
        session_issuer,
        web_id_federation_data: federated.map(|who| WebIdFederationData {
            federated_provider: oidc_provider(caller.principal.account(), &who.provider),
            attributes: [("aud", &who.audience), ("sub", &who.subject)]
                .map(|(name, value)| (format!("{}:{name}", who.provider), value.clone()))
                .into(),
        }),
        attributes: session.map(|session| SessionAttributes {
            creation_date: timestamp::event_time(session.created_ms),
            mfa_authenticated: "false",
        }),
    }
}
