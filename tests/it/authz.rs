//! Who may call what: every operation, called by those who may everything,
//! nothing, anything but what is forbidden, and by nobody.

use std::fmt::Write;

use crate::calls::{ALLOW, Scene, operations, refusal};
use crate::fixture::raw::Response;
use crate::fixture::{Server, golden};

/// Allowed everything, and forbidden everything: the forbidding wins.
const FORBIDDEN: &str = "forbid (principal, action, resource);";

#[test]
fn operations_by_caller() {
    let server = Server::start();
    let without = server.new_user("without", "");
    let denied = server.new_user("denied", &format!("{ALLOW}\n{FORBIDDEN}"));
    let mut table = format!(
        "{:<36}{:<16}{:<16}{:<16}{}\n",
        "", "administrator", "no policy", "denied", "anonymous"
    );
    for operation in operations() {
        let name = operation.name;
        let scene = Scene::set(&server, name);
        // Whoever is refused changes nothing, so the administrator comes last.
        let cell = |answer| cell(name, &answer);
        let without = cell(scene.call_as(&server, &without, name));
        let denied = cell(scene.call_as(&server, &denied, name));
        let anonymous = cell(server.send(&scene.request(name).1));
        if name == "CancelKeyDeletion" {
            scene.call(&server, "ScheduleKeyDeletion").ok();
        }
        let administrator = cell(scene.call(&server, name));
        writeln!(table, "{name:<36}{administrator:<16}{without:<16}{denied:<16}{anonymous}")
            .unwrap();
    }
    golden::check("authz_matrix.txt", &table);
}

/// What became of a call, in a word.
fn cell(operation: &str, answer: &Response) -> String {
    let (code, message) = match answer.status {
        200 => return "ok".to_owned(),
        _ => (answer.code(), answer.message()),
    };
    match code.as_str() {
        "AccessDeniedException" if message.contains("with an explicit deny") => "explicit deny",
        "AccessDeniedException" if message.contains("associated with this ciphertext") => "hidden",
        "AccessDeniedException" if message.contains("no identity-based policy") => "implicit deny",
        // STS gives no reason.
        "AccessDenied" | "AccessDeniedException" if message.contains("sts:AssumeRole") => "denied",
        "MissingAuthenticationToken" | "MissingAuthenticationTokenException" => "unsigned",
        // There is nothing yet that it could be done to.
        code if refusal(operation) == Some(code) => "nothing there",
        _ => panic!("{code}: {message}"),
    }
    .to_owned()
}
