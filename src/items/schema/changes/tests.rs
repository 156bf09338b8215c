//! Each kind of change, and what an item would make of it.

use serde_json::json;

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
