//! A pull reader for JSON text (RFC 8259).
//!
//! It exists because items need three things at once that a general
//! deserializer does not give: numbers as their exact text, refusal of members
//! given twice, and errors that never quote a value. It reads once from front
//! to back and recurses only where its caller does.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::error::{ItemError, ItemErrorCode};

/// What stands next in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

/// A position in a JSON text.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How many values [`Self::count`] was told of, and may be.
    values: usize,
    values_max: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self::with_values(text, usize::MAX)
    }

    /// A reader that counts at most `values_max` values.
    pub(super) fn with_values(text: &'a str, values_max: usize) -> Self {
        Self { text, at: 0, values: 0, values_max }
    }

    /// Counts one value of an item, and refuses one too many: a value takes two
    /// bytes of text, and many times as much in memory.
    pub(super) fn count(&mut self) -> Result<(), ItemError> {
        self.values = self.values.saturating_add(1);
        if self.values <= self.values_max {
            return Ok(());
        }
        Err(ItemError::new(
            ItemErrorCode::ItemTooLarge,
            format!(
                "an item has at most {} values, those in lists, maps and sets included",
                self.values_max
            ),
        ))
    }

    /// The kind of the next value, without reading it.
    pub(super) fn kind(&mut self) -> Result<Kind, ItemError> {
        self.skip_space();
        match self.peek() {
            Some(b'n') => Ok(Kind::Null),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b'"') => Ok(Kind::String),
            Some(b'[') => Ok(Kind::Array),
            Some(b'{') => Ok(Kind::Object),
            _ => Err(self.syntax("a value")),
        }
    }

    pub(super) fn null(&mut self) -> Result<(), ItemError> {
        self.skip_space();
        if self.eat("null") { Ok(()) } else { Err(self.unexpected("null")) }
    }

    pub(super) fn bool(&mut self) -> Result<bool, ItemError> {
        self.skip_space();
        if self.eat("true") {
            Ok(true)
        } else if self.eat("false") {
            Ok(false)
        } else {
            Err(self.unexpected("true or false"))
        }
    }

    /// A number as it is written.
    pub(super) fn number(&mut self) -> Result<&'a str, ItemError> {
        self.skip_space();
        if self.kind()? != Kind::Number {
            return Err(self.unexpected("a number"));
        }
        let start = self.at;
        self.eat("-");
        if !self.eat("0") && self.digits() == 0 {
            return Err(self.syntax("a digit"));
        }
        if self.eat(".") && self.digits() == 0 {
            return Err(self.syntax("a digit"));
        }
        if self.eat("e") || self.eat("E") {
            if !self.eat("+") {
                self.eat("-");
            }
            if self.digits() == 0 {
                return Err(self.syntax("a digit"));
            }
        }
        self.text.get(start..self.at).ok_or_else(|| self.syntax("a number"))
    }

    /// A string, unescaped.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, ItemError> {
        if self.kind()? != Kind::String {
            return Err(self.unexpected("a string"));
        }
        let start = self.at;
        self.step(1);
        let mut escaped = false;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let plain = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
            let plain = rest.get(..plain).unwrap_or(rest);
            // In one go over the whole, which the compiler does many bytes at a time.
            if plain.iter().fold(false, |odd, byte| odd | (*byte < 0x20)) {
                self.step(plain.iter().take_while(|byte| **byte >= 0x20).count());
                return Err(self.syntax("the end of a string"));
            }
            self.step(plain.len());
            match self.peek() {
                Some(b'"') => break,
                Some(_) => {
                    escaped = true;
                    self.step(2);
                }
                None => return Err(self.syntax("the end of a string")),
            }
        }
        self.step(1);
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        if !escaped {
            let bare = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            return bare.map(Cow::Borrowed).ok_or_else(|| self.syntax("a string"));
        }
        // Escapes are left to serde_json; its error says nothing that is needed here.
        match serde_json::from_str(quoted) {
            Ok(text) => Ok(Cow::Owned(text)),
            Err(_) => Err(self.syntax("a string with valid escapes")),
        }
    }

    /// An array; `each` must read exactly one value each time it is called.
    pub(super) fn array(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), ItemError>,
    ) -> Result<(), ItemError> {
        if self.kind()? != Kind::Array {
            return Err(self.unexpected("an array"));
        }
        self.step(1);
        self.skip_space();
        if self.eat("]") {
            return Ok(());
        }
        loop {
            each(self)?;
            self.skip_space();
            if self.eat("]") {
                return Ok(());
            }
            if !self.eat(",") {
                return Err(self.syntax("a comma or the end of an array"));
            }
        }
    }

    /// An object; `each` gets a member's name and must read exactly its value.
    /// Names given twice are the caller's to refuse.
    pub(super) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), ItemError>,
    ) -> Result<(), ItemError> {
        if self.kind()? != Kind::Object {
            return Err(self.unexpected("an object"));
        }
        self.step(1);
        self.skip_space();
        if self.eat("}") {
            return Ok(());
        }
        loop {
            let name = self.string()?;
            self.skip_space();
            if !self.eat(":") {
                return Err(self.syntax("a colon"));
            }
            each(self, name)?;
            self.skip_space();
            if self.eat("}") {
                return Ok(());
            }
            if !self.eat(",") {
                return Err(self.syntax("a comma or the end of an object"));
            }
        }
    }

    /// Refuses anything but white space behind the value.
    pub(super) fn end(&mut self) -> Result<(), ItemError> {
        self.skip_space();
        if self.peek().is_none() { Ok(()) } else { Err(self.syntax("the end of the text")) }
    }

    /// Good JSON, but not what belongs here.
    pub(super) fn unexpected(&self, wanted: &str) -> ItemError {
        ItemError::new(
            ItemErrorCode::MalformedAttribute,
            format!("{wanted} is expected at byte {} of the item's text", self.at),
        )
    }

    fn syntax(&self, wanted: &str) -> ItemError {
        ItemError::new(
            ItemErrorCode::MalformedJson,
            format!("the text is not JSON: {wanted} is missing at byte {}", self.at),
        )
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn step(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.step(1);
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(token));
        if found {
            self.step(token.len());
        }
        found
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.step(1);
        }
        self.at.saturating_sub(start)
    }
}

