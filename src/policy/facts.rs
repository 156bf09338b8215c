//! One question in Cedar's terms: entities and context, each built when a
//! policy reads it and not before.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use cedar_policy::{Context, Entities, Entity, EntityUid, Request, RestrictedExpression};

use super::actions::Action;
use super::fact::{Fact, Kind, Value};
use super::question::{Question, Resource};
use super::reads::Reads;
use super::scope::Chain;
use super::vocabulary::{SERVER, Vocabulary, uid};
use crate::base::arn::{Arn, oidc_provider};
use crate::base::caller::Principal;
use crate::base::ids::AccountId;
use crate::base::limits::POLICY_STEPS;
use crate::base::timestamp;

/// The question and the uids that every policy's scope is matched against.
pub(super) struct Facts<'a> {
    pub(super) question: &'a Question<'a>,
    vocabulary: &'a Vocabulary,
    pub(super) principal: Chain,
    pub(super) resource: Chain,
    /// What is left for tests in Rust to compare.
    steps: Cell<usize>,
    /// Pairs with their keys in lower case, once somebody asked for them.
    folds: RefCell<BTreeMap<Fact, Folded<'a>>>,
}

/// Pairs with their keys in lower case.
pub(super) type Folded<'a> = Rc<BTreeMap<String, &'a str>>;

/// The attributes of an entity or a context.
type Attributes = Vec<(String, RestrictedExpression)>;

impl<'a> Facts<'a> {
    /// `None` if the caller is nobody.
    pub(super) fn new(question: &'a Question<'a>, vocabulary: &'a Vocabulary) -> Option<Self> {
        let principal = principal_chain(&question.caller.principal, vocabulary)?;
        let resource = resource_chain(&question.resource, vocabulary);
        let (steps, folds) = (Cell::new(POLICY_STEPS), RefCell::default());
        Some(Self { question, vocabulary, principal, resource, steps, folds })
    }

    /// Takes `steps` from what one decision may cost beside Cedar.
    ///
    /// # Errors
    ///
    /// A text if that is more than is left.
    pub(super) fn spend(&self, steps: usize) -> Result<(), String> {
        let left = self.steps.get().checked_sub(steps);
        self.steps.set(left.unwrap_or(0));
        left.map(drop).ok_or_else(|| {
            format!("comparing texts with patterns takes more than {POLICY_STEPS} steps")
        })
    }

