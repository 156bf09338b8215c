//! What the engine is asked.

use std::sync::Arc;

use super::actions::{Action, ResourceKind};
use super::document::Document;
use crate::base::arn::{AliasArn, KeyArn, PARTITION};
use crate::base::caller::Caller;
use crate::base::context::EncryptionContext;
use crate::base::ids::{AccountId, Region};
use crate::base::spec::{KeySpec, KeyUsage, Origin};

/// One question: may `caller` perform `action` on `resource`?
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub caller: &'a Caller,
    pub action: Action,
    pub resource: Resource<'a>,
    /// The policies attached to the caller's user or role.
    pub identity_policies: &'a [Arc<Document>],
    pub request: &'a RequestFacts<'a>,
}

/// What the call itself says, beside who makes it.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestFacts<'a> {
    pub encryption_context: Option<&'a EncryptionContext>,
    /// The alias by which the caller named the key, `alias/` included.
    pub request_alias: Option<&'a str>,
    /// Epoch milliseconds.
    pub now_ms: i64,
}

/// The thing that the action is performed on.
#[derive(Clone, Copy, Debug)]
pub enum Resource<'a> {
    /// The account as a whole, for actions such as `kms:CreateKey`.
    Account {
        account: &'a AccountId,
        region: &'a Region,
    },
    /// A KMS key; the only resource with a policy of its own.
    Key {
        arn: &'a KeyArn,
        spec: KeySpec,
        usage: KeyUsage,
        origin: Origin,
        policy: &'a Arc<Document>,
    },
    Alias {
        arn: &'a AliasArn,
    },
    ItemSchema {
        account: &'a AccountId,
        name: &'a str,
    },
    /// The book of one account.
    AuditLog {
        account: &'a AccountId,
    },
    User {
        account: &'a AccountId,
        unique_id: &'a str,
        name: &'a str,
    },
    Role {
        account: &'a AccountId,
        unique_id: &'a str,
        name: &'a str,
    },
}

impl Resource<'_> {
    /// The account that owns the resource.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        match self {
            Self::Key { arn, .. } => &arn.account,
            Self::Alias { arn } => &arn.account,
            Self::Account { account, .. }
            | Self::ItemSchema { account, .. }
            | Self::AuditLog { account }
            | Self::User { account, .. }
            | Self::Role { account, .. } => account,
        }
    }

    /// Which kind of resource this is.
    #[must_use]
    pub const fn kind(&self) -> ResourceKind {
        match self {
            Self::Account { .. } => ResourceKind::Account,
            Self::Key { .. } => ResourceKind::Key,
            Self::Alias { .. } => ResourceKind::Alias,
            Self::ItemSchema { .. } => ResourceKind::ItemSchema,
            Self::AuditLog { .. } => ResourceKind::AuditLog,
            Self::User { .. } => ResourceKind::User,
            Self::Role { .. } => ResourceKind::Role,
        }
    }

    /// The resource as access-denied texts show it: its ARN, or `*` for the
    /// account as a whole.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Account { .. } => "*".to_owned(),
            Self::Key { arn, .. } => arn.to_string(),
            Self::Alias { arn } => arn.to_string(),
            Self::ItemSchema { account, name } => {
                format!("arn:{PARTITION}:items::{account}:schema/{name}")
            }
            Self::AuditLog { account } => format!("arn:{PARTITION}:audit::{account}:log"),
            Self::User { account, name, .. } => {
                format!("arn:{PARTITION}:iam::{account}:user/{name}")
            }
            Self::Role { account, name, .. } => {
                format!("arn:{PARTITION}:iam::{account}:role/{name}")
            }
        }
    }
}
