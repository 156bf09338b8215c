//! Who sees which attribute of an item, and how: callers of different rights over
//! the socket, and what each would try.

use serde_json::{Value, json};

use crate::fixture::door::Door;
use crate::fixture::program::Home;
use crate::fixture::raw::{Request, Response};
use crate::fixture::{Credentials, Server, wait_until};

/// Whoever may decrypt items of `people`, and use their key for nothing else.
const ITEMS: &str = r#"permit (principal, action == Action::"items:DecryptItem",
        resource == ItemSchema::"111122223333/people");
    permit (principal, action == Action::"kms:Decrypt", resource)
        when { context has viaService && context.viaService == "items.wardbook" };"#;

/// Masked, what is personal.
const SUPPORT: &str = r#"@sid("PersonalMasked")
    permit (principal, action == Action::"items:DecryptAttributeMasked",
        resource in ItemSchema::"111122223333/people")
        when { resource.labels.contains("pii") };"#;

/// Plain, what is personal, for one purpose; in JSON.
const FRAUD: &str = r#"{ "Version": "2012-10-17", "Statement": [
    { "Effect": "Allow", "Action": "items:DecryptItem",
      "Resource": "arn:aws:items::111122223333:schema/people" },
    { "Sid": "PersonalForFraud", "Effect": "Allow", "Action": "items:DecryptAttribute",
      "Resource": "arn:aws:items::111122223333:schema/people/attribute/*",
      "Condition": {
        "ForAnyValue:StringEquals": { "items:AttributeLabels": "pii" },
        "StringEquals": { "items:Purpose": "fraud-review" } } },
    { "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
      "Condition": { "StringEquals": { "kms:ViaService": "items.wardbook" } } } ] }"#;

fn schema() -> Value {
    json!({
        "tableName": "people", "partitionKeyName": "id", "keyId": "alias/items",
        "attributeActionsOnEncrypt": {
            "id": "SIGN_ONLY", "city": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN",
            "email": "ENCRYPT_AND_SIGN", "born": "ENCRYPT_AND_SIGN", "salary": "ENCRYPT_AND_SIGN",
        },
        "attributes": {
            "ssn": { "labels": ["pii"], "mask": { "keepLast": 4 } },
            "email": { "labels": ["pii"], "mask": "email" },
            "born": { "labels": ["pii"], "mask": "year" },
            "salary": { "labels": ["finance"] },
        },
    })
}

fn ada() -> Value {
    json!({
        "id": "1", "city": "Ulm", "ssn": "078-05-1120", "email": "ada@example.com",
        "born": "1815-12-10", "salary": 90000,
    })
}

/// Makes the key that the schemas use.
fn make_key(server: &Door) {
    let alias = json!({ "AliasName": "alias/items", "TargetKeyId": server.new_key() });
    server.call("CreateAlias", &alias).ok();
}

/// A server with a schema of people, and one item of it.
struct Stage {
    server: Server,
    sealed: Value,
}

impl Stage {
    fn set() -> Self {
        Self::with(&schema(), &ada())
    }

    fn with(schema: &Value, item: &Value) -> Self {
        let server = Server::start();
        make_key(&server);
        server.rest("PUT", "/v1/item-schemas/people", schema).ok();
        let sealed = seal(&server, "people", item);
        Self { server, sealed }
    }

    fn user(&self, name: &str, policies: &str) -> Credentials {
        let is_json = policies.starts_with('{');
        let policy = if is_json { policies.to_owned() } else { format!("{ITEMS}\n{policies}") };
        self.server.new_user(name, &policy)
    }

    /// Decrypts the item, with more members.
    fn decrypt(&self, who: &Credentials, more: &Value) -> Response {
        decrypt(&self.server, who, "people", &self.sealed, more)
    }

    /// What becomes of the item.
    #[track_caller]
    fn seen(&self, who: &Credentials, more: &Value) -> Value {
        self.decrypt(who, more).ok()["items"][0].clone()
    }

    /// The additional data of the newest record of DecryptItems, and its request.
    fn recorded(&self) -> (Value, Value, Value) {
        let record = self.server.events("eventName=DecryptItems").remove(0);
        let of = |pointer| record.pointer(pointer).cloned().unwrap_or_default();
        (of("/requestParameters"), of("/additionalEventData"), of("/wardbook/decisions"))
    }
}

#[track_caller]
fn seal(server: &Door, schema: &str, item: &Value) -> Value {
    let path = format!("/v1/item-schemas/{schema}/encrypt");
    let body = json!({ "format": "json", "items": [item] });
    let answer = server.rest("POST", &path, &body).ok();
    assert!(answer["items"][0]["item"].is_object(), "{answer}");
    answer["items"][0]["item"].clone()
}

