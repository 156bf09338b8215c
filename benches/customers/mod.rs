//! The schema, the items and the policy of the benchmarks of batches: ten attributes, about
//! 1.2 KB, five of them encrypted, and a user whose policies decide about each of these.

use serde_json::{Value, json};

/// As many as a batch may have.
pub(crate) const ITEMS: usize = 100;

/// What the user may: convert items of every schema, and see what is labelled `pii`.
pub(crate) const POLICY: &str = r#"
    permit (principal, action in [Action::"items:EncryptItem", Action::"items:DecryptItem"],
        resource);
    permit (principal, action == Action::"items:DecryptAttribute", resource)
        when { resource.labels.contains("pii") };
    permit (principal, action in [Action::"kms:GenerateDataKey", Action::"kms:Decrypt"],
        resource) when { context has viaService && context.viaService == "items.wardbook" };
"#;

pub(crate) fn schema(suite: &str) -> Value {
    let mut schema = json!({
        "tableName": "Customers", "partitionKeyName": "pk", "sortKeyName": "sk",
        "algorithmSuite": suite,
        "attributeActionsOnEncrypt": {
            "pk": "SIGN_ONLY", "sk": "SIGN_ONLY", "city": "SIGN_ONLY", "since": "SIGN_ONLY",
            "active": "SIGN_ONLY",
        },
        "attributes": {},
    });
    for name in ["name", "email", "phone", "note", "address"] {
        schema["attributeActionsOnEncrypt"][name] = json!("ENCRYPT_AND_SIGN");
        schema["attributes"][name] = json!({ "labels": ["pii"] });
    }
    schema
}

pub(crate) fn item(number: usize) -> Value {
    let long = "x".repeat(150);
    json!({
        "pk": {"S": format!("customer-{number:06}")}, "sk": {"N": "1700000000"},
        "city": {"S": "Utrecht"}, "since": {"N": "2019.5"}, "active": {"BOOL": true},
        "name": {"S": long}, "email": {"S": long}, "phone": {"S": long}, "note": {"S": long},
        "address": {"M": {
            "street": {"S": "Oudegracht 1"}, "zip": {"S": "3511 AA"}, "floor": {"N": "2"},
            "tags": {"SS": ["billing", "home"]},
        }},
    })
}
