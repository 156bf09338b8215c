//! What is different between two versions of a schema of documents.
//!
//! On decryption the schema says what is left alone, and the document's own header
//! what is encrypted (`docs/document-format.md`, section 3). What is refused here is
//! more than what must be: whether some document has a value at a path that is
//! left alone only now, or only before, nobody can tell.

use std::collections::BTreeSet;

use super::changes::{
    ADDED, Change, ENCRYPTED_TO_SIGNED, KEY_NAME, REMOVED, Rule, SIGNED_TO_ENCRYPTED,
    SIGNED_TO_UNSIGNED, UNSIGNED_TO_SIGNED, change,
};
use crate::items::document::schema::{EVERYTHING_ELSE, PathAction};
use crate::items::schema::SchemaDocument;

/// Adds what is different.
pub(super) fn add(old: &SchemaDocument, new: &SchemaDocument, changes: &mut Vec<Change>) {
    if old.kind != new.kind {
        changes.push(change(&KEY_NAME, None, "kind: items and documents are told apart by it"));
    }
    if old.id_paths != new.id_paths {
        let shown = |paths: &BTreeSet<String>| {
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            if paths.is_empty() { "none".to_owned() } else { paths.join(", ") }
        };
        let what = format!("idPaths: {} -> {}", shown(&old.id_paths), shown(&new.id_paths));
        changes.push(change(&KEY_NAME, None, what));
    }
    let paths = |document: &'_ SchemaDocument| -> BTreeSet<String> {
        document.path_actions_on_encrypt.keys().cloned().collect()
    };
    for path in paths(old).union(&paths(new)) {
        compare(path, action(old, path), action(new, path), changes);
    }
    let of_rest = |document: &SchemaDocument| document.default_action.map(PathAction::from);
    compare(EVERYTHING_ELSE, of_rest(old), of_rest(new), changes);
}

/// What happens at `path`; where it is not named, what happens by default.
fn action(document: &SchemaDocument, path: &str) -> Option<PathAction> {
    let named = document.path_actions_on_encrypt.get(path).copied();
    named.or_else(|| document.default_action.map(PathAction::from))
}

fn compare(
    path: &str,
    before: Option<PathAction>,
    after: Option<PathAction>,
    changes: &mut Vec<Change>,
) {
    if let Some(rule) = rule_of(before, after) {
        let shown = |action: Option<PathAction>| action.map_or("none", PathAction::as_str);
        let what = format!("`{path}`: {} -> {}", shown(before), shown(after));
        changes.push(change(rule, Some(path), what));
    }
}

fn rule_of(before: Option<PathAction>, after: Option<PathAction>) -> Option<&'static Rule> {
    use PathAction::{DoNothing, EncryptAndSign, SignOnly};
    Some(match (before, after) {
        (before, after) if before == after => return None,
        (_, Some(DoNothing)) => &SIGNED_TO_UNSIGNED,
        (Some(DoNothing), _) => &UNSIGNED_TO_SIGNED,
        (_, None) => &REMOVED,
        (None, Some(EncryptAndSign | SignOnly)) => &ADDED,
        (Some(_), Some(EncryptAndSign)) => &SIGNED_TO_ENCRYPTED,
        (Some(_), Some(SignOnly)) => &ENCRYPTED_TO_SIGNED,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::items::schema::SchemaDocument;
    use crate::items::schema::changes::{Class, between};

    fn document((paths, default, id): &(Value, Value, &str)) -> SchemaDocument {
        let document = json!({
            "kind": "document", "tableName": "T", "keyId": "k", "idPaths": [id],
            "pathActionsOnEncrypt": paths, "defaultAction": default,
        });
        serde_json::from_value(document).unwrap()
    }

    #[track_caller]
    fn check(
        old: &(Value, Value, &str),
        new: &(Value, Value, &str),
        want: &[(Class, &str, Option<&str>)],
    ) {
        let found = between(&document(old), &document(new));
        let found: Vec<_> =
            found.iter().map(|one| (one.class, one.rule, one.attribute.as_deref())).collect();
        assert_eq!(found, want);
    }

    #[test]
    fn documents_have_rules_of_their_own() {
        use Class::{Careful, Safe, Unsafe};
        let base =
            || (json!({"/a": "SIGN_ONLY", "/b": "ENCRYPT_AND_SIGN"}), json!("SIGN_ONLY"), "/id");
        check(&base(), &base(), &[]);
        check(
            &base(),
            &(
                json!({"/a": "ENCRYPT_AND_SIGN", "/b": "ENCRYPT_AND_SIGN"}),
                json!("SIGN_ONLY"),
                "/id",
            ),
            &[(Safe, "signed-to-encrypted", Some("/a"))],
        );
        check(
            &base(),
            &(json!({"/a": "SIGN_ONLY"}), json!("SIGN_ONLY"), "/id"),
            &[(Careful, "encrypted-to-signed", Some("/b"))],
        );
        check(
            &base(),
            &(json!({"/a": "DO_NOTHING", "/b": "ENCRYPT_AND_SIGN"}), json!("SIGN_ONLY"), "/id"),
            &[(Unsafe, "signed-to-unsigned", Some("/a"))],
        );
        check(
            &base(),
            &(json!({"/a": "SIGN_ONLY", "/b": "ENCRYPT_AND_SIGN"}), Value::Null, "/other"),
            &[(Unsafe, "key-name", None), (Careful, "attribute-removed", Some("/~"))],
        );
        let item = json!({
            "tableName": "T", "partitionKeyName": "pk", "keyId": "k",
            "attributeActionsOnEncrypt": {"pk": "SIGN_ONLY"},
        });
        let item: SchemaDocument = serde_json::from_value(item).unwrap();
        assert_eq!(between(&item, &document(&base()))[0].class, Unsafe);
    }
}