    /// Pairs with their keys in lower case, made when they are first asked for.
    ///
    /// # Errors
    ///
    /// A text if two keys become one: which of them a policy means cannot be
    /// told.
    pub(super) fn folded(&self, fact: Fact) -> Result<Folded<'a>, String> {
        if let Some(made) = self.folds.borrow().get(&fact) {
            return Ok(Rc::clone(made));
        }
        let folded = Rc::new(self.fold(fact)?);
        self.folds.borrow_mut().insert(fact, Rc::clone(&folded));
        Ok(folded)
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
            let mut pairs = Vec::with_capacity(reads.context.len());
            for fact in &reads.context {
                pairs.extend(self.attribute(*fact, reads, iam_allows)?);
            }
            Context::from_pairs(pairs).map_err(|error| error.to_string())?
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
        for fact in reads.context.iter().filter(|fact| fact.kind() == Kind::Tags) {
            entities.insert(self.tags_uid(*fact), self.tags_entity(*fact)?);
        }
        if entities.is_empty() {
            return Ok(Entities::empty());
        }
        Entities::from_entities(entities.into_values(), None).map_err(|error| error.to_string())
    }

    /// The attribute that says `fact`; none if the request does not have it.
    fn attribute(
        &self,
        fact: Fact,
        reads: &Reads,
        iam_allows: bool,
    ) -> Result<Option<(String, RestrictedExpression)>, String> {
        let value = match fact {
            Fact::IamAllows => RestrictedExpression::new_bool(iam_allows),
            Fact::Atoms => {
                let mut holding = Vec::new();
                for atom in &reads.atoms {
                    if atom.holds(self)? {
                        holding.push(text(atom.name()));
                    }
                }
                RestrictedExpression::new_set(holding)
            }
            _ if fact.kind() == Kind::Tags => {
                RestrictedExpression::new_entity_uid(self.tags_uid(fact))
            }
            _ => match self.value(fact) {
                Some(value) => expression(fact, &value)?,
                None => return Ok(None),
            },
        };
        Ok(Some((fact.as_str().to_owned(), value)))
    }

    fn tags_uid(&self, fact: Fact) -> EntityUid {
        let kind = match fact {
            Fact::EncryptionContext | Fact::FoldedEncryptionContext => {
                &self.vocabulary.encryption_context
            }
            _ => &self.vocabulary.tags,
        };
        uid(kind, fact.as_str())
    }

    fn tags_entity(&self, fact: Fact) -> Result<Entity, String> {
        let tags: Attributes = if fact == Fact::EncryptionContext {
            self.encryption_context().map(|(key, value)| pair(key, value)).collect()
        } else {
            self.folded(fact)?.iter().map(|(key, value)| pair(key, value)).collect()
        };
        Entity::new_with_tags(self.tags_uid(fact), Attributes::new(), [], tags)
            .map_err(|error| error.to_string())
    }

    fn principal_attributes(&self) -> Attributes {
        let mut attributes = vec![self.account(self.question.caller.principal.account())];
        match &self.question.caller.principal {
            Principal::User { name, .. } => attributes.push(pair("name", name)),
            Principal::RoleSession { role_name, name, .. } => {
                attributes.extend([pair("roleName", role_name), pair("name", name)]);
            }
            Principal::WebIdentity { provider, audience, subject, .. } => attributes.extend([
                pair("provider", &provider.to_lowercase()),
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
            Resource::Attribute { schema, name, labels, .. } => {
                let labels = labels.iter().map(|label| text(label));
                attributes.extend([
                    pair("schema", schema),
                    pair("name", name),
                    pair("path", &format!("{schema}/attribute/{name}")),
                    ("labels".to_owned(), RestrictedExpression::new_set(labels)),
                ]);
            }
            Resource::AuditLog { .. } => {}
        }
        attributes
    }

    fn account(&self, account: &AccountId) -> (String, RestrictedExpression) {
        let account = uid(&self.vocabulary.account, account.as_str());
        ("account".to_owned(), RestrictedExpression::new_entity_uid(account))
    }
}

/// The value of `fact` in Cedar's terms.
fn expression(fact: Fact, value: &Value<'_>) -> Result<RestrictedExpression, String> {
    Ok(match value {
        Value::Bool(value) => RestrictedExpression::new_bool(*value),
        Value::Number(value) => RestrictedExpression::new_long(*value),
        Value::Date(ms) => RestrictedExpression::new_datetime(timestamp::iso_8601(*ms)),
        // Cedar refuses IPv4 addresses in IPv6 clothes.
        Value::Ip(ip) => RestrictedExpression::new_ip(ip.to_canonical().to_string()),
        Value::Text(value) if fact.kind() == Kind::Arn => {
            let arn = Arn::parse(value).ok_or_else(|| format!("{} is no ARN", fact.as_str()))?;
            let Arn { partition, service, region, account, resource } = arn;
            RestrictedExpression::new_record([
                pair("partition", partition),
                pair("service", service),
                pair("region", region),
                pair("account", account),
                pair("resource", resource),
            ])
            .map_err(|error| error.to_string())?
        }
        Value::Text(value) => text(value),
        Value::Texts(list) => RestrictedExpression::new_set(list.iter().map(|item| text(item))),
        Value::Tags(_) => return Err(format!("{} is no attribute", fact.as_str())),
    })
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
        Resource::Attribute { account: owner, schema, name, .. } => {
            let schema = format!("{owner}/{schema}");
            let ancestors = vec![uid(&names.item_schema, &schema), account];
            return Chain { uid: uid(&names.attribute, &format!("{schema}/{name}")), ancestors };
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
