//! Where the facts of a request come from.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::fact::{Fact, Value};
use super::facts::Facts;
use super::question::{KeyResource, Question, Resource};
use crate::base::arn::{Arn, PARTITION, oidc_provider};
use crate::base::caller::Principal;
use crate::base::limits::ALIASES_IN_POLICIES;
use crate::base::spec::MultiRegionRole;

impl<'a> Facts<'a> {
    /// What the request says of `fact`; nothing of pairs, which
    /// [`folded`](Self::folded) has.
    pub(super) fn value(&self, fact: Fact) -> Option<Value<'_>> {
        let value = match fact {
            // These are the engine's, and entities.
            Fact::IamAllows | Fact::Atoms => None,
            Fact::EncryptionContext
            | Fact::FoldedEncryptionContext
            | Fact::PrincipalTags
            | Fact::RequestTags
            | Fact::ResourceTags => None,
            Fact::CalledVia
            | Fact::CalledViaFirst
            | Fact::CalledViaLast
            | Fact::MultiFactorAuthPresent
            | Fact::SecureTransport
            | Fact::SourceIp
            | Fact::TokenIssueTime
            | Fact::TokenIssueEpoch
            | Fact::UserAgent
            | Fact::ViaAwsService
            | Fact::ViaService => self.value_of_caller(fact),
            Fact::FederatedProvider
            | Fact::PrincipalAccount
            | Fact::PrincipalArn
            | Fact::PrincipalArnParts
            | Fact::PrincipalIsAwsService
            | Fact::PrincipalType
            | Fact::UserId
            | Fact::UserName => self.value_of_principal(fact),
            Fact::AttributeLabels
            | Fact::KeyOrigin
            | Fact::KeySpec
            | Fact::KeyUsage
            | Fact::MultiRegion
            | Fact::MultiRegionKeyType
            | Fact::RequestedRegion
            | Fact::ResourceAccount
            | Fact::ResourceAliases => self.value_of_resource(fact),
            _ => self.value_of_call(fact),
        };
        value.filter(|value| !value.is_empty())
    }

    fn value_of_caller(&self, fact: Fact) -> Option<Value<'_>> {
        let caller = self.question.caller;
        let issued_ms = || caller.session.as_ref().map(|session| session.created_ms);
        Some(match fact {
            Fact::CalledVia => Value::Texts(vec![Cow::Borrowed(caller.via_service.as_deref()?)]),
            Fact::CalledViaFirst | Fact::CalledViaLast | Fact::ViaService => {
                caller.via_service.as_deref()?.into()
            }
            Fact::ViaAwsService => caller.via_service.is_some().into(),
            // No session has it, and long-term credentials say nothing of it.
            Fact::MultiFactorAuthPresent => caller.session.as_ref().map(|_| false)?.into(),
            Fact::SecureTransport => caller.secure_transport.into(),
            Fact::SourceIp => Value::Ip(caller.source_ip?.to_canonical()),
            Fact::TokenIssueTime => Value::Date(issued_ms()?),
            Fact::TokenIssueEpoch => seconds(issued_ms()?),
            Fact::UserAgent => caller.user_agent.as_deref()?.into(),
            _ => return None,
        })
    }

    fn value_of_principal(&self, fact: Fact) -> Option<Value<'_>> {
        let caller = self.question.caller;
        let principal = &caller.principal;
        let account = principal.account();
        Some(match (fact, principal) {
            (Fact::PrincipalAccount, _) => account.as_str().into(),
            (Fact::PrincipalIsAwsService, _) => {
                matches!(principal, Principal::System { .. }).into()
            }
            (Fact::FederatedProvider, Principal::RoleSession { .. }) => {
                let federated = caller.session.as_ref()?.federated.as_ref()?;
                oidc_provider(account, &federated.provider).into()
            }
            (Fact::UserName, Principal::User { name, .. }) => name.as_str().into(),
            (
                Fact::UserId,
                Principal::Root { .. } | Principal::User { .. } | Principal::RoleSession { .. },
            ) => principal.principal_id().into(),
            (Fact::PrincipalType, Principal::Root { .. }) => "Account".into(),
            (Fact::PrincipalType, Principal::User { .. }) => "User".into(),
            (Fact::PrincipalType, Principal::RoleSession { .. }) => "AssumedRole".into(),
            // Of a session, the role's.
            (
                Fact::PrincipalArn | Fact::PrincipalArnParts,
                Principal::RoleSession { role_name, .. },
            ) => format!("arn:{PARTITION}:iam::{account}:role/{role_name}").into(),
            (
                Fact::PrincipalArn | Fact::PrincipalArnParts,
                Principal::Root { .. } | Principal::User { .. },
            ) => principal.to_string().into(),
            _ => return None,
        })
    }

    fn value_of_resource(&self, fact: Fact) -> Option<Value<'_>> {
        let Question { resource, request, .. } = self.question;
        match fact {
            Fact::ResourceAccount => return Some(resource.account().as_str().into()),
            // What has no Region is asked for in that of the call.
            Fact::RequestedRegion => {
                return resource.region().or(request.region).map(|region| region.as_str().into());
            }
            _ => {}
        }
        if let (Fact::AttributeLabels, Resource::Attribute { labels, .. }) = (fact, resource) {
            return Some(Value::Texts(labels.iter().map(|one| Cow::Borrowed(&**one)).collect()));
        }
        let Resource::Key(key) = resource else {
            // What a new key is to be is said by the operation.
            return request.said.find(fact).cloned();
        };
        Some(match fact {
            Fact::KeyOrigin => key.origin.as_str().into(),
            Fact::KeySpec => key.spec.as_str().into(),
            Fact::KeyUsage => key.usage.as_str().into(),
            Fact::MultiRegion => key.multi_region.is_some().into(),
            Fact::MultiRegionKeyType => key.multi_region.map(MultiRegionRole::as_str)?.into(),
            Fact::ResourceAliases => aliases(key)?.into(),
            _ => return None,
        })
    }

    fn value_of_call(&self, fact: Fact) -> Option<Value<'_>> {
        let request = self.question.request;
        // What is no ARN has no parts, and is like none.
        let is_arn = |value: &Value<'_>| match value {
            Value::Text(text) => Arn::parse(text).is_some(),
            _ => false,
        };
        let parts = |whole| self.value(whole).filter(is_arn);
        Some(match fact {
            Fact::CurrentTime => Value::Date(request.now_ms),
            Fact::EpochTime => seconds(request.now_ms),
            Fact::RequestAlias => request.request_alias?.into(),
            Fact::EncryptionContextKeys => {
                Value::Texts(self.encryption_context().map(|(key, _)| Cow::Borrowed(key)).collect())
            }
            Fact::GrantConstraintSourceArnParts => parts(Fact::GrantConstraintSourceArn)?,
            Fact::GranteePrincipalParts => parts(Fact::GranteePrincipal)?,
            Fact::RetiringPrincipalParts => parts(Fact::RetiringPrincipal)?,
            Fact::ValidToEpoch => match request.said.find(Fact::ValidTo)? {
                Value::Date(ms) => seconds(*ms),
                _ => return None,
            },
            _ => return request.said.find(fact).cloned(),
        })
    }

    pub(super) fn encryption_context(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let context = self.question.request.encryption_context.into_iter();
        context.flat_map(|context| context.iter())
    }

    /// Makes what [`folded`](Self::folded) keeps.
    pub(super) fn fold(&self, fact: Fact) -> Result<BTreeMap<String, &'a str>, String> {
        let mut folded = BTreeMap::new();
        let mut twice = false;
        let mut add = |key: &str, value| {
            twice |= folded.insert(key.to_lowercase(), value).is_some();
        };
        match (fact, &self.question.resource) {
            (Fact::FoldedEncryptionContext, _) => {
                self.encryption_context().for_each(|(key, value)| add(key, value));
            }
            (Fact::PrincipalTags, _) => {
                let tags = &self.question.standing.tags;
                tags.iter().for_each(|(key, value)| add(key, value.as_str()));
            }
            (Fact::ResourceTags, Resource::Key(KeyResource { tags, .. }))
            | (Fact::ResourceTags, Resource::User { tags, .. } | Resource::Role { tags, .. }) => {
                tags.iter().for_each(|(key, value)| add(key, value.as_str()));
            }
            _ => {
                if let Some(Value::Tags(tags)) = self.question.request.said.find(fact) {
                    tags.iter().for_each(|(key, value)| add(key, value.as_str()));
                }
            }
        }
        if twice {
            return Err(format!("{} has two keys that differ by case only", fact.as_str()));
        }
        Ok(folded)
    }
}

/// The aliases of a key, unless it has more than AWS lets policies see.
fn aliases(key: &KeyResource<'_>) -> Option<Vec<String>> {
    let names = key.aliases.aliases_of(key.arn, ALIASES_IN_POLICIES.saturating_add(1));
    (names.len() <= ALIASES_IN_POLICIES).then_some(names)
}

fn seconds(ms: i64) -> Value<'static> {
    Value::Number(ms.div_euclid(1_000))
}