fn body(sealed: &Value, more: &Value) -> String {
    let mut body = json!({ "format": "json", "items": [sealed] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body.to_string()
}

fn decrypt(
    server: &Door,
    who: &Credentials,
    schema: &str,
    sealed: &Value,
    more: &Value,
) -> Response {
    let path = format!("/v1/item-schemas/{schema}/decrypt");
    server.send_as(who, "wardbook", &Request::new("POST", &path, body(sealed, more)))
}

/// The item with `changes`; null takes an attribute away.
fn ada_with(changes: &Value) -> Value {
    let mut item = ada();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(item.as_object_mut().unwrap().remove(name)),
            value => item[name] = value.clone(),
        }
    }
    item
}

#[test]
fn three_callers_see_three_items() {
    let stage = Stage::set();
    let (support, fraud) = (stage.user("support", SUPPORT), stage.user("fraud", FRAUD));
    let marketing = stage.user("marketing", "");

    let masked =
        json!({ "ssn": "****1120", "email": "a****@example.com", "born": "1815", "salary": null });
    let seen = stage.seen(&support, &json!({}));
    assert_eq!(
        seen,
        json!({
            "item": ada_with(&masked), "masked": ["born", "email", "ssn"], "withheld": ["salary"],
        })
    );
    let (request, additional, decisions) = stage.recorded();
    assert_eq!(request, json!({ "name": "people", "format": "json", "items": 1 }));
    let lists = json!({ "masked": ["born", "email", "ssn"], "withheld": ["salary"] });
    assert_eq!(additional["attributes"], lists);
    let decisions = decisions.as_array().unwrap();
    // The schema; of three attributes first plain, then masked; the last has no mask.
    assert_eq!(decisions.len(), 1 + 3 * 2 + 1, "{decisions:#?}");
    let ssn = decisions.iter().filter(|one| one["resource"].as_str().unwrap().ends_with("/ssn"));
    let ssn: Vec<&Value> = ssn.collect();
    assert_eq!(ssn[0]["resource"], "arn:aws:items::111122223333:schema/people/attribute/ssn");
    assert_eq!(
        (&ssn[0]["action"], &ssn[0]["denied"]),
        (&json!("items:DecryptAttribute"), &json!("implicitIdentity"))
    );
    assert_eq!(ssn[1]["action"], "items:DecryptAttributeMasked");
    assert_eq!(ssn[1]["determining"][0]["sid"], "PersonalMasked");

    let purpose = json!({ "purpose": "fraud-review" });
    let seen = stage.seen(&fraud, &purpose);
    let without_salary = ada_with(&json!({ "salary": null }));
    assert_eq!(seen, json!({ "item": without_salary, "withheld": ["salary"] }));
    let (request, additional, decisions) = stage.recorded();
    assert_eq!(request["purpose"], "fraud-review");
    let plain = json!({ "plain": ["born", "email", "ssn"], "withheld": ["salary"] });
    assert_eq!(additional["attributes"], plain);
    assert!(decisions.to_string().contains("PersonalForFraud"), "{decisions}");

    let nothing = ada_with(&json!({ "ssn": null, "email": null, "born": null, "salary": null }));
    let all = json!(["born", "email", "salary", "ssn"]);
    assert_eq!(stage.seen(&marketing, &json!({})), json!({ "item": nothing, "withheld": all }));
    for more in [json!({}), json!({ "purpose": "support" }), json!({ "purpose": "Fraud-Review" })] {
        assert_eq!(
            stage.seen(&fraud, &more),
            json!({ "item": nothing, "withheld": all }),
            "{more}"
        );
    }

    let admin = stage.server.admin.clone();
    assert_eq!(stage.seen(&admin, &json!({})), json!({ "item": ada() }));
    assert_eq!(stage.recorded().1["attributes"], json!({ "plain": all }));
}

#[test]
fn whoever_may_not_decrypt_items_learns_nothing() {
    let stage = Stage::set();
    let reader = stage.server.new_user(
        "reader",
        r#"permit (principal, action in [Action::"items:DecryptAttribute", Action::"kms:Decrypt"], resource);"#,
    );
    let denied = stage.decrypt(&reader, &json!({ "attributes": ["nothing"] }));
    assert_eq!(denied.code(), "AccessDeniedException");
    assert!(denied.message().contains("items:DecryptItem"), "{}", denied.message());
}

