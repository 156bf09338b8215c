//! The commands that call a running server.

use serde_json::{Value, json};

use super::Program;

#[test]
fn principals_come_and_go() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    let ada = program.json(&["principal", "create-user", "ada"]);
    let names: Vec<&String> = ada.as_object().unwrap().keys().collect();
    assert_eq!(names, ["arn", "user_name", "access_key_id", "secret_access_key"]);
    assert_eq!(ada["arn"], "arn:aws:iam::111122223333:user/ada");
    let again = program.run(&["principal", "create-user", "ada"]);
    again.refused(1, "AlreadyExistsException");
    let role = program.json(&["principal", "create-role", "auditor"]);
    assert_eq!(role["arn"], "arn:aws:iam::111122223333:role/auditor");

    let key = program.json(&["principal", "create-access-key", "ada"]);
    let id = key["access_key_id"].as_str().unwrap();
    let status = |program: &Program| {
        let listed = program.json(&["principal", "list"]);
        let ada =
            listed["users"].as_array().unwrap().iter().find(|u| u["user_name"] == "ada").cloned();
        let keys = ada.unwrap()["access_keys"].as_array().unwrap().clone();
        keys.iter().find(|key| key["access_key_id"] == id).map(|key| key["status"].clone())
    };
    assert_eq!(status(&program), Some("Active".into()));
    program.json(&["principal", "deactivate-access-key", "ada", id]);
    assert_eq!(status(&program), Some("Inactive".into()));
    program.json(&["principal", "activate-access-key", "ada", id]);
    assert_eq!(status(&program), Some("Active".into()));
    program.json(&["principal", "delete-access-key", "ada", id]);
    assert_eq!(status(&program), None);

    program.json(&["principal", "delete-user", "ada"]);
    program.json(&["principal", "delete-role", "auditor"]);
    let left = program.json(&["principal", "list"]);
    assert_eq!((left["users"].as_array().unwrap().len(), &left["roles"]), (1, &json!([])));
    program.run(&["principal", "delete-user", ".."]).refused(2, "a name cannot be . or ..");
}

#[test]
fn groups_boundaries_tags_and_accounts() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    let principal = |arguments: &[&str]| program.json(&[&["principal"], arguments].concat());
    program.write("read.cedar", "permit (principal, action in Action::\"kms:read\", resource);");
    let trust = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}}"#;
    program.write("trust.json", trust);
    principal(&["create-user", "ada"]);
    let group = principal(&["create-group", "readers"]);
    assert_eq!(group["arn"], "arn:aws:iam::111122223333:group/readers");
    let attach = ["attach-policy", "--group-name", "readers", "--policy-name", "p", "read.cedar"];
    assert_eq!(principal(&attach), json!({ "group_name": "readers", "policy_name": "p" }));
    principal(&["add-user-to-group", "readers", "ada"]);
    principal(&["put-permissions-boundary", "--user-name", "ada", "read.cedar"]);
    principal(&["tag", "--user-name", "ada", "team=a", "cost=x=1"]);
    principal(&["untag", "--user-name", "ada", "team"]);
    let ada = principal(&["get", "--user-name", "ada"]);
    assert_eq!(ada["groups"], json!(["readers"]));
    assert_eq!(ada["tags"], json!([{ "key": "cost", "value": "x=1" }]));
    assert!(ada["permissions_boundary"].as_str().unwrap().starts_with("permit"));
    let shown = program.run(&["principal", "get", "--user-name", "ada"]).stdout;
    assert!(shown.contains("groups      readers\n") && shown.contains("permissions boundary\n"));
    principal(&["delete-permissions-boundary", "--user-name", "ada"]);
    let table = program.run(&["principal", "list"]).stdout;
    assert!(table.lines().any(|row| row.starts_with("group") && row.contains("readers")));
    program.run(&["principal", "delete-group", "readers"]).refused(1, "ConflictException");
    principal(&["remove-user-from-group", "readers", "ada"]);
    principal(&["delete-group", "readers"]);

    principal(&["create-role", "app", "--assume-role-policy", "trust.json"]);
    principal(&["update-role", "app", "--max-session-duration-seconds", "43200"]);
    let role = principal(&["get", "--role-name", "app"]);
    assert_eq!(role["assume_role_policy_document"], trust);
    assert_eq!(role["max_session_duration_seconds"], 43_200);
    program.run(&["principal", "get"]).refused(2, "--user-name");
    program.run(&["principal", "tag", "--user-name", "ada", "x"]).refused(2, "KEY=VALUE");

    let account =
        principal(&["create-account", "--account-id", "444455556666", "--account-name", "P"]);
    assert_eq!(account["arn"], "arn:aws:iam::444455556666:user/admin");
    let listed = principal(&["list-accounts"]);
    assert_eq!(listed["accounts"][1]["account_name"], "P");
    program.sign_as(&account);
    let own = program.json(&["principal", "list"]);
    assert_eq!(own["users"][0]["arn"], account["arn"]);
    program.run(&["principal", "list-accounts"]).refused(1, "AccessDeniedException");
}

