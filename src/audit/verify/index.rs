//! The search index beside the book: not evidence, since it is derived, but whoever
//! changes it hides records from who asks a server.

use std::sync::atomic::{AtomicI64, Ordering};

use serde::Serialize;

use super::records::named;
use super::report::{Kind, Report, records};
use super::tables::DAMAGES_MAX;
use crate::audit::marks;
use crate::base::limits::FINDINGS_SHOWN;
use crate::store::comparing::{Difference, Index, Opened};
use crate::store::inspect::{Book, Scanner};
use crate::store::{self, Tx};

/// What was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum IndexState {
    /// There is none. A server builds it when it starts.
    Absent,
    /// It is of another program. A server builds it anew when it starts.
    OtherVersion { version: i64 },
    /// It cannot be used, as a finding says. A server builds it anew when it starts.
    Useless,
    /// Every row was compared with what the log makes of it.
    Compared {
        /// Records that it has taken in.
        records: u64,
        /// Records behind those, which a server takes in when it starts.
        behind: u64,
        /// Records that have lost personal data which it may still have, until a
        /// server starts.
        unfollowed: u64,
    },
}

/// Compares the index with the log, on so many threads.
pub(super) fn check(
    book: &Book,
    threads: usize,
    progress: &(dyn Fn(u64, u64) + Sync),
    report: &mut Report,
) -> Result<IndexState, super::Error> {
    let opened = match Index::open(book, marks) {
        Ok(opened) => opened,
        Err(error) => {
            let error = store::comparing::read_error(error)?;
            report.add(Kind::Index, format!("search index: it cannot be read: {error}"));
            return Ok(IndexState::Useless);
        }
    };
    let index = match opened {
        Opened::Absent => return Ok(IndexState::Absent),
        Opened::OtherVersion(version) => return Ok(IndexState::OtherVersion { version }),
        Opened::Useless(why) => {
            report.add(Kind::Index, format!("search index: {why}"));
            return Ok(IndexState::Useless);
        }
        Opened::Index(index) => index,
    };
    match index.damages(DAMAGES_MAX) {
        Ok(lines) => {
            for line in lines {
                let line = line.replace('\n', " ");
                report.add(Kind::Index, format!("search index: {line}"));
            }
        }
        Err(error) => report.add(Kind::Index, format!("search index: it is damaged: {error}")),
    }
    compare(book, &index, threads, progress, report)?;
    index.compare_rest(&mut |difference| add(book, difference, report))?;
    Ok(IndexState::Compared {
        records: u64::try_from(index.last()).unwrap_or(0),
        behind: index.behind(),
        unfollowed: index.unfollowed(),
    })
}

/// Threads take the windows in turn.
fn compare(
    book: &Book,
    index: &Index<'_>,
    threads: usize,
    progress: &(dyn Fn(u64, u64) + Sync),
    report: &mut Report,
) -> Result<(), super::Error> {
    let next = AtomicI64::new(0);
    let of = u64::try_from(index.last()).unwrap_or(0);
    let work = || -> Result<Report, store::Error> {
        let mut found = Report::default();
        let mut take = || {
            let window = next.fetch_add(1, Ordering::Relaxed);
            progress(u64::try_from(index.last_of(window.saturating_sub(1))).unwrap_or(0), of);
            (window < index.windows()).then_some(window)
        };
        index.compare(&mut take, &mut |difference| add(book, difference, &mut found))?;
        Ok(found)
    };
    let found = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        running.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    for found in found {
        report.absorb(found.map_err(|_panic| super::Error::Crash)??);
    }
    Ok(())
}

fn add(book: &Book, Difference { records: of, text }: Difference, report: &mut Report) {
    let Some((first, last)) = of else {
        return report.add(Kind::Index, format!("search index: {text}"));
    };
    let is_shown = report.counts().get(&Kind::Index).is_none_or(|count| *count < FINDINGS_SHOWN);
    let name = (first == last && is_shown).then(|| book.read(|tx| Ok(name_of(tx, first))));
    let [first, last] = [first, last].map(|seq| u64::try_from(seq).unwrap_or(0));
    let name = name.and_then(Result::ok).flatten().unwrap_or_else(|| records(first, last));
    report.add_of(Kind::Index, first, last, format!("{name}: {text}"));
}

/// The record, its event and its time, if it can be read.
fn name_of(tx: &mut dyn Tx, seq: i64) -> Option<String> {
    let rows = Scanner::default().scan(tx, seq.saturating_sub(1), seq).ok()?;
    let (seq, record) = rows.into_iter().next()?;
    Some(named(u64::try_from(seq).ok()?, &record.ok()?))
}