#[test]
fn all_or_nothing() {
    let stage = Stage::set();
    let (support, fraud) = (stage.user("support", SUPPORT), stage.user("fraud", FRAUD));
    let strict = json!({ "onWithheld": "error" });
    let before = stage.server.events("eventName=Decrypt").len();
    let refused = stage.seen(&support, &strict);
    assert_eq!(refused["error"]["code"], "AttributeWithheld");
    assert_eq!(refused["error"]["attribute"], "salary");
    let text = refused["error"]["message"].as_str().unwrap();
    assert!(text.contains("items:DecryptAttribute") && text.ends_with("action"), "{text}");
    assert!(refused.get("item").is_none(), "{refused}");
    // No key was used for it.
    assert_eq!(stage.server.events("eventName=Decrypt").len(), before);
    assert_eq!(stage.recorded().0["onWithheld"], "error");
    assert_eq!(stage.recorded().1["refusedItems"], 1);

    // What is not wanted is not missed.
    let some = json!({ "onWithheld": "error", "attributes": ["ssn"] });
    let seen = stage.seen(&support, &some);
    assert_eq!(seen, json!({ "item": { "id": "1", "ssn": "****1120" }, "masked": ["ssn"] }));
    let some = json!({ "onWithheld": "error", "attributes": ["ssn"], "purpose": "fraud-review" });
    let seen = stage.seen(&fraud, &some);
    assert_eq!(seen, json!({ "item": { "id": "1", "ssn": "078-05-1120" } }));

    // A value that its mask does not fit is withheld, too.
    let short = seal(&stage.server, "people", &json!({ "id": "2", "ssn": "1234567" }));
    let seen = |more: &Value| decrypt(&stage.server, &support, "people", &short, more).ok();
    let left = seen(&json!({}));
    assert_eq!(left["items"][0], json!({ "item": { "id": "2" }, "withheld": ["ssn"] }));
    let refused = &seen(&strict)["items"][0];
    assert_eq!(refused["error"]["code"], "AttributeWithheld", "{refused}");
    assert!(!refused.to_string().contains("1234567"), "{refused}");
}

#[test]
fn only_what_was_asked_for() {
    let stage = Stage::set();
    let admin = stage.server.admin.clone();
    let seen = stage.seen(&admin, &json!({ "attributes": ["ssn"] }));
    assert_eq!(seen, json!({ "item": { "id": "1", "ssn": "078-05-1120" } }));
    let (request, additional, decisions) = stage.recorded();
    assert_eq!(request["attributes"], json!(["ssn"]));
    assert_eq!(additional["attributes"], json!({ "plain": ["ssn"] }));
    assert_eq!(decisions.as_array().unwrap().len(), 2, "{decisions}");
    let seen = stage.seen(&admin, &json!({ "attributes": ["city"] }));
    assert_eq!(seen, json!({ "item": { "id": "1", "city": "Ulm" } }));

    for (name, part) in [
        ("SSN", "no attribute 'SSN'"),
        ("ssn ", "no attribute"),
        ("people/ssn", "no attribute"),
        ("aws_dbe_head", ""),
        ("*", "no attribute"),
    ] {
        let answer = stage.decrypt(&admin, &json!({ "attributes": [name] }));
        if name == "aws_dbe_head" {
            // It belongs to the format, and is never in an answer.
            assert_eq!(answer.ok()["items"][0]["item"], json!({ "id": "1" }));
            continue;
        }
        assert_eq!(answer.code(), "ValidationException", "{name}");
        assert!(answer.message().contains(part), "{}", answer.message());
    }
    for attributes in [json!([]), json!(vec!["ssn"; 201]), json!("ssn"), json!([1])] {
        let many = attributes.as_array().is_some_and(|list| list.len() > 200);
        let answer = stage.decrypt(&admin, &json!({ "attributes": attributes }));
        // The same name again is one name.
        assert_eq!(answer.status == 200, many, "{}", answer.text());
    }
    let names: Vec<String> = (0..201).map(|n| n.to_string()).collect();
    let answer = stage.decrypt(&admin, &json!({ "attributes": names }));
    assert_eq!(answer.message(), "attributes has 1 to 200 names.");
    // The record has room for what is asked.
    let long = |of: &str| (0..170).map(|n| format!("{}{n:03}", of.repeat(35))).collect();
    let names: [Vec<String>; 2] = [vec!["x".repeat(32 * 1024)], long("\u{1}")];
    for names in names {
        let answer = stage.decrypt(&admin, &json!({ "attributes": names }));
        let text = "The names in attributes have at most 32768 bytes of JSON together.";
        assert_eq!(answer.message(), text);
    }
    assert!(
        stage
            .decrypt(&admin, &json!({ "attributes": long("x") }))
            .message()
            .starts_with("The schema has no attribute")
    );
    // In the query string nobody would look for it.
    let path = "/v1/item-schemas/people/decrypt?attributes=ssn";
    let request = Request::new("POST", path, body(&stage.sealed, &json!({})));
    let answer = stage.server.send_as(&admin, "wardbook", &request);
    assert_eq!(answer.message(), "Specify attributes in the body.");
}

