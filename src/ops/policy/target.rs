//! What a request is decided on: a key, or anything else that policies speak of,
//! as it is now.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;

use super::hypothesis;
use crate::base::arn::{AliasArn, Arn, KeyArn, PARTITION};
use crate::base::ids::{AccountId, AliasName, Realm, Region};
use crate::identity::directory::{Identity, Kind};
use crate::keys::key::Key;
use crate::keys::registry::Registry;
use crate::ops::access::Access;
use crate::ops::aliases;
use crate::ops::ctx::Ctx;
use crate::ops::shapes::KEY_ID_SHAPE;
use crate::policy::actions::{Action, ResourceKind};
use crate::policy::document::Document;
use crate::policy::question::{KeyResource, Resource};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, text};

/// A key in any form.
pub(super) const KEY: Member = Member::optional("keyId", KEY_ID_SHAPE);
/// The name of an alias, which need not exist.
pub(super) const ALIAS: Member = Member::optional("aliasName", text(1, 256));
/// The name of a schema of items, which need not exist.
pub(super) const ITEM_SCHEMA: Member = Member::optional("itemSchema", text(1, 128));
/// An attribute of a schema: `people/ssn`. Neither need exist.
pub(super) const ATTRIBUTE: Member = Member::optional("attribute", text(3, 2048));
/// A role by name or ARN.
pub(super) const ROLE: Member = Member::optional("roleName", text(1, 2048));
/// A user by name or ARN.
pub(super) const USER: Member = Member::optional("userName", text(1, 2048));
/// A group by name or ARN.
pub(super) const GROUP: Member = Member::optional("groupName", text(1, 2048));

/// The kinds of things that a request can name, and the member that does.
const NAMED: [(ResourceKind, &str, &str); 7] = [
    (ResourceKind::Key, "a key", KEY.name),
    (ResourceKind::Alias, "an alias", ALIAS.name),
    (ResourceKind::ItemSchema, "a schema of items", ITEM_SCHEMA.name),
    (ResourceKind::Attribute, "an attribute of items", ATTRIBUTE.name),
    (ResourceKind::Role, "a role", ROLE.name),
    (ResourceKind::User, "a user", USER.name),
    (ResourceKind::Group, "a group", GROUP.name),
];

/// What a request is about, in the words of whoever asks.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Named {
    key_id: Option<String>,
    alias_name: Option<String>,
    item_schema: Option<String>,
    attribute: Option<String>,
    role_name: Option<String>,
    user_name: Option<String>,
    group_name: Option<String>,
}

/// What one question is about.
#[derive(Clone)]
pub(super) enum Target {
    /// An account as a whole.
    Account(AccountId),
    Key(Arc<Key>),
    Alias(AliasArn),
    ItemSchema(String),
    Attribute {
        schema: String,
        name: String,
        labels: BTreeSet<String>,
    },
    /// The book of the account.
    AuditLog,
    Identity(Arc<Identity>),
}

impl Target {
    /// The key, if it is one.
    pub(super) const fn key(&self) -> Option<&Arc<Key>> {
        match self {
            Self::Key(key) => Some(key),
            _ => None,
        }
    }

    /// The role, if it is one.
    pub(super) fn role(&self) -> Option<&Arc<Identity>> {
        match self {
            Self::Identity(identity) if identity.kind == Kind::Role => Some(identity),
            _ => None,
        }
    }

    /// The ARN of a key or role.
    pub(super) fn arn(&self) -> Option<String> {
        let key = self.key().map(|key| key.arn.to_string());
        key.or_else(|| self.role().map(|role| role.arn()))
    }

