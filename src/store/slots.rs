//! Ids of texts, remembered. Each text has one slot, chosen by hash, and takes
//! it from whoever had it: bounded, and one look finds a text. (A tree costs a
//! record more than SQLite's insert: texts are long and begin alike.)

use std::hash::{DefaultHasher, Hash, Hasher};

/// Places for texts in memory.
const SLOTS: usize = 65_536;

#[derive(Debug)]
pub(super) struct Slots(Vec<Option<Known>>);

#[derive(Clone, Debug)]
struct Known {
    kind: i64,
    value: Box<str>,
    id: i64,
}

impl Slots {
    pub(super) fn new() -> Self {
        Self(vec![None; SLOTS])
    }

    /// The id of the text, if it is remembered.
    pub(super) fn find(&self, kind: i64, value: &str) -> Option<i64> {
        let known = self.0.get(slot(kind, value))?.as_ref()?;
        (known.kind == kind && *known.value == *value).then_some(known.id)
    }

    pub(super) fn put(&mut self, kind: i64, value: &str, id: i64) {
        if let Some(slot) = self.0.get_mut(slot(kind, value)) {
            *slot = Some(Known { kind, value: value.into(), id });
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.fill(None);
    }
}

fn slot(kind: i64, value: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    (kind, value).hash(&mut hasher);
    let [low, high, ..] = hasher.finish().to_le_bytes();
    usize::from(u16::from_le_bytes([low, high]))
}