/// Whatever is asked for, the whole item is verified.
#[test]
fn what_was_not_asked_for_is_verified_too() {
    let mut stage = Stage::set();
    let admin = stage.server.admin.clone();
    let whole = stage.sealed.clone();
    for (name, value) in [
        ("city", json!("Bern")),
        ("salary", whole["ssn"].clone()),
        ("born", Value::Null),
        ("other", json!("x")),
    ] {
        stage.sealed = whole.clone();
        match &value {
            Value::Null => drop(stage.sealed.as_object_mut().unwrap().remove(name)),
            value => stage.sealed[name] = value.clone(),
        }
        let seen = stage.seen(&admin, &json!({ "attributes": ["ssn"] }));
        assert!(seen["error"].is_object() && seen.get("item").is_none(), "{name}: {seen}");
        assert!(!seen.to_string().contains("078-05"), "{seen}");
    }
}

#[test]
fn a_purpose_is_said_where_it_is_demanded() {
    let mut schema = schema();
    schema["purposes"] = json!({ "required": true, "allowed": ["fraud-review", "support"] });
    let stage = Stage::with(&schema, &ada());
    let fraud = stage.user("fraud", FRAUD);
    let send = |headers: &[&str], target: &str, more: &Value| {
        let path = format!("/v1/item-schemas/people/decrypt{target}");
        let request = Request::new("POST", &path, body(&stage.sealed, more));
        let request = headers
            .iter()
            .fold(request, |request, value| request.with("x-wardbook-purpose", value));
        stage.server.send_as(&fraud, "wardbook", &request)
    };
    let said = json!({ "purpose": "fraud-review" });
    let none = json!({});
    for answer in [
        send(&[], "", &said),
        send(&["fraud-review"], "", &none),
        send(&["fraud-review"], "", &said),
        send(&[], "?purpose=fraud-review", &none),
    ] {
        assert_eq!(answer.ok()["items"][0]["item"]["ssn"], "078-05-1120");
        assert_eq!(stage.recorded().0["purpose"], "fraud-review");
    }
    for (answer, part) in [
        (send(&[], "", &none), "demands a purpose"),
        (send(&[], "", &none), "fraud-review, support"),
        (send(&[], "", &json!({ "purpose": "curiosity" })), "does not have this purpose"),
        (send(&[], "", &json!({ "purpose": "FRAUD-REVIEW" })), "does not have this purpose"),
        (send(&["support"], "", &said), "said twice"),
        (send(&["support"], "?purpose=fraud-review", &none), "said twice"),
        (send(&["fraud-review", "fraud-review"], "", &none), "given twice"),
        (send(&[], "", &json!({ "purpose": "" })), "printable"),
        (send(&[], "", &json!({ "purpose": "x\ny" })), "printable"),
        (send(&[], "", &json!({ "purpose": "x".repeat(129) })), "1 to 128"),
    ] {
        assert_eq!(answer.code(), "ValidationException", "{}", answer.text());
        assert!(answer.message().contains(part), "{}", answer.message());
    }
    // Who only writes need not say one.
    seal(&stage.server, "people", &ada());

    // Nobody on the way adds one.
    let path = "/v1/item-schemas/people/decrypt";
    let request = Request::new("POST", path, body(&stage.sealed, &none));
    let signed = stage.server.signed(&fraud, "wardbook", &request);
    let answer = stage.server.send(&signed.with("x-wardbook-purpose", "fraud-review"));
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.message().contains("x-wardbook-purpose"), "{}", answer.message());
}

#[test]
fn what_is_forbidden_by_label() {
    let stage = Stage::set();
    let everything = r#"permit (principal, action, resource);"#;
    let forbid = |action: &str, label: &str| {
        format!(
            r#"{everything} forbid (principal, action == Action::"items:{action}", resource)
               when {{ resource.labels.contains("{label}") }};"#
        )
    };
    let deny = r#"{ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": "items:DecryptAttribute*", "Resource": "*",
          "Condition": { "ForAnyValue:StringEquals": { "items:AttributeLabels": ["pii", "x"] } } } ] }"#;
    let no_pii = ada_with(&json!({ "ssn": null, "email": null, "born": null }));
    let denied = json!({ "item": no_pii, "withheld": ["born", "email", "ssn"] });
    assert_eq!(stage.seen(&stage.user("json", deny), &json!({})), denied);
    let decisions = stage.recorded().2.to_string();
    assert!(decisions.contains("explicitIdentity"), "{decisions}");

    // Plain is forbidden; masked is not.
    let plain = stage.server.new_user("plain", &forbid("DecryptAttribute", "pii"));
    let seen = stage.seen(&plain, &json!({}));
    assert_eq!(seen["masked"], json!(["born", "email", "ssn"]));
    assert_eq!(seen["item"]["salary"], 90000);
    // Who may see plain needs no permission for masked, and no denial of it counts.
    let masked = stage.server.new_user("masked", &forbid("DecryptAttributeMasked", "pii"));
    assert_eq!(stage.seen(&masked, &json!({})), json!({ "item": ada() }));
    // What names the schema alone does not name its attributes.
    let schema_alone = r#"{ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["items:*", "kms:*"], "Resource": [
          "arn:aws:items::111122223333:schema/people", "arn:aws:kms:*:*:key/*" ] } ] }"#;
    let seen = stage.seen(&stage.user("alone", schema_alone), &json!({}));
    assert_eq!(seen["withheld"], json!(["born", "email", "salary", "ssn"]));
}

