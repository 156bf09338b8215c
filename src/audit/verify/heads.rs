//! Signed heads: that of the last commit, those that the book keeps, and those
//! that somebody else kept.

use super::kept::Witness;
use super::report::{Kind, Report};
use super::trees::{Trees, Which};
use crate::audit::ledger::{Checkpoint, Note, VerifierKey};
use crate::store::inspect::{self, Book, Kept};
use crate::store::{self, Tx, sealed, tree as rows};

/// Rows that are read at a time.
const PAGE: i64 = 1_024;

pub(super) struct Heads {
    /// What signatures are checked with.
    pub(super) key: Option<VerifierKey>,
    pub(super) origin: Option<String>,
    /// The head of the last commit, if it is signed.
    head: Option<Checkpoint>,
    /// Records that are checked: those that the head covers, or all.
    pub(super) size: u64,
}

/// The rows of the book that are about its heads.
struct Found {
    note: Option<store::Head>,
    keys: Vec<[u8; 32]>,
    size: u64,
    was_signed: bool,
}

impl Heads {
    pub(super) fn read(
        book: &Book,
        given: Option<VerifierKey>,
        report: &mut Report,
    ) -> Result<Self, super::Error> {
        let found = found(book, report);
        if given.is_none() && !found.was_signed && report.is_intact() {
            return Err(super::Error::NeverSigned);
        }
        let of_note = found.note.as_ref().and_then(|head| Note::parse(&head.note).ok());
        let origin = given
            .as_ref()
            .map(|key| key.name().to_owned())
            .or_else(|| of_note.and_then(|note| note.text.lines().next().map(str::to_owned)));
        let own = found.keys.last().zip(origin.as_deref());
        let own = own.and_then(|(key, origin)| VerifierKey::new(origin, *key).ok());
        match (&given, &own) {
            (None, None) => report.add(Kind::Head, "the public key that signs the log is gone"),
            (Some(key), other) if other.as_ref() != Some(key) => {
                let text = "the public key in the folder is not the one that was given";
                report.add(Kind::Head, text);
            }
            _ => {}
        }
        let key = given.or(own);
        let head = signed_head(found.note.as_ref(), key.as_ref(), report);
        report.size = head.as_ref().map(|head| head.size);
        let size = head.as_ref().map_or(found.size, |head| head.size);
        Ok(Self { key, origin, head, size })
    }

