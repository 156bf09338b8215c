//! How AWS's own kinds of policies decide: those in `tests/golden/policy`, as
//! tables.

mod further;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::base::arn::KeyArn;
use crate::base::caller::{Caller, Principal, SessionFacts};
use crate::base::context::EncryptionContext;
use crate::base::ids::Region;
use crate::base::spec::{KeySpec, KeyUsage, MultiRegionRole, Origin};
use crate::policy::actions::Action;
use crate::policy::document::Document;
use crate::policy::fact::{Fact, Said, Value};
use crate::policy::fixture::{
    ABROAD, ENGINE, HOME, KEY_ARN, account, caller, denied, directory, identity_policy, key_policy,
    root, session, user,
};
use crate::policy::grant::NoGrants;
use crate::policy::question::{Aliases, KeyResource, Question, RequestFacts, Resource, Standing};

fn text(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/policy");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

struct Names(Vec<String>);

impl Aliases for Names {
    fn aliases_of(&self, _key: &KeyArn, limit: usize) -> Vec<String> {
        self.0.iter().take(limit).cloned().collect()
    }
}

/// A call on the key; each method says one thing more of it.
struct Call {
    caller: Caller,
    action: Action,
    standing: Standing,
    key_tags: BTreeMap<String, String>,
    multi_region: Option<MultiRegionRole>,
    aliases: Names,
    context: EncryptionContext,
    alias: Option<&'static str>,
    said: Said,
    now_ms: i64,
}

fn call(principal: Principal, action: Action) -> Call {
    Call {
        caller: caller(principal),
        action,
        standing: Standing::default(),
        key_tags: BTreeMap::new(),
        multi_region: None,
        aliases: Names(Vec::new()),
        context: EncryptionContext::default(),
        alias: None,
        said: Said::new(),
        now_ms: 1_700_000_000_000,
    }
}

impl Call {
    fn says(mut self, fact: Fact, value: impl Into<Value<'static>>) -> Self {
        self.said.say(fact, value.into());
        self
    }

    fn context(mut self, pairs: &[(&str, &str)]) -> Self {
        self.context = EncryptionContext::new(tags(pairs));
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// With an identity policy that allows everything.
    fn trusted(mut self) -> Self {
        self.standing.policies.push(identity_policy("permit (principal, action, resource);"));
        self
    }

    fn is_allowed(&self, policy: &Arc<Document>) -> bool {
        let arn = KeyArn::parse(KEY_ARN).unwrap();
        self.ask(Resource::Key(KeyResource {
            arn: &arn,
            spec: KeySpec::SymmetricDefault,
            usage: KeyUsage::EncryptDecrypt,
            origin: Origin::AwsKms,
            multi_region: self.multi_region,
            tags: &self.key_tags,
            aliases: &self.aliases,
            policy,
        }))
    }

    fn ask(&self, resource: Resource<'_>) -> bool {
        let decision = ENGINE.decide(&Question {
            caller: &self.caller,
            action: self.action,
            resource,
            standing: &self.standing,
            grants: &NoGrants,
            request: &RequestFacts {
                region: None,
                encryption_context: Some(&self.context),
                request_alias: self.alias,
                said: &self.said,
                now_ms: self.now_ms,
            },
        });
        assert_eq!(decision.explanation.errors, Vec::<String>::new());
        denied(&decision).is_none()
    }
}

/// Whether each of the calls is allowed by the key policy of this name.
#[track_caller]
fn check(name: &str, cases: &[(Call, bool)]) {
    let policy = key_policy(&text(&format!("key/{name}.json")));
    for (at, (call, want)) in cases.iter().enumerate() {
        assert_eq!(call.is_allowed(&policy), *want, "{name} {at}: {}", call.action);
    }
}

fn alice(action: Action) -> Call {
    call(user(HOME, "alice"), action)
}

fn admin(action: Action) -> Call {
    call(session(HOME, "a"), action)
}

#[test]
fn grants_by_services_only() {
    let grant = |service: bool, operations: &[&str], grantee: &str| {
        let operations: Vec<_> = operations.iter().map(|name| (*name).to_owned()).collect();
        alice(Action::CREATE_GRANT)
            .says(Fact::GrantIsForAwsResource, service)
            .says(Fact::GrantOperations, operations)
            .says(Fact::GranteePrincipal, grantee.to_owned())
    };
    let bob = "arn:aws:iam::111122223333:user/bob";
    check(
        "attach-grants",
        &[
            (alice(Action::DECRYPT), true),
            (grant(true, &["Decrypt"], bob), true),
            (grant(true, &["Decrypt", "Encrypt"], bob), true),
            (grant(false, &["Decrypt"], bob), false),
            (grant(true, &["Decrypt", "RetireGrant"], bob), false),
            (grant(true, &["Decrypt"], "arn:aws:iam::444455556666:user/bob"), false),
            (grant(true, &["Decrypt"], "arn:aws:iam::111122223333:role/user/bob"), false),
        ],
    );
}

#[test]
fn through_a_service() {
    let via = |call: Call| call.with(|call| call.caller.via_service = Some("items".into()));
    let bob = || call(user(HOME, "bob"), Action::DECRYPT).trusted();
    check(
        "via-service",
        &[
            (alice(Action::DECRYPT), false),
            (via(alice(Action::DECRYPT)), true),
            (bob(), false),
            (via(bob()), true),
        ],
    );
}

#[test]
fn encryption_contexts() {
    let app = ("appNAME", "ExampleApp");
    let arn = ("aws:s3:arn", "arn:aws:s3:::example-1");
    check(
        "encryption-context",
        &[
            (alice(Action::DECRYPT).context(&[app, arn]), true),
            (alice(Action::DECRYPT).context(&[("AppName", "exampleapp"), arn]), false),
            (alice(Action::DECRYPT).context(&[app]), false),
            (alice(Action::DECRYPT), false),
            (alice(Action::GENERATE_DATA_KEY).context(&[app, arn]), false),
            (alice(Action::GENERATE_DATA_KEY).context(&[app, arn, ("Department", "")]), true),
            // Keys as a list are compared exactly.
            (alice(Action::ENCRYPT).context(&[app, arn, ("department", "x")]), false),
            (
                alice(Action::ENCRYPT).context(&[
                    ("AppName", "ExampleApp"),
                    arn,
                    ("department", "x"),
                ]),
                true,
            ),
        ],
    );
}

#[test]
fn two_keys_that_differ_by_case_are_no_guess() {
    let policy = key_policy(&text("key/encryption-context.json"));
    let both = alice(Action::DECRYPT).context(&[("AppName", "ExampleApp"), ("appname", "x")]);
    let (arn, request) = (KeyArn::parse(KEY_ARN).unwrap(), RequestFacts::default());
    let request = RequestFacts { encryption_context: Some(&both.context), ..request };
    let decision = ENGINE.decide(&Question {
        caller: &both.caller,
        action: both.action,
        resource: crate::policy::fixture::key(&arn, &policy),
        standing: &both.standing,
        grants: &NoGrants,
        request: &request,
    });
    assert_eq!(denied(&decision), Some(crate::policy::decision::DenialKind::FailedClosed));
    assert!(
        decision.explanation.errors[0]
            .ends_with("foldedEncryptionContext has two keys that differ by case only")
    );
}

#[test]
fn multi_region() {
    let of = |role| move |call: &mut Call| call.multi_region = role;
    let primary = || of(Some(MultiRegionRole::Primary));
    let replicate = |region: &'static str| {
        admin(Action::REPLICATE_KEY).says(Fact::ReplicaRegion, region).with(primary())
    };
    let promote = |region: &'static str| {
        call(root(HOME), Action::UPDATE_PRIMARY_REGION).says(Fact::PrimaryRegion, region)
    };
    let decrypt = |role| call(root(HOME), Action::DECRYPT).with(of(role));
    check(
        "multi-region",
        &[
            (replicate("us-east-1"), true),
            (replicate("us-west-2"), false),
            (replicate("us-east-1").with(of(None)), false),
            (decrypt(None), true),
            (decrypt(Some(MultiRegionRole::Primary)), true),
            (decrypt(Some(MultiRegionRole::Replica)), false),
            (promote("eu-central-1"), true),
            (promote("us-east-1"), false),
        ],
    );
}

