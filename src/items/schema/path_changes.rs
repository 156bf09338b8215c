//! What is different between two versions of a schema of documents.
//!
//! On decryption the schema says what is left alone, and the document's own header
//! what is encrypted (`docs/document-format.md`, section 3). What is refused here is
//! more than what must be: whether some document has a value at a path that is
//! left alone only now, or only before, nobody can tell.

use std::collections::BTreeSet;

use super::changes::{
    ADDED, Change, ENCRYPTED_TO_SIGNED, KEY_NAME, NOT_COMPARED, READING_LOOSENED, REMOVED, Rule,
    SIGNED_TO_ENCRYPTED, SIGNED_TO_UNSIGNED, UNSIGNED_TO_SIGNED, change, reading,
};
use crate::items::document::places::{self, Decision};
use crate::items::document::schema::{EVERYTHING_ELSE, PathAction};
use crate::items::schema::SchemaDocument;

/// Adds what is different. Each place that is compared is taken from `left`.
pub(super) fn add(
    old: &SchemaDocument,
    new: &SchemaDocument,
    left: &mut usize,
    changes: &mut Vec<Change>,
) {
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
    let is_same = old.path_actions_on_encrypt == new.path_actions_on_encrypt
        && old.default_action == new.default_action;
    let of_documents = old.kind.is_some() && new.kind.is_some();
    if is_same && (!of_documents || old.attributes == new.attributes) {
        return;
    }
    let is_compared = places::compare(old, new, left, &mut |path, before, after| {
        actions(path, before.action, after.action, changes);
        if of_documents {
            views(path, (old, before), (new, after), changes);
        }
    });
    if !is_compared {
        let what = "pathActionsOnEncrypt: too many places in which paths with * meet";
        changes.push(change(&NOT_COMPARED, None, what));
    }
}

