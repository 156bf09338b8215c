//! What the demo prints: chapters, remarks, and facts that were checked.

use serde_json::json;

use crate::cli::error::Error;
use crate::cli::output::Output;

pub(super) struct Story<'a> {
    output: &'a mut Output,
    chapter: usize,
    facts: usize,
}

impl<'a> Story<'a> {
    pub(super) fn new(output: &'a mut Output) -> Self {
        Self { output, chapter: 0, facts: 0 }
    }

    /// Opens the next chapter.
    pub(super) fn chapter(&mut self, title: &str) -> Result<(), Error> {
        self.chapter = self.chapter.saturating_add(1);
        let number = self.chapter;
        self.print("chapter", title, &format!("\n{number}. {title}"))
    }

    /// A remark.
    pub(super) fn tell(&mut self, text: &str) -> Result<(), Error> {
        self.print("told", text, &format!("     {text}"))
    }

    /// A command that is about to be run, behind the name of who runs it.
    pub(super) fn command(&mut self, line: &str) -> Result<(), Error> {
        self.print("command", line, &format!("     {line}"))
    }

    /// A fact: printed if it is one, otherwise the end of the demo.
    pub(super) fn check(&mut self, is_so: bool, fact: &str) -> Result<(), Error> {
        if !is_so {
            return Err(Error::Demo(format!("not so: {fact}")));
        }
        self.facts = self.facts.saturating_add(1);
        self.print("checked", fact, &format!("  ok {fact}"))
    }

    /// Rows under their heads; left out of JSON, where records are not rows.
    pub(super) fn table(&mut self, heads: &[&str], rows: &[Vec<String>]) -> Result<(), Error> {
        if self.output.is_json() {
            return Ok(());
        }
        Ok(self.output.table(heads, rows)?)
    }

    pub(super) fn end(self) -> Result<(), Error> {
        let text = format!("\nAll {} facts checked. Nothing is left behind.", self.facts);
        self.output.done(&text, &json!({ "facts": self.facts }))
    }

    fn print(&mut self, kind: &str, text: &str, line: &str) -> Result<(), Error> {
        if self.output.is_json() {
            return Ok(self.output.json(&json!({ kind: text }))?);
        }
        Ok(self.output.line(line.trim_end())?)
    }
}
