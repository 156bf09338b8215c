//! What is different between two versions of a schema, and whether items of the
//! old one still open under the new one.
//!
//! On decryption the schema says which attributes are signed, and the item's own
//! header which of them are encrypted (Database Encryption SDK developer guide,
//! "Updating your data model"). So an attribute may be encrypted or signed in
//! turns, but what was signed can never be unsigned, nor the other way round:
//! an item that has it would no longer verify.

pub(super) mod reading;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::document::{Action, AlgorithmSuite, SchemaDocument};
use super::path_changes;

pub use reading::forgotten;

/// Whether a change can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Items there are open as before, and whoever still has the old version
    /// opens new ones.
    Safe,
    /// Items there are open as before; something else wants care.
    Careful,
    /// Items there may be would no longer open.
    Unsafe,
}

impl Class {
    /// The class in a word, as in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Careful => "careful",
            Self::Unsafe => "unsafe",
        }
    }
}

/// A kind of change.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, which never changes.
    pub name: &'static str,
    pub class: Class,
    /// Why it is of this class, and what to do.
    pub why: &'static str,
}

/// One thing that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    pub class: Class,
    /// Name of the [`Rule`].
    pub rule: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// What is different.
    pub what: String,
    pub why: &'static str,
}

const fn rule(class: Class, name: &'static str, why: &'static str) -> Rule {
    Rule { name, class, why }
}

const TABLE_NAME: Rule = rule(
    Class::Unsafe,
    "table-name",
    "the logical table name is bound to every item: keep it, whatever the table itself is called",
);
pub(super) const KEY_NAME: Rule = rule(
    Class::Unsafe,
    "key-name",
    "the names of the key attributes are bound to every item: use another schema for another table",
);
pub(super) const SIGNED_TO_UNSIGNED: Rule = rule(
    Class::Unsafe,
    "signed-to-unsigned",
    "an item that has it was signed with it and would no longer verify: use another name for what \
     is not signed",
);
pub(super) const UNSIGNED_TO_SIGNED: Rule = rule(
    Class::Unsafe,
    "unsigned-to-signed",
    "an item that has it was signed without it and would no longer verify: keep it unsigned, and \
     use another name for what is signed",
);
pub(super) const ADDED: Rule = rule(
    Class::Safe,
    "attribute-added",
    "no item has it yet, and readers with the old version verify it as well",
);
pub(super) const REMOVED: Rule = rule(
    Class::Careful,
    "attribute-removed",
    "items that have it still open, but are refused when they are encrypted again: take it off \
     them, or keep its action",
);
const UNSIGNED_ADDED: Rule = rule(
    Class::Careful,
    "unsigned-added",
    "readers with the old version refuse items that have it: update them before such items are \
     written",
);
pub(super) const ENCRYPTED_TO_SIGNED: Rule = rule(
    Class::Careful,
    "encrypted-to-signed",
    "items there are open as before; new ones hold its value in plaintext: be sure that is meant",
);
pub(super) const SIGNED_TO_ENCRYPTED: Rule = rule(
    Class::Safe,
    "signed-to-encrypted",
    "items there are open as before; they hold its value in plaintext until they are encrypted again",
);
const SIGNED_TO_CONTEXT: Rule = rule(
    Class::Careful,
    "signed-to-context",
    "every new item must have it, and its value will stand in the records of key uses",
);
const CONTEXT_TO_SIGNED: Rule = rule(
    Class::Safe,
    "context-to-signed",
    "items there keep it in their encryption context and open as before",
);
const FORMAT_RAISED: Rule = rule(
    Class::Careful,
    "format-version-2",
    "items of both versions open, but SDKs older than 3.3 cannot read version 2: update them first",
);
const FORMAT_LOWERED: Rule =
    rule(Class::Safe, "format-version-1", "items of both versions open as before");
