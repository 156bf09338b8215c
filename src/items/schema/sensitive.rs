//! Names that look like what laws and card schemes call sensitive, or like secrets, of
//! values that a schema leaves in plaintext.
//!
//! Names are all that is known here: what a value is nobody can tell from a schema. So
//! the rule suggests, and a schema can answer it (`plaintext` of an attribute).

use std::collections::BTreeMap;

use super::document::{Action, SchemaDocument};
use super::lint::Warning;
use crate::items::document::schema::PathAction;

/// The rule's name.
const RULE: &str = "looks-sensitive";

/// Words that name what is sensitive; also with an `s` or a number behind them.
const WORDS: &[&str] = &[
    "biometric",
    "birth",
    "birthday",
    "card",
    "cvc",
    "cvv",
    "diagnosis",
    "dob",
    "email",
    "fax",
    "iban",
    "mail",
    "mobile",
    "nino",
    "pan",
    "passport",
    "passwd",
    "password",
    "phone",
    "pin",
    "salary",
    "secret",
    "ssn",
    "telephone",
    "token",
];
/// The same, written as several words.
const NAMES: &[&str] = &[
    "apikey",
    "birthdate",
    "creditcard",
    "dateofbirth",
    "nationalid",
    "privatekey",
    "socialsecurity",
    "taxid",
];
/// Last words of names that only tell of such a value: `emailVerified`, `cardType`.
const ABOUT: &[&str] = &[
    "at",
    "changed",
    "confirmed",
    "count",
    "enabled",
    "expires",
    "required",
    "sent",
    "status",
    "type",
    "verified",
];

/// What looks sensitive and is not encrypted: attributes of items, paths of documents.
pub(super) fn lint(document: &SchemaDocument) -> Vec<Warning> {
    let looks = |name: &str| {
        let is_meant = document.attributes.get(name).is_some_and(|of| of.plaintext);
        !is_meant && looks_sensitive(last_name(document, name))
    };
    let mut warnings = Vec::new();
    for (name, is_identity) in plain_attributes(document).into_iter().chain(plain_paths(document)) {
        if !looks(name) {
            continue;
        }
        let remedy = match is_identity {
            true => {
                "what identifies an item cannot be encrypted: use a random id, and keep this beside it"
            }
            false => {
                "make it ENCRYPT_AND_SIGN if it is what its name says; if it is not, say so with \
                 \"plaintext\": true in attributes"
            }
        };
        let text = format!("`{name}` looks sensitive and is stored in plaintext: {remedy}");
        warnings.push(Warning::new(RULE, Some(name), text));
    }
    warnings
}

/// The attributes that are not encrypted, and whether each is a key attribute.
fn plain_attributes(document: &SchemaDocument) -> BTreeMap<&str, bool> {
    let actions = document.attribute_actions_on_encrypt.iter();
    let plain = actions.filter(|(_, action)| **action != Action::EncryptAndSign);
    let names = plain.map(|(name, _)| name).chain(&document.allowed_unsigned_attributes);
    names.map(|name| (name.as_str(), document.key_names().any(|key| key == name))).collect()
}

/// The paths that are not encrypted, and whether each identifies its document. One
/// below which something is encrypted is a place, and no value.
fn plain_paths(document: &SchemaDocument) -> BTreeMap<&str, bool> {
    let paths = &document.path_actions_on_encrypt;
    let encrypted = |path: &&String| paths.get(*path) == Some(&PathAction::EncryptAndSign);
    let holds_encrypted = |path: &str| {
        let below = format!("{path}/");
        paths.keys().filter(encrypted).any(|other| other.starts_with(&below))
    };
    let plain = paths.keys().filter(|path| !encrypted(path) && !holds_encrypted(path));
    let names = plain.chain(&document.id_paths);
    names.map(|path| (path.as_str(), document.id_paths.contains(path))).collect()
}

/// The name itself; of a path the last one that it has.
fn last_name<'a>(document: &SchemaDocument, name: &'a str) -> &'a str {
    match document.kind {
        None => name,
        Some(_) => name.rsplit('/').find(|token| *token != "*").unwrap_or(name),
    }
}

fn looks_sensitive(name: &str) -> bool {
    let words = words(name);
    if words.last().is_some_and(|last| ABOUT.contains(&last.as_str())) {
        return false;
    }
    let is_one = |word: &String| {
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        WORDS.contains(&word) || word.strip_suffix('s').is_some_and(|one| WORDS.contains(&one))
    };
    let whole = words.concat();
    words.iter().any(is_one) || NAMES.iter().any(|part| whole.contains(part))
}

