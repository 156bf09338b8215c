//! Members as CloudTrail shows them: names in lower camel case, dates as text,
//! only what the member table allows, defaults filled in.

use serde_json::{Map, Value};

use crate::base::timestamp;

use super::shape::{Member, Recorded, Shape};
use super::validate::lower_camel;

/// The `requestParameters` of a call: a JSON object, or `None` (recorded as
/// null) where the operation records nothing. `key_arn` is the key found in
/// the ciphertext, for calls that name none.
#[must_use]
pub fn request_parameters(
    input: &Map<String, Value>,
    members: &[Member],
    key_arn: Option<&str>,
) -> Option<Value> {
    if members.iter().all(|member| member.recorded == Recorded::No) {
        return None;
    }
    let mut out = Map::new();
    for member in members {
        let value = match (input.get(member.name), member.recorded) {
            (_, Recorded::No) | (None, Recorded::AsSent) => None,
            (Some(value), _) => Some(value_as_recorded(value, &member.shape)),
            (None, Recorded::OrText(text)) => Some(Value::from(text)),
            (None, Recorded::OrFalse) => Some(Value::Bool(false)),
            (None, Recorded::OrEmpty) => Some(Value::from("")),
            (None, Recorded::OrKeyArn) => key_arn.map(Value::from),
        };
        if let Some(value) = value {
            out.insert(lower_camel(member.name), value);
        }
    }
    Some(Value::Object(out))
}

fn value_as_recorded(value: &Value, shape: &Shape) -> Value {
    match (shape, value) {
        (Shape::List { of, .. }, Value::Array(entries)) => {
            entries.iter().map(|entry| value_as_recorded(entry, of)).collect()
        }
        (Shape::Structure(members), Value::Object(fields)) => {
            request_parameters(fields, members, None).unwrap_or_default()
        }
        (Shape::Timestamp, Value::Number(seconds)) => {
            let ms = seconds.as_f64().and_then(timestamp::from_epoch_seconds);
            ms.map_or(Value::Null, |ms| Value::from(timestamp::record_date(ms)))
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::shape::text;

    const MEMBERS: &[Member] = &[
        Member::optional("KeyId", text(1, 9)).recorded(Recorded::OrKeyArn),
        Member::required("Plaintext", Shape::Blob { min: 1, max: 9, sensitive: true }).unrecorded(),
        Member::optional("EncryptionAlgorithm", text(1, 99))
            .recorded(Recorded::OrText("SYMMETRIC_DEFAULT")),
        Member::optional("EncryptionContext", Shape::Map),
    ];

    #[test]
    fn keeps_the_allowed_members_only() {
        let Value::Object(input) =
            json!({ "Plaintext": "c2VjcmV0", "EncryptionContext": { "Tenant": "7" }, "Odd": 1 })
        else {
            panic!("an object")
        };
        assert_eq!(
            request_parameters(&input, MEMBERS, Some("arn:k")),
            Some(json!({
                "keyId": "arn:k",
                "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
                "encryptionContext": { "Tenant": "7" },
            }))
        );
    }

    #[test]
    fn nothing_recorded_is_null() {
        let members =
            [Member::optional("NumberOfBytes", Shape::Integer { min: 1, max: 9 }).unrecorded()];
        assert_eq!(request_parameters(&Map::new(), &members, None), None);
    }
}