#[test]
fn a_session_of_a_role_does_what_its_policy_says() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    program.write(
        "book.cedar",
        "permit (principal, action == Action::\"audit:QueryEvents\", resource);",
    );
    program.json(&["principal", "create-role", "auditor"]);
    let attach = ["principal", "attach-policy", "--role-name", "auditor", "--policy-name", "book"];
    program.json(&[&attach[..], &["book.cedar"]].concat());
    let session =
        program.json(&["principal", "create-session", "auditor", "--session-name", "tom"]);
    program.sign_as(&session);
    program.set("AWS_SESSION_TOKEN", session["session_token"].as_str().unwrap());
    assert_eq!(program.run(&["audit", "query"]).code, Some(0));
    program.run(&["principal", "list"]).refused(1, "AccessDeniedException");
}

#[test]
fn a_session_has_a_policy_tags_and_an_external_id() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    program.write(
        "trust.json",
        r#"{ "Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": { "AWS": "111122223333" },
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": { "StringEquals": {
                "sts:ExternalId": "book-7", "aws:RequestTag/team": "book" } } } }"#,
    );
    program.write("all.cedar", "permit (principal, action, resource);");
    program.write(
        "list.cedar",
        "permit (principal, action == Action::\"iam:ListPrincipals\", resource);",
    );
    let create = ["principal", "create-role", "auditor", "--assume-role-policy", "trust.json"];
    program.json(&create);
    let attach = ["principal", "attach-policy", "--role-name", "auditor", "--policy-name", "all"];
    program.json(&[&attach[..], &["all.cedar"]].concat());
    let ask = ["principal", "create-session", "auditor", "--session-name", "tom"];
    program.run(&ask).refused(1, "AccessDenied");
    let more = ["--policy", "list.cedar", "--tag", "team=book", "--external-id", "book-7"];
    let session = program.json(&[&ask[..], &more].concat());
    program.sign_as(&session);
    program.set("AWS_SESSION_TOKEN", session["session_token"].as_str().unwrap());
    assert_eq!(program.run(&["principal", "list"]).code, Some(0));
    program.run(&["audit", "query"]).refused(1, "AccessDeniedException");
}

