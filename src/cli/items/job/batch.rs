//! Lines, taken together to batches as large as the server takes; and what the
//! server says of each of them.
//!
//! A line that is no JSON never leaves here: it would spoil the whole batch.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::lines::{Lines, Place, Text};
use crate::items::error::ItemErrorCode;
use crate::items::fill::{Fill, LINE_BYTES, Load};

/// Why a line did not become an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refused {
    pub(super) code: String,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attribute: Option<String>,
    /// Where the code is explained, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) docs: Option<String>,
}

impl Refused {
    pub(super) fn new(code: ItemErrorCode, message: impl Into<String>) -> Self {
        let (docs, code) = (Some(code.docs()), code.to_string());
        Self { code, message: message.into(), attribute: None, docs }
    }

    /// The server said nothing of the item, which does not happen.
    pub(super) fn unanswered() -> Self {
        let (code, message) = ("NoAnswer".to_owned(), "nothing was answered".to_owned());
        Self { code, message, attribute: None, docs: None }
    }
}

/// One line.
pub(super) struct Entry {
    /// Its number, from 1.
    pub(super) line: u64,
    /// Whether the item stands in `{"Item":...}`, as a DynamoDB export has it.
    pub(super) wrapped: bool,
    pub(super) item: Result<Box<RawValue>, Refused>,
}

/// Lines that follow each other.
pub(super) struct Batch {
    pub(super) entries: Vec<Entry>,
    /// Behind the last of them.
    pub(super) end: Place,
}

/// What became of one line.
pub(super) struct Outcome {
    pub(super) line: u64,
    pub(super) wrapped: bool,
    /// The item as it was read, if it is JSON and was refused.
    pub(super) item: Option<Box<RawValue>>,
    pub(super) became: Result<Box<RawValue>, Refused>,
}

/// What became of a batch.
pub(super) struct Answered {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) end: Place,
}

/// The next batch; `None` at the end of the file. It ends where the longest line could
/// be too much. Empty lines are passed over.
pub(super) fn next(lines: &mut Lines) -> std::io::Result<Option<Batch>> {
    let (mut entries, mut fill) = (Vec::new(), Fill::default());
    while fill.has_room(Load::largest(LINE_BYTES)) {
        let Some(text) = lines.next()? else { break };
        if matches!(&text, Text::Line(line) if line.trim().is_empty()) {
            continue;
        }
        let (wrapped, item) = item_of(text);
        fill.add(Load::of(item.as_ref().map_or("", |item| item.get())));
        entries.push(Entry { line: lines.place().lines, wrapped, item });
    }
    let end = lines.place();
    Ok(if entries.is_empty() { None } else { Some(Batch { entries, end }) })
}

/// The item in a line, and whether it stands in `{"Item":...}`.
pub(super) fn item_of(text: Text) -> (bool, Result<Box<RawValue>, Refused>) {
    let line = match text {
        Text::Line(line) => line,
        Text::TooLong => {
            let refused =
                Refused::new(ItemErrorCode::ItemTooLarge, "the line is longer than any item");
            return (false, Err(refused));
        }
        Text::Binary => {
            return (
                false,
                Err(Refused::new(ItemErrorCode::MalformedJson, "the line is not UTF-8")),
            );
        }
    };
    let item: Box<RawValue> = match serde_json::from_str(&line) {
        Ok(item) => item,
        Err(error) => {
            let text = format!("the line is not one JSON value: column {}", error.column());
            return (false, Err(Refused::new(ItemErrorCode::MalformedJson, text)));
        }
    };
    match unwrapped(&item) {
        Some(inner) => (true, Ok(inner)),
        None => (false, Ok(item)),
    }
}

/// The item in a line of a DynamoDB export: `{"Item":{...}}`, and no more. An
/// encrypted item has a header beside its attributes, so that none looks like this.
fn unwrapped(item: &RawValue) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        #[serde(rename = "Item")]
        item: Box<RawValue>,
    }
    let Line { item } = serde_json::from_str(item.get()).ok()?;
    item.get().starts_with('{').then_some(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, want: Result<(bool, &str), &str>) {
        let (wrapped, item) = item_of(Text::Line(line.to_owned()));
        let item = item.as_ref().map(|item| (wrapped, item.get()));
        assert_eq!(item.map_err(|refused| refused.code.as_str()), want, "{line}");
    }

    #[test]
    fn items_in_lines() {
        check(r#"{"a":1.10} "#, Ok((false, r#"{"a":1.10}"#)));
        check(r#"{"Item":{"a":{"N":"1"}}}"#, Ok((true, r#"{"a":{"N":"1"}}"#)));
        check(r#"{"Item":{},"b":1}"#, Ok((false, r#"{"Item":{},"b":1}"#)));
        check(r#"{"Item":7}"#, Ok((false, r#"{"Item":7}"#)));
        check("7", Ok((false, "7")));
        check("{", Err("MalformedJson"));
        check("{} {}", Err("MalformedJson"));
        check("[", Err("MalformedJson"));
        // How deep an item may be, the server says.
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        check(&deep, Ok((false, &deep)));
    }

    #[test]
    fn lines_that_are_no_items() {
        let told = |text| {
            let refused = item_of(text).1.unwrap_err();
            (refused.code, refused.docs.unwrap())
        };
        let docs = |anchor: &str| format!("docs/item-errors.md#{anchor}");
        assert_eq!(told(Text::TooLong), ("ItemTooLarge".to_owned(), docs("itemtoolarge")));
        assert_eq!(told(Text::Binary), ("MalformedJson".to_owned(), docs("malformedjson")));
    }
}
