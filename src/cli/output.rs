//! What commands print: answers on standard output, everything about them on
//! standard error. A secret reaches standard output only, and only when it is
//! the answer.

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
        writeln!(self.answers, "{text}")?;
        self.answers.flush()
    }

    /// Part of an answer.
    pub(super) fn text(&mut self, text: impl Display) -> io::Result<()> {
        write!(self.answers, "{text}")?;
        self.answers.flush()
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
        let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
        let mut widths = vec![0; heads.len()];
        for row in rows.iter().chain([&heads]) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in [&heads].into_iter().chain(rows) {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            writeln!(self.answers, "{}", line.trim_end())?;
        }
        self.answers.flush()
    }

    /// A remark beside the answer. There is nowhere to report that it could
    /// not be made.
    pub(super) fn note(&mut self, text: impl Display) {
        drop(writeln!(self.notes, "{text}"));
    }

    /// What is being done, in the place of what was said so before. Only for
    /// people: nothing is shown if nobody looks.
    pub(super) fn progress(&mut self, text: impl Display) {
        if io::stderr().is_terminal() {
            drop(write!(self.notes, "\r\x1b[K{text}").and_then(|()| self.notes.flush()));
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
