//! What `Resource` of a JSON policy names beside keys.

use std::collections::BTreeSet;

use super::actions::Action;
use super::decision::DenialKind;
use super::decision::DenialKind::{FailedClosed, ImplicitIdentity};
use super::fixture::*;
use super::grant::NoGrants;
use super::question::{NO_TAGS, Question, RequestFacts, Resource, Standing};
use crate::base::arn::AliasArn;
use crate::base::caller::Principal;
use crate::base::ids::{AliasName, Region};

const ALLOW_ALL: &str = "permit (principal, action, resource);";

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
    let denied = Some(ImplicitIdentity);
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

/// What names a schema does not name its attributes, unless by a wildcard.
#[test]
fn attributes_of_items_are_named_by_arn_and_by_label() {
    let home = account(HOME);
    let (pii, none) = (BTreeSet::from(["pii".to_owned()]), BTreeSet::new());
    let of = |schema, name, labels| Resource::Attribute { account: &home, schema, name, labels };
    let (ssn, plan) = (of("people", "ssn", &pii), of("people", "plan", &none));
    let read = Action::DECRYPT_ATTRIBUTE;
    let denied = Some(ImplicitIdentity);
    let cedar = |scope: &str, when: &str| {
        format!("permit (principal, action == Action::\"items:DecryptAttribute\", {scope}) {when};")
    };
    let labelled = "when { resource.labels.contains(\"pii\") }";
    check(read, ssn, &cedar("resource", labelled), None);
    check(read, plan, &cedar("resource", labelled), denied);
    check(read, ssn, &cedar("resource == Attribute::\"111122223333/people/ssn\"", ""), None);
    check(read, plan, &cedar("resource == Attribute::\"111122223333/people/ssn\"", ""), denied);
    check(read, plan, &cedar("resource in ItemSchema::\"111122223333/people\"", ""), None);
    check(read, ssn, &cedar("resource in ItemSchema::\"111122223333/others\"", ""), denied);
    check(read, ssn, &cedar("resource in Account::\"111122223333\"", ""), None);
    check(read, ssn, &cedar("resource", "when { resource.name == \"ssn\" }"), None);
    check(Action::DECRYPT_ATTRIBUTE_MASKED, ssn, &cedar("resource", ""), denied);
    // A name with a slash is no other attribute of another schema.
    let odd = of("people", "x/attribute/ssn", &none);
    check(read, odd, &cedar("resource == Attribute::\"111122223333/people/ssn\"", ""), denied);

    let json = |arn: &str, condition: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "items:*",
                "Resource": "arn:aws:items::111122223333:schema/{arn}"{condition}}}}}"#
        )
    };
    for (arn, want) in [
        ("people/attribute/ssn", None),
        ("people/attribute/*", None),
        ("peo*", None),
        ("*", None),
        ("people", denied),
        ("people/attribute/plan", denied),
        ("people/attribute/SSN", denied),
    ] {
        check(read, ssn, &json(arn, ""), want);
    }
    // And what names an attribute does not name its schema.
    let people = Resource::ItemSchema { account: &home, name: "people" };
    check(Action::DECRYPT_ITEM, people, &json("people/attribute/*", ""), denied);
    check(Action::DECRYPT_ITEM, people, &json("people*", ""), None);
    let pii = r#", "Condition": {"ForAnyValue:StringEquals": {"items:AttributeLabels": "pii"}}"#;
    check(read, ssn, &json("*", pii), None);
    check(read, plan, &json("*", pii), denied);
    // Actions on schemas and a resource that can be either are no mistake.
    let policy = json("people*", "").replace("items:*", "items:EncryptItem");
    assert!(identity_policy(&policy).warnings().is_empty());
    let policy = json("people/attribute/ssn", "").replace("items:*", "items:EncryptItem");
    assert_eq!(identity_policy(&policy).warnings().len(), 1);
}

