//! Items of the SDK as DynamoDB JSON and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// An item as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

/// The item as DynamoDB JSON.
#[must_use]
pub fn of_item(item: &Item) -> Value {
    Value::Object(item.iter().map(|(name, value)| (name.clone(), of_value(value))).collect())
}

fn of_value(value: &AttributeValue) -> Value {
    let binary = |blob: &Blob| STANDARD.encode(blob.as_ref());
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(text) => json!({ "N": text }),
        AttributeValue::B(blob) => json!({ "B": binary(blob) }),
        AttributeValue::Bool(flag) => json!({ "BOOL": flag }),
        AttributeValue::Null(_) => json!({ "NULL": true }),
        AttributeValue::Ss(set) => json!({ "SS": set }),
        AttributeValue::Ns(set) => json!({ "NS": set }),
        AttributeValue::Bs(set) => json!({ "BS": set.iter().map(binary).collect::<Vec<_>>() }),
        AttributeValue::L(list) => json!({ "L": list.iter().map(of_value).collect::<Vec<_>>() }),
        AttributeValue::M(map) => json!({ "M": of_item(map) }),
        other => panic!("an attribute of an unknown type: {other:?}"),
    }
}

/// The item that DynamoDB JSON says.
#[must_use]
pub fn to_item(json: &Value) -> Item {
    let members = json.as_object().expect("an item is an object");
    members.iter().map(|(name, value)| (name.clone(), to_value(value))).collect()
}

fn to_value(json: &Value) -> AttributeValue {
    let (kind, value) = json.as_object().and_then(only).expect("a value has one type");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let binary = |value: &Value| Blob::new(STANDARD.decode(text(value)).expect("base64"));
    let list = || value.as_array().expect("a list").iter();
    match kind {
        "S" => AttributeValue::S(text(value)),
        "N" => AttributeValue::N(text(value)),
        "B" => AttributeValue::B(binary(value)),
        "BOOL" => AttributeValue::Bool(value.as_bool().expect("a boolean")),
        "NULL" => AttributeValue::Null(true),
        "SS" => AttributeValue::Ss(list().map(text).collect()),
        "NS" => AttributeValue::Ns(list().map(text).collect()),
        "BS" => AttributeValue::Bs(list().map(binary).collect()),
        "L" => AttributeValue::L(list().map(to_value).collect()),
        "M" => AttributeValue::M(to_item(value)),
        other => panic!("unknown type {other}"),
    }
}

fn only(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut members = members.iter();
    let (name, value) = members.next()?;
    members.next().is_none().then_some((name.as_str(), value))
}
