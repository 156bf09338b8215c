//! What the README says of the operations is held against the server.

use serde_json::json;
use wardbook::ops;

use crate::calls::{Scene, refusal};
use crate::fixture::Server;

const README: &str = include_str!("../../README.md");

/// The rows of the table of operations: name, and what it says of it.
fn rows() -> Vec<(&'static str, &'static str)> {
    let section = README.split("### The 56 operations of AWS KMS").nth(1).unwrap();
    let table = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = table.take_while(|line| line.starts_with('|'));
    let cell = |row: &'static str, at| row.split('|').nth(at).unwrap().trim();
    rows.map(|row| (cell(row, 1), cell(row, 2))).collect()
}

#[test]
fn every_operation_has_its_row() {
    let told: Vec<&str> = rows().iter().map(|(name, _)| *name).collect();
    let built: Vec<&str> = ops::TABLE.iter().map(|entry| entry.description.name).collect();
    assert_eq!(told, built);
}

/// A good call of what works succeeds, or finds that what it names is not
/// there; of what is refused it is refused.
#[test]
fn the_rows_are_true() {
    let server = Server::start();
    for (name, says) in rows() {
        let scene = Scene::set(&server, &format!("readme-{name}"));
        if name == "CancelKeyDeletion" {
            server.call("ScheduleKeyDeletion", &json!({ "KeyId": scene.key })).ok();
        }
        let answer = scene.call(&server, name);
        let refused = answer.status != 200;
        match says {
            "works" if refused => assert_eq!(Some(answer.code().as_str()), refusal(name), "{name}"),
            "works" => {}
            "refused" => assert!(refused, "{name}"),
            other => panic!("{name}: {other}"),
        }
    }
}