const SUITE_STRONGER: Rule = rule(
    Class::Safe,
    "suite-stronger",
    "items of both suites open; those there are keep theirs until they are encrypted again",
);
const SUITE_WEAKER: Rule = rule(
    Class::Careful,
    "suite-weaker",
    "items of both suites open, but whoever can decrypt a new item can also forge one",
);
const KEY: Rule = rule(
    Class::Safe,
    "key",
    "new items use the new keys; the keys of all earlier versions still open theirs",
);
const NOT_IN_ITEMS: Rule =
    rule(Class::Safe, "not-in-items", "it says how items are used and is no part of them");
pub(super) const NOT_COMPARED: Rule = rule(
    Class::Unsafe,
    "not-compared",
    "whether documents there are still open cannot be told: use fewer paths with *, or another \
     schema",
);
pub(super) const READING_LOOSENED: Rule = rule(
    Class::Careful,
    "reading-loosened",
    "it is asked about items there are, too, of which more may be shown than before: look through \
     the policies first",
);
const NO_EFFECT: Rule = rule(
    Class::Safe,
    "no-effect",
    "another way to say the same: every attribute, and every place of a document, is treated as before",
);

/// Every kind of change.
pub const RULES: &[Rule] = &[
    TABLE_NAME,
    KEY_NAME,
    SIGNED_TO_UNSIGNED,
    UNSIGNED_TO_SIGNED,
    NOT_COMPARED,
    REMOVED,
    UNSIGNED_ADDED,
    ENCRYPTED_TO_SIGNED,
    SIGNED_TO_CONTEXT,
    FORMAT_RAISED,
    SUITE_WEAKER,
    READING_LOOSENED,
    ADDED,
    SIGNED_TO_ENCRYPTED,
    CONTEXT_TO_SIGNED,
    FORMAT_LOWERED,
    SUITE_STRONGER,
    KEY,
    NOT_IN_ITEMS,
    NO_EFFECT,
];

/// Places in documents at which two schemas are compared.
const PLACES: usize = 20_000;
/// The same for all versions together: no other schema is put meanwhile.
const PLACES_OF_VERSIONS: usize = 200_000;
/// One line of a history, bytes: names can be long.
const SUMMARY_BYTES: usize = 512;

/// What is different in `new`; the worst first.
#[must_use]
pub fn between(old: &SchemaDocument, new: &SchemaDocument) -> Vec<Change> {
    let mut left = PLACES;
    between_within(old, new, &mut left)
}

fn between_within(old: &SchemaDocument, new: &SchemaDocument, left: &mut usize) -> Vec<Change> {
    let mut changes = Vec::new();
    names(old, new, &mut changes);
    attributes(old, new, &mut changes);
    prefix(old, new, &mut changes);
    path_changes::add(old, new, left, &mut changes);
    suite_and_version(old, new, &mut changes);
    reading::add(old, new, &mut changes);
    other_members(old, new, &mut changes);
    if changes.is_empty() && old != new {
        let what = match new.kind {
            None => "unsigned attributes are written otherwise",
            Some(_) => "paths are written otherwise",
        };
        changes.push(change(&NO_EFFECT, None, what));
    }
    changes.sort_by_key(|change| std::cmp::Reverse(change.class));
    changes
}

/// What is different in `new` so that items of one of the earlier versions would
/// no longer open, with the number of that version: a change that is safe against
/// the last version may be unsafe against one before it.
pub fn breaking<'a>(
    earlier: impl Iterator<Item = (i64, &'a SchemaDocument)>,
    new: &SchemaDocument,
) -> impl Iterator<Item = (i64, Change)> {
    let mut left = PLACES_OF_VERSIONS;
    earlier.flat_map(move |(version, old)| {
        let mut of_this = left.min(PLACES);
        let given = of_this;
        let changes = between_within(old, new, &mut of_this).into_iter();
        left = left.saturating_sub(given.saturating_sub(of_this));
        changes.filter(|change| change.class == Class::Unsafe).map(move |change| (version, change))
    })
}

