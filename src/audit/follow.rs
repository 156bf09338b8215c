//! Records as they come: those behind a place of the book, in its order.

use super::body::Opener;
use super::{Error, Filter, Recorded};
use crate::base::limits;
use crate::store::Store;

/// What has come.
#[derive(Clone, Debug, Default)]
pub struct News {
    /// Those that fit, in the order of the log.
    pub records: Vec<Recorded>,
    /// How far was looked: the place to go on behind.
    pub seq: i64,
}

/// Looks at the records behind `after_seq`, a bounded number of them. Of the
/// filter, `limit` and `cursor` say nothing here. Blocks.
///
/// # Errors
/// [`Error::Corrupt`] for a record that is not what was written;
/// [`Error::Store`].
pub fn newer(store: &Store, filter: &Filter, after_seq: i64) -> Result<News, Error> {
    let all = filter.selection.all();
    let conditions = filter.selection.conditions(&all);
    let (found, seq) = store.newer(conditions, after_seq, limits::AUDIT_PIECE_ROWS)?;
    let texts: Vec<String> = filter.text.iter().map(|text| text.to_ascii_lowercase()).collect();
    let mut opener = Opener::default();
    let mut records = Vec::new();
    for stored in found {
        let record = opener.open(&stored)?.record()?;
        let holds = texts.is_empty() || {
            let record = record.to_ascii_lowercase();
            texts.iter().any(|text| record.contains(text))
        };
        if holds {
            records.push(Recorded { record, position: stored.position });
        }
    }
    Ok(News { records, seq })
}
