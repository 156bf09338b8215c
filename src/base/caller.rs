//! Who calls, and from where.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::arn::PARTITION;
use super::ids::{AccountId, RequestId};

/// An authenticated (or deliberately unauthenticated) identity. Unique ids
/// (`AIDA…`, `AROA…`) are never reused, so a policy that names a principal does
/// not match a later one of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The account itself.
    Root { account: AccountId },
    /// A user.
    User { account: AccountId, unique_id: String, name: String },
    /// A session of a role; `name` is the session's own name.
    RoleSession { account: AccountId, role_id: String, role_name: String, name: String },
    /// Somebody whom an OpenID Connect provider vouches for, on the way to a role
    /// session. `provider` is the issuer without its scheme.
    WebIdentity { account: AccountId, provider: String, audience: String, subject: String },
    /// wardbook's own timers: deletion, expiry, rotation.
    System { account: AccountId },
    /// Nobody: the call could not be authenticated. Never allowed anything;
    /// the account is the one whose book records the attempt.
    Anonymous { account: AccountId },
}

impl Principal {
    /// The account the principal belongs to.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        match self {
            Self::Root { account }
            | Self::User { account, .. }
            | Self::RoleSession { account, .. }
            | Self::WebIdentity { account, .. }
            | Self::System { account }
            | Self::Anonymous { account } => account,
        }
    }

    /// CloudTrail's `principalId`, and `UserId` of GetCallerIdentity.
    #[must_use]
    pub fn principal_id(&self) -> String {
        match self {
            Self::Root { account } => account.to_string(),
            Self::User { unique_id, .. } => unique_id.clone(),
            Self::RoleSession { role_id, name, .. } => format!("{role_id}:{name}"),
            Self::WebIdentity { provider, audience, subject, .. } => {
                format!("{provider}:{audience}:{subject}")
            }
            Self::System { .. } => "system".to_owned(),
            Self::Anonymous { .. } => "anonymous".to_owned(),
        }
    }
}

/// Prints the principal's ARN, as error texts and records show it.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root { account } => write!(f, "arn:{PARTITION}:iam::{account}:root"),
            Self::User { account, name, .. } => {
                write!(f, "arn:{PARTITION}:iam::{account}:user/{name}")
            }
            Self::RoleSession { account, role_name, name, .. } => {
                write!(f, "arn:{PARTITION}:sts::{account}:assumed-role/{role_name}/{name}")
            }
            Self::WebIdentity { provider, subject, .. } => write!(f, "{provider}:{subject}"),
            Self::System { .. } => f.write_str("AWS Internal"),
            Self::Anonymous { .. } => f.write_str("anonymous"),
        }
    }
}

/// What the temporary credentials of a call carry beside whom they are for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionFacts {
    /// When they were issued, epoch milliseconds.
    pub created_ms: i64,
    /// Session tags; they win over the tags of the user or role.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Keys of those tags that a session which this one makes inherits.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub transitive_tag_keys: BTreeSet<String>,
    /// The session policy as it was given: it limits what the session may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Who assumed the role, if a provider vouched for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub federated: Option<Federated>,
}

/// Somebody for whom an OpenID Connect provider vouched, as in
/// [`Principal::WebIdentity`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Federated {
    /// The issuer without its scheme.
    pub provider: String,
    pub audience: String,
    pub subject: String,
}

/// How a connection was secured, in CloudTrail's words (`tlsDetails`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// Such as `TLS_AES_256_GCM_SHA384`.
    pub cipher_suite: &'static str,
    /// Such as `X25519MLKEM768`.
    pub key_exchange: Option<&'static str>,
    /// The `Host` header of the call.
    pub host: Option<String>,
}

/// One call's caller: the principal, the credential it used, and the place it
/// calls from.
#[derive(Clone, Debug)]
pub struct Caller {
    pub principal: Principal,
    /// The access key that signed the call.
    pub access_key_id: Option<String>,
    /// What temporary credentials carry; `None` for long-term ones.
    pub session: Option<Arc<SessionFacts>>,
    /// The peer's address; `None` for calls of the server itself.
    pub source_ip: Option<IpAddr>,
    pub user_agent: Option<String>,
    /// Whether the call came over TLS.
    pub secure_transport: bool,
    /// How the call's connection was secured, for its record; `None` for calls
    /// over plain HTTP and for those of the server itself.
    pub tls: Option<Tls>,
    pub request_id: RequestId,
    /// The wardbook service that calls on behalf of the principal, such as
    /// `items`; becomes `kms:ViaService` and CloudTrail's `invokedBy`.
    pub via_service: Option<Cow<'static, str>>,
}
