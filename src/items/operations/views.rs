//! How the caller sees each encrypted attribute: plain, masked, or not at all. The
//! policy is asked once a call and attribute.
//!
//! Deliberately absent: rules on single items. Those belong to key policies, which
//! see key names and values of an item in its encryption context.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::batch::Refusal;
use super::reading::{OnWithheld, Wanted};
use crate::base::hex;
use crate::base::limits;
use crate::hsm::Hsm;
use crate::items::attribute::{AttributeValue, Item};
use crate::items::decrypt::VerifiedItem;
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::mask::mask;
use crate::items::protection::Mask;
use crate::items::schemas::StoredSchema;
use crate::items::serialize::serialize;
use crate::ops::access::Access;
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::wire::error::ApiError;
use zeroize::Zeroize;

/// How one attribute is seen.
pub(super) enum View {
    Plain,
    Masked(Mask),
    /// Not at all, and why.
    Withheld(String),
}

/// How each attribute is seen that the policy was asked about. Any other is not.
pub(super) struct Views(BTreeMap<String, View>);

/// What is left of an item.
pub(super) struct Seen {
    pub(super) item: Item,
    pub(super) masked: Vec<String>,
    pub(super) withheld: Vec<String>,
}

/// The names, of those that were asked for, by what was shown: as the book has
/// them. None of what the item does not have.
pub(super) struct Shown {
    pub(super) plain: Vec<String>,
    pub(super) masked: Vec<String>,
    pub(super) withheld: Vec<String>,
}

impl Views {
    /// Asks the policy about the attributes in `names` that are `known`, and notes
    /// the answers. The names are those of headers that nobody has verified: one
    /// that no version of the schema encrypts is withheld unasked, or an item that
    /// was planted could fill the record and the limit with names of its own.
    pub(super) fn decide<'a>(
        access: &mut Access<'_>,
        stored: &StoredSchema,
        known: &BTreeSet<String>,
        names: impl Iterator<Item = &'a String>,
    ) -> Result<Self, ApiError> {
        let names: BTreeSet<&String> = names.filter(|name| known.contains(*name)).collect();
        if names.len() > limits::ATTRIBUTES_DECIDED {
            return Err(ApiError::validation(format!(
                "The items of a batch have at most {} encrypted attributes of different names: \
                 send fewer items, or ask for some attributes only.",
                limits::ATTRIBUTES_DECIDED
            )));
        }
        let mut views = BTreeMap::new();
        for name in names {
            views.insert(name.clone(), view(access, stored, name));
        }
        let views = Self(views);
        access.record_additional("attributes", views.recorded());
        Ok(views)
    }

    /// How attribute `name` is seen; `None` if nobody asked.
    pub(super) fn find(&self, name: &str) -> Option<(&String, &View)> {
        self.0.get_key_value(name)
    }

    /// The names by how they are seen.
    fn recorded(&self) -> Value {
        let mut recorded = Map::new();
        for (name, view) in &self.0 {
            let list = match view {
                View::Plain => "plain",
                View::Masked(_) => "masked",
                View::Withheld(_) => "withheld",
            };
            let list = recorded.entry(list).or_insert_with(|| json!([]));
            if let Value::Array(names) = list {
                names.push(json!(name));
            }
        }
        Value::Object(recorded)
    }

    /// Refuses an item with the encrypted attributes `names` if something of it is
    /// withheld and the caller wants all or nothing: before any key is used for it.
    pub(super) fn check(&self, wanted: &Wanted, names: &[String]) -> Result<(), Refusal> {
        if wanted.on_withheld == OnWithheld::Omit {
            return Ok(());
        }
        let withheld = names.iter().find_map(|name| match self.0.get(name) {
            _ if !wanted.has(name) => None,
            Some(View::Plain | View::Masked(_)) => None,
            Some(View::Withheld(why)) => Some(withheld(name, why)),
            None => Some(withheld(name, "no version of the schema encrypts it")),
        });
        withheld.map_or(Ok(()), Err)
    }

    /// Decrypts what is seen of `item`, whose encrypted attributes are `names`.
    /// What is withheld or not wanted is not decrypted at all.
    pub(super) fn open(
        &self,
        stored: &StoredSchema,
        hsm: &Hsm,
        wanted: &Wanted,
        item: VerifiedItem,
        names: Vec<String>,
    ) -> Result<Seen, Refusal> {
        let is_opened = |name: &str| {
            let seen = matches!(self.0.get(name), Some(View::Plain | View::Masked(_)));
            seen && wanted.has(name)
        };
        let mut item = item.decrypt(is_opened)?;
        let (mut masked, mut withheld) = (Vec::new(), Vec::new());
        for name in names.into_iter().filter(|name| wanted.has(name)) {
            let rule = match self.0.get(&name) {
                Some(View::Plain) => continue,
                Some(View::Masked(rule)) => rule,
                Some(View::Withheld(_)) | None => {
                    withheld.push(name);
                    continue;
                }
            };
            let Some(mut value) = item.0.remove(&name) else { continue };
            let left = mask(rule, &value, |value| pseudonym(stored, hsm, &name, value));
            value.zeroize();
            match left {
                Some(left) => {
                    item.0.insert(name.clone(), left);
                    masked.push(name);
                }
                None if wanted.on_withheld == OnWithheld::Error => {
                    return Err(self::withheld(&name, "its mask does not apply to its value"));
                }
                None => withheld.push(name),
            }
        }
        let schema = &stored.schema;
        item.0.retain(|name, _| wanted.has(name) || schema.key_names().any(|key| key == name));
        Ok(Seen { item, masked, withheld })
    }
}

/// Asks whether the caller may see attribute `name`, then whether masked.
fn view(access: &mut Access<'_>, stored: &StoredSchema, name: &str) -> View {
    let (account, labels) = (&stored.realm.account, stored.labels(name));
    let resource = Resource::Attribute { account, schema: &stored.name, name, labels: &labels };
    let denied = match access.resource(Action::DECRYPT_ATTRIBUTE, resource) {
        Ok(_permit) => return View::Plain,
        Err(denied) => denied,
    };
    if let Some(rule) = stored.schema.mask(name)
        && access.resource(Action::DECRYPT_ATTRIBUTE_MASKED, resource).is_ok()
    {
        return View::Masked(rule.clone());
    }
    View::Withheld(denied.message().unwrap_or("the policy does not allow it").to_owned())
}

/// The name that stands for a value of attribute `name`, in all Regions.
pub(super) fn pseudonym(
    stored: &StoredSchema,
    hsm: &Hsm,
    name: &str,
    value: &AttributeValue,
) -> Option<String> {
    let context = format!("items/{}/{}", stored.realm.account, stored.name);
    let bytes = serialize(value, 0).ok()?;
    let length = u32::try_from(name.len()).ok()?.to_be_bytes();
    let message = zeroize::Zeroizing::new([&length[..], name.as_bytes(), &bytes].concat());
    hsm.pseudonym(context.as_bytes(), &message).ok().map(|name| hex::encode(&name))
}

pub(super) fn withheld(name: &str, why: &str) -> Refusal {
    let text = format!("attribute `{name}` is withheld: {why}");
    ItemError::new(ItemErrorCode::AttributeWithheld, text).of(name).into()
}
