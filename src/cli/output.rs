//! What commands print: answers on standard output, everything about them on
//! standard error. A secret reaches standard output only, and only when it is
//! the answer.
//!
//! Texts for people are shown harmless: callers choose some of them, and a terminal
//! obeys control characters. Data is printed as it stands.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::base::secret::SecretBytes;

/// Where a command prints.
pub(super) struct Output {
    answers: Box<dyn Write>,
    notes: Box<dyn Write>,
    json: bool,
}

impl Output {
    /// Standard output and standard error.
    pub(super) fn of_process(json: bool) -> Self {
        Self { answers: Box::new(io::stdout()), notes: Box::new(io::stderr()), json }
    }

    /// Whether answers are JSON.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// One line of an answer.
    pub(super) fn line(&mut self, text: impl Display) -> io::Result<()> {
        self.text(format_args!("{text}\n"))
    }

    /// Part of an answer.
    pub(super) fn text(&mut self, text: impl Display) -> io::Result<()> {
        self.data(harmless(&text.to_string(), &['\n', '\t']))
    }

    /// Part of an answer that programs read, as it stands.
    pub(super) fn data(&mut self, text: impl Display) -> io::Result<()> {
        write!(self.answers, "{text}")?;
        self.answers.flush()
    }

    /// One row of an answer that has no end, and so no columns.
    pub(super) fn row(&mut self, cells: &[String]) -> io::Result<()> {
        let cells: Vec<Cow<'_, str>> = cells.iter().map(|cell| harmless(cell, &[])).collect();
        self.data(format_args!("{}\n", cells.join("  ")))
    }

    /// One line of an answer: a JSON value.
    pub(super) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.answers, value)?;
        self.answers.write_all(b"\n")?;
        self.answers.flush()
    }

    /// One line of an answer that ends in a secret.
    pub(super) fn secret(&mut self, label: &str, secret: &SecretBytes) -> io::Result<()> {
        self.answers.write_all(label.as_bytes())?;
        self.answers.write_all(secret.expose())?;
        self.answers.write_all(b"\n")?;
        self.answers.flush()
    }

    /// The answer of a command that only says that it is done.
    pub(super) fn done(&mut self, text: &str, value: &impl Serialize) -> Result<(), super::Error> {
        let printed = if self.json { self.json(value) } else { self.line(text) };
        Ok(printed?)
    }

    /// Rows under their heads, in columns as wide as they need.
    pub(super) fn table(&mut self, heads: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
        let heads: Vec<Cow<'_, str>> = heads.iter().map(|head| harmless(head, &[])).collect();
        let rows: Vec<Vec<Cow<'_, str>>> =
            rows.iter().map(|row| row.iter().map(|cell| harmless(cell, &[])).collect()).collect();
        let mut widths = vec![0; heads.len()];
        for row in rows.iter().chain([&heads]) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in [&heads].into_iter().chain(&rows) {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            writeln!(self.answers, "{}", line.trim_end())?;
        }
        self.answers.flush()
    }

    /// A remark beside the answer. There is nowhere to report that it could
    /// not be made.
    pub(super) fn note(&mut self, text: impl Display) {
        let text = text.to_string();
        drop(writeln!(self.notes, "{}", harmless(&text, &['\n', '\t'])));
    }

    /// What is being done, in the place of what was said so before. Only for
    /// people: nothing is shown if nobody looks.
    pub(super) fn progress(&mut self, text: impl Display) {
        if io::stderr().is_terminal() {
            let text = text.to_string();
            let shown = write!(self.notes, "\r\x1b[K{}", harmless(&text, &[]));
            drop(shown.and_then(|()| self.notes.flush()));
        }
    }

    /// The error that ends a command, with its causes.
    pub(super) fn error(&mut self, error: &dyn Error) {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {}", error.to_string().trim_end());
            cause = error.source();
        }
        self.note(format_args!("error: {text}"));
    }
}

/// The text with an escape, as JSON writes it, in the place of each character that
/// moves the cursor or changes what stands around it: control characters but those
/// `kept`, and those that turn the direction of text (UAX #9) or end lines.
fn harmless<'t>(text: &'t str, kept: &[char]) -> Cow<'t, str> {
    let is_harmful = |of: char| {
        let is_unseen = of.is_control()
            || matches!(of, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(of, '\u{2066}'..='\u{2069}');
        is_unseen && !kept.contains(&of)
    };
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len().saturating_add(16));
    for of in text.chars() {
        match is_harmful(of) {
            true => shown.push_str(&format!("\\u{:04x}", u32::from(of))),
            false => shown.push(of),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
pub(in crate::cli) mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// What was printed.
    #[derive(Clone, Default)]
    pub(in crate::cli) struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Paper {
        pub(in crate::cli) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    /// An output, and where its answers and its notes stand.
    pub(in crate::cli) fn on_paper(json: bool) -> (Output, Paper, Paper) {
        let (answers, notes) = (Paper::default(), Paper::default());
        let output =
            Output { answers: Box::new(answers.clone()), notes: Box::new(notes.clone()), json };
        (output, answers, notes)
    }

    #[test]
    fn no_text_moves_the_cursor() {
        let (mut output, answers, notes) = on_paper(false);
        let row = ["a\nforged".to_owned(), "\u{1b}[2J\u{9b}H\u{7f}".to_owned()];
        output.table(&["ONE", "\r"], &[row.to_vec()]).unwrap();
        output.row(&row).unwrap();
        output.line("two\n\tlines\u{202e}\u{7}").unwrap();
        output.data("\u{1b}\n").unwrap();
        output.note("\u{2066}é");
        let want = "ONE            \\u000d\n\
                    a\\u000aforged  \\u001b[2J\\u009bH\\u007f\n\
                    a\\u000aforged  \\u001b[2J\\u009bH\\u007f\n\
                    two\n\tlines\\u202e\\u0007\n\u{1b}\n";
        assert_eq!(answers.text(), want);
        assert_eq!(notes.text(), "\\u2066é\n");
    }
}
