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
use crate::items::document::decrypt::{Disclosure, Opened, VerifiedDocument};
use crate::items::document::{Document, Value};
use crate::items::mask::mask;
use crate::items::protection::Mask;
use crate::items::schemas::StoredSchema;
use crate::wire::error::ApiError;

/// Writes a document.
pub(super) fn print(document: &Document) -> Result<Box<RawValue>, Refusal> {
    serde_json::value::to_raw_value(document)
        .map_err(|error| Refusal::from(&ApiError::internal(error)))
}

/// The paths as the book has them. A path of which one value was shown as it is
/// counts as read, whatever became of its others.
fn shown(
    plain: BTreeSet<String>,
    mut masked: BTreeSet<String>,
    mut withheld: BTreeSet<String>,
) -> Shown {
    masked.retain(|name| !plain.contains(name));
    withheld.retain(|name| !plain.contains(name) && !masked.contains(name));
    let list = |names: BTreeSet<String>| names.into_iter().collect();
    Shown { plain: list(plain), masked: list(masked), withheld: list(withheld) }
}

impl Views {
    /// Decrypts what is seen of `document`; the rest is told by where it stands. What
    /// is withheld or not wanted by the path that decides about it is not decrypted
    /// at all.
    pub(super) fn open_document(
        &self,
        stored: &StoredSchema,
        hsm: &Hsm,
        wanted: &Wanted,
        document: VerifiedDocument,
    ) -> Result<(Converted, Shown), Refusal> {
        let opened =
            document.decrypt(|value| self.disclosure(stored, hsm, wanted, &value.names))?;
        if wanted.on_withheld == OnWithheld::Error
            && let Some(pointer) = opened.withheld.first()
        {
            let why = "no mask applies to its value, or something inside is withheld";
            return Err(withheld(pointer, why));
        }
        let Opened { document, masked, withheld, plain_names, masked_names, withheld_names } =
            opened;
        let shown = shown(plain_names, masked_names, withheld_names);
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
        let mut masked: Option<(&String, &Mask)> = None;
        for name in names {
            match self.find(name) {
                Some((_, View::Plain)) => {}
                Some((name, View::Masked(rule))) => match masked {
                    // Which of two masks shows less, nobody can say.
                    Some((_, other)) if other != rule => return Disclosure::Withheld,
                    Some(_) => {}
                    None => masked = Some((name, rule)),
                },
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