    /// In the terms of a question, with another policy of its own if there is one.
    pub(super) fn resource<'a>(
        &'a self,
        account: &'a AccountId,
        region: &'a Region,
        keys: &'a Registry,
        policy: Option<&'a Arc<Document>>,
    ) -> Resource<'a> {
        match self {
            Self::Account(account) => Resource::Account { account, region },
            Self::Key(key) => {
                let of_key = key.as_resource(keys);
                Resource::Key(KeyResource { policy: policy.unwrap_or(of_key.policy), ..of_key })
            }
            Self::Alias(arn) => Resource::Alias { arn },
            Self::ItemSchema(name) => Resource::ItemSchema { account, name },
            Self::Attribute { schema, name, labels } => {
                Resource::Attribute { account, schema, name, labels }
            }
            Self::AuditLog => Resource::AuditLog { account },
            Self::Identity(identity) => {
                let Identity { account, unique_id, name, tags, .. } = identity.as_ref();
                match identity.kind {
                    Kind::User => Resource::User { account, unique_id, name, tags },
                    Kind::Role => {
                        let own = identity.role.as_ref().map(|terms| &terms.trust);
                        let trust = policy.or(own);
                        Resource::Role { account, unique_id, name, tags, trust }
                    }
                    Kind::Group => Resource::Group { account, unique_id, name },
                }
            }
        }
    }

    /// The attribute that `text` names: schema, slash, name.
    pub(super) fn attribute(text: &str) -> Result<Self, ApiError> {
        let named =
            text.split_once('/').filter(|(schema, name)| !schema.is_empty() && !name.is_empty());
        let (schema, name) = named.ok_or_else(|| {
            ApiError::validation("An attribute is named by its schema, a slash and its name.")
        })?;
        let (schema, name) = (schema.to_owned(), name.to_owned());
        Ok(Self::Attribute { schema, name, labels: BTreeSet::new() })
    }

    /// The same with what its schema says of it now.
    pub(super) fn now(self, ctx: &Ctx, realm: &Realm) -> Self {
        match self {
            Self::Attribute { schema, name, .. } => {
                let labels = ctx.labels.labels_of(realm, &schema, &name);
                Self::Attribute { schema, name, labels }
            }
            other => other,
        }
    }

    /// What an action is decided on whose resource is the account as a whole.
    pub(super) fn account(first: &AccountId, own: &AccountId, action: Action) -> Self {
        // Accounts are the affair of the first one.
        let of_accounts = action == Action::CREATE_ACCOUNT || action == Action::LIST_ACCOUNTS;
        Self::Account(if of_accounts { first.clone() } else { own.clone() })
    }

    /// The thing that a decision in a record of `account` names.
    pub(super) fn recorded(
        ctx: &Ctx,
        account: &AccountId,
        action: Action,
        name: &str,
    ) -> Result<Self, ApiError> {
        if name == "*" {
            return Ok(Self::account(&ctx.account, account, action));
        }
        let unknown = || {
            ApiError::validation(format!("{action} was decided on {name}, which is nothing here."))
        };
        let arn = Arn::parse(name).filter(|arn| arn.partition == PARTITION).ok_or_else(unknown)?;
        if arn.account != account.as_str() {
            return Err(foreign(kind_of(&arn), arn.account));
        }
        match (arn.service, arn.resource.split_once('/')) {
            ("kms", Some(("key", _))) => {
                let key = KeyArn::parse(name).ok_or_else(unknown)?;
                let found = ctx.keys.find(&key.region, key.id);
                found.map(Self::Key).ok_or_else(|| gone(&format!("The key {key}")))
            }
            ("kms", Some(("alias", _))) => {
                let region = Region::parse(arn.region);
                let alias = region.zip(AliasName::parse(arn.resource));
                let (region, name) = alias.ok_or_else(unknown)?;
                Ok(Self::Alias(AliasArn { region, account: account.clone(), name }))
            }
            ("items", Some(("schema", path))) if path.contains('/') => {
                Self::attribute(&path.replacen("/attribute/", "/", 1))
            }
            ("items", Some(("schema", name))) => Ok(Self::ItemSchema(name.to_owned())),
            ("audit", None) => Ok(Self::AuditLog),
            ("iam", Some((kind, name))) => {
                let kind = Kind::parse(kind).ok_or_else(unknown)?;
                let found = ctx.directory.find_by_name(account, kind, name);
                let what = || format!("The {} {name}", kind.as_str());
                found.map(Self::Identity).ok_or_else(|| gone(&what()))
            }
            _ => Err(unknown()),
        }
    }
}

