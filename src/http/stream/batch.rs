//! Lines that are one call together: its body on the way in, and its answer line by line.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::lines::{Line, refused};
use crate::items::error::ItemErrorCode;
use crate::items::fill::{Fill, LINE_BYTES, Load};

pub(super) struct Batch {
    /// The number of each line, from 1, and why it is no item if it is none.
    lines: Vec<(u64, Option<Value>)>,
    /// The body of the call, as far as it goes: items are kept there and nowhere else.
    body: Vec<u8>,
    has_items: bool,
    fill: Fill,
}

impl Batch {
    /// Without a line, for a body with these members beside the items.
    pub(super) fn new(beside: &Map<String, Value>) -> Self {
        let mut body = vec![b'{'];
        for (name, value) in beside {
            body.extend_from_slice(format!("{}:{value},", json!(name)).as_bytes());
        }
        body.extend_from_slice(b"\"items\":[");
        Self { lines: Vec::new(), body, has_items: false, fill: Fill::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether any line has room.
    pub(super) fn has_room(&self) -> bool {
        self.fill.has_room(Load::largest(LINE_BYTES))
    }

    pub(super) fn bytes(&self) -> usize {
        self.body.len()
    }

    /// Takes the line with this number.
    pub(super) fn add(&mut self, number: u64, line: &Line) {
        let item = match line {
            Ok(line) => item_of(line),
            Err(error) => Err(error.clone()),
        };
        let (load, error) = match item {
            Ok(item) => {
                if self.has_items {
                    self.body.push(b',');
                }
                self.has_items = true;
                self.body.extend_from_slice(item.as_bytes());
                (Load::of(item), None)
            }
            Err(error) => (Load::of(""), Some(error)),
        };
        self.fill.add(load);
        self.lines.push((number, error));
    }

    /// The body of the call.
    pub(super) fn take_body(&mut self) -> Vec<u8> {
        self.body.extend_from_slice(b"]}");
        std::mem::take(&mut self.body)
    }

    /// The lines of the answer; `None` if the operation answered something else.
    pub(super) fn told(&self, output: &[u8]) -> Option<Vec<u8>> {
        #[derive(Deserialize)]
        struct Output<'a> {
            #[serde(borrow)]
            items: Vec<&'a RawValue>,
        }
        let mut items = serde_json::from_slice::<Output<'_>>(output).ok()?.items.into_iter();
        let mut told = Vec::with_capacity(output.len());
        for (number, error) in &self.lines {
            let own = match error {
                Some(error) => json!({ "error": error }).to_string(),
                None => {
                    let item = items.next()?.get();
                    without_index(item).unwrap_or_else(|| item.to_owned())
                }
            };
            told.extend_from_slice(format!("{{\"line\":{number},").as_bytes());
            told.extend_from_slice(own.strip_prefix('{')?.as_bytes());
            told.push(b'\n');
        }
        Some(told)
    }
}

/// The item in a line. What is no JSON would spoil the whole batch.
fn item_of(line: &[u8]) -> Result<&str, Value> {
    let malformed = |text: &str| refused(ItemErrorCode::MalformedJson, text);
    let text = str::from_utf8(line).map_err(|_not| malformed("the line is not UTF-8"))?;
    // serde's own text could quote a value: the place alone is told.
    let item: &RawValue = serde_json::from_str(text).map_err(|error| {
        malformed(&format!("the line is not one JSON value: column {}", error.column()))
    })?;
    Ok(item.get())
}

/// A refused item without its place in the batch, which would tell the client nothing;
/// `None` for one that was not refused.
fn without_index(outcome: &str) -> Option<String> {
    if !outcome.starts_with("{\"error\":") {
        return None;
    }
    let mut outcome: Value = serde_json::from_str(outcome).ok()?;
    outcome.get_mut("error")?.as_object_mut()?.remove("index");
    Some(outcome.to_string())
}