#[test]
fn the_book_answers() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    for name in ["a", "b", "c"] {
        program.json(&["principal", "create-user", name]);
    }
    let query = ["audit", "query", "--event-name", "CreateUser", "--read-only", "false", "--json"];
    let names = |arguments: &[&str]| {
        let ended = program.run(&[&query[..], arguments].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let records = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
        let name = |record: Value| record["requestParameters"]["userName"].to_string();
        (records.map(name).collect::<Vec<_>>().join(""), ended.stderr)
    };
    assert_eq!(names(&["--all"]), ("\"c\"\"b\"\"a\"".to_owned(), String::new()));
    let (first, note) = names(&["--limit", "2"]);
    assert_eq!(first, "\"c\"\"b\"");
    let cursor = note.trim().rsplit(' ').next().unwrap();
    assert_eq!(names(&["--cursor", cursor]).0, "\"a\"");
    let table = program.run(&["audit", "query", "--limit", "1"]).stdout;
    let row = table.lines().nth(1).unwrap();
    assert!(row.contains("QueryEvents") && row.contains("user/admin"), "{table}");
    program.run(&["audit", "query", "--from", "yesterday"]).refused(1, "ValidationException");

    let without = ["audit", "query", "--not", "event-name=QueryEvents", "--event-source"];
    let table = program.run(&[&without[..], &["audit.wardbook"]].concat()).stdout;
    assert_eq!(table.lines().count(), 1, "{table}");
    let count = ["audit", "count", "--by", "event-name", "--event-name", "CreateUser"];
    let counted = program.run(&[&count[..], &["--event-name", "CreateKey"]].concat());
    let lines: Vec<Vec<&str>> =
        counted.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines, [vec!["EVENT-NAME", "EVENTS"], vec!["CreateUser", "3"]]);
    assert_eq!(counted.stderr.trim(), "3 events in all.");
    assert_eq!(program.json(&count), json!({ "eventName": "CreateUser", "events": 3 }));
    let all = program.run(&["audit", "count", "--not", "event-name=CreateUser", "--json"]).stdout;
    assert!(all.starts_with(r#"{"events":"#), "{all}");
    program.run(&["audit", "count", "--by", "year"]).refused(1, "ValidationException");
}

#[test]
fn a_folder_is_verified() {
    let mut program = Program::new();
    program.init();
    let server = program.serve(&[]);
    let key = program.json(&["audit", "checkpoint", "--output", "then"])["public_key"].clone();
    program.json(&["principal", "create-user", "ada"]);
    program.run(&["audit", "verify", "--data", "data"]).refused(2, "another server uses");
    server.stop(rustix::process::Signal::TERM);

    let verify = ["audit", "verify", "--data", "data", "--public-key", key.as_str().unwrap()];
    let said = program.run(&[&verify[..], &["--checkpoint", "then"]].concat());
    assert!(said.code == Some(0) && said.stdout.starts_with("intact: "), "{}", said.stderr);
    let report = program.json(&verify);
    assert_eq!((&report["intact"], &report["publicKey"]), (&json!(true), &key));
    assert_eq!(report["signedSize"], report["records"]);
    let own = program.run(&["audit", "verify", "--data", "data"]);
    assert!(own.code == Some(0) && own.stderr.contains("Compare it with the one you keep"));

    let book = rusqlite::Connection::open(program.path("data/wardbook.db")).unwrap();
    book.execute_batch("drop trigger event_log_no_delete; delete from event_log where seq = 2")
        .unwrap();
    drop(book);
    let changed = program.run(&verify);
    assert!(changed.code == Some(1) && changed.stderr.contains("findings"), "{}", changed.stderr);
    assert!(changed.stdout.contains("record 2 is missing\n"), "{}", changed.stdout);
    assert!(changed.stdout.contains("the trigger event_log_no_delete is gone"));
    let listed = program.run(&[&verify[..], &["--json"]].concat());
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed["findings"][0]["kind"], "missing");
    assert_eq!(listed["findings"][0]["first"], 2);

    program.write("nothing", "");
    program
        .run(&[&verify[..], &["--checkpoint", "nothing"]].concat())
        .refused(2, "has no checkpoint");
    program.run(&["audit", "verify", "--data", "none"]).refused(2, "cannot be checked");
    program.run(&["audit", "verify", "--data", "data", "--public-key", "x"]).refused(2, "");
}

#[test]
fn personal_data_is_erased() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    program.json(&["principal", "create-user", "a"]);
    let created = ["audit", "query", "--event-name", "CreateUser", "--json"];
    let record = || -> Value { serde_json::from_str(&program.run(&created).stdout).unwrap() };
    let before = record();
    let id = before["eventID"].as_str().unwrap();
    let erase = ["audit", "erase", "--field", "userAgent,sourceIPAddress", "--reason", "asked"];
    let all = program.run(&[&erase[..], &["--event-name", "CreateUser"]].concat());
    assert!(all.stderr.contains("from 1 events"), "{}", all.stderr);
    let mark = record()["userAgent"].clone();
    assert!(mark.as_str().unwrap().starts_with("[erased by event "), "{mark}");
    assert_eq!(record()["sourceIPAddress"], mark);
    assert_eq!(record()["userIdentity"], before["userIdentity"]);
    // By its id there is nothing left to erase.
    let one = program.run(&[&erase[..], &["--event-id", id, "--json"]].concat());
    assert_eq!((one.code, one.stdout.as_str()), (Some(0), ""));
    program.run(&erase).refused(1, "ValidationException");
    let other = program.run(&[&erase[..], &["--event-id", id, "--event-name", "x"]].concat());
    assert!(other.stderr.contains("from 0 events"), "{}", other.stderr);
    let nobody = "00000000-0000-4000-8000-000000000000";
    program.run(&[&erase[..], &["--event-id", nobody]].concat()).refused(1, "");
    program.run(&["audit", "erase", "--field", "eventTime", "--reason", "x"]).refused(2, "");
}

