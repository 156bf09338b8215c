//! Items on their way in and out: one JSON array, or one item after the other
//! (NDJSON). Items are kept as the text they came in: a number of 38 digits
//! must not pass through a float.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};

use serde::de::DeserializeOwned;
use serde_json::StreamDeserializer;
use serde_json::de::IoRead;
use serde_json::value::RawValue;

use crate::cli::output::Output;

/// How items are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Form {
    Array,
    Lines,
}

type Values<T> = StreamDeserializer<'static, IoRead<BufReader<Box<dyn Read>>>, T>;

/// The items of an input, one by one.
pub(in crate::cli) enum Items {
    Array(VecDeque<Box<RawValue>>),
    Lines(Box<Values<Box<RawValue>>>),
}

impl Items {
    /// Finds out the form by the first character that is not blank.
    pub(in crate::cli) fn read(from: Box<dyn Read>) -> Result<Self, serde_json::Error> {
        let mut from = BufReader::new(from);
        if is_array(&mut from).map_err(serde_json::Error::io)? {
            return Ok(Self::Array(serde_json::from_reader(from)?));
        }
        Ok(Self::Lines(Box::new(values(from))))
    }

    pub(super) fn form(&self) -> Form {
        match self {
            Self::Array(_) => Form::Array,
            Self::Lines(_) => Form::Lines,
        }
    }
}

fn values<T: DeserializeOwned>(from: BufReader<Box<dyn Read>>) -> Values<T> {
    serde_json::Deserializer::from_reader(from).into_iter()
}

impl Iterator for Items {
    type Item = Result<Box<RawValue>, serde_json::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Array(items) => items.pop_front().map(Ok),
            Self::Lines(items) => items.next(),
        }
    }
}

/// Skips blanks; whether what follows opens an array.
fn is_array(from: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let buffer = from.fill_buf()?;
        let blanks = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        match buffer.get(blanks) {
            Some(first) => return Ok(*first == b'['),
            None if buffer.is_empty() => return Ok(false),
            None => from.consume(blanks),
        }
    }
}

/// Writes items in a form, as they come: whole lines only, so that what is said on
/// standard error between them begins a line of its own.
pub(super) struct Writer {
    form: Form,
    /// Of an array, the item that was written last: what ends its line depends on
    /// whether another one follows.
    last: Option<Box<RawValue>>,
}

impl Writer {
    pub(super) fn new(form: Form) -> Self {
        Self { form, last: None }
    }

    pub(super) fn item(&mut self, output: &mut Output, item: Box<RawValue>) -> io::Result<()> {
        if self.form == Form::Lines {
            return output.data(format_args!("{item}\n"));
        }
        match self.last.replace(item) {
            Some(last) => output.data(format_args!("{last},\n")),
            None => output.line("["),
        }
    }

    pub(super) fn end(self, output: &mut Output) -> io::Result<()> {
        match (self.form, self.last) {
            (Form::Lines, _) => Ok(()),
            (Form::Array, None) => output.line("[]"),
            (Form::Array, Some(last)) => output.data(format_args!("{last}\n]\n")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &'static str, form: Form, want: &[&str]) {
        let items = Items::read(Box::new(text.as_bytes())).unwrap();
        assert_eq!(items.form(), form);
        let read: Vec<_> = items.map(|item| item.unwrap()).collect();
        assert_eq!(read.iter().map(|item| item.get()).collect::<Vec<_>>(), want);
    }

    #[test]
    fn reads_both_forms_and_keeps_the_text() {
        check(" \n[{\"a\":1.10}, {}]", Form::Array, &[r#"{"a":1.10}"#, "{}"]);
        check("[]", Form::Array, &[]);
        check("{\"a\":1E2}\n\n{}\n", Form::Lines, &[r#"{"a":1E2}"#, "{}"]);
        check("{}", Form::Lines, &["{}"]);
        check(" \n", Form::Lines, &[]);
    }

    #[test]
    fn refuses_what_is_no_json() {
        assert!(Items::read(Box::new("[{}".as_bytes())).is_err());
        assert!(Items::read(Box::new("[{}] {}".as_bytes())).is_err());
        let mut items = Items::read(Box::new("{} {".as_bytes())).unwrap();
        assert!(items.next().unwrap().is_ok());
        assert!(items.next().unwrap().is_err());
    }
}
