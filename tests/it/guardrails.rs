//! The operator's guardrails, in a running program: above every policy, read
//! again when they change, and never weakened by a file that is broken.

use serde_json::{Value, json};

use crate::fixture::program::{Home, Program};
use crate::fixture::wait_until;

const NO_DECRYPT: &str = r#"@sid("NoDecrypt")
forbid (principal, action == Action::"kms:Decrypt", resource);"#;

/// What the newest record says of the guardrails.
fn in_force(program: &Program) -> Value {
    let events = program.events("eventName=LoadGuardrails");
    events.first().map_or(Value::Null, |event| event["serviceEventDetails"].clone())
}

fn refused(program: &Program) -> usize {
    let details = in_force(program);
    details.get("refused").and_then(Value::as_array).map_or(0, Vec::len)
}

#[test]
fn no_policy_overrides_a_guardrail() {
    let home = Home::new();
    let program = home.serve(&[]);
    let key = program.new_key();
    let made = program.call("Encrypt", &json!({ "KeyId": key, "Plaintext": "eA==" })).ok();
    let blob = json!({ "CiphertextBlob": made["CiphertextBlob"], "KeyId": key });
    program.call("Decrypt", &blob).ok();
    assert_eq!(in_force(&program), Value::Null);

    let folder = home.data().join("policies");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("no-decrypt.cedar");
    std::fs::write(&file, NO_DECRYPT).unwrap();
    wait_until(|| in_force(&program)["inForce"][0]["file"] == "no-decrypt.cedar");
    let denied = program.call("Decrypt", &blob);
    assert_eq!(denied.code(), "AccessDeniedException");
    assert!(
        denied.message().ends_with("with an explicit deny in a service control policy"),
        "{}",
        denied.message()
    );
    let record = &program.records_of(denied.request_id())[0];
    let decision = &record["wardbook"]["decisions"][0];
    assert_eq!(decision["denied"], "explicitGuardrail");
    assert_eq!(decision["determining"][0]["source"], "guardrail");
    assert_eq!(decision["determining"][0]["sid"], "NoDecrypt");
    // It is called as its operator called it.
    let replay = json!({ "requestId": denied.request_id() });
    let story = program.rest("POST", "/v1/policy/explain", &replay).ok()["story"].clone();
    let verdict = story["verdict"].as_str().unwrap();
    let place = "statement 0 (\"NoDecrypt\") of the guardrail no-decrypt.cedar";
    assert!(verdict.contains(place), "{verdict}");

    // Broken, it stays in force, and stops the next start.
    std::fs::write(&file, "forbid (").unwrap();
    wait_until(|| refused(&program) == 1);
    assert_eq!(program.call("Decrypt", &blob).code(), "AccessDeniedException");
    program.terminate();
    let said = home.serve_refused(&[]);
    assert!(said.contains("no-decrypt.cedar is not a guardrail"), "{said}");

    std::fs::write(&file, NO_DECRYPT).unwrap();
    let program = home.serve(&[]);
    assert_eq!(program.call("Decrypt", &blob).code(), "AccessDeniedException");
    std::fs::remove_file(&file).unwrap();
    wait_until(|| in_force(&program)["inForce"] == json!([]));
    program.call("Decrypt", &blob).ok();
}
