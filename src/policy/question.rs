//! What the engine is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::actions::{Action, ResourceKind};
use super::document::Document;
use super::fact::Said;
use super::grant::Grants;
use crate::base::arn::{AliasArn, KeyArn, PARTITION};
use crate::base::caller::Caller;
use crate::base::context::EncryptionContext;
use crate::base::ids::{AccountId, Region};
use crate::base::spec::{KeySpec, KeyUsage, MultiRegionRole, Origin};

/// One question: may `caller` perform `action` on `resource`?
#[derive(Clone, Copy)]
pub struct Question<'a> {
    pub caller: &'a Caller,
    pub action: Action,
    pub resource: Resource<'a>,
    pub standing: &'a Standing,
    /// Asked only where the policies leave it open.
    pub grants: &'a dyn Grants,
    pub request: &'a RequestFacts<'a>,
}

/// What is known of a caller beside the name: the policies that speak of it,
/// and its tags.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// The policies attached to the user or role, and to the user's groups.
    pub policies: Vec<Arc<Document>>,
    /// The permissions boundary: what is not in it is not allowed by `policies`.
    pub boundary: Option<Arc<Document>>,
    /// The session policy, which limits in the same way.
    pub session_policy: Option<Arc<Document>>,
    /// The principal's tags, those of the session included.
    pub tags: BTreeMap<String, String>,
}

impl Standing {
    /// A caller with these policies and nothing else.
    #[must_use]
    pub fn with_policies(policies: Vec<Arc<Document>>) -> Self {
        Self { policies, ..Self::default() }
    }
}

/// What the call itself says, beside who makes it.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestFacts<'a> {
    pub encryption_context: Option<&'a EncryptionContext>,
    /// The alias by which the caller named the key, `alias/` included.
    pub request_alias: Option<&'a str>,
    /// Where the call happens.
    pub region: Option<&'a Region>,
    /// What the operation says of its input beside these.
    pub said: &'a Said,
    /// Epoch milliseconds.
    pub now_ms: i64,
}

/// The tags of what has none.
pub static NO_TAGS: BTreeMap<String, String> = BTreeMap::new();

/// The thing that the action is performed on.
#[derive(Clone, Copy, Debug)]
pub enum Resource<'a> {
    /// The account as a whole, for actions such as `kms:CreateKey`.
    Account {
        account: &'a AccountId,
        region: &'a Region,
    },
    Key(KeyResource<'a>),
    Alias {
        arn: &'a AliasArn,
    },
    ItemSchema {
        account: &'a AccountId,
        name: &'a str,
    },
    /// One attribute of the items of a schema.
    Attribute {
        account: &'a AccountId,
        schema: &'a str,
        name: &'a str,
        /// What the schema calls it, such as `pii`.
        labels: &'a BTreeSet<String>,
    },
    /// The book of one account.
    AuditLog {
        account: &'a AccountId,
    },
    User {
        account: &'a AccountId,
        unique_id: &'a str,
        name: &'a str,
        tags: &'a BTreeMap<String, String>,
    },
    Role {
        account: &'a AccountId,
        unique_id: &'a str,
        name: &'a str,
        tags: &'a BTreeMap<String, String>,
        /// Who may assume it; `None` for a role that is not there.
        trust: Option<&'a Arc<Document>>,
    },
    Group {
        account: &'a AccountId,
        unique_id: &'a str,
        name: &'a str,
    },
}

/// A KMS key as policies see it.
#[derive(Clone, Copy, Debug)]
pub struct KeyResource<'a> {
    pub arn: &'a KeyArn,
    pub spec: KeySpec,
    pub usage: KeyUsage,
    pub origin: Origin,
    /// `None` for a single-Region key.
    pub multi_region: Option<MultiRegionRole>,
    pub tags: &'a BTreeMap<String, String>,
    /// Who knows the key's aliases.
    pub aliases: &'a dyn Aliases,
    pub policy: &'a Arc<Document>,
}

/// Knows the aliases of keys.
pub trait Aliases: Sync {
    /// Up to `limit` names of the key's aliases, `alias/` included.
    fn aliases_of(&self, key: &KeyArn, limit: usize) -> Vec<String>;
}

/// Keys without aliases.
pub struct NoAliases;

impl Aliases for NoAliases {
    fn aliases_of(&self, _key: &KeyArn, _limit: usize) -> Vec<String> {
        Vec::new()
    }
}

impl fmt::Debug for dyn Aliases + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aliases")
    }
}

impl Resource<'_> {
    /// The account that owns the resource.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        match self {
            Self::Key(key) => &key.arn.account,
            Self::Alias { arn } => &arn.account,
            Self::Account { account, .. }
            | Self::ItemSchema { account, .. }
            | Self::Attribute { account, .. }
            | Self::AuditLog { account }
            | Self::User { account, .. }
            | Self::Role { account, .. }
            | Self::Group { account, .. } => account,
        }
    }

    /// Where it is; `None` for what has no Region.
    #[must_use]
    pub fn region(&self) -> Option<&Region> {
        match self {
            Self::Account { region, .. } => Some(region),
            Self::Key(key) => Some(&key.arn.region),
            Self::Alias { arn } => Some(&arn.region),
            Self::ItemSchema { .. }
            | Self::Attribute { .. }
            | Self::AuditLog { .. }
            | Self::User { .. }
            | Self::Role { .. }
            | Self::Group { .. } => None,
        }
    }

    /// The ARN of a key.
    #[must_use]
    pub fn key_arn(&self) -> Option<KeyArn> {
        match self {
            Self::Key(key) => Some(key.arn.clone()),
            _ => None,
        }
    }

    /// Which kind of resource this is.
    #[must_use]
    pub const fn kind(&self) -> ResourceKind {
        match self {
            Self::Account { .. } => ResourceKind::Account,
            Self::Key(_) => ResourceKind::Key,
            Self::Alias { .. } => ResourceKind::Alias,
            Self::ItemSchema { .. } => ResourceKind::ItemSchema,
            Self::Attribute { .. } => ResourceKind::Attribute,
            Self::AuditLog { .. } => ResourceKind::AuditLog,
            Self::User { .. } => ResourceKind::User,
            Self::Role { .. } => ResourceKind::Role,
            Self::Group { .. } => ResourceKind::Group,
        }
    }

    /// The resource as access-denied texts show it: its ARN, or `*` for the
    /// account as a whole.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Account { .. } => "*".to_owned(),
            Self::Key(key) => key.arn.to_string(),
            Self::Alias { arn } => arn.to_string(),
            Self::ItemSchema { account, name } => {
                format!("arn:{PARTITION}:items::{account}:schema/{name}")
            }
            Self::Attribute { account, schema, name, .. } => {
                format!("arn:{PARTITION}:items::{account}:schema/{schema}/attribute/{name}")
            }
            Self::AuditLog { account } => format!("arn:{PARTITION}:audit::{account}:log"),
            Self::User { account, name, .. } => {
                format!("arn:{PARTITION}:iam::{account}:user/{name}")
            }
            Self::Role { account, name, .. } => {
                format!("arn:{PARTITION}:iam::{account}:role/{name}")
            }
            Self::Group { account, name, .. } => {
                format!("arn:{PARTITION}:iam::{account}:group/{name}")
            }
        }
    }
}