fn actions(
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

/// Adds whether more may be shown than before of a value that is encrypted at `path`:
/// policies speak of the path that decides there, and of its labels.
fn views(
    path: &str,
    (old, before): (&SchemaDocument, Decision<'_>),
    (new, after): (&SchemaDocument, Decision<'_>),
    changes: &mut Vec<Change>,
) {
    let is_renamed = before.name != after.name;
    if is_renamed && before.action != Some(PathAction::EncryptAndSign) {
        return;
    }
    let mut loosened = Vec::new();
    if is_renamed {
        loosened.push(format!("seen as `{}`, no longer as `{}`", after.name, before.name));
    }
    // The labels of a path that is gone are kept.
    let is_kept =
        before.name != EVERYTHING_ELSE && !new.path_actions_on_encrypt.contains_key(before.name);
    if !is_kept {
        loosened.extend(reading::labels_removed(old, before.name, new, after.name));
    }
    loosened.extend(reading::mask_loosened(old, before.name, new, after.name));
    if !loosened.is_empty() {
        let what = format!("`{path}`: {}", loosened.join(", "));
        changes.push(change(&READING_LOOSENED, Some(path), what));
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

    use crate::items::schema::changes::{Class, between};
    use crate::items::schema::{Schema, SchemaDocument};

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
            &[
                (Careful, "encrypted-to-signed", Some("/b")),
                (Careful, "reading-loosened", Some("/b")),
            ],
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

    /// The rules that a change of paths meets, with where; documents have the default
    /// that is given.
    fn of_paths(default: &Value, old: &Value, new: &Value) -> Vec<(Class, String)> {
        let schema = |paths: &Value| {
            let document = document(&(paths.clone(), default.clone(), "/_id"));
            Schema::new(document.clone()).unwrap();
            document
        };
        let found = between(&schema(old), &schema(new));
        found
            .into_iter()
            .map(|one| (one.class, format!("{} {}", one.rule, one.attribute.unwrap_or_default())))
            .collect()
    }

    #[test]
    fn what_a_shorter_path_decides_is_compared() {
        use Class::Careful;
        let old = json!({"/_id": "SIGN_ONLY", "/a": "SIGN_ONLY", "/a/b": "ENCRYPT_AND_SIGN"});
        let new = json!({"/_id": "SIGN_ONLY", "/a": "SIGN_ONLY"});
        for default in [json!("ENCRYPT_AND_SIGN"), Value::Null] {
            assert_eq!(
                of_paths(&default, &old, &new),
                [
                    (Careful, "encrypted-to-signed /a/b".to_owned()),
                    (Careful, "reading-loosened /a/b".to_owned()),
                ]
            );
        }
        // Nothing decides about it any more: a document that has it is refused.
        let new = json!({"/_id": "SIGN_ONLY"});
        let found = of_paths(&Value::Null, &old, &new);
        assert!(found.contains(&(Careful, "attribute-removed /a/b".to_owned())), "{found:?}");
        assert!(found.contains(&(Careful, "attribute-removed /a".to_owned())), "{found:?}");
    }

    #[test]
    fn what_a_wildcard_decides_is_compared() {
        use Class::Unsafe;
        let wide = json!({"/_id": "SIGN_ONLY", "/*": "DO_NOTHING"});
        let named = json!({"/_id": "SIGN_ONLY", "/*": "DO_NOTHING", "/x": "SIGN_ONLY"});
        let default = json!("SIGN_ONLY");
        assert_eq!(
            of_paths(&default, &named, &wide),
            [(Unsafe, "signed-to-unsigned /x".to_owned())]
        );
        assert_eq!(
            of_paths(&default, &wide, &named),
            [(Unsafe, "unsigned-to-signed /x".to_owned())]
        );
        let under = json!({"/_id": "SIGN_ONLY", "/*/b": "DO_NOTHING"});
        let over = json!({"/_id": "SIGN_ONLY", "/*/b": "DO_NOTHING", "/a": "ENCRYPT_AND_SIGN"});
        let found = of_paths(&default, &under, &over);
        assert_eq!(found[0], (Unsafe, "unsigned-to-signed /a/b".to_owned()));
        // The same, from both sides: neither path is in both schemas.
        let inner = json!({"/_id": "SIGN_ONLY", "/a/*": "SIGN_ONLY"});
        let found = of_paths(&default, &under, &inner);
        for place in ["/*/b", "/a/b"] {
            let want = (Unsafe, format!("unsigned-to-signed {place}"));
            assert!(found.contains(&want), "{found:?}");
        }
    }

    #[test]
    fn the_same_written_otherwise_has_no_effect() {
        let old = json!({"/_id": "SIGN_ONLY", "/a": "SIGN_ONLY", "/a/b": "SIGN_ONLY"});
        let new = json!({"/_id": "SIGN_ONLY", "/a": "SIGN_ONLY"});
        let found = of_paths(&Value::Null, &old, &new);
        assert_eq!(found, [(Class::Safe, "no-effect ".to_owned())]);
    }

    #[test]
    fn what_takes_too_long_to_compare_is_unsafe() {
        let mut paths = serde_json::Map::new();
        for level in 0..16_usize {
            let (before, behind) = ("/*".repeat(level), "/*".repeat(31 - 2 * level.min(15)));
            for name in ["a", "b", "c"] {
                paths.insert(format!("{before}/{name}{level}{behind}"), json!("SIGN_ONLY"));
            }
        }
        let old = document(&(Value::Object(paths.clone()), json!("SIGN_ONLY"), "/_id"));
        paths.insert("/z".to_owned(), json!("ENCRYPT_AND_SIGN"));
        let new = document(&(Value::Object(paths), json!("SIGN_ONLY"), "/_id"));
        let found = between(&old, &new);
        assert_eq!((found[0].class, found[0].rule), (Class::Unsafe, "not-compared"));
        assert_eq!(between(&old, &old), []);
    }

    #[test]
    fn who_sees_a_place_is_compared() {
        let of = |paths: &Value, attributes: &Value| {
            let mut document = document(&(paths.clone(), json!("SIGN_ONLY"), "/_id"));
            document.attributes = serde_json::from_value(attributes.clone()).unwrap();
            document
        };
        let wide = json!({"/_id": "SIGN_ONLY", "/*": "ENCRYPT_AND_SIGN"});
        let pii = json!({"/*": {"labels": ["pii"]}});
        let fine = json!({"/_id": "SIGN_ONLY", "/*": "ENCRYPT_AND_SIGN", "/x": "ENCRYPT_AND_SIGN"});
        let found = between(&of(&wide, &pii), &of(&fine, &pii));
        let told: Vec<_> = found.iter().map(|one| (one.rule, one.what.as_str())).collect();
        let what = "`/x`: seen as `/x`, no longer as `/*`, without label `pii`";
        assert_eq!(told, [("reading-loosened", what)]);
        let found = between(&of(&wide, &pii), &of(&wide, &json!({})));
        assert_eq!((found[0].class, found[0].rule), (Class::Careful, "reading-loosened"));
    }
}