/// Everything in one line, for a history.
#[must_use]
pub fn summary(changes: &[Change]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<&str> = changes.iter().take(SHOWN).map(|change| change.what.as_str()).collect();
    let mut line = shown.join("; ");
    if line.len() > SUMMARY_BYTES {
        line.truncate(line.floor_char_boundary(SUMMARY_BYTES));
        line.push_str("...");
    }
    match changes.len().saturating_sub(SHOWN) {
        0 => line,
        more => format!("{line}; and {more} more"),
    }
}

pub(super) fn change(rule: &Rule, attribute: Option<&str>, what: impl Into<String>) -> Change {
    let Rule { name, class, why } = *rule;
    let attribute = attribute.map(str::to_owned);
    Change { class, rule: name, attribute, what: what.into(), why }
}

fn names(old: &SchemaDocument, new: &SchemaDocument, changes: &mut Vec<Change>) {
    let mut compare = |rule: &Rule, member: &str, old: Option<&str>, new: Option<&str>| {
        if old != new {
            let shown =
                |name: Option<&str>| name.map_or("none".to_owned(), |name| format!("`{name}`"));
            let what = format!("{member}: {} -> {}", shown(old), shown(new));
            changes.push(change(rule, None, what));
        }
    };
    compare(&TABLE_NAME, "tableName", Some(&old.table_name), Some(&new.table_name));
    let (before, after) = (&old.partition_key_name, &new.partition_key_name);
    compare(&KEY_NAME, "partitionKeyName", Some(before), Some(after));
    let (before, after) = (old.sort_key_name.as_deref(), new.sort_key_name.as_deref());
    compare(&KEY_NAME, "sortKeyName", before, after);
}

/// What a schema makes of an attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Treatment {
    /// Refused on encryption, verified on decryption.
    None,
    Signed(Action),
    Unsigned,
}

impl Treatment {
    fn of(document: &SchemaDocument, name: &str) -> Self {
        match document.attribute_actions_on_encrypt.get(name) {
            _ if !document.is_signed(name) => Self::Unsigned,
            Some(action) => Self::Signed(*action),
            None => Self::None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::None => "no action",
            Self::Unsigned => "unsigned",
            Self::Signed(action) => action.as_str(),
        }
    }
}

fn attributes(old: &SchemaDocument, new: &SchemaDocument, changes: &mut Vec<Change>) {
    let names: BTreeSet<&String> = [old, new]
        .into_iter()
        .flat_map(|of| {
            of.attribute_actions_on_encrypt.keys().chain(&of.allowed_unsigned_attributes)
        })
        .collect();
    for name in names {
        let (before, after) = (Treatment::of(old, name), Treatment::of(new, name));
        let Some(rule) = rule_of(before, after) else { continue };
        let what = format!("`{name}`: {} -> {}", before.as_str(), after.as_str());
        changes.push(change(rule, Some(name), what));
    }
}

fn rule_of(before: Treatment, after: Treatment) -> Option<&'static Rule> {
    use Action::{EncryptAndSign, SignAndIncludeInEncryptionContext};
    Some(match (before, after) {
        (before, after) if before == after => return None,
        (Treatment::None, Treatment::Unsigned) => &UNSIGNED_ADDED,
        (Treatment::None, Treatment::Signed(SignAndIncludeInEncryptionContext)) => {
            &SIGNED_TO_CONTEXT
        }
        (Treatment::None, _) => &ADDED,
        (Treatment::Signed(_), Treatment::None) => &REMOVED,
        (_, Treatment::Unsigned) => &SIGNED_TO_UNSIGNED,
        (Treatment::Unsigned, _) => &UNSIGNED_TO_SIGNED,
        (_, Treatment::Signed(EncryptAndSign)) => &SIGNED_TO_ENCRYPTED,
        (Treatment::Signed(EncryptAndSign), _) => &ENCRYPTED_TO_SIGNED,
        (_, Treatment::Signed(SignAndIncludeInEncryptionContext)) => &SIGNED_TO_CONTEXT,
        (Treatment::Signed(_), Treatment::Signed(_)) => &CONTEXT_TO_SIGNED,
    })
}