#[test]
fn items_keep_their_form_and_their_digits() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    let schema = json!({
        "tableName": "customers", "partitionKeyName": "id", "keyId": key(&program),
        "attributeActionsOnEncrypt": { "id": "SIGN_ONLY", "n": "ENCRYPT_AND_SIGN" },
    });
    program.write("customers.json", &schema.to_string());
    let put = program.json(&["schema", "apply", "customers.json"]);
    assert_eq!(put["itemSchemas"][0]["version"], 1);
    let listed = program.json(&["schema", "list"]);
    assert_eq!(listed["itemSchemas"][0]["name"], "customers");

    let convert = |verb: &str, stdin: &str, format: &str| {
        let arguments = ["items", verb, "--schema", "customers", "--format", format];
        let ended = program.run_with(&arguments, stdin);
        (ended.code, ended.stdout, ended.stderr)
    };
    // More than one batch, one item after the other.
    let line =
        |number: usize| format!("{{\"id\":\"c{number}\",\"n\":12345678901234567890.{number}1}}\n");
    let lines: String = (1..=130).map(line).collect();
    let (code, encrypted, said) = convert("encrypt", &lines, "json");
    assert_eq!((code, encrypted.lines().count()), (Some(0), 130), "{said}");
    assert!(!encrypted.contains("1234567890"));
    let (code, decrypted, _) = convert("decrypt", &encrypted, "json");
    assert_eq!((code, decrypted), (Some(0), lines));

    // An array, where one item is no item of this schema.
    let array = r#"[{"id":{"S":"a"},"n":{"N":"1"}}, {"n":{"N":"2"}}, {"id":{"S":"c"}}]"#;
    let (code, encrypted, said) = convert("encrypt", array, "dynamodb");
    let encrypted: Vec<Value> = serde_json::from_str(&encrypted).unwrap();
    let ids: Vec<&Value> = encrypted.iter().map(|item| &item["id"]["S"]).collect();
    assert_eq!((code, ids), (Some(1), vec![&json!("a"), &json!("c")]));
    assert!(said.contains("item 2: ") && said.contains("1 of 3 items failed"), "{said}");
    assert_eq!(convert("encrypt", "[]", "json").1, "[]\n");
    assert_eq!(convert("encrypt", "{\"id\":", "json").0, Some(2));
}

/// What somebody may not see is left out or masked, and said so.
#[test]
fn items_are_read_as_far_as_allowed() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    let schema = json!({
        "tableName": "people", "partitionKeyName": "id", "keyId": key(&program),
        "attributeActionsOnEncrypt": {
            "id": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN", "salary": "ENCRYPT_AND_SIGN",
        },
        "attributes": { "ssn": { "labels": ["pii"], "mask": { "keepLast": 4 } } },
        "purposes": { "required": true },
    });
    program.write("people.json", &schema.to_string());
    program.json(&["schema", "apply", "people.json"]);
    let item = "{\"id\":\"1\",\"salary\":90000,\"ssn\":\"078-05-1120\"}\n";
    let encrypt = ["items", "encrypt", "--schema", "people", "--format", "json"];
    let encrypted = program.run_with(&encrypt, item).stdout;
    let policy = r#"permit (principal, action, resource);
        forbid (principal, action == Action::"items:DecryptAttribute", resource);
        forbid (principal, action == Action::"items:DecryptAttributeMasked", resource)
            unless { context has purpose && context.purpose == "support" };"#;
    program.write("support.cedar", policy);
    let support = program.json(&["principal", "create-user", "support"]);
    let attach = ["attach-policy", "--user-name", "support", "--policy-name", "p", "support.cedar"];
    program.json(&[&["principal"], &attach[..]].concat());
    let decrypt = |more: &[&str]| {
        let command = ["items", "decrypt", "--schema", "people", "--format", "json"];
        let ended = program.run_with(&[&command[..], more].concat(), &encrypted);
        (ended.code, ended.stdout, ended.stderr)
    };
    assert_eq!(decrypt(&["--purpose", "support"]).1, item);
    let (code, _, said) = decrypt(&[]);
    assert!(code == Some(1) && said.contains("demands a purpose"), "{said}");
    let who = ["policy", "who-can", "--attribute", "people/ssn"];
    let who = [&who[..], &["--action", "items:DecryptAttributeMasked"]].concat();
    let who = program.run(&who).stdout;
    assert!(who.contains(":schema/people/attribute/ssn") && who.contains("user/support"), "{who}");
    let what = ["policy", "what-can", "--principal", "arn:aws:iam::111122223333:user/support"];
    let what = program.run(&[&what[..], &["--attribute", "people/ssn"]].concat()).stdout;
    assert!(what.contains("forbidden: items:DecryptAttribute\n"), "{what}");

    program.sign_as(&support);
    let decrypt = |more: &[&str]| {
        let command = ["items", "decrypt", "--schema", "people", "--format", "json"];
        let ended = program.run_with(&[&command[..], more].concat(), &encrypted);
        (ended.code, ended.stdout, ended.stderr)
    };
    let (code, seen, said) = decrypt(&["--purpose", "support"]);
    assert_eq!((code, seen.as_str()), (Some(0), "{\"id\":\"1\",\"ssn\":\"****1120\"}\n"));
    assert!(said.contains("masked: ssn") && said.contains("withheld: salary"), "{said}");
    // On one terminal: what is said stands on lines of its own.
    let decrypt_mixed = |items: &str| {
        let command = ["items", "decrypt", "--schema", "people", "--format", "json"];
        let command = [&command[..], &["--purpose", "support"]].concat();
        program.mixed(&command, items).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let item = "{\"id\":\"1\",\"ssn\":\"****1120\"}";
    let mixed = decrypt_mixed(&format!("{encrypted}{{\"id\":\"2\"}}\n"));
    assert!(mixed[1].starts_with("item 2: NotEncrypted"), "{mixed:?}");
    assert_eq!(
        (&*mixed[0], &mixed[2..4]),
        (item, &["masked: ssn", "withheld: salary"].map(String::from)[..])
    );
    let mixed = decrypt_mixed(&format!("[{encrypted}]"));
    assert_eq!(mixed, ["[", item, "]", "masked: ssn", "withheld: salary"]);
    let (code, seen, _) = decrypt(&["--purpose", "support", "--attribute", "ssn", "--strict"]);
    assert_eq!((code, seen.as_str()), (Some(0), "{\"id\":\"1\",\"ssn\":\"****1120\"}\n"));
    let (code, seen, said) = decrypt(&["--purpose", "support", "--strict"]);
    assert_eq!((code, seen.as_str()), (Some(1), ""));
    assert!(said.contains("AttributeWithheld") && said.contains("salary"), "{said}");
    assert_eq!(decrypt(&["--purpose", "curiosity"]).1, "{\"id\":\"1\"}\n");
}