#[test]
fn another_account() {
    let there = |action| call(session(ABROAD, "a"), action);
    let grant = |service: bool| {
        there(Action::CREATE_GRANT).says(Fact::GrantIsForAwsResource, service).trusted()
    };
    check(
        "cross-account",
        &[
            (there(Action::DECRYPT), false),
            (there(Action::DECRYPT).trusted(), true),
            (there(Action::PUT_KEY_POLICY).trusted(), false),
            (grant(true), true),
            (grant(false), false),
            (call(user(ABROAD, "alice"), Action::CREATE_GRANT).trusted(), false),
        ],
    );
}

#[test]
fn the_lockout_check_stays_on() {
    let put = || admin(Action::PUT_KEY_POLICY);
    let bypass = Fact::BypassPolicyLockoutSafetyCheck;
    check(
        "bypass-lockout",
        &[
            (put(), true),
            (put().says(bypass, false), false),
            (put().says(bypass, true), false),
            (call(root(HOME), Action::PUT_KEY_POLICY).says(bypass, false), true),
            (call(root(HOME), Action::PUT_KEY_POLICY).says(bypass, true), false),
        ],
    );
}

#[test]
fn numbers_and_dates() {
    let by_root = |action| call(root(HOME), action);
    let rotate =
        |days: i64| by_root(Action::ENABLE_KEY_ROTATION).says(Fact::RotationPeriodInDays, days);
    let delete = |days: i64| {
        let fact = Fact::ScheduleKeyDeletionPendingWindowInDays;
        by_root(Action::SCHEDULE_KEY_DELETION).says(fact, days)
    };
    let import = |valid_to_s: i64| {
        by_root(Action::IMPORT_KEY_MATERIAL)
            .says(Fact::ExpirationModel, "KEY_MATERIAL_EXPIRES")
            .says(Fact::ValidTo, Value::Date(valid_to_s * 1_000))
    };
    let at = |now_ms: i64| alice(Action::DECRYPT).with(|call| call.now_ms = now_ms);
    let issued = |s: i64| {
        let facts = SessionFacts { created_ms: s * 1_000, ..SessionFacts::default() };
        let session = admin(Action::SIGN).trusted();
        session.with(|call| call.caller.session = Some(Arc::new(facts)))
    };
    let eternal = by_root(Action::IMPORT_KEY_MATERIAL)
        .says(Fact::ExpirationModel, "KEY_MATERIAL_DOES_NOT_EXPIRE");
    check(
        "numbers-and-dates",
        &[
            (rotate(365), true),
            (rotate(366), false),
            (delete(14), false),
            (delete(15), true),
            (import(1_700_000_000), true),
            (import(1_700_000_001), false),
            (eternal, false),
            (alice(Action::DECRYPT), true),
            (at(1_698_796_800_000), false),
            (at(1_698_796_800_001), true),
            (at(1_701_385_199_999), true),
            (at(1_701_385_200_000), false),
            (issued(1_699_920_000), true),
            (issued(1_699_919_999), false),
            (admin(Action::SIGN).trusted(), true),
        ],
    );
}

