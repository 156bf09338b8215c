//! A document as its leaves: the values that are signed one by one, each under
//! its canonical path. With the paths the shape of the document is signed: no
//! two documents have the same leaves at the same paths, what is left alone set
//! aside.
//!
//! A leaf is a single value, a list or object in which nothing is signed, or a
//! value that is encrypted as a whole.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::pattern;
use super::rules::{Decider, Position, Rules};
use super::schema::PathAction;
use super::value::Value;
use crate::base::limits;
use crate::items::bytes::wide;
use crate::items::error::{ItemError, ItemErrorCode};

/// A signed value on its way through encryption or decryption.
pub(super) struct Leaf {
    /// The canonical path.
    pub(super) path: Vec<u8>,
    /// The number of the child at each level.
    pub(super) place: Vec<usize>,
    /// Which rule of the schema decides.
    pub(super) decider: Decider,
    /// What the schema says; `None` if nothing.
    pub(super) action: Option<PathAction>,
    /// Whether it is, or will be, a ciphertext.
    pub(super) encrypted: bool,
    /// Type id and value, or type id, ciphertext and tag.
    pub(super) value: Zeroizing<Vec<u8>>,
}

/// What is taken for one leaf.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Grain {
    /// As the schema says: on encryption.
    Schema,
    /// As the document stands: on decryption. An earlier version of the schema
    /// may have encrypted single values of what is encrypted as a whole now.
    Stored,
}

/// The leaves of `root` in canonical order, values not filled in.
///
/// # Errors
/// `ItemTooLarge` if there are too many, or their paths are too long together.
pub(super) fn of_document(
    rules: &Rules,
    table_name: &str,
    root: &Value,
    grain: Grain,
) -> Result<Vec<Leaf>, ItemError> {
    let mut walk = Walk {
        rules,
        table_name: table_name.as_bytes(),
        grain,
        segments: Vec::new(),
        place: Vec::new(),
        leaves: Vec::new(),
        path_bytes: 0,
    };
    walk.children(root, &rules.start())?;
    let mut leaves = walk.leaves;
    leaves.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(leaves)
}

struct Walk<'a> {
    rules: &'a Rules,
    table_name: &'a [u8],
    grain: Grain,
    /// The canonical path from the first level on.
    segments: Vec<u8>,
    place: Vec<usize>,
    leaves: Vec<Leaf>,
    /// Bytes of all paths so far.
    path_bytes: usize,
}

impl Walk<'_> {
    /// Adds the leaves of what `value` holds; whether there are any.
    fn children(&mut self, value: &Value, position: &Position<'_>) -> Result<bool, ItemError> {
        let mut any = false;
        let start = self.segments.len();
        match value {
            Value::Object(members) => {
                for (index, (name, child)) in members.iter().enumerate() {
                    self.segments.push(b'$');
                    self.segments.extend_from_slice(&wide(name.len()));
                    self.segments.extend_from_slice(name.as_bytes());
                    any |= self.child(index, child, &self.rules.child(position, name))?;
                    self.segments.truncate(start);
                }
            }
            Value::List(elements) => {
                for (index, child) in elements.iter().enumerate() {
                    self.segments.push(b'#');
                    self.segments.extend_from_slice(&wide(index));
                    any |= self.child(index, child, &self.rules.element(position, index))?;
                    self.segments.truncate(start);
                }
            }
            _ => {}
        }
        Ok(any)
    }

    fn child(
        &mut self,
        index: usize,
        value: &Value,
        position: &Position<'_>,
    ) -> Result<bool, ItemError> {
        let action = self.rules.action(position);
        if action == Some(PathAction::DoNothing) {
            return Ok(false);
        }
        self.place.push(index);
        let whole = self.grain == Grain::Schema && self.rules.is_whole(position);
        if whole || !self.children(value, position)? {
            self.leaf(position.decider(), action)?;
        }
        self.place.pop();
        Ok(true)
    }

    fn leaf(&mut self, decider: Decider, action: Option<PathAction>) -> Result<(), ItemError> {
        let path = [self.table_name, &wide(self.place.len()), &self.segments].concat();
        self.path_bytes = self.path_bytes.saturating_add(path.len());
        if self.leaves.len() >= limits::DOCUMENT_LEAVES {
            let most = limits::DOCUMENT_LEAVES;
            return Err(too_large(&format!("has at most {most} signed values")));
        }
        if self.path_bytes > limits::DOCUMENT_PATHS_BYTES {
            return Err(too_large("has too many values under too long names"));
        }
        let place = self.place.clone();
        self.leaves.push(Leaf {
            path,
            place,
            decider,
            action,
            encrypted: false,
            value: Zeroizing::default(),
        });
        Ok(())
    }
}

fn too_large(rule: &str) -> ItemError {
    ItemError::new(
        ItemErrorCode::ItemTooLarge,
        format!("a document {rule}: encrypt or leave alone what holds them as a whole"),
    )
}

/// The path of the value at `place` as a schema would write it.
pub(super) fn pointer(root: &Value, place: &[usize]) -> String {
    let mut pointer = String::new();
    let mut value = Some(root);
    for index in place {
        match value {
            Some(Value::Object(members)) => {
                let member = members.get(*index);
                pattern::push_token(&mut pointer, member.map_or("", |(name, _)| name));
                value = member.map(|(_, value)| value);
            }
            Some(Value::List(elements)) => {
                pattern::push_token(&mut pointer, &index.to_string());
                value = elements.get(*index);
            }
            _ => {}
        }
    }
    pointer
}

