//! The same, for what only Rust can test, older policies, and what is no key.

use super::*;
use crate::policy::question::NO_TAGS;

#[test]
fn tests_in_rust() {
    let stage = |value: &str| alice(Action::ENCRYPT).context(&[("stage", value)]);
    let by = |alias: &'static str| alice(Action::DECRYPT).with(|call| call.alias = Some(alias));
    let called = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        alice(Action::SIGN).with(|call| call.aliases = Names(names))
    };
    let many: Vec<_> = (0..51).map(|n| format!("alias/Test{n}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let path = |value: &str| alice(Action::VERIFY).context(&[("PATH", value)]);
    check(
        "in-rust",
        &[
            (stage("TEST"), true),
            (stage("Demo"), true),
            (stage("prod"), false),
            (alice(Action::ENCRYPT), false),
            (by("alias/app-1"), true),
            (by("alias/app-12"), false),
            (alice(Action::DECRYPT), false),
            (called(&["alias/x", "alias/myTestKey"]), true),
            (called(&["alias/x"]), false),
            (called(&[]), false),
            (called(&many[..50]), true),
            (called(&many), false),
            (path("home/alice/"), true),
            (path("home/bob/"), false),
            (alice(Action::DESCRIBE_KEY), true),
        ],
    );
    let document = key_policy(&text("key/in-rust.json"));
    assert_eq!(
        document.atoms().into_iter().collect::<Vec<_>>(),
        [
            r#"ForAnyValue:StringLike kms:ResourceAliases ["alias/*Test*"]"#,
            r#"Resource "arn:aws:kms:eu-central-?:${aws:PrincipalAccount}:key/*""#,
            r#"StringEquals kms:EncryptionContext:path ["home/${aws:username}/"]"#,
            r#"StringEqualsIgnoreCase kms:EncryptionContext:stage ["test", "demo"]"#,
            r#"StringLike kms:RequestAlias ["alias/app-?"]"#,
        ]
    );
    let labels: Vec<_> = document.clauses().map(|(_, labels)| labels.to_vec()).collect();
    assert_eq!(labels[2], ["StringEqualsIgnoreCase kms:EncryptionContext:stage"]);
}

/// It is there, and like no ARN.
#[test]
fn a_text_that_is_no_arn() {
    for (operator, want) in [
        ("ArnLike", false),
        ("ArnNotLike", true),
        ("ArnLikeIfExists", false),
        ("ArnNotLikeIfExists", true),
        ("ForAnyValue:ArnLike", false),
        ("ForAnyValue:ArnNotLike", true),
        ("ForAnyValue:ArnLikeIfExists", false),
        ("ForAllValues:ArnLike", false),
        ("ForAllValues:ArnNotEquals", true),
    ] {
        // The second is a test in Rust.
        for pattern in ["arn:*:iam:*:*:*", "arn:*:iam:*:*:?*"] {
            let condition = format!(r#""{operator}": {{"kms:GranteePrincipal": "{pattern}"}}"#);
            let policy = key_policy(&format!(
                r#"{{"Statement": {{"Effect": "Allow", "Principal": {{"AWS": "*"}},
                "Action": "kms:*", "Resource": "*", "Condition": {{{condition}}}}}}}"#
            ));
            let grant = alice(Action::CREATE_GRANT).trusted();
            let grant = grant.says(Fact::GranteePrincipal, "not an arn");
            assert_eq!(grant.is_allowed(&policy), want, "{operator} {pattern}");
        }
    }
}

#[test]
fn version_2008_has_no_variables() {
    let user = |value: &str| alice(Action::DECRYPT).context(&[("user", value)]);
    check("version-2008", &[(user("alice"), false), (user("${aws:username}"), true)]);
}

#[test]
fn keys_by_their_names() {
    let policy = identity_policy(&text("identity/by-alias.json"));
    let open = key_policy(&text("key/default.json"));
    let named = |action, alias, names: &[&str]| {
        alice(action).with(|call| {
            call.standing.policies.push(Arc::clone(&policy));
            call.alias = alias;
            call.aliases = Names(names.iter().map(|name| (*name).to_owned()).collect());
        })
    };
    for (call, want) in [
        (named(Action::ENCRYPT, None, &["alias/app"]), true),
        (named(Action::ENCRYPT, None, &["alias/other"]), false),
        (named(Action::DECRYPT, Some("alias/app"), &["alias/app"]), true),
        (named(Action::DECRYPT, Some("alias/web"), &["alias/web"]), false),
    ] {
        assert_eq!(call.is_allowed(&open), want, "{:?}", call.alias);
    }
    let (home, region) = (account(HOME), Region::parse("eu-central-1").unwrap());
    let create = |spec: &'static str| {
        named(Action::CREATE_KEY, None, &[])
            .says(Fact::KeySpec, spec)
            .says(Fact::KeyOrigin, "AWS_KMS")
            .says(Fact::MultiRegion, false)
    };
    let place = Resource::Account { account: &home, region: &region };
    assert!(create("RSA_4096").ask(place));
    assert!(!create("RSA_2048").ask(place));
    assert!(!create("RSA_4096").says(Fact::MultiRegion, true).ask(place));
}

#[test]
fn who_may_assume_a_role() {
    let trust = ENGINE.compile_trust_policy(&text("trust/roles.json"), &directory()).unwrap();
    let home = account(HOME);
    let role = Resource::Role {
        account: &home,
        unique_id: "AROAX",
        name: "ci",
        tags: &NO_TAGS,
        trust: Some(&trust),
    };
    let web = |provider: &str, audience: &str, subject: &str| {
        let principal = Principal::WebIdentity {
            account: account(HOME),
            provider: provider.to_owned(),
            audience: audience.to_owned(),
            subject: subject.to_owned(),
        };
        call(principal, Action::ASSUME_ROLE_WITH_WEB_IDENTITY).ask(role)
    };
    let github = "token.actions.githubusercontent.com";
    assert!(web(github, "sts.amazonaws.com", "repo:example/app:ref:refs/heads/main"));
    assert!(!web(github, "sts.amazonaws.com", "repo:example/apps:x"));
    assert!(!web(github, "other", "repo:example/app:x"));
    assert!(!web("gitlab.example.com", "sts.amazonaws.com", "repo:example/app:x"));
    let partner = || call(user(ABROAD, "alice"), Action::ASSUME_ROLE).trusted();
    assert!(partner().says(Fact::ExternalId, "12345").ask(role));
    assert!(!partner().says(Fact::ExternalId, "123456").ask(role));
    assert!(!partner().ask(role));
}
