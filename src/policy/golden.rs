//! What JSON policies mean, and what refused callers read, in files that a
//! reviewer can see change: `tests/golden/policy/`.

use std::fs;
use std::path::{Path, PathBuf};

use super::actions::Action;
use super::builtin::default_key_policy;
use super::decision::ciphertext_denial;
use super::fixture::{
    ENGINE, HOME, account, ask, directory, identity_policy, key_policy, session, user,
};
use super::question::RequestFacts;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/policy")
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    files
}

#[test]
fn json_policies_and_their_cedar() {
    let keys = json_files(&folder().join("key"));
    let identities = json_files(&folder().join("identity"));
    let trusts = json_files(&folder().join("trust"));
    assert_eq!((keys.len(), identities.len(), trusts.len()), (15, 2, 1));
    for path in keys.iter().chain(&identities).chain(&trusts) {
        let text = fs::read_to_string(path).unwrap();
        let document = if keys.contains(path) {
            ENGINE.compile_key_policy(&text, &directory())
        } else if trusts.contains(path) {
            ENGINE.compile_trust_policy(&text, &directory())
        } else {
            ENGINE.compile_identity_policy(&text)
        };
        let want = fs::read_to_string(path.with_extension("cedar")).unwrap();
        let cedar = document.unwrap().to_cedar();
        assert_eq!(cedar, want, "{}:\n{cedar}", path.display());
        // It is a policy in its own right, unless it asks for tests in Rust.
        if !cedar.contains("context.atoms") {
            ENGINE.compile_trust_policy(&cedar, &directory()).unwrap();
        }
    }
}

#[test]
fn the_default_policy_is_as_aws_prints_it() {
    let want = fs::read_to_string(folder().join("key/default.json")).unwrap();
    assert_eq!(default_key_policy(&account(HOME)), want);
}

#[test]
fn what_refused_callers_read() {
    let default = key_policy(&default_key_policy(&account(HOME)));
    let nobody = key_policy("forbid (principal, action == Action::\"kms:Sign\", resource);");
    let broken = key_policy(
        "permit (principal, action, resource) when { context.epochTime + 9223372036854775807 > 0 };",
    );
    let deny = [identity_policy("forbid (principal, action, resource);")];
    let none: &[_] = &[];
    let cases = [
        (Action::DECRYPT, &default, none),
        (Action::DECRYPT, &nobody, none),
        (Action::SIGN, &nobody, none),
        (Action::DECRYPT, &default, &deny),
        (Action::DECRYPT, &broken, none),
    ];
    let request = RequestFacts { now_ms: 1_000, ..RequestFacts::default() };
    let mut text = String::new();
    for (action, policy, identity) in cases {
        let decision = ask(user(HOME, "alice"), action, policy, identity, &request);
        text.push_str(&decision.outcome.unwrap_err().to_string());
        text.push('\n');
    }
    text.push_str(&ciphertext_denial(&session(HOME, "jo"), Action::DECRYPT));
    text.push('\n');
    let want = fs::read_to_string(folder().join("access_denied.txt")).unwrap();
    assert_eq!(text, want, "\n{text}");
}
