//! What `Resource` of a JSON policy names beside keys.

use super::actions::Action;
use super::decision::DenialKind;
use super::fixture::*;
use super::grant::NoGrants;
use super::question::{NO_TAGS, Question, RequestFacts, Resource, Standing};

/// Asks as alice, with one identity policy.
#[track_caller]
fn check(action: Action, resource: Resource<'_>, identity: &str, want: Option<DenialKind>) {
    let (caller, request) = (caller(user(HOME, "alice")), RequestFacts::default());
    let standing = &Standing::with_policies(vec![identity_policy(identity)]);
    let (grants, request) = (&NoGrants, &request);
    let question = Question { caller: &caller, action, resource, standing, grants, request };
    assert_eq!(denied(&ENGINE.decide(&question)), want, "{action} {identity}");
}

#[test]
fn json_policies_name_what_is_not_a_key_by_arn() {
    let (home, abroad) = (account(HOME), account(ABROAD));
    let allow = |action: &str, resource: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "{action}",
                "Resource": "{resource}"}}}}"#
        )
    };
    let role = |account, name| Resource::Role {
        account,
        unique_id: "AROAX",
        name,
        tags: &NO_TAGS,
        trust: None,
    };
    let (assume, app) = (Action::ASSUME_ROLE, role(&home, "app"));
    let denied = Some(DenialKind::ImplicitIdentity);
    for (resource, want) in [
        ("arn:aws:iam::111122223333:role/app", None),
        ("arn:aws:iam::*:role/a*", None),
        ("arn:aws:iam::111122223333:*", None),
        ("arn:aws:*:*:*:*", None),
        ("arn:aws:iam::111122223333:role/ap?", None),
        ("arn:aws:iam::111122223333:role/other", denied),
        ("arn:aws:iam::444455556666:role/app", denied),
        ("arn:aws:iam::111122223333:user/app", denied),
        ("arn:aws:kms:*:*:*", denied),
    ] {
        check(assume, app, &allow("sts:*", resource), want);
    }
    let own = |name| Resource::User { account: &home, unique_id: "AIDAX", name, tags: &NO_TAGS };
    let keys = allow("iam:*AccessKey*", "arn:aws:iam::*:user/${aws:username}");
    check(Action::CREATE_ACCESS_KEY, own("alice"), &keys, None);
    check(Action::CREATE_ACCESS_KEY, own("bob"), &keys, denied);
    let book = |account| Resource::AuditLog { account };
    let read = allow("audit:*", "arn:aws:audit::111122223333:log");
    check(Action::QUERY_EVENTS, book(&home), &read, None);
    check(Action::QUERY_EVENTS, book(&abroad), &read, denied);
    let people = Resource::ItemSchema { account: &home, name: "people" };
    let items =
        |name: &str| allow("items:*", &format!("arn:aws:items::111122223333:schema/{name}"));
    check(Action::ENCRYPT_ITEM, people, &items("peo*"), None);
    check(Action::ENCRYPT_ITEM, people, &items("orders"), denied);
}
