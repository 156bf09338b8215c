//! `wardbook describe-ops`: every operation, from the tables that the server
//! itself works by.

use serde_json::{Map, Value, json};

use super::Context;
use super::error::Error;
use crate::items;
use crate::ops;
use crate::ops::operation::Description;
use crate::wire::codes::Code;
use crate::wire::shape::{Member, Shape};

pub(super) fn run(context: &mut Context) -> Result<(), Error> {
    let operations = operations();
    if context.output.is_json() {
        let described: Vec<Value> = operations.iter().map(described).collect();
        return Ok(context.output.json(&json!({ "operations": described }))?);
    }
    let row = |operation: &&Description| {
        let access = if operation.read_only { "read" } else { "write" };
        [operation.name, operation.service.as_str(), access].map(str::to_owned).to_vec()
    };
    let rows: Vec<_> = operations.iter().map(row).collect();
    Ok(context.output.table(&["OPERATION", "SERVICE", "ACCESS"], &rows)?)
}

/// Every operation that can be named from outside, by service and name.
fn operations() -> Vec<&'static Description> {
    let tables = [
        ops::TABLE,
        ops::admin::TABLE,
        ops::audit::TABLE,
        ops::backup::TABLE,
        ops::cloudtrail::TABLE,
        ops::policy::TABLE,
        ops::sts::TABLE,
    ];
    let common = tables.into_iter().flatten().map(|entry| &entry.description);
    let items = items::TABLE.iter().map(|entry| &entry.description);
    let mut operations: Vec<_> = common.chain(items).collect();
    operations.sort_by_key(|operation| (operation.service, operation.name));
    operations
}

fn described(operation: &&Description) -> Value {
    let Description { name, service, read_only, input, output, errors } = operation;
    let errors: Vec<&str> = errors.iter().map(|code: &Code| code.as_str()).collect();
    json!({
        "name": name,
        "service": service.as_str(),
        "readOnly": read_only,
        "input": list(input),
        "output": list(output),
        "errors": errors,
    })
}

fn list(members: &[Member]) -> Value {
    members.iter().map(member).collect()
}

fn member(member: &Member) -> Value {
    let mut described = Map::new();
    described.insert("name".to_owned(), json!(member.name));
    described.extend(shape(&member.shape));
    described.insert("required".to_owned(), json!(member.required));
    Value::Object(described)
}

/// The type, its constraints where it has any, and what is inside.
fn shape(shape: &Shape) -> Map<String, Value> {
    let mut described = Map::new();
    let mut put = |name: &str, value: Value| described.insert(name.to_owned(), value);
    put("type", json!(shape.type_name()));
    let mut bounds = |min: usize, max: usize| {
        if min > 0 {
            put("min", json!(min));
        }
        if max < usize::MAX {
            put("max", json!(max));
        }
    };
    match shape {
        Shape::Text { min, max, pattern, .. } => {
            bounds(*min, *max);
            if let Some(pattern) = pattern {
                put("pattern", json!(pattern.text));
            }
        }
        Shape::Blob { min, max, .. } => bounds(*min, *max),
        Shape::Integer { min, max } => {
            put("min", json!(min));
            put("max", json!(max));
        }
        Shape::Enum(values) | Shape::OpenEnum { listed: values, .. } => {
            drop(put("enum", json!(values)));
        }
        Shape::List { of, min, max } => {
            bounds(*min, *max);
            put("member", Value::Object(self::shape(of)));
        }
        Shape::Structure(members) => drop(put("members", list(members))),
        Shape::Boolean | Shape::Timestamp | Shape::Map | Shape::Document => {}
    }
    if matches!(shape, Shape::Text { sensitive: true, .. } | Shape::Blob { sensitive: true, .. }) {
        described.insert("sensitive".to_owned(), json!(true));
    }
    described
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_members_with_their_constraints() {
        let operations = operations();
        let find = |name: &str| {
            let found = operations.iter().find(|operation| operation.name == name).unwrap();
            described(found)
        };
        let encrypt = find("Encrypt");
        assert_eq!(
            encrypt["input"][0],
            json!({"name": "KeyId", "type": "string", "min": 1, "max": 2048,
                   "pattern": r"^\p{ASCII}+$", "required": true})
        );
        let tags = find("TagResource")["input"][1].clone();
        assert_eq!(tags["member"]["members"][0]["name"], "TagKey");
        let sign = find("Sign");
        assert_eq!(sign["input"][1]["sensitive"], true);
        assert_eq!(sign["input"][4]["enum"].as_array().unwrap().len(), 13);
    }
}
