//! `wardbook schema`: files that are applied, compared and linted.

use serde_json::{Value, json};

use super::Program;

const TOML: &str = "\
tableName = \"people\"
partitionKeyName = \"id\"

[attributeActionsOnEncrypt]
id = \"SIGN_ONLY\"
name = \"SIGN_ONLY\"
ssn = \"ENCRYPT_AND_SIGN\"
";

fn json_schema(table: &str) -> String {
    json!({
        "tableName": table, "partitionKeyName": "id",
        "attributeActionsOnEncrypt": { "id": "SIGN_ONLY", "note": "ENCRYPT_AND_SIGN" },
    })
    .to_string()
}

#[test]
fn files_are_applied_and_compared() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    std::fs::create_dir(program.path("schemas")).unwrap();
    program.write("schemas/people.toml", TOML);
    program.write("schemas/orders.json", &json_schema("orders"));
    program.write("schemas/notes.txt", "no schema");

    let dry = program.run(&["schema", "apply", "--dry-run", "schemas"]);
    assert_eq!(dry.stdout, "orders: would be version 1\npeople: would be version 1\n");
    let done = program.run(&["schema", "apply", "schemas"]);
    assert_eq!(done.stdout, "orders: version 1\npeople: version 1\n", "{}", done.stderr);
    let again = program.run(&["schema", "apply", "schemas"]);
    assert_eq!(again.stdout, "orders: unchanged, version 1\npeople: unchanged, version 1\n");
    let same = program.run(&["schema", "diff", "schemas/people.toml"]);
    assert_eq!((same.code, same.stdout.as_str()), (Some(0), "people: nothing is different\n"));

    // One bad file, and none is stored.
    program.write(
        "schemas/people.toml",
        &TOML.replace("name = \"SIGN_ONLY\"", "name = \"ENCRYPT_AND_SIGN\""),
    );
    program.write("schemas/zoo.toml", &TOML.replace("id =", "ident ="));
    let refused = program.run(&["schema", "apply", "schemas"]);
    refused.refused(1, "zoo.toml is refused: ValidationException: InvalidSchema: ");
    assert_eq!(program.json(&["schema", "get", "people"])["version"], 1);
    std::fs::remove_file(program.path("schemas/zoo.toml")).unwrap();

    let safe = program.run(&["schema", "diff", "schemas/people.toml"]);
    let line = "safe: `name`: SIGN_ONLY -> ENCRYPT_AND_SIGN (against version 1)\n";
    assert_eq!((safe.code, safe.stdout.starts_with(line)), (Some(1), true), "{}", safe.stdout);
    assert!(safe.stderr.contains("1 change"), "{}", safe.stderr);
    let done = program.run(&["schema", "apply", "schemas/people.toml"]);
    assert_eq!(done.stdout, "people: version 2\n  safe: `name`: SIGN_ONLY -> ENCRYPT_AND_SIGN\n");
}

#[test]
fn unsafe_changes_have_a_code_of_their_own() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    let apply = |text: &str, more: &[&str]| {
        program.write("people.toml", text);
        program.run(&[&["schema", "apply", "people.toml"], more].concat())
    };
    assert_eq!(apply(TOML, &[]).code, Some(0));
    let without = TOML.replace("name = \"SIGN_ONLY\"\n", "");
    assert_eq!(apply(&without, &[]).code, Some(0));
    // Safe against version 2, but items of version 1 are signed with it.
    let unsigned = format!("allowedUnsignedAttributes = [\"name\"]\n{without}");
    apply(&unsigned, &[]).refused(1, "UnsafeSchemaChange");
    let diff = program.run(&["schema", "diff", "people.toml"]);
    assert_eq!(diff.code, Some(4), "{}", diff.stderr);
    let shown: Vec<_> = diff.stdout.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        shown,
        [
            "careful: `name`: no action -> unsigned (against version 2)",
            "unsafe: `name`: SIGN_ONLY -> unsigned (against version 1)",
        ]
    );
    let against = program.run(&["schema", "diff", "--against", "2", "--json", "people.toml"]);
    let found: Value = serde_json::from_str(&against.stdout).unwrap();
    assert_eq!((against.code, &found["breaking"]), (Some(1), &json!(false)));
    assert_eq!(found["changes"][0]["rule"], "unsigned-added");

    assert_eq!(apply(&unsigned, &["--allow-breaking"]).code, Some(0));
    let history = program.json(&["schema", "history", "people"]);
    let history = history["itemSchemaVersions"].as_array().unwrap();
    let told: Vec<_> = history.iter().map(|entry| entry["breaking"].as_bool().unwrap()).collect();
    assert_eq!(told, [true, false, false]);
    let table = program.run(&["schema", "history", "people"]).stdout;
    assert!(table.contains("BREAKING `name`: no action -> unsigned"), "{table}");
    // Versions before it are no longer compared with.
    let same = program.run(&["schema", "diff", "people.toml"]);
    assert_eq!(same.code, Some(0), "{}", same.stdout);
    let first = program.json(&["schema", "get", "--version", "1", "people"]);
    assert_eq!(first["schema"]["attributeActionsOnEncrypt"]["name"], "SIGN_ONLY");
}

