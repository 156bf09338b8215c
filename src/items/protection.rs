//! What a schema says of reading: what each attribute is (labels that policies
//! speak of), how it looks to somebody who may see it masked only, and which
//! purposes there are to read items for.
//!
//! Deliberately absent: who may read what. That is said by policies, and asked by
//! `operations`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::error::{ItemError, ItemErrorCode};
use crate::base::limits::{
    ATTRIBUTE_LABEL_BYTES, ATTRIBUTE_LABELS, MASK_CONSTANT_BYTES, MASK_KEPT_CHARS, PURPOSE_BYTES,
    PURPOSES,
};

/// What a schema says of reading one attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Protection {
    /// Classes of data that it is of, such as `pii`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
    /// How it looks to who may see it masked; if left out, to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Mask>,
    /// Whether it is in plaintext on purpose, although its name looks sensitive: said to
    /// the linter alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub plaintext: bool,
}

/// What is left of a value. A value to which a rule does not apply is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mask {
    /// The last characters of a text or digits of a number that has at least twice
    /// as many.
    KeepLast(usize),
    /// First letter and domain of an e-mail address.
    Email,
    /// The year of a date in ISO 8601.
    Year,
    /// A name that is the same for the same value of the same attribute.
    Hash,
    /// This text, whatever the value.
    Constant(String),
}

/// What items may be read for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Purposes {
    /// Whether who reads must say what for.
    #[serde(default)]
    pub required: bool,
    /// The purposes that can be said; if left out, any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<BTreeSet<String>>,
}

impl Purposes {
    /// Whether nothing is demanded.
    pub(super) fn are_open(&self) -> bool {
        *self == Self::default()
    }

    /// Checks what a caller said.
    ///
    /// # Errors
    /// The rule that it breaks, and how to keep it.
    pub fn check(&self, said: Option<&str>) -> Result<(), String> {
        let of_these = || match &self.allowed {
            None => String::new(),
            Some(allowed) => {
                let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
                format!(" It is one of: {}.", allowed.join(", "))
            }
        };
        match said {
            None if self.required => Err(format!(
                "The schema demands a purpose: say it with the member purpose or the header \
                 x-wardbook-purpose.{}",
                of_these()
            )),
            Some(said) if self.allowed.as_ref().is_some_and(|allowed| !allowed.contains(said)) => {
                Err(format!("The schema does not have this purpose.{}", of_these()))
            }
            _ => Ok(()),
        }
    }
}

/// Whether `text` can be a purpose: printable ASCII without blanks at its ends.
#[must_use]
pub fn is_purpose(text: &str) -> bool {
    let printable = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    (1..=PURPOSE_BYTES).contains(&text.len()) && printable && text.trim() == text
}

/// Checks what a schema says of its attributes. `is_known` tells which it has, and
/// `is_encrypted` which of them it encrypts.
///
/// # Errors
/// `InvalidSchema` with the rule, the attribute and the remedy.
pub(super) fn check(
    attributes: &BTreeMap<String, Protection>,
    purposes: &Purposes,
    is_known: impl Fn(&str) -> bool,
    is_encrypted: impl Fn(&str) -> bool,
) -> Result<(), ItemError> {
    for (name, protection) in attributes {
        if !is_known(name) {
            let text = format!(
                "`attributes` has `{name}`, for which attributeActionsOnEncrypt has no action: \
                 names of attributes tell upper from lower case"
            );
            return Err(invalid(text).of(name));
        }
        protection.check().map_err(|text| invalid(text).of(name))?;
        if protection.plaintext && is_encrypted(name) {
            let text = format!(
                "`attributes` says that `{name}` is in plaintext on purpose, and its action encrypts \
                 it: leave `plaintext` out"
            );
            return Err(invalid(text).of(name));
        }
    }
    let Some(allowed) = &purposes.allowed else { return Ok(()) };
    if !(1..=PURPOSES).contains(&allowed.len()) {
        return Err(invalid(format!("purposes.allowed has 1 to {PURPOSES} purposes")));
    }
    match allowed.iter().all(|purpose| is_purpose(purpose)) {
        true => Ok(()),
        false => Err(invalid(format!(
            "a purpose has 1 to {PURPOSE_BYTES} printable ASCII characters, and no blanks at its ends"
        ))),
    }
}