/// Asks as `principal` with `identity` about something that is not a key.
#[track_caller]
fn check_other(
    principal: &Principal,
    action: Action,
    resource: Resource<'_>,
    identity: &str,
    want: Option<DenialKind>,
) {
    let (caller, request) = (caller(principal.clone()), RequestFacts::default());
    let standing = Standing::with_policies(vec![identity_policy(identity)]);
    let question = Question {
        caller: &caller,
        action,
        resource,
        standing: &standing,
        grants: &NoGrants,
        request: &request,
    };
    assert_eq!(denied(&ENGINE.decide(&question)), want, "{action}");
}

#[test]
fn without_a_key_the_identity_policies_decide() {
    let (home, region) = (account(HOME), Region::parse("eu-central-1").unwrap());
    let alice = user(HOME, "alice");
    let whole = Resource::Account { account: &home, region: &region };
    let create = r#"permit (principal, action == Action::"kms:CreateKey", resource)
        when { context.requestedRegion == "eu-central-1" };"#;
    // Strict validation wants a guard: not every resource has a Region.
    assert!(ENGINE.compile_identity_policy(create).is_err());
    let create = &create.replace("context.req", "context has requestedRegion && context.req");
    check_other(&alice, Action::CREATE_KEY, whole, create, None);
    check_other(&alice, Action::LIST_KEYS, whole, create, Some(ImplicitIdentity));
    check_other(&user(ABROAD, "alice"), Action::CREATE_KEY, whole, create, Some(ImplicitIdentity));
    check_other(&root(HOME), Action::CREATE_USER, whole, create, None);
    check_other(&root(ABROAD), Action::CREATE_USER, whole, create, Some(ImplicitIdentity));
    check_other(&alice, Action::ENCRYPT, whole, ALLOW_ALL, Some(FailedClosed));

    let arn = AliasArn {
        region: region.clone(),
        account: home.clone(),
        name: AliasName::parse("alias/app").unwrap(),
    };
    let alias = Resource::Alias { arn: &arn };
    let json = r#"{"Statement": {"Effect": "Allow", "Action": "kms:*Alias", "Resource": "arn:aws:kms:*:111122223333:alias/a*"}}"#;
    check_other(&alice, Action::CREATE_ALIAS, alias, json, None);
    check_other(
        &alice,
        Action::CREATE_ALIAS,
        alias,
        &json.replace("alias/a*", "alias/b*"),
        Some(ImplicitIdentity),
    );

    let schema = Resource::ItemSchema { account: &home, name: "customers" };
    let items = r#"permit (principal, action in Action::"items:*", resource == ItemSchema::"111122223333/customers");"#;
    check_other(&alice, Action::DECRYPT_ITEM, schema, items, None);
    let orders = Resource::ItemSchema { account: &home, name: "orders" };
    check_other(&alice, Action::DECRYPT_ITEM, orders, items, Some(ImplicitIdentity));

    let log = Resource::AuditLog { account: &home };
    check_other(
        &alice,
        Action::QUERY_EVENTS,
        log,
        r#"permit (principal, action in Action::"audit:*", resource in Account::"111122223333");"#,
        None,
    );
    let bob = Resource::User { account: &home, unique_id: "AIDABOB", name: "bob", tags: &NO_TAGS };
    let own = r#"permit (principal, action in Action::"iam:*", resource is User) when { resource == principal };"#;
    check_other(&alice, Action::CREATE_ACCESS_KEY, bob, own, Some(ImplicitIdentity));
    let same = Resource::User {
        account: &home,
        unique_id: "AIDA111122223333alice",
        name: "alice",
        tags: &NO_TAGS,
    };
    check_other(&alice, Action::CREATE_ACCESS_KEY, same, own, None);
    let role = Resource::Role {
        account: &home,
        unique_id: "AROAX",
        name: "Auditor",
        tags: &NO_TAGS,
        trust: None,
    };
    let assume = r#"permit (principal, action == Action::"sts:AssumeRole", resource) when { resource.name like "Aud*" };"#;
    check_other(&alice, Action::ASSUME_ROLE, role, assume, None);
}
