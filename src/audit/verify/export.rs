//! Checks an export that proves itself: every line against the signed head that
//! the file begins with, and all lines together.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Read};

use serde::{Deserialize, Serialize};

use super::erasures::Erasing;
use super::kept::{Kept, Witness};
use super::report::{Kind, Report};
use super::{Error, opened};
use crate::audit::Opened;
use crate::audit::export::line::{self, ENDING, Ending, HEADING, Heading, Line, VERSION};
use crate::audit::ledger::{Checkpoint, Unproved, Verifier, VerifierKey, verify_consistency};
use crate::base::ids::RequestId;
use crate::base::limits::{AUDIT_EXPORT_LINE_BYTES, ERASURES_REMEMBERED, FINDINGS_SHOWN};

/// What is checked, and against what.
pub struct WantedExport<'a> {
    pub file: &'a mut dyn BufRead,
    /// The public key that somebody kept; otherwise the file's own, which whoever
    /// made the file could have replaced.
    pub key: Option<VerifierKey>,
    /// Checkpoints that somebody kept.
    pub kept: Vec<Kept<'a>>,
}

/// The outcome.
#[derive(Clone, Debug, Default)]
pub struct ExportReport {
    /// What was found. Its records are those that were proved.
    pub report: Report,
    /// Places between which no record is left out, newest first: the lowest and
    /// the highest of each run; the first few runs.
    pub runs: Vec<(u64, u64)>,
    /// How many runs there are.
    pub run_count: u64,
    /// Events that erased something and are not in the file; the first few.
    pub erased_by: BTreeSet<String>,
    /// Records that have lost something to such events: whether those took just
    /// that, the file does not prove.
    pub erased_unproved: u64,
    /// Checkpoints that somebody kept and that say nothing of the file.
    pub not_compared: Vec<NotCompared>,
}

/// Checkpoints in one file that the export has no proof from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotCompared {
    /// The name of the file.
    pub name: String,
    pub checkpoints: usize,
    /// Records of the smallest one, and of the largest.
    pub smallest: u64,
    pub largest: u64,
}

impl NotCompared {
    /// One more of this size.
    fn add(&mut self, size: u64) {
        self.checkpoints = self.checkpoints.saturating_add(1);
        self.smallest = self.smallest.min(size);
        self.largest = self.largest.max(size);
    }
}

impl ExportReport {
    /// The lowest and the highest place, if no record between them is left out.
    #[must_use]
    pub fn gapless(&self) -> Option<(u64, u64)> {
        match self.runs.as_slice() {
            [run] => Some(*run),
            _ => None,
        }
    }
}