impl Protection {
    fn check(&self) -> Result<(), String> {
        if self.labels.len() > ATTRIBUTE_LABELS {
            return Err(format!("an attribute has at most {ATTRIBUTE_LABELS} labels"));
        }
        let is_label = |label: &String| {
            (1..=ATTRIBUTE_LABEL_BYTES).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !self.labels.iter().all(is_label) {
            return Err(format!(
                "a label has 1 to {ATTRIBUTE_LABEL_BYTES} printable ASCII characters and no blanks"
            ));
        }
        match &self.mask {
            Some(Mask::KeepLast(kept)) if !(1..=MASK_KEPT_CHARS).contains(kept) => {
                Err(format!("keepLast is from 1 to {MASK_KEPT_CHARS}"))
            }
            Some(Mask::Constant(text))
                if !(1..=MASK_CONSTANT_BYTES).contains(&text.len())
                    || text.chars().any(char::is_control) =>
            {
                Err(format!(
                    "the constant of a mask has 1 to {MASK_CONSTANT_BYTES} bytes and no control \
                     characters"
                ))
            }
            _ => Ok(()),
        }
    }
}

fn invalid(message: impl Into<String>) -> ItemError {
    ItemError::new(ItemErrorCode::InvalidSchema, message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::items::schema::{Schema, SchemaDocument};

    fn read(attributes: &Value, purposes: &Value) -> Result<Schema, String> {
        let document = json!({
            "tableName": "T", "partitionKeyName": "pk",
            "attributeActionsOnEncrypt": {"pk": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN"},
            "attributes": attributes, "purposes": purposes,
        });
        let document: SchemaDocument =
            serde_json::from_value(document).map_err(|error| error.to_string())?;
        Schema::new(document).map_err(|error| format!("{}: {error}", error.code))
    }

    #[track_caller]
    fn check_refused(attributes: &Value, purposes: &Value, part: &str) {
        let error = read(attributes, purposes).unwrap_err();
        assert!(error.contains(part), "{error}");
    }

    #[test]
    fn documents_keep_what_they_say() {
        for mask in [
            json!({ "keepLast": 4 }),
            json!("email"),
            json!("year"),
            json!("hash"),
            json!({ "constant": "***" }),
        ] {
            let attributes = json!({ "ssn": { "labels": ["fraud", "pii"], "mask": mask } });
            let purposes = json!({ "required": true, "allowed": ["fraud-review"] });
            let schema = read(&attributes, &purposes).unwrap();
            let printed = serde_json::to_value(schema.document()).unwrap();
            assert_eq!((&printed["attributes"], &printed["purposes"]), (&attributes, &purposes));
            assert_eq!(schema.labels("ssn").len(), 2);
            assert!(schema.mask("ssn").is_some() && schema.mask("pk").is_none());
            assert!(schema.labels("SSN").is_empty());
        }
        // A schema without says nothing more than before.
        let printed = serde_json::to_value(read(&json!({}), &json!({})).unwrap().document());
        assert!(
            printed
                .unwrap()
                .as_object()
                .unwrap()
                .keys()
                .all(|key| { key != "attributes" && key != "purposes" })
        );
    }

    #[test]
    fn rules() {
        let ssn = |protection: Value| json!({ "ssn": protection });
        let none = &json!({});
        check_refused(&json!({ "SSN": {} }), none, "no action");
        check_refused(&ssn(json!({ "mask": "all" })), none, "unknown variant");
        check_refused(&ssn(json!({ "label": [] })), none, "unknown field");
        check_refused(&ssn(json!({ "mask": { "keepLast": 0 } })), none, "from 1 to 16");
        check_refused(&ssn(json!({ "mask": { "keepLast": 17 } })), none, "from 1 to 16");
        check_refused(&ssn(json!({ "mask": { "constant": "" } })), none, "1 to 64 bytes");
        check_refused(&ssn(json!({ "mask": { "constant": "\n" } })), none, "control");
        check_refused(&ssn(json!({ "labels": [""] })), none, "1 to 64 printable");
        check_refused(&ssn(json!({ "labels": ["p i i"] })), none, "no blanks");
        let many: Vec<String> = (0..17).map(|n| n.to_string()).collect();
        check_refused(&ssn(json!({ "labels": many })), none, "at most 16");
        check_refused(none, &json!({ "allowed": [] }), "1 to 100");
        check_refused(none, &json!({ "allowed": [" x"] }), "blanks");
        check_refused(none, &json!({ "allowed": ["x\u{e4}"] }), "ASCII");
        check_refused(none, &json!({ "needed": true }), "unknown field");
        let twice = r#"{"tableName":"T","partitionKeyName":"pk",
            "attributeActionsOnEncrypt":{"pk":"SIGN_ONLY","ssn":"ENCRYPT_AND_SIGN"},
            "attributes":{"ssn":{"labels":["pii"]},"ssn":{}}}"#;
        let error = serde_json::from_str::<SchemaDocument>(twice).unwrap_err();
        assert!(error.to_string().contains("ssn"), "{error}");
    }

    #[test]
    fn purposes_are_checked() {
        let check = |purposes: Value, said: Option<&str>| {
            read(&json!({}), &purposes).unwrap().document().purposes.check(said)
        };
        let listed = || json!({ "required": true, "allowed": ["fraud-review", "support"] });
        assert_eq!(check(json!({}), None), Ok(()));
        assert_eq!(check(json!({}), Some("anything")), Ok(()));
        assert_eq!(check(listed(), Some("support")), Ok(()));
        assert!(check(listed(), None).unwrap_err().contains("fraud-review, support"));
        assert!(check(listed(), Some("Support")).is_err());
        assert!(check(json!({ "allowed": ["a"] }), Some("b")).is_err());
        assert_eq!(check(json!({ "allowed": ["a"] }), None), Ok(()));
        assert!(check(json!({ "required": true }), None).is_err());
    }
}