/// The words of a name, in lower case: `homePhone_number` has three.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = None;
    for c in name.chars() {
        let begins = !c.is_alphanumeric()
            || (c.is_uppercase() && before.is_some_and(|c: char| !c.is_uppercase()));
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        before = Some(c);
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::items::schema::Schema;

    fn found(document: Value) -> Vec<(String, String)> {
        let document: SchemaDocument = serde_json::from_value(document).unwrap();
        let schema = Schema::new(document).unwrap();
        let warnings = lint(schema.document()).into_iter();
        warnings.map(|warning| (warning.attribute.unwrap(), warning.text)).collect()
    }

    fn names(document: Value) -> Vec<String> {
        found(document).into_iter().map(|(name, _)| name).collect()
    }

    fn items(actions: &Value) -> Value {
        json!({ "tableName": "T", "partitionKeyName": "pk", "attributeActionsOnEncrypt": actions })
    }

    fn documents(actions: &Value) -> Value {
        json!({
            "kind": "document", "tableName": "T", "keyId": "alias/a", "idPaths": ["/id"],
            "pathActionsOnEncrypt": actions, "defaultAction": "SIGN_ONLY",
        })
    }

    #[test]
    fn names_of_attributes() {
        let mut actions = json!({ "pk": "SIGN_ONLY", "home_phone": "ENCRYPT_AND_SIGN" });
        let looks = [
            "Card_Number",
            "IBAN",
            "PIN",
            "apiKey",
            "birthDate",
            "customerSSN",
            "e-mail",
            "emails",
            "password",
            "phone2",
            "refreshToken",
        ];
        for name in looks {
            actions[name] = json!("SIGN_ONLY");
        }
        for name in [
            "cardinality",
            "cardType",
            "company",
            "discard",
            "emailVerified",
            "opinion",
            "phone_count",
            "spinner",
            "stokens",
            "tokenExpiresAt",
        ] {
            actions[name] = json!("SIGN_ONLY");
        }
        assert_eq!(names(items(&actions)), looks);
    }

    #[test]
    fn what_cannot_be_encrypted_or_is_left_alone() {
        let mut schema = items(&json!({ "email": "SIGN_ONLY", "x": "ENCRYPT_AND_SIGN" }));
        schema["partitionKeyName"] = json!("email");
        schema["allowedUnsignedAttributes"] = json!(["secret"]);
        let found = found(schema);
        assert_eq!(found.len(), 2);
        assert!(found[0].1.contains("random id") && found[1].1.contains("ENCRYPT_AND_SIGN"));
        let mut schema = documents(&json!({ "/id": "SIGN_ONLY", "/ssn": "SIGN_ONLY" }));
        schema["idPaths"] = json!(["/id", "/ssn"]);
        assert!(self::found(schema)[0].1.contains("random id"));
    }

    #[test]
    fn paths_of_documents() {
        let schema = documents(&json!({
            "/id": "SIGN_ONLY",
            "/profile/ssn": "DO_NOTHING",
            "/phones/*": "SIGN_ONLY",
            "/cards": "SIGN_ONLY",
            "/cards/*/number": "ENCRYPT_AND_SIGN",
            "/secret/shape": "SIGN_ONLY",
            "/iban": "ENCRYPT_AND_SIGN",
        }));
        assert_eq!(names(schema), ["/phones/*", "/profile/ssn"]);
    }

    #[test]
    fn a_schema_can_answer() {
        let mut schema =
            items(&json!({ "pk": "SIGN_ONLY", "card": "SIGN_ONLY", "pin": "SIGN_ONLY" }));
        schema["attributes"] = json!({ "card": { "plaintext": true } });
        assert_eq!(names(schema.clone()), ["pin"]);
        schema["attributeActionsOnEncrypt"]["card"] = json!("ENCRYPT_AND_SIGN");
        let document = serde_json::from_value(schema).unwrap();
        let error = Schema::new(document).unwrap_err();
        assert!(error.message.contains("plaintext"), "{error}");
        let mut schema = documents(&json!({ "/id": "SIGN_ONLY", "/cards/*": "DO_NOTHING" }));
        schema["attributes"] = json!({ "/cards/*": { "plaintext": true } });
        assert!(names(schema).is_empty());
    }
}
