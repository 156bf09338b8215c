//! One question in Cedar's terms: entities and context, each built when a
//! policy reads it and not before.

use std::collections::BTreeMap;
use std::net::IpAddr;

use cedar_policy::{Context, Entities, Entity, EntityUid, Request, RestrictedExpression};

use super::actions::Action;
use super::question::{Question, Resource};
use super::reads::{Fact, Reads};
use super::scope::Chain;
use super::vocabulary::{SERVER, Vocabulary, uid};
use crate::base::arn::oidc_provider;
use crate::base::caller::Principal;
use crate::base::ids::AccountId;
use crate::base::timestamp;

/// The question and the uids that every policy's scope is matched against.
pub(super) struct Facts<'a> {
    question: &'a Question<'a>,
    vocabulary: &'a Vocabulary,
    pub(super) principal: Chain,
    pub(super) resource: Chain,
}

/// The attributes of an entity or a context.
type Attributes = Vec<(String, RestrictedExpression)>;

impl<'a> Facts<'a> {
    /// `None` if the caller is nobody.
    pub(super) fn new(question: &'a Question<'a>, vocabulary: &'a Vocabulary) -> Option<Self> {
        let principal = principal_chain(&question.caller.principal, vocabulary)?;
        let resource = resource_chain(&question.resource, vocabulary);
        Some(Self { question, vocabulary, principal, resource })
    }

    pub(super) fn action(&self) -> Action {
        self.question.action
    }

    /// The request, holding only the attributes in `reads`.
    pub(super) fn request(&self, reads: &Reads, iam_allows: bool) -> Result<Request, String> {
        let action = self
            .vocabulary
            .action_uid(self.question.action)
            .ok_or_else(|| format!("{} is not in the schema", self.question.action))?;
        let context = if reads.context.is_empty() {
            Context::empty()
        } else {
            let facts = reads.context.iter().copied();
            Context::from_pairs(facts.filter_map(|fact| self.attribute(fact, iam_allows)))
                .map_err(|error| error.to_string())?
        };
        let (principal, resource) = (self.principal.uid.clone(), self.resource.uid.clone());
        Request::new(principal, action.clone(), resource, context, None)
            .map_err(|error| error.to_string())
    }

    /// The entities that policies which read `reads` can see.
    pub(super) fn entities(&self, reads: &Reads) -> Result<Entities, String> {
        let mut entities = BTreeMap::new();
        let mut add = |chain: &Chain, attributes, tags| -> Result<(), String> {
            let parents = chain.ancestors.iter().cloned();
            let entity = Entity::new_with_tags(chain.uid.clone(), attributes, parents, tags)
                .map_err(|error| error.to_string())?;
            entities.insert(chain.uid.clone(), entity);
            Ok(())
        };
        // The resource first: a user who asks about himself has one entity.
        if reads.resource {
            add(&self.resource, self.resource_attributes(), Attributes::new())?;
        }
        if reads.principal {
            add(&self.principal, self.principal_attributes(), Attributes::new())?;
        }
        if reads.action
            && let Some(uid) = self.vocabulary.action_uid(self.question.action)
        {
            let groups = self.vocabulary.action_groups(self.question.action).to_vec();
            let chain = Chain { uid: uid.clone(), ancestors: groups };
            add(&chain, Attributes::new(), Attributes::new())?;
        }
        if reads.context.contains(&Fact::EncryptionContext) {
            let chain = Chain { uid: self.encryption_context_uid(), ancestors: Vec::new() };
            add(&chain, Attributes::new(), self.encryption_context_tags())?;
        }
        if entities.is_empty() {
            return Ok(Entities::empty());
        }
        Entities::from_entities(entities.into_values(), None).map_err(|error| error.to_string())
    }

    fn attribute(&self, fact: Fact, iam_allows: bool) -> Option<(String, RestrictedExpression)> {
        let Question { caller, request, resource, .. } = self.question;
        let value = match fact {
            Fact::IamAllows => RestrictedExpression::new_bool(iam_allows),
            Fact::EncryptionContext => {
                RestrictedExpression::new_entity_uid(self.encryption_context_uid())
            }
            Fact::SecureTransport => RestrictedExpression::new_bool(caller.secure_transport),
            Fact::EpochTime => RestrictedExpression::new_long(request.now_ms.div_euclid(1_000)),
            Fact::CurrentTime => {
                RestrictedExpression::new_datetime(timestamp::event_time(request.now_ms))
            }
            // Cedar refuses IPv4 addresses in IPv6 clothes.
            Fact::SourceIp => RestrictedExpression::new_ip(
                caller.source_ip.as_ref().map(IpAddr::to_canonical)?.to_string(),
            ),
            Fact::ViaService => text(caller.via_service?),
            Fact::RequestAlias => text(request.request_alias?),
            Fact::RequestedRegion => match resource {
                Resource::Account { region, .. } => text(region.as_str()),
                Resource::Key(key) => text(key.arn.region.as_str()),
                Resource::Alias { arn } => text(arn.region.as_str()),
                Resource::ItemSchema { .. }
                | Resource::AuditLog { .. }
                | Resource::User { .. }
                | Resource::Role { .. }
                | Resource::Group { .. } => return None,
            },
        };
        Some((fact.as_str().to_owned(), value))
    }

