//! JSON documents over the socket: what comes back, what each caller sees, what
//! the book says, and what is refused.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::fixture::raw::Request;
use crate::fixture::{Credentials, Server};

const TEXT: &str = r#"{"_id":"c-1","profile":{"ssn":"078-05-1120","born":"1815-12-10"},"big":123456789012345678901234567890.10,"orders":[{"card":4111222233334444,"total":1.50},{"card":{"b":1e400,"a":[]}}],"open":true}"#;

fn schema() -> Value {
    json!({
        "kind": "document", "tableName": "customers", "idPaths": ["/_id"], "keyId": "alias/documents",
        "pathActionsOnEncrypt": {
            "/_id": "SIGN_ONLY", "/profile/ssn": "ENCRYPT_AND_SIGN",
            "/profile/born": "ENCRYPT_AND_SIGN", "/orders/*/card": "ENCRYPT_AND_SIGN",
            "/open": "DO_NOTHING", "/orders": "SIGN_ONLY",
        },
        "defaultAction": "ENCRYPT_AND_SIGN",
        "attributes": {
            "/profile/ssn": { "labels": ["pii"], "mask": { "keepLast": 4 } },
            "/orders/*/card": { "labels": ["payment"], "mask": { "keepLast": 4 } },
        },
    })
}

/// What became of one document, as text.
#[derive(Debug, Deserialize)]
struct Outcome {
    item: Option<Box<RawValue>>,
    error: Option<Value>,
    #[serde(default)]
    masked: Vec<String>,
    #[serde(default)]
    withheld: Vec<String>,
}

impl Outcome {
    #[track_caller]
    fn text(&self) -> &str {
        self.item.as_ref().unwrap_or_else(|| panic!("{:?}", self.error)).get()
    }

    #[track_caller]
    fn code(&self) -> &str {
        self.error.as_ref().unwrap()["code"].as_str().unwrap()
    }
}

fn start() -> Server {
    let server = Server::start();
    let key = server.new_key();
    let alias = json!({ "AliasName": "alias/documents", "TargetKeyId": key });
    server.call("CreateAlias", &alias).ok();
    server.rest("PUT", "/v1/item-schemas/customers", &schema()).ok();
    server
}