/// Where a walk to `place` stands among the rules.
pub(super) fn position<'a>(rules: &'a Rules, root: &Value, place: &[usize]) -> Position<'a> {
    let mut position = rules.start();
    let mut value = Some(root);
    for index in place {
        match value {
            Some(Value::Object(members)) => {
                let member = members.get(*index);
                position = rules.child(&position, member.map_or("", |(name, _)| name));
                value = member.map(|(_, value)| value);
            }
            Some(Value::List(elements)) => {
                position = rules.element(&position, *index);
                value = elements.get(*index);
            }
            _ => {}
        }
    }
    position
}

/// The paths that encrypt something inside of `value`, which stands at `position`.
pub(super) fn names_inside<'a>(
    rules: &'a Rules,
    position: &Position<'a>,
    value: &Value,
) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    if !rules.is_whole(position) {
        add_names_inside(rules, position, value, &mut names);
    }
    names
}

fn add_names_inside<'a>(
    rules: &'a Rules,
    position: &Position<'a>,
    value: &Value,
    names: &mut BTreeSet<&'a str>,
) {
    if position.is_end() {
        return;
    }
    let mut add = |position: &Position<'a>, value: &Value| {
        if rules.is_whole(position) {
            names.insert(rules.name(position.decider()));
        } else {
            add_names_inside(rules, position, value, names);
        }
    };
    match value {
        Value::Object(members) => {
            for (name, child) in members {
                add(&rules.child(position, name), child);
            }
        }
        Value::List(elements) => {
            for (index, child) in elements.iter().enumerate() {
                add(&rules.element(position, index), child);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Grain, of_document, pointer};
    use crate::base::limits;
    use crate::items::document::schema::{PathAction, Schema};
    use crate::items::document::value::Value;
    use crate::items::error::{ItemError, ItemErrorCode};

    fn schema() -> Schema {
        let definition = json!({
            "kind": "document", "tableName": "T", "keyId": "k", "idPaths": ["/id"],
            "pathActionsOnEncrypt": {
                "/whole": "ENCRYPT_AND_SIGN", "/list/*/x": "ENCRYPT_AND_SIGN",
                "/free": "DO_NOTHING", "/o/free": "DO_NOTHING",
            },
            "defaultAction": "SIGN_ONLY",
        });
        Schema::new(&serde_json::from_value(definition).unwrap()).unwrap()
    }

    fn pointers(text: &str, grain: Grain) -> Result<Vec<String>, ItemError> {
        let root = Value::parse_part(text, 0).unwrap();
        let leaves = of_document(schema().rules(), "T", &root, grain)?;
        Ok(leaves
            .iter()
            .map(|leaf| {
                let mark = if leaf.action == Some(PathAction::EncryptAndSign) { "!" } else { "" };
                format!("{}{mark}", pointer(&root, &leaf.place))
            })
            .collect())
    }

    const TEXT: &str = r#"{"id":1,"whole":{"a":[1,2]},"list":[{"x":[1],"y":2},7],
        "free":{"z":1},"o":{"free":3},"empty":[[]],"b":null}"#;

    #[test]
    fn leaves_in_canonical_order() {
        assert_eq!(
            pointers(TEXT, Grain::Schema).unwrap(),
            ["/b", "/o", "/id", "/whole!", "/list/1", "/empty/0", "/list/0/x!", "/list/0/y"]
        );
        assert_eq!(
            pointers(TEXT, Grain::Stored).unwrap(),
            [
                "/b",
                "/o",
                "/id",
                "/list/1",
                "/empty/0",
                "/list/0/y",
                "/whole/a/0!",
                "/whole/a/1!",
                "/list/0/x/0!"
            ]
        );
    }

    #[test]
    fn canonical_paths() {
        let root = Value::parse_part(r#"{"é":[0]}"#, 0).unwrap();
        let leaves = of_document(schema().rules(), "T", &root, Grain::Schema).unwrap();
        let want = b"T\0\0\0\0\0\0\0\x02$\0\0\0\0\0\0\0\x02\xc3\xa9#\0\0\0\0\0\0\0\0";
        assert_eq!(leaves[0].path, want);
    }

    #[test]
    fn bounded() {
        let many = format!(r#"{{"id":[{}0]}}"#, "0,".repeat(limits::DOCUMENT_LEAVES));
        assert_eq!(pointers(&many, Grain::Stored).unwrap_err().code, ItemErrorCode::ItemTooLarge);
        let name = "n".repeat(limits::DOCUMENT_NAME_BYTES);
        let long = format!(r#"{{"{name}":{{"{name}":[{}0]}}}}"#, "0,".repeat(5_000));
        assert_eq!(pointers(&long, Grain::Schema).unwrap_err().code, ItemErrorCode::ItemTooLarge);
        // Of what is encrypted as a whole nobody counts the values.
        let whole = format!(r#"{{"whole":[{}0]}}"#, "0,".repeat(limits::DOCUMENT_LEAVES));
        assert_eq!(pointers(&whole, Grain::Schema).unwrap(), ["/whole!"]);
    }
}