/// An operator's guardrail stands above every policy.
#[test]
fn a_guardrail_on_a_label() {
    let home = Home::new();
    let program = home.serve(&[]);
    make_key(&program);
    program.rest("PUT", "/v1/item-schemas/people", &schema()).ok();
    let sealed = seal(&program, "people", &ada());
    let seen = || decrypt(&program, &program.admin, "people", &sealed, &json!({})).ok();
    assert_eq!(seen()["items"][0], json!({ "item": ada() }));
    let folder = home.data().join("policies");
    std::fs::create_dir_all(&folder).unwrap();
    let guardrail = r#"forbid (principal, action in [Action::"items:DecryptAttribute",
        Action::"items:DecryptAttributeMasked"], resource is Attribute)
        when { resource.labels.contains("finance") };"#;
    std::fs::write(folder.join("finance.cedar"), guardrail).unwrap();
    wait_until(|| seen()["items"][0]["withheld"] == json!(["salary"]));
}

/// Names with slashes in them: what is allowed on one is not allowed on another.
#[test]
fn slashes_do_not_blur_names() {
    let mut schema = schema();
    for name in ["x/attribute/ssn", "attribute/ssn", "a*"] {
        schema["attributeActionsOnEncrypt"][name] = json!("ENCRYPT_AND_SIGN");
    }
    let item = json!({
        "id": "1", "ssn": "plain", "x/attribute/ssn": "x", "attribute/ssn": "y", "a*": "z",
    });
    let stage = Stage::with(&schema, &item);
    let json_of = |arn: &str| {
        format!(
            r#"{{ "Version": "2012-10-17", "Statement": [ {{ "Effect": "Allow",
              "Action": ["items:*", "kms:*"], "Resource": [ "arn:aws:kms:*:*:key/*",
              "arn:aws:items::111122223333:schema/people",
              "arn:aws:items::111122223333:schema/{arn}" ] }} ] }}"#
        )
    };
    let cedar = |id: &str| {
        format!(
            r#"permit (principal, action == Action::"items:DecryptAttribute",
               resource == Attribute::"111122223333/{id}");"#
        )
    };
    for (at, (policy, seen)) in [
        (json_of("people/attribute/ssn"), vec!["ssn"]),
        (json_of("people/attribute/x/attribute/ssn"), vec!["x/attribute/ssn"]),
        (json_of("people/attribute/attribute/ssn"), vec!["attribute/ssn"]),
        (json_of("people/*/ssn"), vec!["attribute/ssn", "ssn", "x/attribute/ssn"]),
        (json_of("people/attribute/?sn"), vec!["ssn"]),
        (json_of("people2/attribute/*"), vec![]),
        (json_of("peo*"), vec!["a*", "attribute/ssn", "ssn", "x/attribute/ssn"]),
        (cedar("people/ssn"), vec!["ssn"]),
        (cedar("people/attribute/ssn"), vec!["attribute/ssn"]),
        (cedar("people/x"), vec![]),
    ]
    .into_iter()
    .enumerate()
    {
        let who = stage.user(&format!("user{at}"), &policy);
        let answer = stage.seen(&who, &json!({}));
        let item = answer["item"].as_object().unwrap_or_else(|| panic!("{policy}: {answer}"));
        let names: Vec<&str> =
            item.keys().map(String::as_str).filter(|name| *name != "id").collect();
        assert_eq!(names, seen, "{policy}");
    }
}

/// What is encrypted is said by the item's own header, and what it is called by the
/// schema of now.
#[test]
fn items_of_an_older_schema() {
    let mut before = schema();
    before["attributeActionsOnEncrypt"]["city"] = json!("ENCRYPT_AND_SIGN");
    before["attributeActionsOnEncrypt"]["salary"] = json!("SIGN_ONLY");
    before["attributes"] = json!({});
    let stage = Stage::with(&before, &ada());
    stage.server.rest("PUT", "/v1/item-schemas/people", &schema()).ok();
    let pii = r#"permit (principal, action == Action::"items:DecryptAttribute", resource)
        when { resource.labels.contains("pii") };"#;
    // The city was encrypted and is not now: nobody said that it may be seen. The
    // salary stands readable in the table.
    let seen = stage.seen(&stage.user("pii", pii), &json!({}));
    let item = ada_with(&json!({ "city": null }));
    assert_eq!(seen, json!({ "item": item, "withheld": ["city"] }));
    let admin = stage.server.admin.clone();
    assert_eq!(stage.seen(&admin, &json!({})), json!({ "item": ada() }));
    let new = seal(&stage.server, "people", &ada());
    let who = stage.user("pii2", pii);
    let seen = decrypt(&stage.server, &who, "people", &new, &json!({})).ok();
    let item = ada_with(&json!({ "salary": null }));
    assert_eq!(seen["items"][0], json!({ "item": item, "withheld": ["salary"] }));
}