#[test]
fn transport() {
    let from = |ip: &str| {
        let ip = ip.parse().unwrap();
        alice(Action::DECRYPT).trusted().with(|call| call.caller.source_ip = Some(ip))
    };
    let delete = || admin(Action::SCHEDULE_KEY_DELETION).trusted();
    let temporary = Some(Arc::new(SessionFacts::default()));
    check(
        "transport",
        &[
            (from("192.0.2.1"), true),
            (from("::ffff:192.0.2.1"), true),
            (from("2001:db8:1::1"), true),
            (from("192.0.3.1"), false),
            (from("192.0.3.1").with(|call| call.caller.via_service = Some("items".into())), true),
            (from("192.0.2.1").with(|call| call.caller.source_ip = None), false),
            (from("192.0.2.1").with(|call| call.caller.secure_transport = false), false),
            // AWS says that long-term credentials have no such key; `IfExists`
            // then denies them.
            (delete(), false),
            (delete().with(|call| call.caller.session = temporary), false),
            (alice(Action::SIGN).trusted(), true),
        ],
    );
    let policy = key_policy(&text("key/transport.json"));
    let warnings: Vec<_> = policy.warnings().iter().map(|warning| warning.text.as_str()).collect();
    assert_eq!(
        warnings,
        [
            "Condition: StringEquals aws:SourceVpce: no request here has this key",
            "Condition: StringEquals aws:SourceVpce: never holds: the statement has no effect",
        ]
    );
}

#[test]
fn attributes() {
    let own = |principal: &[(&str, &str)], key: &[(&str, &str)]| {
        alice(Action::DECRYPT).with(|call| {
            call.standing.tags = tags(principal);
            call.key_tags = tags(key);
        })
    };
    let tag = |pairs: &[(&str, &str)]| {
        call(root(HOME), Action::TAG_RESOURCE)
            .says(Fact::RequestTags, tags(pairs))
            .says(Fact::TagKeys, tags(pairs).into_keys().collect::<Vec<_>>())
            .with(|call| call.key_tags = tags(&[("Project", "blue")]))
    };
    let sign =
        |call: Call, owner: &str| call.with(|call| call.key_tags = tags(&[("owner", owner)]));
    check(
        "attributes",
        &[
            (own(&[("PROJECT", "blue")], &[("Project", "blue")]), true),
            (own(&[("Project", "red")], &[("Project", "blue")]), false),
            (own(&[("Project", "*")], &[("Project", "blue")]), false),
            (own(&[], &[("Project", "blue")]), false),
            (own(&[("Project", "blue")], &[]), false),
            (own(&[], &[]), false),
            (tag(&[("Project", "blue"), ("Owner", "x")]), true),
            (tag(&[("Project", "red")]), false),
            (tag(&[("Project", "none")]), true),
            (tag(&[("Colour", "red")]), false),
            (tag(&[("Owner", "x")]), true),
            (sign(alice(Action::SIGN), "alice"), true),
            (sign(alice(Action::SIGN), "bob"), false),
            (sign(admin(Action::SIGN), "nobody"), true),
        ],
    );
}

#[test]
fn everybody_but() {
    let bob = |action| call(user(HOME, "bob"), action).trusted();
    check(
        "everybody-but",
        &[
            (alice(Action::DECRYPT).trusted(), true),
            (admin(Action::DECRYPT).trusted(), true),
            (call(session(HOME, "b"), Action::DECRYPT).trusted(), false),
            (bob(Action::DECRYPT), false),
            (call(root(HOME), Action::DECRYPT), true),
            (alice(Action::ENCRYPT).trusted(), false),
            (admin(Action::ENCRYPT).trusted(), true),
            (call(root(HOME), Action::ENCRYPT), true),
            (bob(Action::DESCRIBE_KEY), true),
            (bob(Action::SIGN), false),
        ],
    );
}