/// How many values the JSON in `text` has at the most, without reading them: one
/// begins at the front, behind each comma, and inside of each bracket.
pub(super) fn count_values(text: &str) -> usize {
    let (mut count, mut rest) = (1_usize, text.as_bytes());
    while !rest.is_empty() {
        let outside = memchr(b'"', rest).unwrap_or(rest.len());
        let outside = rest.get(..outside).unwrap_or(rest);
        let begun = outside.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
        count = count.saturating_add(begun);
        let string = outside.len().saturating_add(1);
        rest = behind_string(rest.get(string..).unwrap_or_default());
    }
    count
}

/// What stands behind the string whose contents `text` begins with; nothing, if the
/// string has no end.
fn behind_string(mut text: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', text) {
        let is_end = text.get(at) == Some(&b'"');
        let taken = at.saturating_add(if is_end { 1 } else { 2 });
        text = text.get(taken..).unwrap_or_default();
        if is_end {
            return text;
        }
    }
    &[]
}

/// Whether `text` is a JSON number and nothing else.
pub(super) fn is_number(text: &str) -> bool {
    let mut reader = Reader::new(text);
    reader.number().is_ok_and(|number| number.len() == text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{Kind, Reader, count_values, is_number};
    use crate::items::error::ItemError;

    /// The text as `serde_json`'s tree, numbers as strings.
    fn read(reader: &mut Reader<'_>) -> Result<Value, ItemError> {
        Ok(match reader.kind()? {
            Kind::Null => {
                reader.null()?;
                Value::Null
            }
            Kind::Bool => Value::Bool(reader.bool()?),
            Kind::Number => Value::String(format!("#{}", reader.number()?)),
            Kind::String => Value::String(reader.string()?.into_owned()),
            Kind::Array => {
                let mut values = Vec::new();
                reader.array(|reader| {
                    values.push(read(reader)?);
                    Ok(())
                })?;
                Value::Array(values)
            }
            Kind::Object => {
                let mut members = serde_json::Map::new();
                reader.object(|reader, name| {
                    members.insert(name.into_owned(), read(reader)?);
                    Ok(())
                })?;
                Value::Object(members)
            }
        })
    }

    fn ours(text: &str) -> Option<Value> {
        let mut reader = Reader::new(text);
        let value = read(&mut reader).ok()?;
        reader.end().ok()?;
        Some(value)
    }

    /// What `serde_json` reads, numbers as strings; the texts of these tests
    /// hold small integers only, which it prints as they were written.
    fn theirs(text: &str) -> Option<Value> {
        fn mark(value: Value) -> Value {
            match value {
                Value::Number(number) => Value::String(format!("#{number}")),
                Value::Array(values) => values.into_iter().map(mark).collect(),
                Value::Object(members) => {
                    members.into_iter().map(|(name, value)| (name, mark(value))).collect()
                }
                other => other,
            }
        }
        serde_json::from_str(text).ok().map(mark)
    }

    #[test]
    fn values_are_counted_without_reading() {
        for (text, count) in [
            ("0", 1),
            ("[0,0,0]", 4),
            (r#"{"a":[1,{"b":2}]}"#, 5),
            (r#""a,[{\",[{\\""#, 1),
            (r#"["\\",0]"#, 3),
            // Not JSON, but nothing to stumble over.
            (r#""\"#, 1),
        ] {
            assert_eq!(count_values(text), count, "{text}");
        }
    }

    #[test]
    fn numbers_keep_their_text() {
        for text in ["0", "-0", "1.10", "1E+2", "12345678901234567890123456789012345678.5", "1e-7"]
        {
            assert_eq!(ours(text), Some(Value::String(format!("#{text}"))), "{text}");
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x1", "NaN", "1 ", "- 1"] {
            assert!(!is_number(text), "{text}");
        }
    }

    #[test]
    fn strings() {
        assert_eq!(ours(r#""a\"\\\/\b\f\n\r\té😀""#), theirs(r#""a\"\\\/\b\f\n\r\té😀""#));
        for text in [r#""\ud83d""#, r#""\x""#, r#""\"#, r#"""#, "\"\n\"", r#""\u12"#, "\"\\é\""] {
            assert_eq!(ours(text), None, "{text}");
        }
    }

    /// [`count_values`] byte by byte.
    fn counted(text: &str) -> usize {
        let (mut count, mut in_string, mut escaped) = (1_usize, false, false);
        for byte in text.bytes() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = in_string,
                b'"' => in_string = !in_string,
                b',' | b'[' | b'{' if !in_string => count = count.saturating_add(1),
                _ => {}
            }
        }
        count
    }

    proptest! {
        #[test]
        fn any_text_is_counted(text in r#"[\[{,"\\ 0é]{0,40}"#) {
            prop_assert_eq!(count_values(&text), counted(&text));
        }

        /// Fragments of JSON in any order: mostly broken, sometimes not.
        #[test]
        fn agrees_with_serde_json(parts in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "null", "true", "false", "0", "12", "-3", "\"a\"", "\"\\n\"",
            "\"é\"", " ", "\t", "tru", "\"", "\\", "\u{1}", "01",
        ]), 0..12)) {
            let text = parts.concat();
            prop_assert_eq!(ours(&text), theirs(&text), "{}", text);
        }

        #[test]
        fn reads_what_serde_json_writes(names in prop::collection::vec(".{0,6}", 0..5), number in any::<i64>()) {
            let value = serde_json::json!({"a": names, "b": {"c": [number, null, true]}});
            prop_assert_eq!(ours(&value.to_string()), theirs(&value.to_string()));
        }
    }
}
