//! JSON documents on their way through the operations on items: how their
//! values are named to the policy, and how they are answered.

use std::collections::BTreeSet;

use serde_json::value::RawValue;
use zeroize::Zeroize;

use super::batch::{Converted, Refusal};
use super::reading::{OnWithheld, Wanted};
use super::views::{Shown, View, Views, pseudonym, withheld};
use crate::hsm::Hsm;
use crate::items::attribute::AttributeValue;
use crate::items::document::decrypt::{
    Disclosure, EncryptedValue, Opened, ParsedDocument, VerifiedDocument,
};
use crate::items::document::{Document, Value};
use crate::items::mask::mask;
use crate::items::schemas::StoredSchema;
use crate::wire::error::ApiError;

/// The paths that the encrypted values of `document` count as, as they are
/// written in the schema.
pub(super) fn names(document: &ParsedDocument) -> Vec<String> {
    let mut names = BTreeSet::new();
    for value in document.encrypted_values() {
        for name in value.names {
            if !names.contains(name) {
                names.insert(name.to_owned());
            }
        }
    }
    names.into_iter().collect()
}

/// Writes a document.
pub(super) fn print(document: &Document) -> Result<Box<RawValue>, Refusal> {
    serde_json::value::to_raw_value(document)
        .map_err(|error| Refusal::from(&ApiError::internal(error)))
}

/// The paths of what was masked and withheld. A path of which one value was
/// shown as it is counts as read, whatever became of its others.
fn shown(values: &[(String, Vec<String>)], masked: &[String], withheld: &[String]) -> Shown {
    let (mut least, mut middle, mut most) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let masked: BTreeSet<&String> = masked.iter().collect();
    let withheld: BTreeSet<&String> = withheld.iter().collect();
    for (pointer, names) in values {
        let names = names.iter().cloned();
        if withheld.contains(pointer) {
            least.extend(names);
        } else if masked.contains(pointer) {
            middle.extend(names);
        } else {
            most.extend(names);
        }
    }
    middle.retain(|name| !most.contains(name));
    least.retain(|name| !most.contains(name) && !middle.contains(name));
    Shown { masked: middle.into_iter().collect(), withheld: least.into_iter().collect() }
}

impl Views {
    /// Decrypts what is seen of `document`. What is withheld or not wanted is not
    /// decrypted at all; it is told by where it stands.
    pub(super) fn open_document(
        &self,
        stored: &StoredSchema,
        hsm: &Hsm,
        wanted: &Wanted,
        document: VerifiedDocument,
    ) -> Result<(Converted, Shown), Refusal> {
        let owned = |value: EncryptedValue<'_>| {
            let names = value.names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            (value.pointer, names)
        };
        let is_asked = |value: &EncryptedValue<'_>| value.names.iter().all(|name| wanted.has(name));
        let values: Vec<_> = document.encrypted_values().filter(is_asked).map(owned).collect();
        let opened =
            document.decrypt(|value| self.disclosure(stored, hsm, wanted, &value.names))?;
        if wanted.on_withheld == OnWithheld::Error
            && let Some(pointer) = opened.withheld.first()
        {
            return Err(withheld(pointer, "its mask does not apply to its value"));
        }
        let Opened { document, masked, withheld } = opened;
        let shown = shown(&values, &masked, &withheld);
        Ok((Converted { item: print(&document)?, masked, withheld }, shown))
    }

    /// How a value is seen that counts as all of `names`: as the one of them is
    /// that shows the least.
    fn disclosure<'a>(
        &'a self,
        stored: &'a StoredSchema,
        hsm: &'a Hsm,
        wanted: &Wanted,
        names: &[&str],
    ) -> Disclosure<'a> {
        if !names.iter().all(|name| wanted.has(name)) {
            return Disclosure::Unasked;
        }
        let mut masked = None;
        for name in names {
            match self.find(name) {
                Some((_, View::Plain)) => {}
                Some((name, View::Masked(rule))) => masked = Some((name, rule)),
                Some((_, View::Withheld(_))) | None => return Disclosure::Withheld,
            }
        }
        let Some((name, rule)) = masked else { return Disclosure::Plain };
        Disclosure::Masked(Box::new(move |value| {
            let mut value = value.to_attribute();
            let left = mask(rule, &value, |value| pseudonym(stored, hsm, name, value));
            value.zeroize();
            match left {
                Some(AttributeValue::S(text)) => Some(Value::String(text)),
                _ => None,
            }
        }))
    }
}
