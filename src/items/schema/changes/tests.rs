//! Each kind of change, and what an item would make of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;

fn document() -> Value {
    json!({
        "tableName": "T", "partitionKeyName": "pk", "sortKeyName": "sk", "keyId": "alias/a",
        "attributeActionsOnEncrypt": {
            "pk": "SIGN_ONLY", "sk": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN",
            "city": "SIGN_ONLY", "seen": "DO_NOTHING",
        },
        "allowedUnsignedAttributes": ["seen", "old"], "allowedUnsignedAttributePrefix": ":t",
    })
}

fn read(document: &Value) -> SchemaDocument {
    serde_json::from_value(document.clone()).unwrap()
}

/// The rules that `edit` of the document meets, worst first.
#[track_caller]
fn check(edit: impl Fn(&mut Value), want: &[(&Rule, Option<&str>)]) {
    let mut new = document();
    edit(&mut new);
    let found = between(&read(&document()), &read(&new));
    let found: Vec<_> =
        found.iter().map(|change| (change.rule, change.attribute.as_deref())).collect();
    let want: Vec<_> = want.iter().map(|(rule, attribute)| (rule.name, *attribute)).collect();
    assert_eq!(found, want);
}

fn act(name: &'static str, action: &'static str) -> impl Fn(&mut Value) {
    move |document| document["attributeActionsOnEncrypt"][name] = json!(action)
}

fn set(name: &'static str, value: Value) -> impl Fn(&mut Value) {
    move |document| document[name] = value.clone()
}

#[test]
fn what_is_bound_to_items_stays() {
    check(|_| {}, &[]);
    check(set("tableName", json!("U")), &[(&TABLE_NAME, None)]);
    check(set("partitionKeyName", json!("city")), &[(&KEY_NAME, None)]);
    check(set("sortKeyName", json!("city")), &[(&KEY_NAME, None)]);
    check(set("sortKeyName", Value::Null), &[(&KEY_NAME, None)]);
}

#[test]
fn attributes_are_added_and_removed() {
    let remove = |name: &'static str| {
        move |document: &mut Value| {
            let actions = document["attributeActionsOnEncrypt"].as_object_mut().unwrap();
            actions.remove(name).unwrap();
        }
    };
    check(act("new", "ENCRYPT_AND_SIGN"), &[(&ADDED, Some("new"))]);
    check(act("new", "SIGN_ONLY"), &[(&ADDED, Some("new"))]);
    check(remove("ssn"), &[(&REMOVED, Some("ssn"))]);
    check(remove("seen"), &[(&NO_EFFECT, None)]);
    let unsigned = json!(["seen", "old", "new"]);
    check(set("allowedUnsignedAttributes", unsigned), &[(&UNSIGNED_ADDED, Some("new"))]);
    let fewer = json!(["seen"]);
    check(set("allowedUnsignedAttributes", fewer), &[(&UNSIGNED_TO_SIGNED, Some("old"))]);
}

#[test]
fn attributes_change_their_action() {
    check(act("ssn", "SIGN_ONLY"), &[(&ENCRYPTED_TO_SIGNED, Some("ssn"))]);
    check(act("city", "ENCRYPT_AND_SIGN"), &[(&SIGNED_TO_ENCRYPTED, Some("city"))]);
    let context = "SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT";
    check(act("city", context), &[(&SIGNED_TO_CONTEXT, Some("city")), (&FORMAT_RAISED, None)]);
    check(act("ssn", context), &[(&ENCRYPTED_TO_SIGNED, Some("ssn")), (&FORMAT_RAISED, None)]);
    let unsign = |document: &mut Value| {
        act("city", "DO_NOTHING")(document);
        set("allowedUnsignedAttributes", json!(["seen", "old", "city"]))(document);
    };
    check(unsign, &[(&SIGNED_TO_UNSIGNED, Some("city"))]);
    let sign = |document: &mut Value| {
        act("seen", "ENCRYPT_AND_SIGN")(document);
        set("allowedUnsignedAttributes", json!(["old"]))(document);
    };
    check(sign, &[(&UNSIGNED_TO_SIGNED, Some("seen"))]);

    let mut both = document();
    act("city", context)(&mut both);
    let back: Vec<_> =
        between(&read(&both), &read(&document())).iter().map(|change| change.rule).collect();
    assert_eq!(back, [CONTEXT_TO_SIGNED.name, FORMAT_LOWERED.name]);
}

