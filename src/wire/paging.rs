//! Paging markers: opaque to callers, bound to the list they came from.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::codes::Code;
use super::error::ApiError;

/// The marker after the entry `last` of the list `list` (an operation's name
/// and whatever filter it was asked with).
#[must_use]
pub fn marker(list: &str, last: &str) -> String {
    BASE64_STANDARD.encode(format!("{list}\n{last}"))
}

/// The entry that `marker` stands after, if it belongs to `list`.
///
/// # Errors
/// `InvalidMarkerException` for a marker of another list or none of ours.
pub fn last_entry(list: &str, marker: &str) -> Result<String, ApiError> {
    let refused = || ApiError::new(Code::InvalidMarkerException, "The marker is not valid.");
    let bytes = BASE64_STANDARD.decode(marker).map_err(|_bad| refused())?;
    let text = String::from_utf8(bytes).map_err(|_bad| refused())?;
    // The entry itself may have any character.
    let last = text.strip_prefix(list).and_then(|rest| rest.strip_prefix('\n'));
    last.map(str::to_owned).ok_or_else(refused)
}

/// One page of a sorted list.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub entries: Vec<T>,
    /// `NextMarker`; absent on the last page.
    pub next_marker: Option<String>,
}

/// Cuts at most `limit` entries from `entries` (sorted, starting after the
/// marker), naming each by `name` for the next marker.
pub fn page<T>(
    list: &str,
    limit: usize,
    entries: impl Iterator<Item = T>,
    name: impl Fn(&T) -> String,
) -> Page<T> {
    let mut entries: Vec<T> = entries.take(limit.saturating_add(1)).collect();
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next_marker = match entries.last() {
        Some(last) if more => Some(marker(list, &name(last))),
        _ => None,
    };
    Page { entries, next_marker }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_every_entry_once() {
        let all = ["a", "b", "b\nc", "c", "d", "d\n", "e"];
        let mut after = String::new();
        let mut seen = Vec::new();
        loop {
            let rest = all.iter().copied().filter(|entry| *entry > after.as_str());
            let page = page("List", 2, rest, |entry| (*entry).to_owned());
            seen.extend(page.entries);
            match page.next_marker {
                Some(marker) => after = last_entry("List", &marker).unwrap(),
                None => break,
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn refuses_foreign_markers() {
        assert!(last_entry("Other", &marker("List", "a")).is_err());
        assert!(last_entry("List", "not base64!").is_err());
        assert!(last_entry("List", "").is_err());
    }
}
