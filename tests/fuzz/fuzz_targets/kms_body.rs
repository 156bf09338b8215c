//! The body of a call, through the member table of every operation there is.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use wardbook::base::limits;
use wardbook::ops::operation::Description;
use wardbook::ops::{admin, policy, sts};
use wardbook::wire::{json, record, validate};
use wardbook::{items, ops};

static OPERATIONS: LazyLock<Vec<Description>> = LazyLock::new(|| {
    let own = [ops::TABLE, admin::TABLE, policy::TABLE, sts::TABLE].into_iter().flatten();
    let items = items::TABLE.iter().map(|entry| entry.description);
    own.map(|entry| entry.description).chain(items).collect()
});

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(entries) => 1 + entries.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fuzz_target!(|body: &[u8]| {
    let Ok(members) = json::object(body) else { return };
    if !body.is_empty() {
        // Another reader reads the same, but for names that it has uses for itself.
        let other = serde_json::from_slice::<Value>(body).expect("it was JSON");
        if !body.windows(9).any(|part| part == b"$serde_js") {
            assert_eq!(other, Value::Object(members.clone()));
        }
        assert!(depth(&other) <= limits::JSON_DEPTH);
    }
    for operation in OPERATIONS.iter() {
        let mut input = members.clone();
        if let Err(error) = validate::check(&mut input, operation.input) {
            assert!(error.to_string().chars().count() < limits::ERROR_TEXT_CHARS + 100);
            continue;
        }
        // What was checked passes again, as it is.
        let mut again = input.clone();
        validate::check(&mut again, operation.input).expect("it was checked");
        assert_eq!(again, input, "{}", operation.name);
        drop(record::request_parameters(&input, operation.input, None));
    }
});
