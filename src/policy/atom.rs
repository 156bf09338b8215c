//! Tests that Cedar's language has no words for, made in Rust: a compiled
//! statement asks `context.atoms.contains("<name>")`, and only those that a
//! slice asks for are made.

use super::facts::Facts;

/// One such test.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Atom {
    name: String,
}

impl Atom {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn holds(&self, _facts: &Facts<'_>) -> Result<bool, String> {
        Err(format!("{} cannot be tested", self.name))
    }
}