/// The documents travel as text: only so is no number rounded.
#[track_caller]
fn convert(
    server: &Server,
    who: &Credentials,
    verb: &str,
    texts: &[&str],
    more: &str,
) -> Vec<Outcome> {
    #[derive(Deserialize)]
    struct Answer {
        items: Vec<Outcome>,
    }
    let path = format!("/v1/item-schemas/customers/{verb}");
    let body = format!(r#"{{"format":"document","items":[{}]{more}}}"#, texts.join(","));
    let answer = server.send_as(who, "wardbook", &Request::new("POST", &path, body));
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice::<Answer>(&answer.body).unwrap().items
}

#[test]
fn a_document_comes_back_to_the_digit() {
    let server = start();
    let sealed = convert(&server, &server.admin, "encrypt", &[TEXT], "");
    let sealed = sealed[0].text();
    for secret in ["078-05", "1815", "1234567890", "4111", "1e400"] {
        assert!(!sealed.contains(secret), "{secret} in {sealed}");
    }
    assert!(sealed.contains(r#""total":1.50"#) && sealed.contains(r#""card":"wb1:"#), "{sealed}");
    let opened = convert(&server, &server.admin, "decrypt", &[sealed], "");
    assert_eq!(opened[0].text(), TEXT);

    // A store may sort members, and anybody may change what is left alone.
    let mut stored: Value = serde_json::from_str(sealed).unwrap();
    stored["open"] = json!([1]);
    stored.as_object_mut().unwrap().sort_keys();
    let opened = convert(&server, &server.admin, "decrypt", &[&stored.to_string()], "");
    assert!(opened[0].text().contains(r#""big":123456789012345678901234567890.10"#));

    // The records of the key name the document.
    let record = server.events("eventName=GenerateDataKey").remove(0);
    let item = json!({ "table": "customers", "key": { "/_id": "c-1" } });
    assert_eq!(record["wardbook"]["item"], item, "{record}");
}

#[test]
fn a_changed_document_is_refused_and_the_others_are_not() {
    let server = start();
    let sealed = convert(&server, &server.admin, "encrypt", &[TEXT], "");
    let sealed = sealed[0].text();
    let changed = sealed.replace("1.50", "1.51");
    let moved = sealed.replace("c-1", "c-2");
    let texts = [sealed, &changed, &moved, r#"{"_id":"x"}"#, "7"];
    let outcomes = convert(&server, &server.admin, "decrypt", &texts, "");
    assert_eq!(outcomes[0].text(), TEXT);
    let codes: Vec<&str> = outcomes[1..].iter().map(Outcome::code).collect();
    assert_eq!(
        codes,
        ["SignatureInvalid", "InvalidCiphertextException", "NotEncrypted", "MalformedAttribute"]
    );
    let outcomes = convert(&server, &server.admin, "encrypt", &[r#"{"a":1}"#, sealed], "");
    assert_eq!(outcomes[0].error.as_ref().unwrap()["attribute"], "/_id");
    assert_eq!(outcomes[1].code(), "ReservedAttribute");
}

#[test]
fn each_caller_sees_what_the_policy_says() {
    let server = start();
    let sealed = convert(&server, &server.admin, "encrypt", &[TEXT], "");
    let sealed = sealed[0].text();
    let support = server.new_user(
        "support",
        r#"permit (principal, action == Action::"items:DecryptItem",
                resource == ItemSchema::"111122223333/customers");
            permit (principal, action == Action::"kms:Decrypt", resource)
                when { context has viaService && context.viaService == "items.wardbook" };
            permit (principal, action == Action::"items:DecryptAttribute",
                resource == Attribute::"111122223333/customers//profile/born");
            permit (principal, action == Action::"items:DecryptAttributeMasked", resource)
                when { resource.labels.contains("pii") || resource.labels.contains("payment") };"#,
    );
    let seen = &convert(&server, &support, "decrypt", &[sealed], "")[0];
    assert_eq!(
        seen.text(),
        r#"{"_id":"c-1","profile":{"ssn":"****1120","born":"1815-12-10"},"orders":[{"card":"****4444","total":1.50},{}],"open":true}"#
    );
    assert_eq!(seen.masked, ["/profile/ssn", "/orders/0/card"]);
    assert_eq!(seen.withheld, ["/big", "/orders/1/card"]);
    let record = server.events("eventName=DecryptItems").remove(0);
    let lists = json!({
        "plain": ["/profile/born"], "masked": ["/orders/*/card", "/profile/ssn"], "withheld": ["/~"],
    });
    assert_eq!(record["additionalEventData"]["attributes"], lists);

    // What it was is in the field-read book.
    let query = "/v1/audit/field-reads?table=customers&key=c-1";
    let found = server.rest("GET", query, &Value::Null).ok();
    assert_eq!(
        found["reads"][0]["attributes"],
        json!({
            "/~": "withheld", "/orders/*/card": "masked", "/profile/born": "plain",
            "/profile/ssn": "masked",
        }),
        "{found}"
    );

    let asked = r#","attributes":["/profile/born"],"onWithheld":"error""#;
    let seen = &convert(&server, &support, "decrypt", &[sealed], asked)[0];
    assert!(seen.text().contains("1815") && !seen.text().contains("1120"), "{}", seen.text());
    assert!(seen.withheld.is_empty());
    let strict = &convert(&server, &support, "decrypt", &[sealed], r#","onWithheld":"error""#)[0];
    assert_eq!(strict.code(), "AttributeWithheld");
}

/// What the field-read book has on the document `key`, the newest read first.
#[track_caller]
fn reads(server: &Server, key: &str) -> Vec<Value> {
    let query = format!("/v1/audit/field-reads?table=customers&key={key}");
    let found = server.rest("GET", &query, &Value::Null).ok();
    found["reads"].as_array().unwrap().iter().map(|read| read["attributes"].clone()).collect()
}

/// Somebody who may open documents, and see what `attributes` permits.
fn reader(server: &Server, name: &str, attributes: &str) -> Credentials {
    let policy = format!(
        r#"permit (principal, action == Action::"items:DecryptItem", resource);
            permit (principal, action == Action::"kms:Decrypt", resource)
                when {{ context has viaService && context.viaService == "items.wardbook" }};
            {attributes}"#
    );
    server.new_user(name, &policy)
}

/// One policy that permits to see what counts as `path` plain.
fn sees(path: &str) -> String {
    format!(
        r#"permit (principal, action == Action::"items:DecryptAttribute",
            resource == Attribute::"111122223333/customers/{path}");"#
    )
}

/// The schema with `/profile` encrypted as one value and nothing said of `/orders`:
/// as it was before `later`.
fn earlier_and_later() -> (Value, Value) {
    let mut later = schema();
    later["pathActionsOnEncrypt"].as_object_mut().unwrap().remove("/orders");
    let mut earlier = later.clone();
    let paths = earlier["pathActionsOnEncrypt"].as_object_mut().unwrap();
    paths.retain(|path, _| !path.starts_with("/profile"));
    paths.insert("/profile".to_owned(), json!("ENCRYPT_AND_SIGN"));
    earlier["attributes"].as_object_mut().unwrap().remove("/profile/ssn");
    (earlier, later)
}

#[test]
fn a_document_counts_as_no_path_that_it_does_not_have() {
    let server = start();
    let (_, later) = earlier_and_later();
    server.rest("PUT", "/v1/item-schemas/customers", &later).ok();
    let text = r#"{"_id":"c-2","orders":[]}"#;
    let sealed = convert(&server, &server.admin, "encrypt", &[text], "");
    let sealed = sealed[0].text();
    let rest = reader(&server, "rest", &sees("/~"));
    for more in ["", r#","onWithheld":"error""#, r#","attributes":["/~"]"#] {
        let seen = &convert(&server, &rest, "decrypt", &[sealed], more)[0];
        assert_eq!((seen.text(), seen.withheld.len()), (text, 0), "{more}");
    }
    assert_eq!(convert(&server, &server.admin, "decrypt", &[sealed], "")[0].text(), text);
    assert_eq!(reads(&server, "c-2"), vec![json!({ "/~": "plain" }); 4]);
}

#[test]
fn a_value_from_before_counts_as_what_it_has_inside() {
    let server = start();
    let (earlier, later) = earlier_and_later();
    server.rest("PUT", "/v1/item-schemas/customers", &earlier).ok();
    let text = r#"{"_id":"c-3","profile":{"ssn":"078-05-1120","nick":"Al"}}"#;
    let sealed = convert(&server, &server.admin, "encrypt", &[text], "");
    let sealed = sealed[0].text();
    server.rest("PUT", "/v1/item-schemas/customers", &later).ok();

    let rest = reader(&server, "rest", &sees("/~"));
    let seen = &convert(&server, &rest, "decrypt", &[sealed], "")[0];
    assert_eq!((seen.text(), &seen.withheld[..]), (r#"{"_id":"c-3"}"#, &["/profile".into()][..]));
    assert_eq!(reads(&server, "c-3")[0], json!({ "/~": "withheld", "/profile/ssn": "withheld" }));

    // `/profile/born`, which is not in it, nobody has to be allowed to see.
    let both = reader(&server, "both", &[sees("/~"), sees("/profile/ssn")].concat());
    let seen = &convert(&server, &both, "decrypt", &[sealed], "")[0];
    assert_eq!((seen.text(), seen.withheld.len()), (text, 0));
    assert_eq!(reads(&server, "c-3")[0], json!({ "/~": "plain", "/profile/ssn": "plain" }));

    let seen = &convert(&server, &both, "decrypt", &[sealed], r#","attributes":["/~"]"#)[0];
    assert_eq!((seen.text(), seen.withheld.len()), (r#"{"_id":"c-3"}"#, 0));
    // It was opened to know that; nothing of it was given.
    assert_eq!(reads(&server, "c-3")[0], json!({}));
}

#[test]
fn what_has_two_masks_is_withheld() {
    let server = start();
    let (earlier, mut later) = earlier_and_later();
    server.rest("PUT", "/v1/item-schemas/customers", &earlier).ok();
    let text = r#"{"_id":"c-4","profile":{"ssn":"078-05-1120","born":"1815-12-10"}}"#;
    let sealed = convert(&server, &server.admin, "encrypt", &[text], "");
    let sealed = sealed[0].text();
    let masks = [
        sees("/~"),
        "permit (principal, action == Action::\"items:DecryptAttributeMasked\", resource);".into(),
    ];
    let masked = reader(&server, "masked", &masks.concat());
    for (born, want) in [("A", r#"{"_id":"c-4","profile":"A"}"#), ("B", r#"{"_id":"c-4"}"#)] {
        later["attributes"]["/profile/ssn"]["mask"] = json!({ "constant": "A" });
        later["attributes"]["/profile/born"] = json!({ "mask": { "constant": born } });
        server.rest("PUT", "/v1/item-schemas/customers", &later).ok();
        let seen = &convert(&server, &masked, "decrypt", &[sealed], "")[0];
        assert_eq!(seen.text(), want);
        assert_eq!(seen.masked.len() + seen.withheld.len(), 1);
    }
}

/// A statement in AWS's JSON on everything else, or on a path whose star is quoted,
/// allows that alone.
#[test]
fn names_of_paths_in_json_policies() {
    let server = start();
    let sealed = convert(&server, &server.admin, "encrypt", &[TEXT], "");
    let sealed = sealed[0].text();
    let arn = "arn:aws:items::111122223333:schema/customers/attribute/";
    let who = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["items:DecryptItem", "kms:Decrypt"], "Resource": "*" },
        { "Effect": "Allow", "Action": "items:DecryptAttribute",
          "Resource": [format!("{arn}/~"), format!("{arn}/orders/${{*}}/card")] },
    ]});
    let user = server.new_user("json", &who.to_string());
    let seen = &convert(&server, &user, "decrypt", &[sealed], "")[0];
    assert_eq!(seen.withheld, ["/profile/ssn", "/profile/born"]);
    assert!(seen.text().contains("4111222233334444"), "{}", seen.text());
}

#[test]
fn schemas_and_forms_fit_each_other() {
    let server = start();
    let post = |verb: &str, body: Value| {
        server.rest("POST", &format!("/v1/item-schemas/customers/{verb}"), &body)
    };
    for verb in ["encrypt", "decrypt"] {
        for form in ["json", "dynamodb"] {
            let answer = post(verb, json!({ "items": [{}], "format": form }));
            assert_eq!(answer.status, 400, "{verb} {form}");
            assert!(answer.message().contains("document"), "{}", answer.message());
        }
    }
    let unknown = json!({ "items": [], "format": "document", "attributes": ["/none"] });
    assert_eq!(post("decrypt", unknown).status, 400);
    for (member, value) in [
        (
            "pathActionsOnEncrypt",
            json!({ "/_id": "SIGN_ONLY", "/a": "ENCRYPT_AND_SIGN", "/a/b": "SIGN_ONLY" }),
        ),
        ("partitionKeyName", json!("pk")),
        ("idPaths", json!(["/profile/ssn"])),
        ("attributes", json!({ "/none": { "labels": ["pii"] } })),
    ] {
        let mut changed = schema();
        changed[member] = value;
        let answer = server.rest("PUT", "/v1/item-schemas/customers", &changed);
        assert_eq!(answer.status, 400, "{member}");
    }
    let stored = server.rest("GET", "/v1/item-schemas/customers", &Value::Null).ok();
    assert_eq!(stored["schema"]["idPaths"], json!(["/_id"]));
    assert_eq!(stored["schema"]["pathActionsOnEncrypt"], schema()["pathActionsOnEncrypt"]);
}