    fn principal_attributes(&self) -> Attributes {
        let mut attributes = vec![self.account(self.question.caller.principal.account())];
        match &self.question.caller.principal {
            Principal::User { name, .. } => attributes.push(pair("name", name)),
            Principal::RoleSession { role_name, name, .. } => {
                attributes.extend([pair("roleName", role_name), pair("name", name)]);
            }
            Principal::WebIdentity { provider, audience, subject, .. } => attributes.extend([
                pair("provider", provider),
                pair("audience", audience),
                pair("subject", subject),
            ]),
            Principal::Root { .. } | Principal::System { .. } | Principal::Anonymous { .. } => {}
        }
        attributes
    }

    fn resource_attributes(&self) -> Attributes {
        let resource = &self.question.resource;
        let mut attributes = vec![self.account(resource.account())];
        match resource {
            Resource::Account { .. } => attributes.clear(),
            Resource::Key(key) => attributes.extend([
                pair("region", key.arn.region.as_str()),
                pair("keyId", &key.arn.id.to_string()),
                pair("keySpec", key.spec.as_str()),
                pair("keyUsage", key.usage.as_str()),
                pair("keyOrigin", key.origin.as_str()),
            ]),
            Resource::Alias { arn } => attributes
                .extend([pair("region", arn.region.as_str()), pair("name", arn.name.as_str())]),
            Resource::ItemSchema { name, .. }
            | Resource::User { name, .. }
            | Resource::Role { name, .. }
            | Resource::Group { name, .. } => attributes.push(pair("name", name)),
            Resource::AuditLog { .. } => {}
        }
        attributes
    }

    fn account(&self, account: &AccountId) -> (String, RestrictedExpression) {
        let account = uid(&self.vocabulary.account, account.as_str());
        ("account".to_owned(), RestrictedExpression::new_entity_uid(account))
    }

    fn encryption_context_uid(&self) -> EntityUid {
        uid(&self.vocabulary.encryption_context, "request")
    }

    fn encryption_context_tags(&self) -> Attributes {
        let pairs = self.question.request.encryption_context.into_iter();
        pairs.flat_map(|context| context.iter()).map(|(key, value)| pair(key, value)).collect()
    }
}

fn principal_chain(principal: &Principal, names: &Vocabulary) -> Option<Chain> {
    let account = uid(&names.account, principal.account().as_str());
    Some(match principal {
        Principal::Root { account: id } => {
            Chain { uid: uid(&names.root, id.as_str()), ancestors: vec![account] }
        }
        Principal::User { unique_id, .. } => {
            Chain { uid: uid(&names.user, unique_id), ancestors: vec![account] }
        }
        Principal::RoleSession { role_id, .. } => Chain {
            uid: uid(&names.role_session, &principal.principal_id()),
            ancestors: vec![uid(&names.role, role_id), account],
        },
        Principal::WebIdentity { account: id, provider, .. } => Chain {
            uid: uid(&names.web_identity, &principal.principal_id()),
            ancestors: vec![uid(&names.oidc_provider, &oidc_provider(id, provider)), account],
        },
        Principal::System { .. } => {
            Chain { uid: uid(&names.service, SERVER), ancestors: vec![account] }
        }
        Principal::Anonymous { .. } => return None,
    })
}

fn resource_chain(resource: &Resource<'_>, names: &Vocabulary) -> Chain {
    let account = uid(&names.account, resource.account().as_str());
    let uid = match resource {
        Resource::Account { .. } => return Chain { uid: account, ancestors: Vec::new() },
        Resource::Key(key) => uid(&names.key, &key.arn.to_string()),
        Resource::Alias { arn } => uid(&names.alias, &arn.to_string()),
        Resource::ItemSchema { account, name } => {
            uid(&names.item_schema, &format!("{account}/{name}"))
        }
        Resource::AuditLog { account } => uid(&names.audit_log, account.as_str()),
        Resource::User { unique_id, .. } => uid(&names.user, unique_id),
        Resource::Role { unique_id, .. } => uid(&names.role, unique_id),
        Resource::Group { unique_id, .. } => uid(&names.group, unique_id),
    };
    Chain { uid, ancestors: vec![account] }
}

fn pair(name: &str, value: &str) -> (String, RestrictedExpression) {
    (name.to_owned(), text(value))
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}