#[test]
fn a_prefix_stands_for_names() {
    let prefix = |text: &str| set("allowedUnsignedAttributePrefix", json!(text));
    check(prefix(":"), &[(&UNSIGNED_ADDED, None)]);
    check(prefix(":tm"), &[(&UNSIGNED_TO_SIGNED, None)]);
    check(prefix("_"), &[(&UNSIGNED_TO_SIGNED, None), (&UNSIGNED_ADDED, None)]);
    check(set("allowedUnsignedAttributePrefix", Value::Null), &[(&UNSIGNED_TO_SIGNED, None)]);
    // `seen` stays unsigned, by the prefix.
    let covered = |document: &mut Value| {
        set("allowedUnsignedAttributes", json!(["old"]))(document);
        prefix("s")(document);
    };
    check(
        covered,
        &[
            (&SIGNED_TO_UNSIGNED, Some("sk")),
            (&SIGNED_TO_UNSIGNED, Some("ssn")),
            (&UNSIGNED_TO_SIGNED, None),
            (&UNSIGNED_ADDED, None),
        ],
    );
}

#[test]
fn more_may_be_shown() {
    let mut old = document();
    old["attributes"] = json!({"ssn": {"labels": ["pii", "id"], "mask": {"keepLast": 4}}});
    old["purposes"] = json!({"required": true, "allowed": ["support"]});
    let found = |member: &'static str, value: Value| {
        let mut new = old.clone();
        new[member] = value;
        let found = between(&read(&old), &read(&new));
        let loosened = found.iter().filter(|change| change.rule == READING_LOOSENED.name);
        let told: Vec<_> = loosened.map(|change| change.what.clone()).collect();
        assert!(told.is_empty() || found[0].class == Class::Careful);
        told
    };
    let attributes = |protection: Value| found("attributes", json!({ "ssn": protection }));
    let keep = |kept: u8| json!({ "keepLast": kept });
    let labels = ["pii", "id", "new"];
    assert_eq!(attributes(json!({"labels": labels, "mask": keep(3)})), [""; 0]);
    assert_eq!(attributes(json!({"labels": labels})), [""; 0]);
    assert_eq!(attributes(json!({"labels": labels, "mask": {"constant": "-"}})), [""; 0]);
    assert_eq!(
        attributes(json!({"labels": ["id"], "mask": keep(5)})),
        ["`ssn`: without label `pii`, with another mask"]
    );
    assert_eq!(attributes(json!({"labels": labels, "mask": "hash"})).len(), 1);
    assert_eq!(found("attributes", json!({})), ["`ssn`: without label `id`, `pii`"]);
    let mask = json!({"ssn": {"labels": labels, "mask": keep(4)}, "city": {"mask": "year"}});
    assert_eq!(found("attributes", mask), ["`city`: with a mask, which shows a part"]);

    let purposes = |purposes: Value| found("purposes", purposes);
    assert_eq!(purposes(json!({"allowed": ["support"]})), ["purposes: none need be said any more"]);
    let wider = json!({"required": true, "allowed": ["support", "sales"]});
    assert_eq!(purposes(wider), ["purposes: more of them are allowed"]);
    assert_eq!(purposes(json!({"required": true})), ["purposes: more of them are allowed"]);
}

#[test]
fn a_label_that_was_kept_can_be_given_up_knowingly() {
    let former = BTreeMap::from([
        ("ssn".to_owned(), BTreeSet::from(["pii".to_owned()])),
        ("gone".to_owned(), BTreeSet::from(["pii".to_owned()])),
    ]);
    let mut new = document();
    let told: Vec<_> =
        forgotten(former.iter(), &read(&new)).into_iter().map(|change| change.what).collect();
    assert_eq!(told, ["`ssn`: without label `pii`"]);
    new["attributes"] = json!({"ssn": {"labels": ["pii"]}});
    assert_eq!(forgotten(former.iter(), &read(&new)), []);
}

#[test]
fn suites_and_keys() {
    check(set("algorithmSuite", json!("0x6700")), &[(&SUITE_WEAKER, None)]);
    check(set("keyId", json!("alias/b")), &[(&KEY, None)]);
    let mut weak = document();
    set("algorithmSuite", json!("0x6700"))(&mut weak);
    let changes = between(&read(&weak), &read(&document()));
    assert_eq!(summary(&changes), "algorithmSuite: 0x6700 -> 0x6701");
    assert_eq!(changes.first().unwrap().class, Class::Safe);
}

#[test]
fn a_summary_ends() {
    let mut new = document();
    for name in ["a", "b", "c", "d", "e"] {
        act(name, "SIGN_ONLY")(&mut new);
    }
    let text = summary(&between(&read(&document()), &read(&new)));
    assert!(text.ends_with("`c`: no action -> SIGN_ONLY; and 2 more"), "{text}");
}

#[test]
fn rules_are_named_once() {
    let names: BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), RULES.len());
}
