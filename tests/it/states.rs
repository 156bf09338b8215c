//! What each operation answers in each state that a key can be in, as a table
//! that a reviewer reads. The unit test of `keys::state` knows the other states.

use std::fmt::Write;

use serde_json::json;
use wardbook::ops;

use crate::calls::Scene;
use crate::fixture::{ACCOUNT, OTHER_REGION, REGION, Server, golden};

const STATES: [&str; 3] = ["Enabled", "Disabled", "PendingDeletion"];

#[test]
fn operations_by_key_state() {
    let server = Server::start();
    let mut table = format!("{:<40}{:<10}{:<20}{}\n", "", STATES[0], STATES[1], STATES[2]);
    for entry in ops::TABLE {
        for (row, about) in rows(entry.description.name) {
            let cells = STATES.map(|state| cell(&server, entry.description.name, about, state));
            let [enabled, disabled, pending] = cells;
            writeln!(table, "{row:<40}{enabled:<10}{disabled:<20}{pending}").unwrap();
        }
    }
    golden::check("state_matrix.txt", &table);
}

/// Which key of the scene is in the state.
#[derive(Clone, Copy, Debug)]
enum About {
    Key,
    Other,
    Primary,
    Replica,
}

/// The rows of an operation, and the key that each is about.
fn rows(operation: &'static str) -> Vec<(String, About)> {
    let two = |(name, key): (&str, About), (other_name, other): (&str, About)| {
        vec![(format!("{operation} ({name})"), key), (format!("{operation} ({other_name})"), other)]
    };
    match operation {
        "ReEncrypt" => two(("source", About::Key), ("destination", About::Other)),
        "ReplicateKey" => vec![(operation.to_owned(), About::Primary)],
        "UpdateAlias" => two(("old target", About::Key), ("new target", About::Other)),
        "UpdatePrimaryRegion" => two(("primary", About::Primary), ("replica", About::Replica)),
        _ => vec![(operation.to_owned(), About::Key)],
    }
}

/// What the operation answers about a key in that state.
fn cell(server: &Server, operation: &str, about: About, state: &str) -> String {
    if matches!(operation, "CreateKey" | "GenerateRandom" | "ListKeys") {
        return "-".to_owned();
    }
    let scene = Scene::set(server, &format!("{operation}-{about:?}-{state}"));
    let input = scene.kms_input(operation);
    let (key, region) = match about {
        About::Key => (scene.key_of(operation), REGION),
        About::Other => (scene.other.as_str(), REGION),
        About::Primary => (scene.primary.as_str(), REGION),
        About::Replica => (scene.primary.as_str(), OTHER_REGION),
    };
    let change = match state {
        "Disabled" => "DisableKey",
        "PendingDeletion" => "ScheduleKeyDeletion",
        _ => "EnableKey",
    };
    server.in_region(region).call(change, &json!({ "KeyId": key })).ok();
    let answer = server.call(operation, &input);
    if answer.status == 200 {
        return "ok".to_owned();
    }
    let arn = format!("arn:aws:kms:{region}:{ACCOUNT}:key/{key}");
    let (code, message) = (answer.code(), answer.message());
    let text = message.strip_prefix(&format!("{arn} is ")).unwrap();
    let short = match (code.as_str(), text) {
        ("DisabledException", "disabled.") => "disabled",
        ("KMSInvalidStateException", "pending deletion.") => "pending",
        ("KMSInvalidStateException", "pending replica deletion.") => "pending replicas",
        ("KMSInvalidStateException", "not pending deletion.") => "not",
        _ => panic!("{operation}, {state}: {code} {message}"),
    };
    short.to_owned()
}
