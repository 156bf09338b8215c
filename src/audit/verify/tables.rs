//! The file itself, its schema, and the names that records share.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{Kind, Report};
use crate::store;
use crate::store::inspect::{self, Book};

/// Damages of the file that are told.
pub(super) const DAMAGES_MAX: u32 = 20;
/// Rows that are read at a time.
const PAGE: i64 = 1_024;

/// Whether tables can be read at all. Tells how the schema was changed.
pub(super) fn is_readable(book: &Book, report: &mut Report) -> Result<bool, super::Error> {
    match book.schema_differences() {
        Ok(differences) => {
            let is_readable = !differences.iter().any(|text| {
                text.starts_with("it says")
                    || text.starts_with("the table") && text.ends_with("gone")
            });
            for text in differences {
                report.add(Kind::Schema, format!("schema: {text}"));
            }
            Ok(is_readable)
        }
        Err(store::Error::Corrupt(text)) => {
            report.add(Kind::Database, format!("the database cannot be read ({text})"));
            Ok(false)
        }
        Err(store::Error::Query { .. }) => {
            report.add(Kind::Database, "the schema of the database cannot be read");
            Ok(false)
        }
        Err(other) => Err(other.into()),
    }
}

/// What SQLite says of its file.
pub(super) fn report_damages(found: Result<Vec<String>, store::Error>, report: &mut Report) {
    match found {
        Ok(lines) => {
            for line in lines {
                report.add(Kind::Database, format!("database: {}", line.replace('\n', " ")));
            }
        }
        Err(error) => report.add(Kind::Database, format!("the database is damaged: {error}")),
    }
}

/// Every name is of the kind that records use it as, and used.
pub(super) fn check_names(book: &Book, used: &BTreeSet<(i64, i64)>, report: &mut Report) {
    let mut kinds: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    for (kind, id) in used {
        kinds.entry(*id).or_default().insert(*kind);
    }
    let read = book.read(|tx| {
        let mut above = i64::MIN;
        loop {
            let page = inspect::names(tx, above, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            above = last.id;
            for name in page {
                let id = name.id;
                let wrong = match (name.kind, kinds.get(&id)) {
                    (None, _) => "its row was changed",
                    (_, None) => "no record uses it",
                    (Some(kind), Some(used)) if used.iter().any(|of| *of != kind) => {
                        "records use it as something else"
                    }
                    _ => continue,
                };
                report.add(Kind::Name, format!("name {id}: {wrong}"));
            }
        }
    });
    if let Err(error) = read {
        report.add(Kind::Database, format!("the names cannot be read: {error}"));
    }
}
