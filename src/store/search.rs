//! Finds records: in the search index as far as it goes, and beyond it in the
//! log itself, so that a record can be found as soon as it is answered.

use std::collections::BTreeSet;

use super::entry::{Entry, Position};
use super::index::{self, Path};
use super::log::{self, Finder, StoredRecord};
use super::names::{self, Kind};
use super::{Error, Tx};

/// Index entries that one page looks at before it ends early. Small in tests,
/// as the two below, so that they meet every limit.
const SCANNED_ENTRIES: usize = if cfg!(test) { 40 } else { 20_000 };
/// Entries read at a time, at most.
const CHUNK_ENTRIES: usize = if cfg!(test) { 16 } else { 4_096 };
/// How far a column is counted to find out which one selects the most.
const COUNTED_ENTRIES: i64 = if cfg!(test) { 20 } else { 2_000 };
/// Key ARNs with the same bare key id: one a Region of a multi-Region key.
const SAME_KEY_ID: i64 = 32;

/// Which records, newest first. `None` asks for nothing; all that is asked for
/// must hold.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    pub account: Option<&'a str>,
    pub principal: Option<&'a str>,
    /// Name of a role's session, or the subject of a web identity.
    pub session: Option<&'a str>,
    pub key: Option<KeyText<'a>>,
    pub event_name: Option<&'a str>,
    pub error: Option<&'a str>,
    pub source_ip: Option<&'a str>,
    pub request_id: Option<[u8; 16]>,
    pub read_only: Option<bool>,
    /// Only calls of one of these operations that succeeded.
    pub succeeded_in: Option<&'a [&'a str]>,
    /// The earliest time, epoch milliseconds.
    pub from_ms: i64,
    /// Only records behind this place in the order of pages.
    pub before: Position,
    /// Records in the page.
    pub limit: usize,
}

/// How a key is named.
#[derive(Clone, Copy, Debug)]
pub enum KeyText<'a> {
    Arn(&'a str),
    /// Any ARN that ends in this key id.
    Id(&'a str),
}

/// One page.
#[derive(Clone, Debug)]
pub struct Found {
    pub records: Vec<StoredRecord>,
    /// Where the next page starts; `None` when there is none. A page may be
    /// short, even empty, and still have a next one: it looked at as much as
    /// one page may.
    pub next: Option<Position>,
}

/// Finds one page. `index` must have been opened before `log`, so that the log
/// has everything that the index has; without an index all of the log is read.
pub(super) fn search(
    search: &Search<'_>,
    index: Option<&mut dyn Tx>,
    log: &mut dyn Tx,
) -> Result<Found, Error> {
    let nothing = Found { records: Vec::new(), next: None };
    let Some(wanted) = Wanted::resolve(search, log)? else { return Ok(nothing) };
    let mut sources = Vec::new();
    let mut indexed_seq = 0;
    if let Some(index) = index
        && let Some(progress) = index::progress(index)?
    {
        indexed_seq = progress.seq;
        let paths = wanted.best_paths(index)?;
        let share = SCANNED_ENTRIES.checked_div(paths.len()).unwrap_or(SCANNED_ENTRIES);
        for path in &paths {
            sources.push(wanted.scan(index, path, share)?);
        }
    }
    sources.push(wanted.tail(log, indexed_seq)?);
    let (positions, next) = merge(&sources, search.limit);
    let mut records = Vec::with_capacity(positions.len());
    let mut finder = Finder::default();
    for Position { seq, .. } in positions {
        let missing = || Error::Corrupt(format!("record {seq} is in the index and not in the log"));
        records.push(finder.find(log, seq)?.ok_or_else(missing)?);
    }
    Ok(Found { records, next })
}

/// What one source knows: the matches it found, newest first, and the place
/// behind which it has not looked; `None` if it has seen everything.
#[derive(Debug, Default, PartialEq, Eq)]
struct Source {
    matches: Vec<Position>,
    end: Option<Position>,
}

/// The newest `limit` matches of all sources. What lies behind the end of any
/// source must wait for the next page, else that source's own matches there
/// would be skipped.
fn merge(sources: &[Source], limit: usize) -> (Vec<Position>, Option<Position>) {
    let end = sources.iter().filter_map(|source| source.end).max();
    let all: BTreeSet<Position> = sources
        .iter()
        .flat_map(|source| source.matches.iter().copied())
        .filter(|position| end.is_none_or(|end| *position >= end))
        .collect();
    let page: Vec<Position> = all.iter().rev().copied().take(limit).collect();
    let next = if all.len() > page.len() { page.last().copied() } else { end };
    (page, next)
}

/// A search with its texts resolved to ids.
struct Wanted<'a> {
    search: &'a Search<'a>,
    account: Option<i64>,
    principal: Option<i64>,
    keys: Option<Vec<i64>>,
    event_name: Option<i64>,
    error: Option<i64>,
    succeeded_in: Option<Vec<i64>>,
}

