//! Whether more may be shown of what is encrypted already. Labels, masks and
//! purposes are no part of an item: those in force are asked about old items, too.
//!
//! What a policy makes of a label nobody here knows: it may forbid what has it, or
//! permit it. A label that is taken away is told, one that is added is not.

use std::collections::BTreeSet;

use super::{Change, READING_LOOSENED, change};
use crate::items::protection::{Mask, Purposes};
use crate::items::schema::SchemaDocument;

/// Adds what is different of purposes and of attributes of items.
pub(super) fn add(old: &SchemaDocument, new: &SchemaDocument, changes: &mut Vec<Change>) {
    let purposes = purposes_loosened(&old.purposes, &new.purposes);
    if !purposes.is_empty() {
        let what = format!("purposes: {}", purposes.join(", "));
        changes.push(change(&READING_LOOSENED, None, what));
    }
    let names: BTreeSet<&String> = old.attributes.keys().chain(new.attributes.keys()).collect();
    for name in names {
        // One that is gone keeps its labels, and one that is new is in no item yet.
        let has_action = |of: &SchemaDocument| of.attribute_actions_on_encrypt.contains_key(name);
        if !has_action(old) || !has_action(new) {
            continue;
        }
        let labels = labels_removed(old, name, new, name);
        let loosened: Vec<String> =
            labels.into_iter().chain(mask_loosened(old, name, new, name)).collect();
        if !loosened.is_empty() {
            let what = format!("`{name}`: {}", loosened.join(", "));
            changes.push(change(&READING_LOOSENED, Some(name), what));
        }
    }
}

/// What `new` says of an attribute or path that was taken away once, with the labels
/// in `former`, and is there again without them all.
#[must_use]
pub fn forgotten<'a>(
    former: impl Iterator<Item = (&'a String, &'a BTreeSet<String>)>,
    new: &SchemaDocument,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, labels) in former {
        let is_back = new.attribute_actions_on_encrypt.contains_key(name)
            || new.path_actions_on_encrypt.contains_key(name);
        let removed = without(labels, new, name);
        if let Some(removed) = removed.filter(|_| is_back) {
            let what = format!("`{name}`: {removed}");
            changes.push(change(&READING_LOOSENED, Some(name), what));
        }
    }
    changes
}

/// The labels of `old_name` that `new_name` does not have.
pub(in crate::items::schema) fn labels_removed(
    old: &SchemaDocument,
    old_name: &str,
    new: &SchemaDocument,
    new_name: &str,
) -> Option<String> {
    without(&old.attributes.get(old_name)?.labels, new, new_name)
}

fn without(labels: &BTreeSet<String>, new: &SchemaDocument, name: &str) -> Option<String> {
    let has = |label: &String| {
        new.attributes.get(name).is_some_and(|protection| protection.labels.contains(label))
    };
    let removed: Vec<String> =
        labels.iter().filter(|label| !has(label)).map(|label| format!("`{label}`")).collect();
    (!removed.is_empty()).then(|| format!("without label {}", removed.join(", ")))
}

/// Whether the mask of `new_name` may show what that of `old_name` did not.
pub(in crate::items::schema) fn mask_loosened(
    old: &SchemaDocument,
    old_name: &str,
    new: &SchemaDocument,
    new_name: &str,
) -> Option<String> {
    let mask =
        |of: &'_ SchemaDocument, name: &str| of.attributes.get(name).and_then(|of| of.mask.clone());
    let (before, after) = (mask(old, old_name), mask(new, new_name));
    let is_looser = match (&before, &after) {
        (_, None | Some(Mask::Constant(_))) => false,
        (Some(Mask::KeepLast(before)), Some(Mask::KeepLast(after))) => after > before,
        (before, after) => before != after,
    };
    is_looser.then(|| match before {
        None => "with a mask, which shows a part".to_owned(),
        Some(_) => "with another mask".to_owned(),
    })
}

fn purposes_loosened(before: &Purposes, after: &Purposes) -> Vec<&'static str> {
    let mut loosened = Vec::new();
    if before.required && !after.required {
        loosened.push("none need be said any more");
    }
    let is_wider = match (&before.allowed, &after.allowed) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(before), Some(after)) => !after.is_subset(before),
    };
    if is_wider {
        loosened.push("more of them are allowed");
    }
    loosened
}
