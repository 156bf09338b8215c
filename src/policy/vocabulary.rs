//! The schema's names, parsed once: entity types, actions and action groups.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use cedar_policy::{Entities, EntityId, EntityTypeName, EntityUid, Schema};

use super::actions::Action;
use super::error::Error;

/// `policies/wardbook.cedarschema`, as it was when the program was built.
pub(super) const SCHEMA: &str = include_str!("../../policies/wardbook.cedarschema");

/// The id of the server's own service principal.
pub(super) const SERVER: &str = "wardbook";

/// One field for each entity type that a request can hold.
pub(super) struct Vocabulary {
    pub(super) account: EntityTypeName,
    pub(super) root: EntityTypeName,
    pub(super) user: EntityTypeName,
    pub(super) role: EntityTypeName,
    pub(super) group: EntityTypeName,
    pub(super) role_session: EntityTypeName,
    pub(super) web_identity: EntityTypeName,
    pub(super) oidc_provider: EntityTypeName,
    pub(super) service: EntityTypeName,
    pub(super) key: EntityTypeName,
    pub(super) alias: EntityTypeName,
    pub(super) item_schema: EntityTypeName,
    pub(super) attribute: EntityTypeName,
    pub(super) audit_log: EntityTypeName,
    pub(super) encryption_context: EntityTypeName,
    pub(super) tags: EntityTypeName,
    actions: BTreeMap<Action, ActionNames>,
}

struct ActionNames {
    uid: EntityUid,
    groups: Vec<EntityUid>,
    applies_to: AppliesTo,
}

/// The types of principals and resources that an action applies to. The context
/// has one type for all.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct AppliesTo {
    principals: BTreeSet<String>,
    resources: BTreeSet<String>,
}

impl Vocabulary {
    pub(super) fn new(schema: &Schema) -> Result<Self, Error> {
        let entities = schema
            .action_entities()
            .ok()
            .ok_or(Error::SelfCheck("the schema's action groups form a cycle"))?;
        let actions = Action::ALL
            .into_iter()
            .map(|action| Ok((action, ActionNames::find(action, schema, &entities)?)))
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            account: type_name("Account")?,
            root: type_name("Root")?,
            user: type_name("User")?,
            role: type_name("Role")?,
            group: type_name("Group")?,
            role_session: type_name("RoleSession")?,
            web_identity: type_name("WebIdentity")?,
            oidc_provider: type_name("OidcProvider")?,
            service: type_name("Service")?,
            key: type_name("Key")?,
            alias: type_name("Alias")?,
            item_schema: type_name("ItemSchema")?,
            attribute: type_name("Attribute")?,
            audit_log: type_name("AuditLog")?,
            encryption_context: type_name("EncryptionContext")?,
            tags: type_name("Tags")?,
            actions,
        })
    }

    /// The action's entity uid.
    pub(super) fn action_uid(&self, action: Action) -> Option<&EntityUid> {
        self.actions.get(&action).map(|names| &names.uid)
    }

    /// The groups that the action is in, of any level.
    pub(super) fn action_groups(&self, action: Action) -> &[EntityUid] {
        self.actions.get(&action).map_or(&[], |names| &names.groups)
    }

    /// The actions that are, or are in the group, `uid`.
    pub(super) fn actions_in<'a>(
        &'a self,
        uid: &'a EntityUid,
    ) -> impl Iterator<Item = Action> + 'a {
        self.actions.iter().filter(move |(_, names)| names.is_in(uid)).map(|(action, _)| *action)
    }

    /// One of `actions` for each combination of types that some of them apply
    /// to: what holds of an expression's types with these, holds with all.
    pub(super) fn representatives(&self, actions: &BTreeSet<Action>) -> Vec<Action> {
        let mut of_types = BTreeMap::new();
        for action in actions {
            if let Some(names) = self.actions.get(action) {
                of_types.entry(&names.applies_to).or_insert(*action);
            }
        }
        of_types.into_values().collect()
    }
}

impl ActionNames {
    fn find(action: Action, schema: &Schema, entities: &Entities) -> Result<Self, Error> {
        let uid = uid(&type_name("Action")?, action.as_str());
        if entities.get(&uid).is_none() {
            return Err(Error::Unknown(uid.to_string()));
        }
        let groups = entities.ancestors(&uid).into_iter().flatten().cloned().collect();
        let unknown = || Error::Unknown(uid.to_string());
        let principals = schema.principals_for_action(&uid).ok_or_else(unknown)?;
        let resources = schema.resources_for_action(&uid).ok_or_else(unknown)?;
        let applies_to = AppliesTo {
            principals: principals.map(ToString::to_string).collect(),
            resources: resources.map(ToString::to_string).collect(),
        };
        Ok(Self { uid, groups, applies_to })
    }

    fn is_in(&self, group: &EntityUid) -> bool {
        self.uid == *group || self.groups.contains(group)
    }
}

/// The uid of type `name` with this id.
pub(super) fn uid(name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id))
}

pub(super) fn type_name(name: &str) -> Result<EntityTypeName, Error> {
    EntityTypeName::from_str(name).ok().ok_or_else(|| Error::Unknown(name.to_owned()))
}
