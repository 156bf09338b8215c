//! What a caller of DecryptItems asks for: which items, which of their attributes,
//! and what for.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::NAME;
use super::batch::{self, Format};
use super::body;
use super::pin::SCHEMA_HASH;
use crate::base::limits;
use crate::items::protection::is_purpose;
use crate::items::schema::Schema;
use crate::ops::call::Call;
use crate::ops::facts::Facts;
use crate::ops::operation::{Description, ReadInput};
use crate::ops::pipeline;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

/// The member that may also stand in the header `x-wardbook-purpose`.
const PURPOSE: Member = Member::optional("purpose", text(1, limits::PURPOSE_BYTES));

pub(super) const INPUT: &[Member] = &[
    NAME,
    batch::ITEMS,
    batch::FORMAT,
    Member::optional(
        "attributes",
        Shape::List {
            of: &text(1, limits::ATTRIBUTES_ASKED_BYTES),
            min: 1,
            max: limits::ATTRIBUTES_ASKED,
        },
    ),
    PURPOSE,
    SCHEMA_HASH,
    Member::optional("onWithheld", Shape::Enum(&["omit", "error"])),
];

/// What becomes of an item of which something is withheld.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OnWithheld {
    /// It is answered without.
    #[default]
    Omit,
    /// It is refused.
    Error,
}

/// What a caller asks for.
pub(super) struct Reading {
    pub(super) name: String,
    pub(super) format: Format,
    pub(super) items: Vec<Box<RawValue>>,
    pub(super) purpose: Option<String>,
    /// The schema that the caller expects.
    pub(super) schema_hash: Option<String>,
    pub(super) wanted: Wanted,
}

/// What of an item is wanted.
#[derive(Clone)]
pub(super) struct Wanted {
    /// These and the key attributes only; all, if nothing was said.
    attributes: Option<BTreeSet<String>>,
    pub(super) on_withheld: OnWithheld,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    items: Vec<Box<RawValue>>,
    #[serde(default)]
    format: Format,
    attributes: Option<BTreeSet<String>>,
    purpose: Option<String>,
    schema_hash: Option<String>,
    #[serde(default)]
    on_withheld: OnWithheld,
}

/// What it is like.
const BODY: &str = "{\"items\":[...],\"format\":\"dynamodb\"|\"json\"|\"document\"}, with \
     \"attributes\":[...], \"purpose\":\"...\", \"onWithheld\":\"omit\"|\"error\" if you like";

impl ReadInput for Reading {
    /// Notes for the record what was asked for, and what for; never what is in the
    /// items.
    fn read(_description: &Description, call: &Call, facts: &mut Facts) -> Result<Self, ApiError> {
        let name = pipeline::path_member(call, &NAME)?;
        let body: Body = body::read(&call.body, BODY)?;
        batch::check_size(&body.items)?;
        let asked = body.attributes.as_ref().map_or(1, BTreeSet::len);
        if !(1..=limits::ATTRIBUTES_ASKED).contains(&asked) {
            let most = limits::ATTRIBUTES_ASKED;
            return Err(ApiError::validation(format!("attributes has 1 to {most} names.")));
        }
        check_size(body.attributes.iter().flatten())?;
        let purpose = purpose(call, body.purpose)?;
        let mut recorded =
            json!({ "name": name, "format": body.format, "items": body.items.len() });
        if let Some(recorded) = recorded.as_object_mut() {
            if let Some(attributes) = &body.attributes {
                recorded.insert("attributes".to_owned(), json!(attributes));
            }
            if let Some(purpose) = &purpose {
                recorded.insert("purpose".to_owned(), json!(purpose));
            }
            if body.on_withheld == OnWithheld::Error {
                recorded.insert("onWithheld".to_owned(), json!("error"));
            }
        }
        facts.request_parameters = Some(recorded);
        let Body { items, format, attributes, schema_hash, on_withheld, .. } = body;
        let wanted = Wanted { attributes, on_withheld };
        Ok(Self { name, format, items, purpose, schema_hash, wanted })
    }
}

/// Refuses names for which the record has no room: as the record writes them,
/// where a control character takes six bytes.
fn check_size<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), ApiError> {
    let written = |name: &String| serde_json::to_string(name).map_or(usize::MAX, |text| text.len());
    match names.map(written).fold(0, usize::saturating_add) <= limits::ATTRIBUTES_ASKED_BYTES {
        true => Ok(()),
        false => Err(ApiError::validation(format!(
            "The names in attributes have at most {} bytes of JSON together.",
            limits::ATTRIBUTES_ASKED_BYTES
        ))),
    }
}

/// The purpose from body, header or query string: they must not contradict each
/// other. Of the other members none is read from the query string, where it would be
/// passed over.
fn purpose(call: &Call, in_body: Option<String>) -> Result<Option<String>, ApiError> {
    let mut said = in_body;
    for (name, value) in &call.members {
        match name.as_str() {
            name if name == NAME.name || name == SCHEMA_HASH.name => {}
            name if name == PURPOSE.name => match &said {
                Some(other) if other != value => {
                    let text = "The purpose is said twice, and not the same.";
                    return Err(ApiError::validation(text));
                }
                _ => said = Some(value.clone()),
            },
            other => {
                return Err(ApiError::validation(format!("Specify {other} in the body.")));
            }
        }
    }
    match said {
        Some(purpose) if !is_purpose(&purpose) => Err(ApiError::validation(format!(
            "A purpose has 1 to {} printable ASCII characters, and no blanks at its ends.",
            limits::PURPOSE_BYTES
        ))),
        said => Ok(said),
    }
}

impl Reading {
    /// Checks what is asked for by the schema, of which any version encrypts the
    /// attributes in `known`: items that have one still open.
    pub(super) fn check(&self, schema: &Schema, known: &BTreeSet<String>) -> Result<(), ApiError> {
        schema.document().purposes.check(self.purpose.as_deref()).map_err(ApiError::validation)?;
        self.format.check(schema)?;
        let unknown = |name: &&String| !schema.has_name(name) && !known.contains(*name);
        match self.wanted.attributes.iter().flatten().find(unknown) {
            None => Ok(()),
            Some(name) => {
                let shown: String = name.chars().take(limits::ECHOED_CHARS).collect();
                Err(ApiError::validation(format!("The schema has no attribute '{shown}'.")))
            }
        }
    }
}

impl Wanted {
    /// Whether the answer is to have attribute `name`, key attributes aside.
    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes.as_ref().is_none_or(|names| names.contains(name))
    }
}
