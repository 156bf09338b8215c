//! `wardbook describe-ops`: every operation, from the tables that the server
//! itself works by.

use serde_json::{Map, Value, json};

use super::Context;
use super::error::Error;
use crate::items;
use crate::ops;
use crate::ops::operation::Description;
use crate::ops::unsupported;
use crate::wire::codes::Code;
use crate::wire::shape::{Member, Shape};

pub(super) fn run(context: &mut Context) -> Result<(), Error> {
    let operations = operations();
    if context.output.is_json() {
        let described: Vec<Value> = operations.iter().map(described).collect();
        return Ok(context.output.json(&json!({ "operations": described }))?);
    }
    let row = |operation: &Described| {
        let access = if operation.description.read_only { "read" } else { "write" };
        let supported = if operation.supported { "yes" } else { "not yet" };
        let Description { name, service, .. } = operation.description;
        [name, service.as_str(), access, supported].map(str::to_owned).to_vec()
    };
    let rows: Vec<_> = operations.iter().map(row).collect();
    Ok(context.output.table(&["OPERATION", "SERVICE", "ACCESS", "SUPPORTED"], &rows)?)
}

struct Described {
    description: &'static Description,
    supported: bool,
}

/// Every operation that can be named from outside, by service and name.
fn operations() -> Vec<Described> {
    let common = ops::TABLE.iter().chain(ops::admin::TABLE).map(|entry| &entry.description);
    let items = items::TABLE.iter().map(|entry| &entry.description);
    let supported =
        common.chain(items).map(|description| Described { description, supported: true });
    let later = unsupported::TABLE.iter();
    let later = later.map(|description| Described { description, supported: false });
    let mut operations: Vec<_> = supported.chain(later).collect();
    operations.sort_by_key(|operation| (operation.description.service, operation.description.name));
    operations
}

fn described(operation: &Described) -> Value {
    let Description { name, service, read_only, input, output, errors } = operation.description;
    let mut described = json!({
        "name": name,
        "service": service.as_str(),
        "readOnly": read_only,
        "supported": operation.supported,
    });
    if operation.supported
        && let Some(members) = described.as_object_mut()
    {
        members.insert("input".to_owned(), list(input));
        members.insert("output".to_owned(), list(output));
        let errors: Vec<&str> = errors.iter().map(|code: &Code| code.as_str()).collect();
        members.insert("errors".to_owned(), json!(errors));
    }
    described
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
        Shape::Enum(values) => drop(put("enum", json!(values))),
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
            let found = operations.iter().find(|o| o.description.name == name).unwrap();
            described(found)
        };
        let encrypt = find("Encrypt");
        assert_eq!(encrypt["supported"], true);
        assert_eq!(
            encrypt["input"][0],
            json!({"name": "KeyId", "type": "string", "min": 1, "max": 2048,
                   "pattern": r"^\p{ASCII}+$", "required": true})
        );
        let tags = find("TagResource")["input"][1].clone();
        assert_eq!(tags["member"]["members"][0]["name"], "TagKey");
        assert_eq!(
            find("Sign"),
            json!({"name": "Sign", "service": "kms", "readOnly": true, "supported": false})
        );
    }
}