#[test]
fn files_are_linted_without_a_server() {
    let program = Program::new();
    program.write("people.toml", TOML);
    let clean = program.run(&["schema", "lint", "people.toml"]);
    assert_eq!((clean.code, clean.stdout.as_str()), (Some(0), ""), "{}", clean.stderr);

    program.write("ttl.json", r#"{"TimeToLiveDescription":{"AttributeName":"ssn"}}"#);
    program.write("table.json", include_str!("../../golden/items/describe-table.json"));
    let arguments = [
        "schema",
        "lint",
        "--table-description",
        "ttl.json",
        "--table-description",
        "table.json",
        "people.toml",
    ];
    let found = program.run(&arguments);
    assert_eq!(found.code, Some(1), "{}", found.stderr);
    let rules: Vec<_> = found.stdout.lines().map(|line| line.rsplit_once('[').unwrap().1).collect();
    assert_eq!(rules, ["index-projection]", "table-keys-differ]", "ttl-encrypted]"]);

    let long = format!("{{\"id\":\"1\",\"ssn\":\"{}\"}}\n", "x".repeat(409_500));
    program
        .write("items.ndjson", &format!("{{\"id\":\"1\",\"ssn\":\"x\"}}\n{long}{{\"other\":1}}\n"));
    let arguments =
        ["schema", "lint", "--sample", "items.ndjson", "--format", "json", "people.toml"];
    let found = program.run(&arguments);
    let lines: Vec<_> = found.stdout.lines().collect();
    assert_eq!((found.code, lines.len()), (Some(1), 3), "{}", found.stdout);
    assert!(lines[0].ends_with("[item-too-large]") && lines[1].ends_with("[item-refused]"));
    assert!(lines[2].contains("people: 2 items have "), "{}", lines[2]);

    program.write("people.toml", &TOML.replace("ssn", "ssn = 1 #"));
    program.run(&["schema", "lint", "people.toml"]).refused(2, "line 7: ");
    program.run(&["schema", "lint", "none.toml"]).refused(2, "cannot read none.toml");
    program
        .run(&["schema", "lint", "people.toml", "people.toml"])
        .refused(2, "a second schema people");
}

/// What the linter says of the growth is what the server then does.
#[test]
fn growth_is_that_of_the_server() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    program.write("people.toml", TOML);
    program.write("items.json", r#"[{"id":"1","name":"Ada","ssn":"078-05-1120"}]"#);
    let linted = program.json(&[
        "schema",
        "lint",
        "--sample",
        "items.json",
        "--format",
        "json",
        "people.toml",
    ]);
    assert_eq!(program.run(&["schema", "apply", "people.toml"]).code, Some(0));
    let arguments = ["items", "encrypt", "--schema", "people", "--format", "json", "items.json"];
    let encrypted: Value = serde_json::from_str(&program.run(&arguments).stdout).unwrap();
    let decoded =
        |name: &str| encrypted[0][name].as_str().unwrap().trim_end_matches('=').len() * 3 / 4;
    let binary = ["ssn", "aws_dbe_head", "aws_dbe_foot"];
    let size: usize = binary.iter().map(|name| name.len() + decoded(name)).sum();
    // The same region name, so that the key's ARN is as long.
    assert_eq!(linted[0]["sample"]["encryptedBytes"], size + "id1nameAda".len());
}