/// An attribute that left the schema is in old items all the same: it can be asked
/// for, and the book has it.
#[test]
fn an_attribute_that_left_the_schema() {
    let stage = Stage::set();
    let mut after = schema();
    for member in ["attributeActionsOnEncrypt", "attributes"] {
        after[member].as_object_mut().unwrap().remove("ssn");
    }
    stage.server.rest("PUT", "/v1/item-schemas/people", &after).ok();
    let admin = stage.server.admin.clone();
    let asked = json!({ "attributes": ["ssn"] });
    let seen = stage.seen(&admin, &asked);
    assert_eq!(seen, json!({ "item": { "id": "1", "ssn": "078-05-1120" } }));
    let marketing = stage.user("marketing", "");
    let strict = json!({ "attributes": ["ssn"], "onWithheld": "error" });
    assert_eq!(stage.seen(&marketing, &strict)["error"]["code"], "AttributeWithheld");
    let path = "/v1/audit/field-reads?table=people&attribute=ssn";
    let reads = stage.server.rest("GET", path, &Value::Null).ok();
    let how = |read: &Value| read["attributes"]["ssn"].clone();
    let how: Vec<Value> = reads["reads"].as_array().unwrap().iter().map(how).collect();
    assert_eq!(how, ["withheld", "plain"], "{reads}");
}

/// Whoever can put an item into the table chooses what its header lists as
/// encrypted. The policy is not asked about names that the schema never encrypted,
/// however many there are, and the others of the batch are as ever.
#[test]
fn planted_names_are_not_decided_on() {
    let stage = Stage::set();
    let names: Vec<String> = (0..1_200).map(|n| format!("planted-{n:04}")).collect();
    // One schema may not encrypt so many; who plants items has as many as he likes.
    let planted = |id: &str, names: &[String]| {
        let (mut other, table) = (schema(), format!("planted-{id}"));
        let mut item = json!({ "id": id });
        for name in names {
            other["attributeActionsOnEncrypt"][name] = json!("ENCRYPT_AND_SIGN");
            item[name] = json!("x");
        }
        stage.server.rest("PUT", &format!("/v1/item-schemas/{table}"), &other).ok();
        seal(&stage.server, &table, &item)
    };
    let items = [planted("8", &names[..600]), stage.sealed.clone(), planted("9", &names[600..])];
    let send = |more: Value| {
        let mut body = json!({ "format": "json", "items": items });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let path = "/v1/item-schemas/people/decrypt";
        let request = Request::new("POST", path, body.to_string());
        stage.server.send_as(&stage.server.admin, "wardbook", &request).ok()["items"].clone()
    };
    let seen = send(json!({}));
    assert_eq!(seen[0], json!({ "item": { "id": "8" }, "withheld": &names[..600] }));
    assert_eq!(seen[1], json!({ "item": ada() }));
    let (_, additional, decisions) = stage.recorded();
    let own = json!({ "plain": ["born", "email", "salary", "ssn"] });
    assert_eq!(additional["attributes"], own);
    // That on the schema, and one an attribute.
    assert_eq!(decisions.as_array().map(Vec::len), Some(5), "{decisions}");
    assert!(!stage.server.events("eventName=DecryptItems")[0].to_string().contains("planted-"));

    let seen = send(json!({ "onWithheld": "error" }));
    assert_eq!(seen[0]["error"]["code"], "AttributeWithheld", "{}", seen[0]);
    let text = seen[0]["error"]["message"].as_str().unwrap();
    assert!(text.ends_with("no version of the schema encrypts it"), "{text}");
    assert_eq!(seen[1], json!({ "item": ada() }));
}