    /// The roots at all sizes that something is signed of.
    pub(super) fn check_roots(
        &self,
        book: &Book,
        trees: &Trees,
        witnesses: &mut [Witness<'_>],
        report: &mut Report,
    ) -> Result<(), super::Error> {
        // One connection for all: each has to find the pages of a write-ahead
        // log anew, which costs more than a root does.
        let read = book.read(|tx| {
            if let Some(head) = &self.head {
                check_head(tx, trees, head, report);
            }
            let newest = self.check_kept(tx, trees, report);
            if self.head.is_none()
                && let Some(newest) = newest
            {
                trees.blame(tx, newest.size, &newest.root, report);
            }
            Ok(self.check_witnesses(tx, trees, witnesses, report))
        });
        read.unwrap_or_else(|error| {
            report.add(Kind::Database, format!("the heads cannot be checked: {error}"));
            Ok(())
        })
    }

    /// The heads that the book keeps. Answers the newest of those that are
    /// signed.
    fn check_kept(
        &self,
        tx: &mut dyn Tx,
        trees: &Trees,
        report: &mut Report,
    ) -> Option<Checkpoint> {
        let (mut newest, mut above) = (None, i64::MIN);
        loop {
            let page = match inspect::checkpoints(tx, above, PAGE) {
                Ok(page) if page.is_empty() => return newest,
                Ok(page) => page,
                Err(error) => {
                    let text = format!("the heads that are kept cannot be read: {error}");
                    report.add(Kind::Database, text);
                    return newest;
                }
            };
            for row in page {
                let (size, checked) = match row {
                    Ok(kept) => (kept.size, self.check_one(tx, trees, &kept)),
                    Err(size) => (size, Err("it cannot be read".to_owned())),
                };
                above = size;
                match checked {
                    Ok(checkpoint) => {
                        report.checkpoints = report.checkpoints.saturating_add(1);
                        newest = Some(checkpoint);
                    }
                    Err(why) => {
                        report
                            .add(Kind::Checkpoint, format!("the head kept at size {size}: {why}"));
                    }
                }
            }
        }
    }

    /// A head that the book keeps, or why it is none.
    fn check_one(&self, tx: &mut dyn Tx, trees: &Trees, kept: &Kept) -> Result<Checkpoint, String> {
        let checkpoint = super::opened(&kept.note, self.key.as_ref())?;
        if i64::try_from(checkpoint.size).ok() != Some(kept.size) {
            return Err(format!("it was signed at size {}", checkpoint.size));
        }
        if checkpoint.size > self.size {
            return Err(format!("the log has {} records", self.size));
        }
        let last = inspect::leaf_and_time(tx, kept.size).ok().flatten();
        if last.is_some_and(|(_, time_ms)| time_ms != kept.time_ms) {
            return Err("its time is not that of its last record".to_owned());
        }
        match trees.root(tx, checkpoint.size, Which::Made) {
            Some(root) if root != checkpoint.root => {
                Err(format!("records 1 to {} are not those that were signed", checkpoint.size))
            }
            _ => Ok(checkpoint),
        }
    }

    fn check_witnesses(
        &self,
        tx: &mut dyn Tx,
        trees: &Trees,
        witnesses: &mut [Witness<'_>],
        report: &mut Report,
    ) -> Result<(), super::Error> {
        for witness in witnesses {
            while let Some(note) = witness.next()? {
                self.check_witnessed(tx, trees, (&witness.name, &note), report);
            }
        }
        Ok(())
    }

    fn check_witnessed(
        &self,
        tx: &mut dyn Tx,
        trees: &Trees,
        (name, note): (&str, &str),
        report: &mut Report,
    ) {
        let seen = match super::opened(note, self.key.as_ref()) {
            Ok(seen) => seen,
            Err(why) => return report.add(Kind::Witness, format!("a checkpoint of {name}: {why}")),
        };
        let size = seen.size;
        if size > self.size {
            let gone = self.size.saturating_add(1);
            let text = format!(
                "{name} has seen {size} records of the log, and it has {}: it was cut or rolled back",
                self.size
            );
            return report.add_of(Kind::Witness, gone, size, text);
        }
        match trees.root(tx, size, Which::Made) {
            Some(root) if root == seen.root => {
                report.checkpoints = report.checkpoints.saturating_add(1);
            }
            Some(_) => {
                let text = format!("{name} has seen other records at the places 1 to {size}");
                report.add_of(Kind::Witness, 1, size, text);
            }
            None if report.is_complete() => {
                report.add(Kind::Witness, format!("the root at size {size} cannot be computed"));
            }
            None => {}
        }
    }
}

/// The head of the last commit against the records.
fn check_head(tx: &mut dyn Tx, trees: &Trees, head: &Checkpoint, report: &mut Report) {
    match trees.root(tx, head.size, Which::Made) {
        Some(root) if root == head.root => trees.blame(tx, head.size, &root, report),
        Some(_) => trees.blame(tx, head.size, &head.root, report),
        None if report.is_complete() => {
            report.add(Kind::Tree, "the root of the tree cannot be computed");
        }
        None => {}
    }
}

fn found(book: &Book, report: &mut Report) -> Found {
    let read = book.read(|tx| {
        let size = inspect::extent_end(tx)?;
        Ok(Found {
            note: rows::head(tx)?,
            keys: sealed::list_audit_keys(tx)?.iter().map(|row| row.public_key).collect(),
            size: u64::try_from(size).unwrap_or(0),
            was_signed: true,
        })
    });
    let mut found = read.unwrap_or_else(|error| {
        report.add(Kind::Head, format!("the signed head cannot be read: {error}"));
        let size = book.read(|tx| inspect::extent_end(tx)).unwrap_or(0);
        Found {
            note: None,
            keys: Vec::new(),
            size: u64::try_from(size).unwrap_or(0),
            was_signed: true,
        }
    });
    let others = book
        .read(|tx| Ok(rows::has_nodes(tx)? || !inspect::checkpoints(tx, i64::MIN, 1)?.is_empty()));
    found.was_signed = found.note.is_some() || !found.keys.is_empty() || others.unwrap_or(true);
    found
}

fn signed_head(
    head: Option<&store::Head>,
    key: Option<&VerifierKey>,
    report: &mut Report,
) -> Option<Checkpoint> {
    let Some(head) = head else {
        report.add(Kind::Head, "the signed head is gone");
        return None;
    };
    match super::opened(&head.note, key) {
        Ok(checkpoint) if checkpoint.size == head.size => Some(checkpoint),
        Ok(checkpoint) => {
            let text = format!(
                "the signed head is of {} records, and its row says {}",
                checkpoint.size, head.size
            );
            report.add(Kind::Head, text);
            Some(checkpoint)
        }
        Err(why) => {
            report.add(Kind::Head, format!("the signed head is forged or damaged: {why}"));
            None
        }
    }
}
