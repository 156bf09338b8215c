//! Random items, each with a random schema that fits it: any action for any name, any
//! key, any way to leave attributes unsigned, one recipient or several.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;

use super::recipient;
use crate::base::secret::SecretBytes;
use crate::items::attribute::{AttributeValue, Item};
use crate::items::decrypt::ParsedItem;
use crate::items::encrypt::{PreparedItem, WrappedKey};
use crate::items::error::ItemError;
use crate::items::schema::Schema;
use crate::items::serialize::serialize;

/// Bytes of the longest value that goes into an encryption context: ten of them fit.
const CONTEXT_VALUE_BYTES: usize = 500;
const IN_CONTEXT: &str = "SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT";

/// An item, its schema, and the keys that it is encrypted under.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub(super) item: Item,
    pub(super) schema: Schema,
    /// How many there are.
    pub(super) keys: u8,
    /// The one that opens the item.
    opener: u8,
}

impl Drawn {
    /// Its recipients, each with a key of its own; the first is everybody's.
    pub(super) fn recipients(&self) -> Vec<WrappedKey> {
        let recipient = |number: u8| WrappedKey {
            provider_info: format!("arn:aws:kms:us-east-1:111122223333:key/{number}").into(),
            intermediate_key: key(number),
            ..recipient()
        };
        (0..self.keys).map(recipient).collect()
    }

    pub(super) fn encrypt(&self, item: &Item) -> Item {
        let prepared = PreparedItem::prepare(&self.schema, item.clone()).unwrap();
        prepared.finish(&self.recipients(), &mut super::counting_random()).unwrap()
    }

    pub(super) fn decrypt(&self, item: Item) -> Result<Item, ItemError> {
        ParsedItem::parse(&self.schema, item)?.finish(usize::from(self.opener), &key(self.opener))
    }

    /// Name of the partition key.
    pub(super) fn partition_key(&self) -> &str {
        self.schema.key_names().next().unwrap()
    }
}

fn key(number: u8) -> SecretBytes {
    SecretBytes::new(super::INTERMEDIATE_KEY.map(|byte| byte.wrapping_add(number)).to_vec())
}

#[derive(Clone, Copy, Debug)]
enum Treatment {
    Encrypted,
    Signed,
    /// If the format version is 2, and the item has it.
    InContext,
    /// Named as one that is not signed, with an action or without.
    Listed,
    ListedAlone,
}

/// What one attribute is, and whether the item has it.
type Attribute = (AttributeValue, Treatment, bool);

fn name() -> impl Strategy<Value = String> {
    "[:a-e\u{1f600}ж][a-z]{0,3}"
}

fn treatment() -> impl Strategy<Value = Treatment> {
    use Treatment::{Encrypted, InContext, Listed, ListedAlone, Signed};
    prop_oneof![
        3 => Just(Encrypted), 2 => Just(Signed), 2 => Just(InContext), 1 => Just(Listed),
        1 => Just(ListedAlone),
    ]
}

/// What else a schema says.
#[derive(Clone, Debug)]
struct Frame {
    table: String,
    prefix: Option<&'static str>,
    suite: &'static str,
    is_version_two: bool,
}

fn frame() -> impl Strategy<Value = Frame> {
    let prefix = proptest::option::of(select(vec![":", "a", "ж", "\u{1f600}", "bb"]));
    (".{1,12}", prefix, select(vec!["0x6700", "0x6701"]), any::<bool>()).prop_map(
        |(table, prefix, suite, is_version_two)| Frame { table, prefix, suite, is_version_two },
    )
}

/// An item with such values and keys, and a schema that it keeps.
pub(super) fn drawn(
    value: impl Strategy<Value = AttributeValue>,
    keys: impl Strategy<Value = AttributeValue> + Clone,
) -> impl Strategy<Value = Drawn> {
    let attributes = btree_map(name(), (value, treatment(), prop::bool::weighted(0.8)), 0..8);
    let sort = proptest::option::of((name(), keys.clone()));
    (attributes, (name(), keys), sort, frame(), 1..=4_u8, any::<Index>()).prop_map(
        |(attributes, partition, sort, frame, keys, opener)| {
            let sort = sort.filter(|(name, _)| *name != partition.0);
            let (item, schema) = build(attributes, partition, sort, &frame);
            let opener = u8::try_from(opener.index(usize::from(keys))).unwrap();
            Drawn { item, schema, keys, opener }
        },
    )
}

fn build(
    mut attributes: BTreeMap<String, Attribute>,
    partition: (String, AttributeValue),
    sort: Option<(String, AttributeValue)>,
    frame: &Frame,
) -> (Item, Schema) {
    let names = (partition.0.clone(), sort.as_ref().map(|(name, _)| name.clone()));
    let key_names: Vec<&String> =
        [Some(&names.0), names.1.as_ref()].into_iter().flatten().collect();
    attributes.retain(|name, _| !key_names.contains(&name));
    let prefix = frame.prefix.filter(|prefix| !key_names.iter().any(|key| key.starts_with(prefix)));
    let key_action = if frame.is_version_two { IN_CONTEXT } else { "SIGN_ONLY" };
    let mut actions: BTreeMap<String, &str> =
        key_names.iter().map(|name| ((*name).clone(), key_action)).collect();
    let (mut item, mut listed) = (BTreeMap::new(), BTreeSet::new());
    for (name, (value, treatment, is_there)) in attributes {
        let fits = serialize(&value, 0).unwrap().len() <= CONTEXT_VALUE_BYTES;
        let is_unsigned = prefix.is_some_and(|prefix| name.starts_with(prefix));
        let action = match treatment {
            Treatment::ListedAlone => None,
            Treatment::Listed => Some("DO_NOTHING"),
            _ if is_unsigned => Some("DO_NOTHING"),
            Treatment::Encrypted => Some("ENCRYPT_AND_SIGN"),
            Treatment::InContext if frame.is_version_two && is_there && fits => Some(IN_CONTEXT),
            Treatment::Signed | Treatment::InContext => Some("SIGN_ONLY"),
        };
        if matches!(treatment, Treatment::Listed | Treatment::ListedAlone) {
            listed.insert(name.clone());
        }
        actions.extend(action.map(|action| (name.clone(), action)));
        if is_there {
            item.insert(name, value);
        }
    }
    item.extend([Some(partition), sort].into_iter().flatten());
    let mut document = json!({
        "tableName": frame.table, "partitionKeyName": names.0, "keyId": "alias/items",
        "algorithmSuite": frame.suite, "attributeActionsOnEncrypt": actions,
        "allowedUnsignedAttributes": listed,
    });
    for (member, name) in
        [("sortKeyName", names.1.as_deref()), ("allowedUnsignedAttributePrefix", prefix)]
    {
        if let Some(name) = name {
            document[member] = json!(name);
        }
    }
    (Item(item), Schema::new(serde_json::from_value(document).unwrap()).unwrap())
}