/// The rights are those on the schema that is named, and an item of another table
/// does not open under it.
#[test]
fn an_item_of_another_schema() {
    let stage = Stage::set();
    let mut other = schema();
    other["tableName"] = json!("others");
    other["attributes"] = json!({});
    stage.server.rest("PUT", "/v1/item-schemas/others", &other).ok();
    let who = stage.server.new_user(
        "others",
        r#"permit (principal, action in Action::"items:*", resource in ItemSchema::"111122223333/others");
           permit (principal, action in Action::"kms:*", resource);"#,
    );
    assert_eq!(stage.decrypt(&who, &json!({})).code(), "AccessDeniedException");
    let seen = decrypt(&stage.server, &who, "others", &stage.sealed, &json!({})).ok();
    let error = &seen["items"][0]["error"];
    let told = (&error["code"], &error["docs"]);
    let docs = "docs/item-errors.md#codes-of-kms";
    assert_eq!(told, (&json!("InvalidCiphertextException"), &json!(docs)), "{seen}");
    let own = seal(&stage.server, "others", &ada());
    let seen = decrypt(&stage.server, &who, "others", &own, &json!({})).ok();
    assert_eq!(seen["items"][0], json!({ "item": ada() }));
}

/// A schema of one's own for somebody else's table would ask for its attributes under
/// names, and with labels, of one's own choice.
#[test]
fn a_second_schema_of_a_table_is_no_way_in() {
    let stage = Stage::set();
    let dev = stage.user(
        "dev",
        r#"{ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "items:*",
              "Resource": "arn:aws:items::111122223333:schema/dev-*" },
            { "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*" } ] }"#,
    );
    let mut own = schema();
    own["attributes"] = json!({});
    let put = |who: &Credentials, name: &str, schema: &Value| {
        let request = Request::new("PUT", &format!("/v1/item-schemas/{name}"), schema.to_string());
        stage.server.send_as(who, "wardbook", &request)
    };
    for target in ["dev-x", "dev-x?dryRun=true"] {
        let refused = put(&dev, target, &own);
        assert_eq!(refused.code(), "AccessDeniedException");
        let says = ["schema/people", "for the table people, too"];
        assert!(says.iter().all(|part| refused.message().contains(part)), "{}", refused.message());
    }
    let record = stage.server.events("eventName=PutItemSchema").remove(0);
    let decisions = record["wardbook"]["decisions"].as_array().unwrap();
    let asked: Vec<&str> = decisions.iter().map(|one| one["resource"].as_str().unwrap()).collect();
    let arn = |name: &str| format!("arn:aws:items::111122223333:schema/{name}");
    assert_eq!(asked, [arn("dev-x"), arn("people")], "{record}");

    let mut other = own.clone();
    other["tableName"] = json!("persons");
    put(&dev, "dev-x", &other).ok();
    // Nor afterwards, when items are given up.
    let refused = put(&dev, "dev-x?allowBreaking=true", &own);
    assert_eq!(refused.code(), "AccessDeniedException");
    // Whoever may put both may have both.
    put(&stage.server.admin, "dev-y", &own).ok();
    put(&stage.server.admin, "people", &own).ok();
    let mut labelled = own.clone();
    labelled["attributes"] = json!({ "ssn": { "labels": ["mine"] } });
    assert_eq!(put(&dev, "dev-y", &labelled).code(), "AccessDeniedException");
    // What is in force already may be said again.
    assert_eq!(put(&dev, "dev-y", &own).ok()["changed"], false);
}

#[test]
fn a_hash_joins_items_and_tells_nothing_else() {
    let mut schema = schema();
    for name in ["ssn", "email", "salary"] {
        schema["attributes"][name] = json!({ "labels": ["pii"], "mask": "hash" });
    }
    let stage = Stage::with(&schema, &ada_with(&json!({ "email": "078-05-1120" })));
    let support = stage.user("support", SUPPORT);
    let of = |item: &Value| {
        let seen = decrypt(&stage.server, &support, "people", item, &json!({})).ok();
        seen["items"][0]["item"].clone()
    };
    let one = of(&stage.sealed);
    let ssn = one["ssn"].as_str().unwrap();
    assert!(ssn.len() == 64 && ssn.bytes().all(|b| b.is_ascii_hexdigit()), "{one}");
    // The same value of another attribute has another name.
    assert_ne!(one["ssn"], one["email"]);
    let same = of(&seal(
        &stage.server,
        "people",
        &json!({
            "id": "2", "ssn": "078-05-1120", "salary": 9e4,
        }),
    ));
    assert_eq!((&same["ssn"], &same["salary"]), (&one["ssn"], &one["salary"]));
    let other = of(&seal(&stage.server, "people", &json!({ "id": "3", "ssn": "078-05-1121" })));
    assert_ne!(other["ssn"], one["ssn"]);
    let text = of(&seal(&stage.server, "people", &json!({ "id": "4", "salary": "90000" })));
    assert_ne!(text["salary"], one["salary"]);
}

#[test]
fn one_bad_item_spoils_no_other() {
    let stage = Stage::set();
    let support = stage.user("support", SUPPORT);
    let mut bad = stage.sealed.clone();
    bad["city"] = json!("Bern");
    let request = json!({ "format": "json", "items": [bad, stage.sealed, {}] }).to_string();
    let request = Request::new("POST", "/v1/item-schemas/people/decrypt", request);
    let answer = stage.server.send_as(&support, "wardbook", &request).ok();
    assert_eq!(answer["items"][0]["error"]["code"], "SignatureInvalid", "{answer}");
    assert_eq!(answer["items"][1]["item"]["ssn"], "****1120");
    assert_eq!(answer["items"][2]["error"]["code"], "NotEncrypted");
}