impl<'a> Wanted<'a> {
    /// `None` if a text has never been recorded: then nothing can match.
    fn resolve(search: &'a Search<'a>, log: &mut dyn Tx) -> Result<Option<Self>, Error> {
        let mut known = true;
        let mut id = |kind, text: Option<&str>| -> Result<Option<i64>, Error> {
            let Some(text) = text else { return Ok(None) };
            let id = names::find(log, kind, text)?;
            known &= id.is_some();
            Ok(id)
        };
        let account = id(Kind::ACCOUNT, search.account)?;
        let principal = id(Kind::PRINCIPAL, search.principal)?;
        let event_name = id(Kind::EVENT_NAME, search.event_name)?;
        let error = id(Kind::ERROR, search.error)?;
        let keys = match search.key {
            None => None,
            Some(KeyText::Arn(arn)) => Some(id(Kind::KEY, Some(arn))?.into_iter().collect()),
            Some(KeyText::Id(key_id)) => Some(names::find_keys(log, key_id, SAME_KEY_ID)?),
        };
        let mut operations = Vec::new();
        for name in search.succeeded_in.unwrap_or_default() {
            operations.extend(names::find(log, Kind::EVENT_NAME, name)?);
        }
        let succeeded_in = search.succeeded_in.map(|_| operations);
        for ids in [&keys, &succeeded_in] {
            known &= ids.as_ref().is_none_or(|ids: &Vec<i64>| !ids.is_empty());
        }
        let wanted = Self { search, account, principal, keys, event_name, error, succeeded_in };
        Ok(known.then_some(wanted))
    }

    /// The ways in by the column that selects the most: one, or one a key.
    fn best_paths(&self, index: &mut dyn Tx) -> Result<Vec<Path>, Error> {
        let keys = self.keys.iter().map(|keys| keys.iter().copied().map(Path::Key).collect());
        let single = [
            self.search.request_id.map(Path::RequestId),
            self.principal.map(Path::Principal),
            self.error.map(Path::ErrorCode),
            self.search.source_ip.map(|ip| Path::SourceIp(ip.to_owned())),
            self.event_name.map(Path::EventName),
            Some(Path::Time),
        ];
        let mut candidates: Vec<Vec<Path>> =
            keys.chain(single.into_iter().flatten().map(|path| vec![path])).collect();
        let mut best = (i64::MAX, 0);
        if candidates.len() > 1 {
            for (number, paths) in candidates.iter().enumerate() {
                let count = self.count(index, paths, COUNTED_ENTRIES.min(best.0))?;
                if count < best.0 {
                    best = (count, number);
                }
            }
        }
        Ok(candidates.swap_remove(best.1))
    }

    fn count(&self, index: &mut dyn Tx, paths: &[Path], most: i64) -> Result<i64, Error> {
        let Search { from_ms, before, .. } = *self.search;
        let mut count: i64 = 0;
        for path in paths {
            count = count.saturating_add(path.count(index, from_ms, before, most)?);
        }
        Ok(count)
    }

