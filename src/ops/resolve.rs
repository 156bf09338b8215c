//! Key identifiers: which of the four forms a text is, and which key it names.
//! The texts are those measured on AWS KMS.

use std::sync::Arc;

use crate::base::arn::{Arn, KeyArn, PARTITION};
use crate::base::ids::{AccountId, AliasName, KeyId, Realm};
use crate::base::managed::ManagedService;
use crate::keys::key::Key;
use crate::keys::registry::Registry;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// Which forms of a key identifier an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Key id, key ARN, alias name, alias ARN.
    KeyOrAlias,
    /// Key id and key ARN only.
    Key,
}

/// A key, and the alias by which it was named.
#[derive(Debug)]
pub struct Found {
    pub key: Arc<Key>,
    pub alias: Option<AliasName>,
}

/// Finds the key that `name` names for a caller in `realm`.
///
/// # Errors
/// `NotFoundException` or `InvalidArnException`.
pub fn key(
    registry: &Registry,
    realm: &Realm,
    name: &str,
    accepts: Accepts,
) -> Result<Found, ApiError> {
    let (home, resource, in_arn) = match name.strip_prefix("arn:") {
        Some(_) => {
            let (home, resource) = split_arn(realm, name)?;
            (home, resource, true)
        }
        None => (realm.clone(), name, false),
    };
    if resource.starts_with("alias/") {
        return alias(registry, &home, resource, accepts);
    }
    let id = match in_arn {
        true => resource.strip_prefix("key/").ok_or_else(|| invalid_arn(name))?,
        false => resource,
    };
    let Some(parsed) = parse_id(id) else {
        let shown = if in_arn { id.to_owned() } else { format!("'{id}'") };
        return Err(not_found(format!("Invalid keyId {shown}")));
    };
    let key = parsed
        .and_then(|id| registry.find(&home.region, id))
        .filter(|key| key.arn.account == home.account);
    match key {
        Some(key) => Ok(Found { key, alias: None }),
        None => Err(unknown_key(home.region.as_str(), &home.account, id)),
    }
}

fn alias(
    registry: &Registry,
    home: &Realm,
    name: &str,
    accepts: Accepts,
) -> Result<Found, ApiError> {
    if accepts == Accepts::Key {
        let text = "Key Aliases are not supported for this operation.";
        return Err(ApiError::new(Code::InvalidArnException, text));
    }
    let found = AliasName::parse(name).and_then(|name| registry.find_alias(home, &name));
    let Some(alias) = found else { return Err(unknown_alias(home, name)) };
    match registry.find(&home.region, alias.target) {
        Some(key) => Ok(Found { key, alias: Some(alias.name) }),
        None => Err(unknown_alias(home, name)),
    }
}

/// The service whose key `name` names by its predefined alias.
#[must_use]
pub fn service_key(realm: &Realm, name: &str) -> Option<ManagedService> {
    let Realm { account, region } = realm;
    let home = format!("arn:{PARTITION}:kms:{region}:{account}:");
    ManagedService::of_alias(name.strip_prefix(&home).unwrap_or(name))
}

/// Finds a key of the realm itself. One of another account is not there.
///
/// # Errors
/// As [`key`].
pub fn own_key(registry: &Registry, realm: &Realm, name: &str) -> Result<Arc<Key>, ApiError> {
    let found = key(registry, realm, name, Accepts::Key)?.key;
    match found.arn.account == realm.account {
        true => Ok(found),
        false => {
            let KeyArn { region, account, id } = &found.arn;
            Err(unknown_key(region.as_str(), account, &id.to_string()))
        }
    }
}

/// Whether `name` is the ARN of a key or alias of another account, in the
/// Region of the call.
#[must_use]
pub fn is_foreign(realm: &Realm, name: &str) -> bool {
    Arn::parse(name).is_some_and(|arn| {
        arn.region == realm.region.as_str()
            && AccountId::parse(arn.account).is_some_and(|account| account != realm.account)
    })
}

/// `NotFoundException` for an alias, with AWS's text.
#[must_use]
pub fn unknown_alias(home: &Realm, name: &str) -> ApiError {
    let Realm { account, region } = home;
    not_found(format!("Alias arn:{PARTITION}:kms:{region}:{account}:{name} is not found."))
}

/// The realm and the resource of a KMS ARN.
fn split_arn<'a>(realm: &Realm, text: &'a str) -> Result<(Realm, &'a str), ApiError> {
    let arn = Arn::parse(text)
        .filter(|arn| arn.partition == PARTITION && arn.service == "kms")
        .ok_or_else(|| invalid_arn(text))?;
    if arn.region != realm.region.as_str() {
        return Err(not_found(format!("Invalid arn {}", arn.region)));
    }
    let account = AccountId::parse(arn.account).ok_or_else(|| invalid_arn(text))?;
    Ok((Realm { account, region: realm.region.clone() }, arn.resource))
}

/// `None` for a malformed id, `Some(None)` for one that is well-formed but, by
/// its case, cannot be the id of any key.
fn parse_id(text: &str) -> Option<Option<KeyId>> {
    match KeyId::parse(text) {
        Some(id) => Some(Some(id)),
        None => KeyId::parse(&text.to_ascii_lowercase()).map(|_| None),
    }
}

/// `NotFoundException` for a key, with AWS's text.
#[must_use]
pub fn unknown_key(region: &str, account: &AccountId, id: &str) -> ApiError {
    not_found(format!("Key 'arn:{PARTITION}:kms:{region}:{account}:key/{id}' does not exist"))
}

fn invalid_arn(text: &str) -> ApiError {
    ApiError::new(Code::InvalidArnException, format!("Invalid arn {text}"))
}

fn not_found(text: String) -> ApiError {
    ApiError::new(Code::NotFoundException, text)
}
