//! What a clause of a compiled JSON statement says, in the words of the document.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use super::condition_key::ConditionKey;

/// Wanted values that are shown of a long list.
const WANTED_SHOWN: usize = 4;

/// The words of one clause. `Display` shows the values too:
/// `StringEquals kms:ViaService "items.wardbook"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Label {
    /// `StringEquals kms:ViaService`. Every rule of a statement has the same.
    pub(super) text: Arc<str>,
    /// The values of a condition, as they are written; none of another clause.
    pub(super) wanted: Arc<[String]>,
    /// Whether `${...}` in them is a variable.
    pub(super) variables: bool,
}

impl Label {
    /// A clause that is no condition on a key.
    pub(super) fn plain(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// The condition key that it is about.
    pub(super) fn key(&self) -> Option<ConditionKey> {
        let (_, key) = self.text.split_once(' ').filter(|_| !self.wanted.is_empty())?;
        ConditionKey::parse(key)
    }

    /// The condition keys that its values take from the request.
    pub(super) fn variables(&self) -> Vec<ConditionKey> {
        let mut keys: Vec<ConditionKey> = Vec::new();
        for value in self.wanted.iter().filter(|_| self.variables) {
            for inner in value.split("${").skip(1) {
                let name = inner.split(['}', ',']).next().unwrap_or_default();
                if let Some(key) = ConditionKey::parse(name.trim())
                    && !keys.contains(&key)
                {
                    keys.push(key);
                }
            }
        }
        keys
    }
}

impl Display for Label {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        for (at, value) in self.wanted.iter().take(WANTED_SHOWN).enumerate() {
            write!(f, "{}{value:?}", if at == 0 { " " } else { " or " })?;
        }
        match self.wanted.len().saturating_sub(WANTED_SHOWN) {
            0 => Ok(()),
            more => write!(f, " or {more} more"),
        }
    }
}
