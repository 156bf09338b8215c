//! The rules of a schema, its text and its hash.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Action, AlgorithmSuite, FormatVersion, Schema, SchemaDocument, changes, hash, lint};
use crate::base::limits::ADDITIONAL_KEYS;
use crate::items::error::ItemErrorCode;

fn base() -> Value {
    json!({
        "tableName": "T", "partitionKeyName": "pk", "sortKeyName": "sk", "keyId": "alias/items",
        "attributeActionsOnEncrypt": {"pk": "SIGN_ONLY", "sk": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN", "seen": "DO_NOTHING"},
        "allowedUnsignedAttributes": ["seen"], "allowedUnsignedAttributePrefix": ":",
    })
}

fn with(member: &str, value: Value) -> Value {
    let mut document = base();
    *document
        .pointer_mut("")
        .unwrap()
        .as_object_mut()
        .unwrap()
        .entry(member)
        .or_insert(Value::Null) = value;
    document
}

fn with_action(name: &str, action: &str) -> Value {
    let mut document = base();
    document["attributeActionsOnEncrypt"][name] = json!(action);
    document
}

#[track_caller]
fn check_refused(document: Value, attribute: Option<&str>, part: &str) {
    let document: SchemaDocument = serde_json::from_value(document).unwrap();
    let error = Schema::new(document).unwrap_err();
    assert_eq!((error.code, error.attribute.as_deref()), (ItemErrorCode::InvalidSchema, attribute));
    assert!(error.message.contains(part), "{}", error.message);
}

#[test]
fn accepts_and_prints() {
    let document: SchemaDocument = serde_json::from_value(base()).unwrap();
    let schema = Schema::new(document.clone()).unwrap();
    assert_eq!(schema.document(), &document);
    assert_eq!(document.algorithm_suite, AlgorithmSuite::EcdsaP384);
    let printed = serde_json::to_value(&document).unwrap();
    assert_eq!(printed["algorithmSuite"], AlgorithmSuite::EcdsaP384.name());
    assert_eq!(serde_json::from_value::<SchemaDocument>(printed).unwrap(), document);
    assert_eq!(schema.key_names().collect::<Vec<_>>(), ["pk", "sk"]);
}

#[test]
fn scope_and_actions() {
    let schema = Schema::new(serde_json::from_value(base()).unwrap()).unwrap();
    for (name, signed) in [
        ("pk", true),
        ("ssn", true),
        ("other", true),
        ("seen", false),
        (":x", false),
        ("aws_dbe_b_x", false),
    ] {
        assert_eq!(schema.is_signed(name), signed, "{name}");
    }
    assert_eq!(schema.action("ssn").unwrap(), Action::EncryptAndSign);
    assert_eq!(schema.action(":x").unwrap(), Action::DoNothing);
    let error = schema.action("other").unwrap_err();
    assert_eq!(
        (error.code, error.attribute.as_deref()),
        (ItemErrorCode::NoActionForAttribute, Some("other"))
    );
}

#[test]
fn suites_by_name_and_number() {
    for (text, want) in [
        ("0x6700", AlgorithmSuite::HmacOnly),
        ("0x6701", AlgorithmSuite::EcdsaP384),
        (AlgorithmSuite::HmacOnly.name(), AlgorithmSuite::HmacOnly),
        (AlgorithmSuite::EcdsaP384.name(), AlgorithmSuite::EcdsaP384),
    ] {
        let document: SchemaDocument =
            serde_json::from_value(with("algorithmSuite", json!(text))).unwrap();
        assert_eq!(document.algorithm_suite, want);
    }
    assert!(
        serde_json::from_value::<SchemaDocument>(with("algorithmSuite", json!("0x0578"))).is_err()
    );
}

#[test]
fn rules() {
    check_refused(with("tableName", json!("")), None, "tableName");
    check_refused(with("tableName", json!("aws-crypto-t")), None, "aws-crypto-");
    check_refused(with("keyId", json!("")), None, "keyId");
    check_refused(with("sortKeyName", json!("pk")), Some("pk"), "partition key");
    check_refused(with("sortKeyName", json!("ssn")), Some("ssn"), "SIGN_ONLY");
    check_refused(with("sortKeyName", json!("none")), Some("none"), "no action");
    check_refused(with("partitionKeyName", json!("")), Some(""), "255");
    check_refused(with("allowedUnsignedAttributePrefix", json!("")), None, "empty");
    check_refused(with("allowedUnsignedAttributePrefix", json!("s")), Some("sk"), "must not");
    check_refused(with("allowedUnsignedAttributes", json!([])), Some("seen"), "DO_NOTHING");
    check_refused(
        with("allowedUnsignedAttributes", json!(["seen", "ssn"])),
        Some("ssn"),
        "must not",
    );
    check_refused(with_action("pk", "ENCRYPT_AND_SIGN"), Some("pk"), "SIGN_ONLY");
    check_refused(with_action("pk", "DO_NOTHING"), Some("pk"), "SIGN_ONLY");
    check_refused(with_action("aws_dbe_x", "SIGN_ONLY"), Some("aws_dbe_x"), "reserved");
    check_refused(with_action("aws-crypto-x", "SIGN_ONLY"), Some("aws-crypto-x"), "reserved");
}

#[test]
fn version_two() {
    const IN_CONTEXT: &str = "SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT";
    let one = Schema::new(serde_json::from_value(base()).unwrap()).unwrap();
    assert_eq!((one.version(), one.context_names().count()), (FormatVersion::One, 0));

    let mut document = with_action("city", IN_CONTEXT);
    check_refused(document.clone(), Some("pk"), IN_CONTEXT);
    document["attributeActionsOnEncrypt"]["pk"] = json!(IN_CONTEXT);
    check_refused(document.clone(), Some("sk"), IN_CONTEXT);
    document["attributeActionsOnEncrypt"]["sk"] = json!(IN_CONTEXT);
    let two = Schema::new(serde_json::from_value(document.clone()).unwrap()).unwrap();
    assert_eq!(two.version(), FormatVersion::Two);
    assert_eq!(two.context_names().collect::<Vec<_>>(), ["city", "pk", "sk"]);

    document["allowedUnsignedAttributes"] = json!(["seen", "city"]);
    check_refused(document, Some("city"), "must not");
}

#[test]
fn additional_keys() {
    let document: SchemaDocument =
        serde_json::from_value(with("additionalKeyIds", json!(["alias/b", "alias/a"]))).unwrap();
    let schema = Schema::new(document).unwrap();
    assert_eq!(schema.additional_key_ids(), ["alias/b", "alias/a"]);
    let many: Vec<_> = (0..=ADDITIONAL_KEYS).map(|n| format!("alias/{n}")).collect();
    check_refused(with("additionalKeyIds", json!(many)), None, "at most");
    check_refused(with("additionalKeyIds", json!([""])), None, "must name");
    check_refused(with("additionalKeyIds", json!(["a", "b", "a"])), None, "twice");
    check_refused(with("additionalKeyIds", json!(["alias/items"])), None, "twice");
    let mut default = with("additionalKeyIds", json!(["alias/aws/dynamodb"]));
    default.as_object_mut().unwrap().remove("keyId");
    check_refused(default, None, "twice");
}

#[test]
fn documents_are_strict() {
    assert!(serde_json::from_value::<SchemaDocument>(with("tablename", json!("T"))).is_err());
    assert!(serde_json::from_value::<SchemaDocument>(with_action("ssn", "ENCRYPT")).is_err());
    let twice = base()
        .to_string()
        .replace(r#""ssn":"ENCRYPT_AND_SIGN""#, r#""ssn":"ENCRYPT_AND_SIGN","ssn":"SIGN_ONLY""#);
    let error = serde_json::from_str::<SchemaDocument>(&twice).unwrap_err();
    assert!(error.to_string().contains("given twice"), "{error}");
}

const TOML: &str = "\
tableName = \"T\"
partitionKeyName = \"pk\"
sortKeyName = \"sk\"
keyId = \"alias/items\"
allowedUnsignedAttributes = [\"seen\"]
allowedUnsignedAttributePrefix = \":\"

[attributeActionsOnEncrypt]
pk = \"SIGN_ONLY\"
sk = \"SIGN_ONLY\"
ssn = \"ENCRYPT_AND_SIGN\"
seen = \"DO_NOTHING\"
";

#[test]
fn toml_and_json_say_the_same() {
    let of_toml = Schema::read(TOML).unwrap();
    let of_json = Schema::read(&format!("\n {:#}", base())).unwrap();
    assert_eq!(of_toml.document(), of_json.document());
}

/// What was hashed once has this hash for ever: clients keep it, records have it.
#[test]
fn the_canonical_form_never_changes() {
    let canonical = Schema::read(TOML).unwrap().canonical().unwrap();
    assert_eq!(
        canonical,
        r#"{"algorithmSuite":"ALG_AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384_SYMSIG_HMAC_SHA384","allowedUnsignedAttributePrefix":":","allowedUnsignedAttributes":["seen"],"attributeActionsOnEncrypt":{"pk":"SIGN_ONLY","seen":"DO_NOTHING","sk":"SIGN_ONLY","ssn":"ENCRYPT_AND_SIGN"},"keyId":"alias/items","partitionKeyName":"pk","sortKeyName":"sk","tableName":"T"}"#
    );
    assert_eq!(
        hash(&canonical),
        "e64ebc09629052e58326cb414e24fb5a63e0368746f01d24cd6b10f4b74974cc"
    );
    let again = Schema::read(&canonical).unwrap();
    assert_eq!(again.canonical().unwrap(), canonical);
}

#[test]
fn defaults_are_written_out() {
    let mut short = base();
    short.as_object_mut().unwrap().remove("keyId");
    let mut long = short.clone();
    long["keyId"] = json!("alias/aws/dynamodb");
    long["algorithmSuite"] = json!("0x6701");
    let canonical = |document: &Value| Schema::read(&document.to_string()).unwrap().canonical();
    assert_eq!(canonical(&short).unwrap(), canonical(&long).unwrap());
}

#[test]
fn names_sort_by_utf16() {
    let mut document = base();
    for name in ["\u{10000}", "\u{ff5e}", "a\"b"] {
        document["attributeActionsOnEncrypt"][name] = json!("SIGN_ONLY");
    }
    let canonical = Schema::read(&document.to_string()).unwrap().canonical().unwrap();
    let at = |text: &str| canonical.find(text).unwrap();
    assert!(at("\u{10000}") < at("\u{ff5e}"), "{canonical}");
    assert!(at(r#""a\"b":"#) < at("\"pk\":"), "{canonical}");
}

#[track_caller]
fn refused(text: &str, says: &str) {
    let error = Schema::read(text).unwrap_err();
    assert_eq!(error.code, ItemErrorCode::InvalidSchema);
    assert!(error.message.contains(says), "{}", error.message);
}

#[test]
fn errors_name_the_line() {
    let pretty = format!("{:#}", base());
    let cases = [
        (
            "tableName",
            "tablename",
            "line 1: unknown field `tablename`",
            "unknown field `tablename`",
        ),
        ("ENCRYPT_AND_SIGN", "ENCRYPT", "line 11: unknown variant `ENCRYPT`", "expected one of"),
        (
            "\"DO_NOTHING\"",
            "\"SIGN_ONLY\"",
            "line 12: attribute `seen` is signed",
            "attribute `seen`",
        ),
        ("\"T\"", "\"\"", "line 1: tableName has 1 to", "line 2: tableName has 1 to"),
    ];
    for (from, to, of_toml, of_json) in cases {
        refused(&TOML.replace(from, to), of_toml);
        refused(&pretty.replace(from, to), of_json);
        let error = Schema::read(&pretty.replace(from, to)).unwrap_err();
        assert!(error.message.starts_with("line "), "{}", error.message);
    }
    refused("", "missing field");
    refused("x", "line 1: ");
    refused("{", "line 1: ");
}

#[test]
fn nothing_is_given_twice() {
    refused(&format!("{TOML}ssn = \"SIGN_ONLY\"\n"), "line 13: ");
    refused(&TOML.replace("[\"seen\"]", "[\"seen\", \"seen\"]"), "`seen` is listed twice");
    let json = base().to_string();
    refused(&json.replacen('{', "{\"tableName\":\"U\",", 1), "duplicate field `tableName`");
    refused(&json.replace("[\"seen\"]", "[\"seen\", \"seen\"]"), "`seen` is listed twice");
}

#[test]
fn text_without_end_is_refused() {
    for text in ["[", "{\"a\":", "a=[", "a={b="] {
        refused(&text.repeat(10_000), "");
    }
    refused(&" ".repeat(1_000_000), "at most");
}

/// The page tells of every rule, and of no other.
#[test]
fn the_page_has_every_rule() {
    let page = include_str!("../../../docs/item-schemas.md");
    for changes::Rule { name, class, .. } in changes::RULES {
        let row = format!("| `{name}` | {} |", class.as_str());
        assert_eq!(page.matches(&row).count(), 1, "{row}");
    }
    let sections: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(
        sections.into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from_iter(lint::RULES.iter().copied())
    );
}
