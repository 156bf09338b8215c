//! A schema as text: JSON if it begins with `{`, which no TOML does, and TOML
//! otherwise. So neither a name's ending nor a header has to say which it is.

use super::{Schema, SchemaDocument, invalid};
use crate::base::limits::ITEM_SCHEMA_BYTES;
use crate::items::error::ItemError;

impl SchemaDocument {
    /// Reads a schema; the rules of [`Schema`] are not yet checked.
    ///
    /// # Errors
    /// `InvalidSchema` with the line.
    pub fn read(text: &str) -> Result<Self, ItemError> {
        if text.len() > ITEM_SCHEMA_BYTES {
            return Err(invalid(format!("a schema has at most {ITEM_SCHEMA_BYTES} bytes")));
        }
        match text.trim_start().starts_with('{') {
            true => serde_json::from_str(text).map_err(|error| {
                let whole = error.to_string();
                // The place, which serde_json puts last.
                let what = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(what, _)| what);
                at_line(error.line(), what)
            }),
            false => toml::from_str(text).map_err(|error| {
                let before = error.span().and_then(|span| text.get(..span.start));
                let line = before.map_or(0, |before| before.matches('\n').count());
                at_line(line.saturating_add(1), error.message())
            }),
        }
    }
}

impl Schema {
    /// Reads a schema and checks it against the rules.
    ///
    /// # Errors
    /// As [`SchemaDocument::read`] and [`Schema::new`], with the line.
    pub fn read(text: &str) -> Result<Self, ItemError> {
        Self::of_text(SchemaDocument::read(text)?, text)
    }

    /// Checks a document that was read from `text`.
    ///
    /// # Errors
    /// As [`Schema::new`]; the message begins with the line that is to blame.
    pub fn of_text(document: SchemaDocument, text: &str) -> Result<Self, ItemError> {
        Self::new(document).map_err(|error| {
            // Without an attribute, a message begins with the member it is about.
            let member = error.message.split(' ').next().unwrap_or_default();
            let line = line_of(text, error.attribute.as_deref().unwrap_or(member));
            let message = match line {
                Some(line) => format!("line {line}: {}", error.message),
                None => error.message,
            };
            ItemError { message, ..error }
        })
    }
}

fn at_line(line: usize, what: &str) -> ItemError {
    invalid(format!("line {line}: {what}"))
}

/// The first line in which `name` is given a value, or else in which it stands.
/// It is looked for in the text: parsers forget where they were.
fn line_of(text: &str, name: &str) -> Option<usize> {
    let quoted = serde_json::Value::from(name).to_string();
    let is_given = |line: &str| gives(line, &quoted) || gives(line, name);
    let at = text.lines().position(is_given);
    let at = at.or_else(|| text.lines().position(|line| line.contains(&quoted)));
    at.map(|at| at.saturating_add(1))
}

/// Whether `line` has `name` as a whole word with a `:` or `=` after it.
fn gives(line: &str, name: &str) -> bool {
    let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '"');
    !name.is_empty()
        && line.match_indices(name).any(|(at, _)| {
            let (before, rest) = line.split_at(at);
            let after = rest.get(name.len()..).unwrap_or_default().trim_start();
            !before.ends_with(is_of_word) && after.starts_with([':', '='])
        })
}