const fn kind_of(arn: &Arn<'_>) -> &'static str {
    match arn.service.as_bytes() {
        b"kms" => "key",
        b"iam" => "role",
        _ => "resource",
    }
}

/// What belongs to another account is not explained here.
pub(super) fn foreign(kind: &str, account: &str) -> ApiError {
    ApiError::validation(format!(
        "The {kind} belongs to account {account}, whose policies are not shown here."
    ))
}

fn gone(what: &str) -> ApiError {
    ApiError::new(Code::NotFoundException, format!("{what} does not exist any more."))
}

/// What a call is decided on, in order: some operations ask about more than one
/// thing. Then the alias by which the key was named.
pub(super) fn read(
    ctx: &Ctx,
    access: &mut Access<'_>,
    action: Action,
    named: &Named,
) -> Result<(Vec<Target>, Option<AliasName>), ApiError> {
    if let Some(name) = &named.alias_name
        && action.applies_to(ResourceKind::Alias)
    {
        named.check_only(action, &[ResourceKind::Alias, ResourceKind::Key])?;
        return Ok((of_alias(ctx, access, action, name, named)?, None));
    }
    let given: Vec<_> = NAMED.iter().filter(|(kind, ..)| named.name(*kind).is_some()).collect();
    let [(kind, _, member)] = given.as_slice() else {
        return match given.is_empty() {
            true => Ok((vec![unnamed(ctx, access, action)?], None)),
            false => {
                Err(ApiError::validation(format!("{action} is not performed on all of these.")))
            }
        };
    };
    if !action.applies_to(*kind) {
        let what = NAMED.iter().find(|(of, ..)| of == kind).map_or("", |(_, what, _)| what);
        return Err(ApiError::validation(format!(
            "{action} is not performed on {what}: leave {member} out."
        )));
    }
    let name = named.name(*kind).unwrap_or_default();
    let identity = |kind| find_identity(ctx, access, kind, name).map(Target::Identity);
    Ok(match kind {
        ResourceKind::Role => (vec![identity(Kind::Role)?], None),
        ResourceKind::User => (vec![identity(Kind::User)?], None),
        ResourceKind::Group => (vec![identity(Kind::Group)?], None),
        ResourceKind::ItemSchema => (vec![Target::ItemSchema(name.to_owned())], None),
        ResourceKind::Attribute => (vec![Target::attribute(name)?], None),
        _ => {
            let found = hypothesis::find_key(ctx, access, name)?;
            (vec![Target::Key(found.key)], found.alias)
        }
    })
}

/// What an action is decided on that names nothing.
fn unnamed(ctx: &Ctx, access: &Access<'_>, action: Action) -> Result<Target, ApiError> {
    if action.applies_to(ResourceKind::Account) {
        return Ok(Target::account(&ctx.account, access.call().caller.principal.account(), action));
    }
    if action.applies_to(ResourceKind::AuditLog) {
        return Ok(Target::AuditLog);
    }
    let fits = |(kind, ..): &&(ResourceKind, _, _)| action.applies_to(*kind);
    let (what, members): (Vec<&str>, Vec<&str>) =
        NAMED.iter().filter(fits).map(|(_, what, member)| (*what, *member)).unzip();
    Err(ApiError::validation(format!(
        "{action} is performed on {}: say which with {}.",
        what.join(" or "),
        members.join(" or ")
    )))
}

/// The alias and each key that a change of it needs permission on, in the order
/// in which the operation asks.
fn of_alias(
    ctx: &Ctx,
    access: &mut Access<'_>,
    action: Action,
    name: &str,
    named: &Named,
) -> Result<Vec<Target>, ApiError> {
    let name = aliases::parse(name)?;
    let realm = access.call().realm();
    let present = ctx.keys.find_alias(&realm, &name);
    let present = present.and_then(|alias| ctx.keys.find(&realm.region, alias.target));
    let alias = AliasArn { region: realm.region, account: realm.account, name };
    let alias = Target::Alias(alias);
    if action == Action::DELETE_ALIAS {
        named.check_only(action, &[ResourceKind::Alias])?;
        return Ok([alias].into_iter().chain(present.map(Target::Key)).collect());
    }
    let Some(key) = &named.key_id else {
        return Err(ApiError::validation(format!(
            "{action} is performed on an alias and on a key: say which with {} and {}.",
            ALIAS.name, KEY.name
        )));
    };
    let key = Target::Key(hypothesis::find_key(ctx, access, key)?.key);
    Ok(match action == Action::CREATE_ALIAS {
        true => vec![key, alias],
        false => [alias, key].into_iter().chain(present.map(Target::Key)).collect(),
    })
}

/// A user, role or group of the caller's own account, by name or ARN.
fn find_identity(
    ctx: &Ctx,
    access: &Access<'_>,
    kind: Kind,
    name: &str,
) -> Result<Arc<Identity>, ApiError> {
    let account = access.call().caller.principal.account();
    let short = match Arn::parse(name) {
        Some(arn) if arn.account != account.as_str() => {
            return Err(foreign(kind.as_str(), arn.account));
        }
        Some(arn) => arn.resource.split_once('/').map_or("", |(_, name)| name),
        None => name,
    };
    let found = ctx.directory.find_by_name(account, kind, short);
    let found = found.filter(|found| !name.starts_with("arn:") || found.arn() == name);
    found.ok_or_else(|| {
        let text = format!("There is no {} {name} in account {account}.", kind.as_str());
        ApiError::new(Code::NotFoundException, text)
    })
}

impl Named {
    pub(super) fn name(&self, kind: ResourceKind) -> Option<&str> {
        match kind {
            ResourceKind::Key => self.key_id.as_deref(),
            ResourceKind::Alias => self.alias_name.as_deref(),
            ResourceKind::ItemSchema => self.item_schema.as_deref(),
            ResourceKind::Attribute => self.attribute.as_deref(),
            ResourceKind::Role => self.role_name.as_deref(),
            ResourceKind::User => self.user_name.as_deref(),
            ResourceKind::Group => self.group_name.as_deref(),
            ResourceKind::Account | ResourceKind::AuditLog => None,
        }
    }

    /// Whether nothing is named.
    pub(super) fn is_empty(&self) -> bool {
        NAMED.iter().all(|(kind, ..)| self.name(*kind).is_none())
    }

    fn check_only(&self, action: Action, kinds: &[ResourceKind]) -> Result<(), ApiError> {
        let mut others = NAMED.iter().filter(|(kind, ..)| !kinds.contains(kind));
        match others.find(|(kind, ..)| self.name(*kind).is_some()) {
            None => Ok(()),
            Some((_, what, member)) => Err(ApiError::validation(format!(
                "{action} is not performed on {what} as well: leave {member} out."
            ))),
        }
    }
}