/// A prefix stands for every name that begins like it.
fn prefix(old: &SchemaDocument, new: &SchemaDocument, changes: &mut Vec<Change>) {
    let before = old.allowed_unsigned_attribute_prefix.as_deref();
    let after = new.allowed_unsigned_attribute_prefix.as_deref();
    let is_within =
        |inner: &str, outer: Option<&str>| outer.is_some_and(|outer| inner.starts_with(outer));
    if let Some(before) = before.filter(|before| !is_within(before, after)) {
        let what = format!("names that begin with `{before}`: unsigned -> signed");
        changes.push(change(&UNSIGNED_TO_SIGNED, None, what));
    }
    if let Some(after) = after.filter(|after| !is_within(after, before)) {
        let what = format!("names that begin with `{after}`: unsigned from now on");
        changes.push(change(&UNSIGNED_ADDED, None, what));
    }
}

fn suite_and_version(old: &SchemaDocument, new: &SchemaDocument, changes: &mut Vec<Change>) {
    let number = |suite: AlgorithmSuite| match suite {
        AlgorithmSuite::HmacOnly => "0x6700",
        AlgorithmSuite::EcdsaP384 => "0x6701",
    };
    let (before, after) = (old.algorithm_suite, new.algorithm_suite);
    if before != after {
        let rule = match after {
            AlgorithmSuite::HmacOnly => &SUITE_WEAKER,
            AlgorithmSuite::EcdsaP384 => &SUITE_STRONGER,
        };
        let what = format!("algorithmSuite: {} -> {}", number(before), number(after));
        changes.push(change(rule, None, what));
    }
    match (old.has_context_attributes(), new.has_context_attributes()) {
        (false, true) => changes.push(change(&FORMAT_RAISED, None, "format version: 1 -> 2")),
        (true, false) => changes.push(change(&FORMAT_LOWERED, None, "format version: 2 -> 1")),
        _ => {}
    }
}

/// Members that no single rule compares.
fn other_members(old: &SchemaDocument, new: &SchemaDocument, changes: &mut Vec<Change>) {
    // Whoever adds a member must say here what a change of it means.
    let SchemaDocument {
        kind: _,
        table_name: _,
        partition_key_name: _,
        sort_key_name: _,
        key_id,
        additional_key_ids,
        attribute_actions_on_encrypt: _,
        allowed_unsigned_attributes: _,
        allowed_unsigned_attribute_prefix: _,
        id_paths: _,
        path_actions_on_encrypt: _,
        default_action: _,
        algorithm_suite: _,
        attributes,
        purposes,
        field_reads,
    } = old;
    if let (Some(before), Some(after)) = (key_id, &new.key_id) {
        if before != after {
            changes.push(change(&KEY, None, format!("keyId: `{before}` -> `{after}`")));
        }
    } else {
        let there = (key_id.is_some(), new.key_id.is_some());
        member(&KEY, "keyId", there.0 != there.1, there, changes);
    }
    let (before, after) = (additional_key_ids, &new.additional_key_ids);
    let there = (!before.is_empty(), !after.is_empty());
    member(&KEY, "additionalKeyIds", before != after, there, changes);
    let there = (!attributes.is_empty(), !new.attributes.is_empty());
    member(&NOT_IN_ITEMS, "attributes", *attributes != new.attributes, there, changes);
    let there = (!field_reads.is_default(), !new.field_reads.is_default());
    member(&NOT_IN_ITEMS, "fieldReads", *field_reads != new.field_reads, there, changes);
    let there = (!purposes.are_open(), !new.purposes.are_open());
    member(&NOT_IN_ITEMS, "purposes", *purposes != new.purposes, there, changes);
}

/// Adds a member that is compared as a whole. `there` tells whether it was, and is,
/// there.
fn member(
    rule: &Rule,
    name: &str,
    is_different: bool,
    there: (bool, bool),
    changes: &mut Vec<Change>,
) {
    let what = match there {
        _ if !is_different => return,
        (false, _) => "added",
        (_, false) => "removed",
        _ => "changed",
    };
    changes.push(change(rule, None, format!("{name}: {what}")));
}
