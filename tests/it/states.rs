//! What each operation answers in each state that a key can be in, as a table
//! that a reviewer reads. The unit test of `keys::state` knows the other states.

use std::fmt::Write;

use serde_json::json;
use wardbook::ops;

use crate::calls::Scene;
use crate::fixture::{ACCOUNT, REGION, Server, golden};

const STATES: [&str; 3] = ["Enabled", "Disabled", "PendingDeletion"];

#[test]
fn operations_by_key_state() {
    let server = Server::start();
    let mut table = format!("{:<40}{:<10}{:<20}{}\n", "", STATES[0], STATES[1], STATES[2]);
    for entry in ops::TABLE {
        for (row, about_other) in rows(entry.description.name) {
            let cells =
                STATES.map(|state| cell(&server, entry.description.name, about_other, state));
            let [enabled, disabled, pending] = cells;
            writeln!(table, "{row:<40}{enabled:<10}{disabled:<20}{pending}").unwrap();
        }
    }
    golden::check("state_matrix.txt", &table);
}

/// The rows of an operation, and whether each is about the scene's other key.
fn rows(operation: &'static str) -> Vec<(String, bool)> {
    let two = |key: &str, other: &str| {
        vec![(format!("{operation} ({key})"), false), (format!("{operation} ({other})"), true)]
    };
    match operation {
        "ReEncrypt" => two("source", "destination"),
        "UpdateAlias" => two("old target", "new target"),
        _ => vec![(operation.to_owned(), false)],
    }
}

/// What the operation answers about a key in that state.
fn cell(server: &Server, operation: &str, about_other: bool, state: &str) -> String {
    if matches!(operation, "CreateKey" | "GenerateRandom" | "ListKeys") {
        return "-".to_owned();
    }
    let scene = Scene::set(server, &format!("{operation}-{about_other}-{state}"));
    let input = scene.kms_input(operation);
    let key = if about_other { &scene.other } else { scene.key_of(operation) };
    match state {
        "Disabled" => server.call("DisableKey", &json!({ "KeyId": key })).ok(),
        "PendingDeletion" => server.call("ScheduleKeyDeletion", &json!({ "KeyId": key })).ok(),
        _ => server.call("EnableKey", &json!({ "KeyId": key })).ok(),
    };
    let answer = server.call(operation, &input);
    if answer.status == 200 {
        return "ok".to_owned();
    }
    let arn = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}");
    let (code, message) = (answer.code(), answer.message());
    let text = message.strip_prefix(&format!("{arn} is ")).unwrap();
    let short = match (code.as_str(), text) {
        ("DisabledException", "disabled.") => "disabled",
        ("KMSInvalidStateException", "pending deletion.") => "pending",
        ("KMSInvalidStateException", "not pending deletion.") => "not",
        _ => panic!("{operation}, {state}: {code} {message}"),
    };
    short.to_owned()
}
