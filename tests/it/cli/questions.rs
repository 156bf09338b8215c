//! The page of an auditor's questions: every command on it answers what the page
//! says.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::process::Signal;
use serde_json::{Value, json};
use wardbook::base::clock::SystemClock;

use super::{ACCOUNT, Ended, Program, REGION};
use crate::fixture::Credentials;
use crate::fixture::door::Door;
use crate::fixture::program::spawn;

const PAGE: &str = include_str!("../../../docs/auditor-questions.md");

struct Question {
    title: &'static str,
    command: &'static str,
    answer: &'static str,
}

/// Each section's first two blocks: what is asked, and what comes.
fn questions() -> Vec<Question> {
    let sections = PAGE.split("\n## ").skip(1);
    let question = |section: &'static str| {
        let block = |kind: &str| {
            let begin = section.split_once(&format!("```{kind}\n")).map(|(_, rest)| rest);
            begin.and_then(|rest| rest.split_once("```")).map(|(block, _)| block)
        };
        Question {
            title: section.lines().next().unwrap(),
            command: block("sh").unwrap(),
            answer: block("text").unwrap(),
        }
    };
    sections.map(question).collect()
}

/// Whether a line is as the page says: blanks count as one, and `...` is anything.
fn is_like(line: &str, told: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (line, told) = (plain(line), plain(told));
    let parts: Vec<&str> = told.split("...").map(str::trim).collect();
    let (first, last) = (parts[0], parts[parts.len() - 1]);
    if parts.len() == 1 {
        return line == first;
    }
    let mut rest = line.as_str();
    for part in &parts {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    line.starts_with(first) && line.ends_with(last)
}

/// What the commands are asked about; answers the names in them.
fn fill(program: &mut Program) -> Vec<(&'static str, String)> {
    let made = program.json(&["init", "--data", "data", "--account", ACCOUNT, "--region", REGION]);
    program.sign_as(&made);
    let server = program.serve(&[]);
    let text = |made: &Value, name: &str| made[name].as_str().unwrap().to_owned();
    let credentials = |made: &Value| Credentials {
        access_key_id: text(made, "access_key_id"),
        secret: text(made, "secret_access_key"),
        session_token: None,
    };
    let door = Door {
        address: server.address.parse().unwrap(),
        region: REGION,
        admin: credentials(&made),
        clock: Arc::new(SystemClock::new()),
    };
    let key = door.new_key();
    let alias = json!({ "AliasName": "alias/app", "TargetKeyId": key });
    door.call("CreateAlias", &alias).ok();
    let unused = door.new_key();
    let retired = door.new_key();
    let uses = r#"[Action::"kms:Encrypt", Action::"kms:Decrypt"]"#;
    program.write("use.cedar", &format!("permit (principal, action in {uses}, resource);"));
    let user = |name: &str| {
        let made = program.json(&["principal", "create-user", name]);
        let attach = ["principal", "attach-policy", "--user-name", name, "--policy-name", "p"];
        program.json(&[&attach[..], &["use.cedar"]].concat());
        credentials(&made)
    };
    let (ada, bob) = (user("ada"), user("bob"));
    let context = json!({ "tenant": "7" });
    let input = json!({ "KeyId": key, "Plaintext": "eA==", "EncryptionContext": context });
    let sealed = door.call_as(&bob, "Encrypt", &input).ok()["CiphertextBlob"].clone();
    let input = json!({ "CiphertextBlob": sealed, "EncryptionContext": context });
    for _ in 0..3 {
        door.call_as(&ada, "Decrypt", &input).ok();
    }
    assert_eq!(door.call_as(&ada, "DisableKey", &json!({ "KeyId": key })).status, 400);
    let grant = json!({
        "KeyId": key, "Operations": ["Decrypt"],
        "GranteePrincipal": format!("arn:aws:iam::{ACCOUNT}:user/bob"),
    });
    door.call("CreateGrant", &grant).ok();
    door.call("ScheduleKeyDeletion", &json!({ "KeyId": retired })).ok();
    let input = json!({ "KeyId": retired, "Plaintext": "eA==" });
    assert_eq!(door.call_as(&bob, "Encrypt", &input).status, 400);
    let checkpoint = ["audit", "checkpoint", "--output", "kept.checkpoint"];
    program.json(&checkpoint);
    door.call("EnableKey", &json!({ "KeyId": unused })).ok();
    let denied = &door.events("eventName=DisableKey")[0];
    let event = denied["eventID"].as_str().unwrap().to_owned();
    assert_eq!(server.stop(Signal::TERM), Some(0));
    vec![("EVENT", event), ("ACCESS_KEY", bob.access_key_id), ("FROM", "2026-01-01".to_owned())]
}

/// Runs what stands on the page, as a shell does.
fn shell(program: &Program, command: &str) -> Ended {
    let binary = Path::new(env!("CARGO_BIN_EXE_wardbook"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(program.path("")).env_clear().env("PATH", path);
    shell.envs(program.variables.iter().map(|(name, value)| (name, value)));
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    spawn(&mut shell).wait_with_output().unwrap().into()
}

#[test]
fn every_question_is_answered_as_the_page_says() {
    let mut program = Program::new();
    for (name, value) in fill(&mut program) {
        program.set(name, &value);
    }
    std::fs::create_dir(program.path("copy")).unwrap();
    std::fs::copy(program.path("data/wardbook.db"), program.path("copy/wardbook.db")).unwrap();
    symlink(program.path("data"), program.path("wardbook-data")).unwrap();
    let _server = program.serve(&[]);
    let questions = questions();
    assert_eq!(questions.len(), 20);
    let mut wrong = String::new();
    for Question { title, command, answer } in questions {
        let ended = shell(&program, command);
        let lacks =
            answer.lines().filter(|told| !ended.stdout.lines().any(|line| is_like(line, told)));
        let lacks: Vec<&str> = lacks.collect();
        if ended.code != Some(0) || !lacks.is_empty() {
            let Ended { code, stdout, stderr } = ended;
            wrong.push_str(&format!("{title}\nlacks {lacks:#?}\n{code:?}\n{stdout}{stderr}\n"));
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn what_is_like_what() {
    assert!(is_like("a   b c", "a b c") && !is_like("a b c d", "a b c"));
    assert!(is_like("2026 Decrypt ok", "... Decrypt ok") && is_like("x: 3 of 4", "x: ... of ..."));
    assert!(
        !is_like("2026 Decrypt ok!", "... Decrypt ok") && !is_like("x 3 of 4", "x: ... of ...")
    );
}
