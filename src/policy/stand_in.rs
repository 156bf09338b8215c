//! What stands for a server where there is none: principals by their ARNs, and
//! a key.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::document::Document;
use super::principal::{PrincipalDirectory, PrincipalId};
use super::question::{KeyResource, NoAliases};
use crate::base::arn::{Arn, KeyArn, PARTITION};
use crate::base::caller::Principal;
use crate::base::ids::AccountId;
use crate::base::spec::{KeySpec, KeyUsage, Origin};

/// Knows every user and role there could be; each has its ARN as its id.
pub struct AnyPrincipal;

impl PrincipalDirectory for AnyPrincipal {
    fn resolve(&self, arn: &str) -> Option<PrincipalId> {
        let parsed = Arn::parse(arn).filter(|parsed| parsed.service == "iam")?;
        match parsed.resource.split_once('/')? {
            ("user", _) => Some(PrincipalId::User(arn.to_owned())),
            ("role", _) => Some(PrincipalId::Role(arn.to_owned())),
            _ => None,
        }
    }
}

/// A key that is asked about in place of one of a server.
#[derive(Clone, Debug)]
pub struct StandInKey {
    pub arn: KeyArn,
    pub spec: KeySpec,
    pub usage: KeyUsage,
    pub tags: BTreeMap<String, String>,
}

impl StandInKey {
    /// A symmetric key without tags.
    #[must_use]
    pub const fn new(arn: KeyArn) -> Self {
        Self {
            arn,
            spec: KeySpec::SymmetricDefault,
            usage: KeyUsage::EncryptDecrypt,
            tags: BTreeMap::new(),
        }
    }

    /// The key with this policy.
    #[must_use]
    pub fn with<'a>(&'a self, policy: &'a Arc<Document>) -> KeyResource<'a> {
        KeyResource {
            arn: &self.arn,
            spec: self.spec,
            usage: self.usage,
            origin: Origin::AwsKms,
            multi_region: None,
            tags: &self.tags,
            aliases: &NoAliases,
            policy,
        }
    }
}

/// The principal that `arn` names; a role stands for a session of it.
#[must_use]
pub fn principal(arn: &str, directory: &dyn PrincipalDirectory) -> Option<Principal> {
    let parsed = Arn::parse(arn)
        .filter(|parsed| parsed.partition == PARTITION && parsed.region.is_empty())?;
    let account = AccountId::parse(parsed.account)?;
    let session = |role: &str, name: &str| {
        let id = directory.resolve(&format!("arn:{PARTITION}:iam::{account}:role/{role}"))?;
        Some(Principal::RoleSession {
            account: account.clone(),
            role_id: id.as_str().to_owned(),
            role_name: role.to_owned(),
            name: name.to_owned(),
        })
    };
    match (parsed.service, parsed.resource.split_once('/')) {
        ("iam", None) if parsed.resource == "root" => Some(Principal::Root { account }),
        ("iam", Some(("user", name))) => {
            let unique_id = directory.resolve(arn)?.as_str().to_owned();
            Some(Principal::User { account, unique_id, name: name.to_owned() })
        }
        ("iam", Some(("role", name))) => session(name, "session"),
        ("sts", Some(("assumed-role", rest))) => {
            let (role, name) = rest.split_once('/')?;
            session(role, name)
        }
        _ => None,
    }
}
