//! The canonical form of a schema and its hash, which says whether two schemas
//! are the same.

use serde_json::Value;

use crate::base::hex;
use crate::items::crypto;

/// The hash of a schema by its canonical form: SHA-256, 64 hexadecimal digits.
#[must_use]
pub fn hash(canonical: &str) -> String {
    hex::encode(&crypto::sha256(canonical.as_bytes()))
}

/// Writes `value` as the JSON Canonicalization Scheme does (RFC 8785): no blanks,
/// and members by the UTF-16 code units of their names. Numbers of a schema are
/// whole and small, so they need no rules.
pub(super) fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            text.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        Value::Array(entries) => {
            text.push('[');
            for (index, entry) in entries.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(entry, text);
            }
            text.push(']');
        }
        simple => text.push_str(&simple.to_string()),
    }
}
