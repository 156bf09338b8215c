//! The lines of an export that proves itself, as they are written and read.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::audit::ledger::Hash;
use crate::audit::{Opened, Salt, Value, salt_of_value, split};
use crate::base::ids::RequestId;

/// What the first line begins with, whatever its version.
pub(in crate::audit) const HEADING: &[u8] = b"{\"wardbookAuditExport\":";
/// What the last line begins with, and no other one.
pub(in crate::audit) const ENDING: &[u8] = b"{\"records\":";
/// The version of the form.
pub(in crate::audit) const VERSION: u8 = 1;

/// Bytes, in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audit) struct Bytes<const N: usize>(pub(in crate::audit) [u8; N]);

impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| serde::de::Error::custom("not so many bytes in base64"))
    }
}

pub(in crate::audit) fn hashes(of: &[Bytes<32>]) -> Vec<Hash> {
    of.iter().map(|bytes| bytes.0).collect()
}

/// The first line: which log, and its signed head.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::audit) struct Heading {
    pub(in crate::audit) wardbook_audit_export: u8,
    pub(in crate::audit) public_key: String,
    pub(in crate::audit) checkpoint: String,
    /// That the log goes on from a head that somebody keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::audit) consistency: Option<Consistency>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::audit) struct Consistency {
    /// Records of the head that is kept.
    pub(in crate::audit) from: u64,
    pub(in crate::audit) hashes: Vec<Bytes<32>>,
}

/// A record, and what proves it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::audit) struct Line<'a> {
    /// The place of the record, counted from 1.
    pub(in crate::audit) seq: u64,
    pub(in crate::audit) format: u8,
    pub(in crate::audit) leaf: Bytes<32>,
    /// The salt of the record, if nothing of it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::audit) salt: Option<Bytes<16>>,
    /// What each commitment is made of, if something was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::audit) values: Option<Vec<Committed>>,
    pub(in crate::audit) proof: Vec<Bytes<32>>,
    /// Last, so that whoever has no parser that keeps bytes finds it.
    #[serde(borrow)]
    pub(in crate::audit) record: &'a RawValue,
}

/// One value of a record.
#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(in crate::audit) enum Committed {
    Kept { salt: Bytes<16> },
    Erased { erased: Bytes<32>, by: String },
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::audit) struct Ending {
    /// Lines between the first and this one.
    pub(in crate::audit) records: u64,
}

impl Committed {
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Kept { salt, .. } => Self::Kept { salt: Bytes(*salt) },
            Value::Erased { commitment, by } => Self::Erased {
                erased: Bytes(*commitment),
                by: RequestId::from_bytes(*by).to_string(),
            },
        }
    }

    fn value(&self, text: &str) -> Option<Value> {
        match self {
            Self::Kept { salt: Bytes(salt) } => {
                Some(Value::Kept { salt: *salt, value: text.to_owned() })
            }
            Self::Erased { erased: Bytes(commitment), by } => {
                // Ids have one form.
                let id = RequestId::parse(by).filter(|id| id.to_string() == *by)?;
                Some(Value::Erased { commitment: *commitment, by: *id.as_bytes() })
            }
        }
    }
}

impl Line<'_> {
    /// The record as its leaf has it; `None` if the parts of the line do not fit
    /// together.
    pub(in crate::audit) fn opened(&self) -> Option<Opened> {
        let text = self.record.get();
        let opened = match (self.format, &self.salt, &self.values) {
            (1, None, None) => Opened { format: 1, skeleton: text.to_owned(), values: Vec::new() },
            (2, Some(Bytes(salt)), None) => {
                let split = split(text).ok()?;
                let values = (0..).zip(split.values).map(|(i, (_, value))| kept(salt, i, value));
                Opened { format: 2, skeleton: split.skeleton, values: values.collect() }
            }
            (2, None, Some(of)) => {
                let split = split(text).ok().filter(|split| split.values.len() == of.len())?;
                let values = of.iter().zip(split.values);
                let values = values.map(|(committed, (_, text))| committed.value(text));
                let values = values.collect::<Option<Vec<Value>>>()?;
                Opened { format: 2, skeleton: split.skeleton, values }
            }
            _ => return None,
        };
        // What stands in the place of something erased is not hashed.
        (opened.record().ok()? == text).then_some(opened)
    }
}

fn kept(salt: &Salt, i: usize, value: &str) -> Value {
    Value::Kept { salt: salt_of_value(salt, i), value: value.to_owned() }
}