/// Checks an export. `progress` is told how many records are proved.
///
/// # Errors
/// [`Error`], if nothing can be said. What is wrong with the file is in the
/// report.
pub fn verify_export(
    wanted: WantedExport<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<ExportReport, Error> {
    let WantedExport { file, key, kept } = wanted;
    let mut out = ExportReport::default();
    let mut text = Vec::new();
    let is_whole = read_line(file, &mut text)? == Piece::Line;
    if !text.starts_with(HEADING) {
        return Err(Error::NotAnExport);
    }
    let heading = is_whole.then(|| serde_json::from_slice::<Heading>(&text).ok()).flatten();
    let Some(heading) = heading.filter(|heading| heading.wardbook_audit_export == VERSION) else {
        out.report.add_line(Kind::Head, 1, None, "line 1: it is not the heading of an export");
        return Ok(out);
    };
    let Some(head) = head_of(&heading, key, &mut out.report) else { return Ok(out) };
    check_kept(&heading, &head, kept, &mut out)?;
    let mut check = Check::new(&head.checkpoint, out);
    let mut number = 2_u64;
    loop {
        match read_line(file, &mut text)? {
            Piece::End => return Ok(check.finish(number.saturating_sub(1))),
            Piece::Line => check.line(number, &text),
            Piece::TooLong => check.odd(number),
        }
        if number.is_multiple_of(1_024) {
            progress(check.out.report.records);
        }
        number = number.saturating_add(1);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    End,
    Line,
    TooLong,
}

/// Reads a line, without its end. Of one that is too long nothing is kept.
fn read_line(file: &mut dyn BufRead, line: &mut Vec<u8>) -> Result<Piece, Error> {
    line.clear();
    let most = u64::try_from(AUDIT_EXPORT_LINE_BYTES).unwrap_or(u64::MAX);
    (&mut *file).take(most).read_until(b'\n', line)?;
    match line.last() {
        None => return Ok(Piece::End),
        Some(b'\n') => drop(line.pop()),
        Some(_) if line.len() >= AUDIT_EXPORT_LINE_BYTES => {
            line.clear();
            skip_line(file)?;
            return Ok(Piece::TooLong);
        }
        Some(_) => {}
    }
    Ok(Piece::Line)
}

fn skip_line(file: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let room = file.fill_buf()?;
        let end = room.iter().position(|byte| *byte == b'\n');
        let (used, is_end) = match end {
            Some(at) => (at.saturating_add(1), true),
            None => (room.len(), room.is_empty()),
        };
        file.consume(used);
        if is_end {
            return Ok(());
        }
    }
}

/// The head that all records are proved to be under.
struct Head {
    checkpoint: Checkpoint,
    key: VerifierKey,
}

fn head_of(heading: &Heading, kept: Option<VerifierKey>, report: &mut Report) -> Option<Head> {
    let own = VerifierKey::parse(&heading.public_key).ok();
    if let (Some(kept), true) = (&kept, own.as_ref() != kept.as_ref()) {
        let text = format!("line 1: it names another public key than {kept}");
        report.add_line(Kind::Head, 1, None, text);
    }
    let Some(key) = kept.or(own) else {
        report.add_line(Kind::Head, 1, None, "line 1: its public key is none");
        return None;
    };
    report.log = Some((key.name().to_owned(), key.to_string()));
    match opened(&heading.checkpoint, Some(&key)) {
        Ok(checkpoint) => {
            report.size = Some(checkpoint.size);
            Some(Head { checkpoint, key })
        }
        Err(why) => {
            let text = format!("line 1: nothing in the file is proved, since of its head {why}");
            report.add_line(Kind::Head, 1, None, text);
            None
        }
    }
}

/// Compares the head with what somebody else has seen of the log.
fn check_kept(
    heading: &Heading,
    head: &Head,
    files: Vec<Kept<'_>>,
    out: &mut ExportReport,
) -> Result<(), Error> {
    let mut compared = false;
    for kept in files {
        let mut witness = Witness::of(kept, head.key.name())?;
        let name = witness.name.clone();
        let mut left: Option<NotCompared> = None;
        while let Some(note) = witness.next()? {
            let seen = match opened(&note, Some(&head.key)) {
                Ok(seen) => seen,
                Err(why) => {
                    compared = true;
                    out.report.add(Kind::Witness, format!("a checkpoint of {name}: {why}"));
                    continue;
                }
            };
            match agrees(heading, &head.checkpoint, &seen) {
                None => {
                    let (name, size) = (name.clone(), seen.size);
                    let none = NotCompared { name, checkpoints: 0, smallest: size, largest: size };
                    left.get_or_insert(none).add(size);
                }
                Some(true) => {
                    compared = true;
                    out.report.checkpoints = out.report.checkpoints.saturating_add(1);
                }
                Some(false) => {
                    compared = true;
                    let size = seen.size;
                    let text = format!(
                        "{name} has seen other records at the places 1 to {size} than the log \
                         that was exported has"
                    );
                    out.report.add_of(Kind::Witness, 1, size, text);
                }
            }
        }
        out.not_compared.extend(left);
    }
    match out.not_compared.iter().map(|of| of.largest).max() {
        Some(size) if !compared => Err(Error::Unlinked { size, head: head.checkpoint.size }),
        _ => Ok(()),
    }
}

/// Whether the log of the export begins with what was seen; `None` if the file
/// does not tell.
fn agrees(heading: &Heading, head: &Checkpoint, seen: &Checkpoint) -> Option<bool> {
    if seen.size == head.size {
        return Some(seen.root == head.root);
    }
    let proof = heading.consistency.as_ref().filter(|proof| proof.from == seen.size)?;
    let hashes = line::hashes(&proof.hashes);
    Some(verify_consistency(seen.size, head.size, &hashes, &seen.root, &head.root))
}

/// The lines behind the heading.
struct Check {
    verifier: Verifier,
    size: u64,
    out: ExportReport,
    /// Lines that should be records.
    lines: u64,
    /// What the last line says.
    ending: Option<u64>,
    /// The place that was proved last.
    last: Option<u64>,
    /// The run that goes on.
    run: Option<(u64, u64)>,
    /// Lines that cannot be proved, one behind the other: first and last.
    loose: Option<(u64, u64)>,
    /// What erasures in the file say, by their own ids.
    erasures: BTreeMap<[u8; 16], Erasing>,
    remembered: usize,
}

impl Check {
    fn new(head: &Checkpoint, out: ExportReport) -> Self {
        Self {
            verifier: Verifier::new(head.size, head.root),
            size: head.size,
            out,
            lines: 0,
            ending: None,
            last: None,
            run: None,
            loose: None,
            erasures: BTreeMap::new(),
            remembered: 0,
        }
    }

    fn wrong(&mut self, kind: Kind, number: u64, seq: Option<u64>, text: String) {
        self.out.report.add_line(kind, number, seq, text);
    }

    fn odd(&mut self, number: u64) {
        self.lines = self.lines.saturating_add(1);
        self.wrong(Kind::Record, number, None, format!("line {number}: it is none of an export"));
    }

    fn line(&mut self, number: u64, text: &[u8]) {
        if self.ending.is_some() {
            let text = format!("line {number}: it stands behind the end of the export");
            return self.wrong(Kind::End, number, None, text);
        }
        if text.starts_with(ENDING)
            && let Ok(Ending { records }) = serde_json::from_slice(text)
        {
            self.ending = Some(records);
            return;
        }
        match serde_json::from_slice::<Line<'_>>(text) {
            Ok(line) => self.record(number, &line),
            Err(_) => self.odd(number),
        }
    }

    fn record(&mut self, number: u64, line: &Line<'_>) {
        self.lines = self.lines.saturating_add(1);
        let (seq, event) = (line.seq, Event::of(line.record.get()));
        let named = match &event {
            Some(event) => format!("line {number} (record {seq}, event {})", event.event_id),
            None => format!("line {number} (record {seq})"),
        };
        let opened = line.opened().filter(|opened| opened.leaf() == line.leaf.0);
        if opened.is_none() {
            let text = format!("{named}: its content was changed");
            self.wrong(Kind::Record, number, Some(seq), text);
        }
        // Place 0 is behind every log.
        let index = seq.wrapping_sub(1);
        let proof = line::hashes(&line.proof);
        match (self.verifier.verify(index, &line.leaf.0, &proof), opened) {
            (Ok(()), Some(opened)) => self.proved(number, seq, &opened, event.as_ref()),
            (Ok(()), None) => self.last = Some(seq),
            // What was changed of it has been told.
            (Err(Unproved::Wrong), None) => {}
            (Err(Unproved::Wrong), Some(_)) => {
                let text = format!("{named}: it is not in the log that was signed");
                self.wrong(Kind::Replaced, number, Some(seq), text);
            }
            (Err(Unproved::Outside), _) => {
                let text = format!("{named}: the log has the records 1 to {}", self.size);
                self.wrong(Kind::Replaced, number, Some(seq), text);
            }
            (Err(Unproved::Order), _) => {
                let last = self.last.unwrap_or_default();
                let text = format!(
                    "{named}: it stands behind record {last}: it was moved, doubled or added"
                );
                self.wrong(Kind::Order, number, Some(seq), text);
            }
            (Err(Unproved::Loose), _) => self.loose(number),
        }
    }

    fn proved(&mut self, number: u64, seq: u64, opened: &Opened, event: Option<&Event>) {
        let report = &mut self.out.report;
        report.records = report.records.saturating_add(1);
        match &mut self.run {
            Some((first, _)) if *first == seq.saturating_add(1) => *first = seq,
            _ => {
                self.end_run();
                self.run = Some((seq, seq));
            }
        }
        self.last = Some(seq);
        if let Some(event) = event {
            self.erased(number, seq, opened, event);
            self.remember(event, opened);
        }
    }

    fn end_run(&mut self) {
        let Some(run) = self.run.take() else { return };
        self.out.run_count = self.out.run_count.saturating_add(1);
        if is_shown(self.out.runs.len()) {
            self.out.runs.push(run);
        }
    }

    /// Lines that follow one another are one finding.
    fn loose(&mut self, number: u64) {
        match &mut self.loose {
            Some((_, last)) if last.saturating_add(1) == number => *last = number,
            _ => {
                self.tell_loose();
                self.loose = Some((number, number));
            }
        }
    }

    fn tell_loose(&mut self) {
        let Some((first, last)) = self.loose.take() else { return };
        let lines = match first == last {
            true => format!("line {first}"),
            false => format!("lines {first} to {last}"),
        };
        let text = format!(
            "{lines}: cannot be proved, since a line before is missing, was moved or was changed"
        );
        self.wrong(Kind::Unproved, first, None, text);
    }

    /// Keeps what an erasure says that it erased from: older records, so that
    /// they come later.
    fn remember(&mut self, event: &Event, opened: &Opened) {
        if event.event_name != super::records::ERASE || event.error_code.is_some() {
            return;
        }
        let (Some(id), Ok(record)) = (RequestId::parse(&event.event_id), opened.record()) else {
            return;
        };
        let erasing = Erasing::of(&record);
        self.remembered = self.remembered.saturating_add(erasing.event_ids.len());
        if self.remembered <= ERASURES_REMEMBERED {
            self.erasures.insert(*id.as_bytes(), erasing);
        }
    }

    fn erased(&mut self, number: u64, seq: u64, opened: &Opened, event: &Event) {
        let erased = opened.erased();
        if erased.is_empty() {
            return;
        }
        self.out.report.erased = self.out.report.erased.saturating_add(1);
        let own = RequestId::parse(&event.event_id).map(|id| *id.as_bytes());
        let mut is_unproved = false;
        for (by, fields) in erased {
            match self.erasures.get(&by).map(|erasing| erasing.wrong(by, own, &fields)) {
                Some(None) => {}
                Some(Some(wrong)) => {
                    let text = format!("line {number} (record {seq}): {wrong}");
                    self.wrong(Kind::Erasure, number, Some(seq), text);
                }
                None => {
                    is_unproved = true;
                    if is_shown(self.out.erased_by.len()) {
                        self.out.erased_by.insert(RequestId::from_bytes(by).to_string());
                    }
                }
            }
        }
        let unproved = self.out.erased_unproved.saturating_add(u64::from(is_unproved));
        self.out.erased_unproved = unproved;
    }

    /// What all lines together say.
    fn finish(mut self, last_line: u64) -> ExportReport {
        self.tell_loose();
        self.end_run();
        match self.ending {
            None => {
                let text =
                    format!("line {last_line}: it is the last one, and no end: the file was cut");
                self.wrong(Kind::End, last_line, None, text);
            }
            Some(records) if records != self.lines => {
                let text = format!(
                    "line {last_line}: there were {records} records, and there are {}: lines are \
                     missing or were added",
                    self.lines
                );
                self.wrong(Kind::End, last_line, None, text);
            }
            Some(_) => {}
        }
        self.out.report.finish();
        self.out
    }
}

fn is_shown(before: usize) -> bool {
    u64::try_from(before).is_ok_and(|before| before < FINDINGS_SHOWN)
}

/// The members of a record that are looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "eventID")]
    event_id: String,
    event_name: String,
    #[serde(default)]
    error_code: Option<String>,
}

impl Event {
    fn of(record: &str) -> Option<Self> {
        serde_json::from_str(record).ok()
    }
}
