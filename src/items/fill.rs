//! How much a batch holds already: the server takes so many items, so many bytes and so
//! many values at once. For those who make batches out of lines.

use super::json::count_values;
use crate::base::limits;

/// Bytes of items in one body, which says a little more beside them.
const BATCH_BYTES: usize = limits::ITEMS_BODY_BYTES - 1024 * 1024;

/// The longest line that is read: the largest item, which is an encrypted one, and what
/// a DynamoDB export writes around it.
pub const LINE_BYTES: usize = limits::ENCRYPTED_ITEM_BYTES + 1024;

/// What one item adds to a batch.
#[derive(Clone, Copy)]
pub struct Load {
    bytes: usize,
    values: usize,
}

impl Load {
    /// Of an item with this text. One of too many values is refused by itself.
    pub fn of(text: &str) -> Self {
        let values = count_values(text).min(limits::ENCRYPTED_ITEM_VALUES);
        Self { bytes: text.len(), values }
    }

    /// The most that an item of at most so many bytes can be.
    pub const fn largest(bytes: usize) -> Self {
        Self { bytes, values: limits::ENCRYPTED_ITEM_VALUES }
    }
}

/// What a batch holds.
#[derive(Default)]
pub struct Fill {
    items: usize,
    bytes: usize,
    values: usize,
}

impl Fill {
    /// Whether one more item has room. Alone any has: the server says what is wrong
    /// with one that is too large.
    pub fn has_room(&self, load: Load) -> bool {
        let bytes = self.bytes.saturating_add(load.bytes);
        let values = self.values.saturating_add(load.values);
        let fits = bytes <= BATCH_BYTES && values <= limits::BATCH_VALUES;
        self.items == 0 || (fits && self.items < limits::BATCH_ITEMS)
    }

    pub fn add(&mut self, load: Load) {
        self.items = self.items.saturating_add(1);
        self.bytes = self.bytes.saturating_add(load.bytes);
        self.values = self.values.saturating_add(load.values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many items with this text come into one batch.
    fn taken(text: &str) -> usize {
        let (mut fill, load) = (Fill::default(), Load::of(text));
        let has_room = |_: &usize| {
            let has_room = fill.has_room(load);
            fill.add(load);
            has_room
        };
        (0..).take_while(has_room).count()
    }

    #[test]
    fn items_bytes_and_values_end_a_batch() {
        assert_eq!(taken("{}"), limits::BATCH_ITEMS);
        assert_eq!(taken(&"x".repeat(BATCH_BYTES / 3)), 3);
        assert_eq!(taken(&"x".repeat(BATCH_BYTES + 1)), 1);
        // Small in bytes, and a quarter of a batch in values.
        assert_eq!(taken(&format!("[{}0]", "0,".repeat(limits::BATCH_VALUES / 4 - 2))), 4);
        // More values than an item may have count as many as it may have.
        assert_eq!(taken(&format!("[{}0]", "0,".repeat(limits::ITEM_VALUES * 2))), 4);
    }
}
