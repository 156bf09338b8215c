//! `wardbook policy`.

use serde_json::json;

use super::Program;
use super::commands::key;

const ADA: &str = "arn:aws:iam::111122223333:user/ada";

/// The account is trusted, and whoever this is may decrypt.
fn policy(who: &str) -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Account", "Effect": "Allow", "Principal": { "AWS": "111122223333" },
          "Action": "kms:*", "Resource": "*" },
        { "Sid": "Use", "Effect": "Allow", "Principal": { "AWS": who },
          "Action": "kms:Decrypt", "Resource": "*" },
    ]})
    .to_string()
}

#[test]
fn files_are_looked_at_without_a_server() {
    let program = Program::new();
    program.write("old.json", &policy(ADA));
    program.write("new.json", &policy("*"));
    program.write("bad.json", r#"{"Version":"2012-10-17","Statement":{"Effect":"Perhaps"}}"#);

    let accepted = program.run(&["policy", "check", "old.json"]);
    assert_eq!((accepted.code, accepted.stdout.as_str()), (Some(0), "old.json is accepted.\n"));
    let refused = program.run(&["policy", "check", "bad.json"]);
    refused.refused(1, "Statement[0]: Effect: must be \"Allow\" or \"Deny\"");
    let identity = program.run(&["policy", "check", "--kind", "identity", "old.json"]);
    identity.refused(1, "Principal");
    program.run(&["policy", "check", "none.json"]).refused(2, "cannot read none.json");

    let cedar = program.run(&["policy", "compile", "old.json"]).stdout;
    assert!(cedar.contains(&format!("principal == User::\"{ADA}\"")), "{cedar}");

    assert_eq!(program.run(&["policy", "lint", "old.json"]).code, Some(0));
    let found = program.run(&["policy", "lint", "new.json"]);
    assert_eq!(found.code, Some(1));
    assert!(found.stdout.contains("Statement[1] (\"Use\"): allows everybody"), "{}", found.stdout);
    assert!(found.stderr.contains(" finding"), "{}", found.stderr);

    let same = program.json(&["policy", "diff", "old.json", "old.json"]);
    assert_eq!((&same["examples"], &same["complete"]), (&json!([]), &json!(true)));
    let wider = program.run(&["policy", "diff", "old.json", "new.json"]);
    assert_eq!(wider.code, Some(0), "{}", wider.stderr);
    assert!(wider.stdout.contains("+ kms:Decrypt to "), "{}", wider.stdout);
    assert!(wider.stdout.contains("not a proof"), "{}", wider.stdout);

    let tests = |decision: &str| {
        json!([{ "name": "ada decrypts", "decision": decision,
                 "request": { "principal": ADA, "action": "kms:Decrypt" } }])
        .to_string()
    };
    program.write("good.json", &tests("allow"));
    program.write("wrong.json", &tests("deny"));
    let passed = program.run(&["policy", "test", "old.json", "good.json"]);
    assert_eq!((passed.code, passed.stdout.as_str()), (Some(0), "ok    ada decrypts\n"));
    let failed = program.run(&["policy", "test", "old.json", "wrong.json"]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.stdout.starts_with("FAIL  ada decrypts\n      deny was wanted: Allowed: "));
    assert!(failed.stderr.contains("1 of 1 tests failed"), "{}", failed.stderr);
    program.run(&["policy", "test", "old.json", "old.json"]).refused(2, "no tests");
    program.write("none.json", "[]");
    program.run(&["policy", "test", "old.json", "none.json"]).refused(2, "none.json has no tests");
}

#[test]
fn a_server_answers() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    program.json(&["principal", "create-user", "ada"]);
    let key = key(&program);
    let id = key.rsplit('/').next().unwrap();
    let asked = ["policy", "explain", "--principal", ADA, "--action", "kms:Decrypt", "--key", id];
    let why = program.run(&asked).stdout;
    assert!(
        why.starts_with(
            "Denied: no identity policy of user ada allows kms:Decrypt.\nTo allow it: "
        ),
        "{why}"
    );
    assert!(why.contains("\n  what  kms:Decrypt\n"), "{why}");
    let story = program.json(&asked);
    assert_eq!(story["denied"], "implicitIdentity");

    program.write("open.json", &policy(ADA));
    let simulate = [&["policy", "simulate"][..], &asked[2..], &["--policy", "open.json"]].concat();
    let answer = program.run(&simulate).stdout;
    assert!(answer.starts_with("The answer changes.\n"), "{answer}");

    let tests = json!([{ "name": "ada decrypts", "decision": "allow",
        "request": { "principal": ADA, "action": "kms:Decrypt" } }]);
    program.write("tests.json", &tests.to_string());
    let put = ["policy", "put", "--key", id, "open.json", "--tests", "tests.json"];
    let put = program.json(&put);
    assert_eq!((&put["keyArn"], &put["tests"]), (&json!(key), &json!(1)));
    program.write("closed.json", &policy("arn:aws:iam::111122223333:user/admin"));
    let closed = program.run(&["policy", "put", "--key", id, "closed.json"]);
    closed.refused(1, "The policy fails the test \"ada decrypts\"");
    program.write("wide.json", &policy("*"));
    let wide = program.run(&["policy", "put", "--key", id, "wide.json", "--no-wider"]);
    wide.refused(1, "The policy is wider than the one in force. For example: kms:Decrypt to ");
    let diff = program.run(&["policy", "diff", "--key", id, "wide.json"]).stdout;
    assert!(diff.contains("+ kms:Decrypt to "), "{diff}");

    by_an_alias(&program, &key);

    let who = program.run(&["policy", "who-can", "--key", id, "--action", "kms:Decrypt"]).stdout;
    assert!(who.contains(&format!("  {ADA}\n      by statement 1 (\"Use\")")), "{who}");
    let what = program.run(&["policy", "what-can", "--principal", ADA]).stdout;
    assert!(what.contains("  always: kms:Decrypt\n"), "{what}");
}

/// The key has a test, and open.json in force.
fn by_an_alias(program: &Program, key: &str) {
    program.write("none.json", "[]");
    let put = ["policy", "put", "--key", "alias/app", "open.json"];
    let put = program.run(&[&put[..], &["--tests", "none.json"]].concat());
    assert_eq!((put.code, put.stderr.as_str()), (Some(0), ""));
    assert_eq!(put.stdout, format!("Put the policy of {key}; its tests are taken away.\n"));
    let unknown = program.run(&["policy", "put", "--key", "alias/none", "open.json"]);
    unknown.refused(1, "NotFoundException: Alias arn:aws:kms:");
}

#[test]
fn refusals_speak_of_flags() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    program.json(&["principal", "create-user", "ada"]);
    let ask = |command, action, more: &[&str]| {
        let asked = ["policy", command, "--principal", ADA, "--action", action];
        program.run(&[&asked[..], more].concat())
    };
    ask("explain", "kms:Decrypt", &[]).refused(1, "say which with --key.");
    ask("explain", "kms:reencrypt", &[]).refused(2, "kms:ReEncryptFrom and kms:ReEncryptTo");
    ask("simulate", "kms:Decrypt", &["--key", "alias/a"]).refused(2, "--policy <FILE>");
    program.write("open.json", &policy(ADA));
    ask("simulate", "kms:CreateKey", &["--policy", "open.json"])
        .refused(1, "which with --key or --role.");
}
