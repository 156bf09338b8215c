//! What each operation answers in each state that a key can be in, as a table
//! that a reviewer reads: the table of the AWS KMS Developer Guide ("Key states
//! of AWS KMS keys"), over the socket. States that no call leads to are put
//! into the database while the server stands.

use std::fmt::Write;
use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};
use wardbook::base::spec::KeyState;
use wardbook::ops;

use crate::calls::{Scene, refusal};
use crate::fixture::door::Door;
use crate::fixture::raw::Response;
use crate::fixture::server::data;
use crate::fixture::{ACCOUNT, OTHER_REGION, Options, REGION, Server, golden};

/// One call that will be made.
struct Cell {
    operation: &'static str,
    input: Value,
    /// The key that it is about, which is to be in this state by then.
    key: String,
    region: &'static str,
    state: KeyState,
}

#[test]
fn operations_by_key_state() {
    let server = Server::start();
    let rows: Vec<(String, Vec<Cell>)> =
        ops::TABLE.iter().flat_map(|entry| rows(&server, entry.description.name)).collect();
    let server = server.restart_after(Options::default(), |folder| {
        put_states(folder, rows.iter().flat_map(|(_, cells)| cells));
    });
    let mut table = line("", KeyState::ALL.iter().map(|state| state.to_string()));
    for (row, cells) in &rows {
        let made = cells.iter().map(|cell| shown(cell, &server.call(cell.operation, &cell.input)));
        table += &match cells.is_empty() {
            true => line(row, KeyState::ALL.iter().map(|_| "-".to_owned())),
            false => line(row, made),
        };
    }
    golden::check("state_matrix.txt", &table);
}

fn line(row: &str, cells: impl Iterator<Item = String>) -> String {
    let mut line = format!("{row:<40}");
    for (cell, state) in cells.zip(KeyState::NAMES) {
        write!(line, "{cell:<0$}", state.len().max(16) + 2).unwrap();
    }
    format!("{}\n", line.trim_end())
}

/// The rows of an operation: two for those that are about two keys, and
/// without cells for those that are about none.
fn rows(server: &Server, operation: &'static str) -> Vec<(String, Vec<Cell>)> {
    let cells_in = |region, row: &str, subject: &dyn Fn(&Scene, &Value) -> Option<String>| {
        let cell = |state: &KeyState| {
            let scene = Scene::with_keys(server, &format!("{operation}-{row}-{state}"));
            let input = scene.kms_input(operation);
            let key = subject(&scene, &input)?;
            lead(&server.in_region(region), &key, *state);
            Some(Cell { operation, input, key, region, state: *state })
        };
        KeyState::ALL.iter().map_while(cell).collect::<Vec<_>>()
    };
    let cells = |row: &str, subject: &dyn Fn(&Scene, &Value) -> Option<String>| {
        cells_in(REGION, row, subject)
    };
    let of_scene = |scene: &Scene, _: &Value| Some(scene.key.clone());
    let two = |first: &str, second: &str, member: &str| {
        let other = |_: &Scene, input: &Value| named(input, member);
        vec![
            (format!("{operation} ({first})"), cells("1", &of_scene)),
            (format!("{operation} ({second})"), cells("2", &other)),
        ]
    };
    match operation {
        "ReEncrypt" => two("source", "destination", "DestinationKeyId"),
        "UpdateAlias" => two("old target", "new target", "TargetKeyId"),
        "UpdatePrimaryRegion" => {
            let named = |_: &Scene, input: &Value| named(input, "KeyId");
            vec![
                (format!("{operation} (primary)"), cells("1", &named)),
                (format!("{operation} (replica)"), cells_in(OTHER_REGION, "2", &named)),
            ]
        }
        // They name it by what it made, or by its alias.
        "Decrypt" | "DeleteAlias" => vec![(operation.to_owned(), cells("1", &of_scene))],
        _ => {
            let named = |_: &Scene, input: &Value| {
                named(input, "KeyId").or_else(|| named(input, "TargetKeyId"))
            };
            vec![(operation.to_owned(), cells("1", &named))]
        }
    }
}

/// The id of the key that this member names.
fn named(input: &Value, member: &str) -> Option<String> {
    let name = input[member].as_str()?;
    Some(name.rsplit('/').next().unwrap().to_owned())
}

/// Leads the key to the state as far as calls can.
fn lead(server: &Door, key: &str, state: KeyState) {
    let key = json!({ "KeyId": key });
    match state {
        KeyState::Disabled => drop(server.call("DisableKey", &key)),
        KeyState::PendingDeletion => drop(server.call("ScheduleKeyDeletion", &key)),
        _ => {}
    }
}

/// Puts every key into the state of its cell.
fn put_states<'a>(folder: &Path, cells: impl Iterator<Item = &'a Cell>) {
    let mut database = Connection::open(data(folder).join("wardbook.db")).unwrap();
    let transaction = database.transaction().unwrap();
    for Cell { key, region, state, .. } in cells {
        let sql = "update keys set state = ?1 where key_id = ?2 and region = ?3";
        let changed = transaction.execute(sql, (state.as_str(), key, region)).unwrap();
        assert_eq!(changed, 1, "{key}");
    }
    transaction.commit().unwrap();
}

/// What the key's state did to the call.
fn shown(cell: &Cell, answer: &Response) -> String {
    let Cell { operation, key, region, state, .. } = cell;
    if answer.status == 200 || refusal(operation).is_some_and(|code| code == answer.code()) {
        return "ok".to_owned();
    }
    let (code, message) = (answer.code(), answer.message());
    let arn = format!("arn:aws:kms:{region}:{ACCOUNT}:key/{key}");
    let is = message.strip_prefix(&format!("{arn} is ")).and_then(|is| is.strip_suffix('.'));
    match (code.as_str(), is) {
        ("DisabledException", Some("disabled")) => "disabled".to_owned(),
        ("KMSInvalidStateException", Some("pending replica deletion")) => {
            "replica deletion".to_owned()
        }
        ("KMSInvalidStateException", Some("not pending deletion")) => "not pending".to_owned(),
        ("KMSInvalidStateException", Some(is)) => is.to_owned(),
        // Refused by the kind of the key before its state matters.
        ("UnsupportedOperationException", _) => "unsupported".to_owned(),
        _ => panic!("{operation}, {state}: {code} {message}"),
    }
}
