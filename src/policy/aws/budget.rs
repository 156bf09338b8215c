//! How much of a document Cedar compares with patterns.

use super::text::Text;

/// How much of a document's conditions Cedar may compare with patterns.
pub(super) struct PatternBudget<'a> {
    /// Rules that the statement becomes.
    pub(super) rules: usize,
    /// Characters that are left to the document, those of each rule counted.
    pub(super) left: &'a mut usize,
}

impl PatternBudget<'_> {
    /// Takes what these patterns need; false if there is not as much left. Cedar goes
    /// back to the last wildcard at each mismatch, and does not count how often.
    pub(super) fn take(&mut self, texts: &[Text]) -> bool {
        let patterns = texts.iter().filter(|text| text.literal().is_none());
        let chars = patterns.map(|text| text.0.len()).fold(0, usize::saturating_add);
        let left = self.left.checked_sub(chars.saturating_mul(self.rules));
        *self.left = left.unwrap_or(*self.left);
        left.is_some()
    }
}