#[test]
fn questions_about_attributes() {
    let stage = Stage::set();
    stage.user("support", SUPPORT);
    stage.user("fraud", FRAUD);
    let ask =
        |what: &str, input: &Value| stage.server.rest("POST", &format!("/v1/policy/{what}"), input);
    let arn = |name: &str| format!("arn:aws:iam::111122223333:user/{name}");
    let explain = |who: &str, action: &str, attribute: &str, conditions: Value| {
        let input = json!({
            "principal": arn(who), "action": format!("items:{action}"), "attribute": attribute,
            "conditions": conditions,
        });
        ask("explain", &input).ok()["story"].clone()
    };
    let none = || json!({});
    let purpose = || json!({ "items:Purpose": "fraud-review" });
    for (who, action, attribute, conditions, allowed) in [
        ("support", "DecryptAttributeMasked", "people/ssn", none(), true),
        ("support", "DecryptAttributeMasked", "people/salary", none(), false),
        ("support", "DecryptAttribute", "people/ssn", none(), false),
        ("fraud", "DecryptAttribute", "people/ssn", purpose(), true),
        ("fraud", "DecryptAttribute", "people/ssn", none(), false),
        ("fraud", "DecryptAttribute", "people/salary", purpose(), false),
        ("fraud", "DecryptAttribute", "others/ssn", purpose(), false),
    ] {
        let story = explain(who, action, attribute, conditions);
        assert_eq!(story["allowed"], allowed, "{who} {action} {attribute}: {story}");
    }
    let who =
        ask("who-can", &json!({ "attribute": "people/ssn", "action": "items:DecryptAttribute" }));
    let who = who.ok();
    assert_eq!(who["attributeArn"], "arn:aws:items::111122223333:schema/people/attribute/ssn");
    let of = |name: &str| {
        let all = who["principals"].as_array().unwrap();
        all.iter().find(|one| one["principal"] == arn(name)).cloned()
    };
    assert_eq!(of("admin").unwrap()["access"], "always");
    let fraud = of("fraud").unwrap();
    assert_eq!(fraud["access"], "conditional");
    let conditions = fraud["ways"][0]["conditions"].to_string();
    assert!(conditions.contains("items:Purpose") && !conditions.contains("Labels"), "{conditions}");
    assert_eq!(of("support"), None);
    let salary = json!({ "attribute": "people/salary", "action": "items:DecryptAttribute" });
    assert!(!ask("who-can", &salary).text().contains("user/fraud"));
    let what = json!({ "principal": arn("support"), "attribute": "people/ssn" });
    let what = ask("what-can", &what).ok();
    assert_eq!(what["attribute"]["always"], json!(["items:DecryptAttributeMasked"]));
    assert_eq!((&what["keys"], what.get("account")), (&json!([]), None));

    for (what, input, message) in [
        ("who-can", json!({ "action": "kms:Decrypt" }), "Specify either keyId or attribute."),
        (
            "who-can",
            json!({ "attribute": "people/ssn", "action": "kms:Decrypt" }),
            "kms:Decrypt is not performed on an attribute of items.",
        ),
        (
            "who-can",
            json!({ "attribute": "ssn", "action": "items:DecryptAttribute" }),
            "An attribute is named by its schema, a slash and its name.",
        ),
        (
            "explain",
            json!({ "principal": arn("fraud"), "action": "items:DecryptAttribute" }),
            "items:DecryptAttribute is performed on an attribute of items: say which with attribute.",
        ),
    ] {
        let answer = ask(what, &input);
        assert_eq!(answer.message(), message, "{}", answer.text());
    }
}

/// A recorded call is told again, attribute by attribute.
#[test]
fn a_recorded_call_is_explained() {
    let stage = Stage::set();
    let (support, fraud) = (stage.user("support", SUPPORT), stage.user("fraud", FRAUD));
    let explain = |answer: &Response| {
        let input = json!({ "requestId": answer.request_id() });
        let told = stage.server.rest("POST", "/v1/policy/explain", &input).ok();
        assert!(!told.to_string().contains("does not agree"), "{told:#}");
        told
    };
    explain(&stage.decrypt(&support, &json!({ "attributes": ["ssn"] })));
    explain(&stage.decrypt(&support, &json!({})));
    let more = json!({ "attributes": ["ssn"], "purpose": "fraud-review" });
    let told = explain(&stage.decrypt(&fraud, &more));
    assert_eq!(told["story"]["allowed"], true, "{told:#}");
}