    /// Follows one path into the index, past at most `share` entries.
    fn scan(&self, index: &mut dyn Tx, path: &Path, share: usize) -> Result<Source, Error> {
        let Search { from_ms, limit, mut before, .. } = *self.search;
        let mut source = Source::default();
        let mut scanned: usize = 0;
        let mut chunk = limit.clamp(1, CHUNK_ENTRIES);
        while scanned < share {
            let entries = path.scan(index, from_ms, before, chunk)?;
            for entry in &entries {
                before = entry.position;
                if self.matches(entry) {
                    source.matches.push(entry.position);
                    if source.matches.len() >= limit {
                        source.end = Some(before);
                        return Ok(source);
                    }
                }
            }
            if entries.len() < chunk {
                return Ok(source);
            }
            scanned = scanned.saturating_add(chunk);
            chunk = chunk.saturating_mul(4).min(CHUNK_ENTRIES);
        }
        source.end = Some(before);
        Ok(source)
    }

    /// Reads all of the log behind `after_seq`: normally what the last
    /// fraction of a second has brought.
    fn tail(&self, log: &mut dyn Tx, mut after_seq: i64) -> Result<Source, Error> {
        let mut newest = BTreeSet::new();
        let mut complete = true;
        loop {
            let entries = log::entries(log, after_seq, CHUNK_ENTRIES)?;
            for entry in entries.iter().filter(|entry| self.matches(entry)) {
                newest.insert(entry.position);
                if newest.len() > self.search.limit {
                    newest.pop_first();
                    complete = false;
                }
            }
            match entries.last() {
                Some(last) if entries.len() == CHUNK_ENTRIES => after_seq = last.position.seq,
                _ => break,
            }
        }
        let end = newest.first().copied().filter(|_| !complete);
        Ok(Source { matches: newest.into_iter().rev().collect(), end })
    }

    fn matches(&self, entry: &Entry) -> bool {
        let is = |wanted: Option<i64>, id: i64| wanted.is_none_or(|wanted| wanted == id);
        let has = |wanted: Option<i64>, id: Option<i64>| wanted.is_none() || wanted == id;
        let said = |wanted: Option<&str>, text: Option<&str>| wanted.is_none() || wanted == text;
        let search = self.search;
        entry.position < search.before
            && entry.position.time_ms >= search.from_ms
            && is(self.account, entry.account)
            && is(self.principal, entry.principal)
            && is(self.event_name, entry.event_name)
            && has(self.error, entry.error)
            && said(search.source_ip, entry.source_ip.as_deref())
            && said(search.session, entry.session.as_deref())
            && search.read_only.is_none_or(|wanted| wanted == entry.read_only)
            && self.succeeded_in.as_ref().is_none_or(|operations| {
                entry.error.is_none() && operations.contains(&entry.event_name)
            })
            && search.request_id.is_none_or(|wanted| Some(wanted) == entry.request_id)
            && self.keys.as_ref().is_none_or(|keys| {
                [entry.key, entry.second_key].iter().flatten().any(|key| keys.contains(key))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(times: &[i64]) -> Vec<Position> {
        times.iter().map(|time| Position { time_ms: *time, seq: *time }).collect()
    }

    #[track_caller]
    fn check(sources: &[(&[i64], Option<i64>)], want: &[i64], next: Option<i64>) {
        let sources: Vec<Source> = sources
            .iter()
            .map(|(matches, end)| Source {
                matches: at(matches),
                end: end.map(|end| at(&[end])[0]),
            })
            .collect();
        let want_next = next.map(|next| at(&[next])[0]);
        assert_eq!(merge(&sources, 3), (at(want), want_next));
    }

    #[test]
    fn pages_end_where_the_shortest_source_ends() {
        check(&[(&[], None)], &[], None);
        check(&[(&[9, 8], None), (&[7], None)], &[9, 8, 7], None);
        check(&[(&[9, 8], None), (&[7, 6], None)], &[9, 8, 7], Some(7));
        check(&[(&[9, 8], Some(8)), (&[7, 6], None)], &[9, 8], Some(8));
        check(&[(&[9, 5], None), (&[], Some(6))], &[9], Some(6));
        check(&[(&[9, 8, 7], Some(7)), (&[8], Some(8))], &[9, 8], Some(8));
        check(&[(&[], Some(5)), (&[], Some(4))], &[], Some(5));
    }
}