/// A KMS key with the alias `alias/app`.
pub(super) fn key(program: &Program) -> String {
    let arn = new_key(program);
    let (client, runtime) = kms(program);
    let alias = client.create_alias().alias_name("alias/app").target_key_id(&arn);
    runtime.block_on(alias.send()).unwrap();
    arn
}

/// A KMS key of the demo's kind.
pub(super) fn new_key(program: &Program) -> String {
    let (client, runtime) = kms(program);
    let made = runtime.block_on(client.create_key().send());
    made.unwrap().key_metadata.unwrap().arn.unwrap()
}

/// A client of KMS: the command line has no command that makes a key, since every
/// AWS client has.
fn kms(program: &Program) -> (aws_sdk_kms::Client, tokio::runtime::Runtime) {
    use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
    let variable = |wanted: &str| {
        let found = program.variables.iter().find(|(name, _)| name == wanted);
        found.unwrap().1.clone()
    };
    let (id, secret) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"));
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(super::REGION))
        .endpoint_url(variable("WARDBOOK_ENDPOINT"))
        .credentials_provider(Credentials::new(id, secret, None, None, "test"))
        .build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    (aws_sdk_kms::Client::from_conf(config), runtime)
}

#[test]
fn a_server_that_is_not_there_is_another_matter() {
    let mut program = Program::new();
    program.run(&["principal", "list"]).refused(2, "no credentials");
    program.sign_as(&json!({ "access_key_id": "AKIAEXAMPLE", "secret_access_key": "secret" }));
    // The discard port of this machine, where nobody listens.
    program
        .run(&["principal", "list", "--endpoint", "http://127.0.0.1:9"])
        .refused(3, "cannot reach");
    program.run(&["principal", "list", "--endpoint", "localhost"]).refused(2, "not the URL");
}

#[test]
fn operations_describe_themselves() {
    let described = Program::new().json(&["describe-ops"]);
    let operations = described["operations"].as_array().unwrap();
    let find = |name: &str| operations.iter().find(|o| o["name"] == name).unwrap();
    assert_eq!(find("Decrypt")["service"], "kms");
    assert_eq!(find("EncryptItems")["service"], "items");
    assert_eq!(find("CreateUser")["output"][4]["name"], "secretAccessKey");
    for operation in operations {
        for list in ["input", "output", "errors"] {
            assert!(operation[list].is_array(), "{operation}");
        }
    }
}
