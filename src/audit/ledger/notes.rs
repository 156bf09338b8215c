//! The checkpoints of one log in somebody's file, such as that of a witness, one by
//! one: a file may have one of every second of a year.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use super::note::{DASH, Note, SIGNATURE_BYTES};
use crate::base::limits::NOTE_BYTES;

/// Lines of a checkpoint as it is written here: origin, size, root, none,
/// signature.
const NOTE_LINES: usize = 5;

/// Reads the checkpoints of one log, in the order of the file. Nothing of them is to
/// be believed yet. What was not written to its end is passed over.
pub struct Notes<R> {
    file: R,
    origin: String,
    /// The last lines, [`NOTE_LINES`] at most.
    lines: VecDeque<String>,
}

/// What a file goes on with.
enum Piece {
    End,
    Line(String),
    /// A line that no note has.
    Other,
}

impl<R: BufRead> Notes<R> {
    /// Reads those of the log with this origin.
    pub fn new(file: R, origin: &str) -> Self {
        Self { file, origin: origin.to_owned(), lines: VecDeque::with_capacity(NOTE_LINES) }
    }

    fn piece(&mut self) -> io::Result<Piece> {
        let most = u64::try_from(NOTE_BYTES).unwrap_or(u64::MAX);
        let mut line = Vec::new();
        (&mut self.file).take(most).read_until(b'\n', &mut line)?;
        if line.pop() == Some(b'\n') {
            return Ok(String::from_utf8(line).map_or(Piece::Other, Piece::Line));
        }
        // The end, perhaps within a line, or a line that goes on.
        match self.file.skip_until(b'\n')? {
            0 => Ok(Piece::End),
            _ => Ok(Piece::Other),
        }
    }

    /// The note that the last lines are.
    fn note(&mut self) -> Option<String> {
        let lines = self.lines.make_contiguous();
        let [first, _, _, none, last] = lines else { return None };
        let signature = last.strip_prefix(DASH)?.strip_prefix(self.origin.as_str())?;
        if *first != self.origin || !none.is_empty() || !signature.starts_with(' ') {
            return None;
        }
        let note = format!("{}\n", lines.join("\n"));
        let signatures = Note::parse(&note).ok()?.signatures;
        signatures.iter().any(|made| made.signature.len() == SIGNATURE_BYTES).then_some(note)
    }
}

impl<R: BufRead> Iterator for Notes<R> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.piece() {
                Ok(Piece::End) => return None,
                Ok(Piece::Other) => self.lines.clear(),
                Ok(Piece::Line(line)) => {
                    if self.lines.len() == NOTE_LINES {
                        self.lines.pop_front();
                    }
                    self.lines.push_back(line);
                    if let Some(note) = self.note() {
                        return Some(Ok(note));
                    }
                }
                Err(cause) => return Some(Err(cause)),
            }
        }
    }
}

/// As [`Notes`], all of a text.
#[must_use]
pub fn notes_in(text: &str, origin: &str) -> Vec<String> {
    // Reading memory does not fail.
    Notes::new(text.as_bytes(), origin).filter_map(Result::ok).collect()
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    const ORIGIN: &str = "example.com/log";

    fn note(size: u64) -> String {
        use base64::Engine as _;
        let root = base64::prelude::BASE64_STANDARD.encode([7; 32]);
        let signature = base64::prelude::BASE64_STANDARD.encode([9; 4 + SIGNATURE_BYTES]);
        format!("{ORIGIN}\n{size}\n{root}\n\n{DASH}{ORIGIN} {signature}\n")
    }

    /// Read in small pieces.
    fn read(file: &[u8]) -> Vec<String> {
        let notes = Notes::new(BufReader::with_capacity(7, file), ORIGIN);
        notes.collect::<io::Result<_>>().unwrap()
    }

    #[test]
    fn notes_are_found_between_anything() {
        let long = "x".repeat(NOTE_BYTES * 2);
        let exact = "x".repeat(NOTE_BYTES);
        let text = format!(
            "{}{}\n{}{long}\n{}{exact}\n{}{}",
            note(1),
            "of a person",
            note(2),
            note(3),
            note(4),
            note(5).trim_end()
        );
        let (found, all) = (read(text.as_bytes()), [1, 2, 3, 4].map(note));
        assert_eq!(found, all);
        assert_eq!(notes_in(&text, ORIGIN), all);
        // A half one before a whole one.
        let half: String = note(6).chars().take(40).collect();
        let torn = format!("{half}\n{}", note(7));
        assert_eq!(read(torn.as_bytes()), [note(7)]);
        // Bytes that are no text end no other note.
        let bytes = [note(8).as_bytes(), b"\xff\xfe\n", note(9).as_bytes()].concat();
        assert_eq!(read(&bytes), [note(8), note(9)]);
        assert_eq!(Notes::new(text.as_bytes(), "example.com/lo").count(), 0);
    }

    /// A year of a witness is never in memory as a whole: what was read is gone.
    #[test]
    fn only_the_last_lines_are_kept() {
        let endless = io::repeat(b'x').take(u64::try_from(NOTE_BYTES * 8).unwrap());
        let text = note(3).repeat(1_000);
        let mut notes = Notes::new(BufReader::new(text.as_bytes().chain(endless)), ORIGIN);
        let mut found = 0;
        while let Some(read) = notes.next() {
            assert_eq!(read.unwrap(), note(3));
            assert!(notes.lines.len() <= NOTE_LINES);
            found += 1;
        }
        assert_eq!(found, 1_000);
    }
}
