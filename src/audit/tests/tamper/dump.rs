//! What a book says, read without the code that is tested.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::audit::Opener;
use crate::base::hex;
use crate::store::inspect::{Book, Scanner};

/// Every row of the tables that are evidence, or why it cannot be read.
pub(super) struct Dump {
    folder: PathBuf,
    tables: BTreeMap<&'static str, Vec<String>>,
}

impl PartialEq for Dump {
    fn eq(&self, other: &Self) -> bool {
        self.tables == other.tables
    }
}

const TABLES: [(&str, &str); 14] = [
    ("version", "pragma user_version"),
    ("integrity", "pragma integrity_check(1)"),
    ("schema", "select type, name, tbl_name, sql from sqlite_schema order by 1, 2"),
    ("log", "select * from event_log order by seq"),
    ("personal", "select * from event_personal order by seq"),
    ("field reads", "select * from event_field_reads order by place"),
    ("erasures", "select * from event_erasures order by n"),
    ("names", "select * from names order by id"),
    ("nodes", "select * from tree_nodes order by height, n"),
    ("head", "select * from head order by id"),
    ("checkpoints", "select * from checkpoints order by size"),
    // What auditors are shown, by which nothing may lie that is stored.
    ("events", "select * from events order by seq"),
    ("items", "select * from field_reads order by seq, item"),
    ("keys", "select public_key from audit_keys order by version"),
];

/// The same of the search index.
const INDEX: [(&str, &str); 8] = [
    ("integrity", "pragma integrity_check(1)"),
    ("schema", "select type, name, tbl_name, sql from sqlite_schema order by 1, 2"),
    ("progress", "select * from progress order by id"),
    ("texts", "select * from texts order by id"),
    ("windows", "select * from windows order by window"),
    ("postings", "select * from postings order by window, field, value"),
    ("ids", "select * from ids order by window, bucket"),
    ("cells", "select * from cells order by place"),
];

impl Dump {
    pub(super) fn of(folder: &Path) -> Self {
        Self::read(folder, "wardbook.db", &TABLES)
    }

    pub(super) fn of_index(folder: &Path) -> Self {
        Self::read(folder, "index.db", &INDEX)
    }

    fn read(folder: &Path, name: &str, all: &[(&'static str, &str)]) -> Self {
        let mut tables = BTreeMap::new();
        let path = format!("file://{}?immutable=1", folder.join(name).display());
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let book = Connection::open_with_flags(path, flags).unwrap();
        for (name, sql) in all {
            let rows = rows(&book, sql).unwrap_or_else(|error| vec![error.to_string()]);
            tables.insert(*name, rows);
        }
        Self { folder: folder.to_owned(), tables }
    }

    /// Whether all records say the same, whatever their bodies look like
    /// compressed; and all other tables and views.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        let is_same = |(name, rows): (&&str, &Vec<String>)| {
            ["log", "personal"].contains(name) || other.tables[name] == *rows
        };
        self.tables.iter().all(is_same) && records(&self.folder) == records(&other.folder)
    }

    /// Where two of them differ.
    pub(super) fn difference(&self, other: &Self) -> String {
        let mut lines = Vec::new();
        for (name, rows) in &self.tables {
            let theirs = &other.tables[name];
            let pairs = rows.iter().zip(theirs).filter(|(one, two)| one != two).take(2);
            lines.extend(pairs.map(|(one, two)| format!("{name}: {one} became {two}")));
            if rows.len() != theirs.len() {
                lines.push(format!("{name}: {} rows became {}", rows.len(), theirs.len()));
            }
        }
        lines.join("; ")
    }
}

fn rows(book: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = book.prepare(sql)?;
    let columns = statement.column_count();
    let mut found = statement.query([])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let cells = (0..columns).map(|i| {
            Ok(match row.get_ref(i)? {
                ValueRef::Null => "null".to_owned(),
                ValueRef::Integer(int) => int.to_string(),
                ValueRef::Real(real) => format!("real {real}"),
                ValueRef::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
                ValueRef::Blob(bytes) => format!("x{}", hex::encode(bytes)),
            })
        });
        rows.push(cells.collect::<rusqlite::Result<Vec<_>>>()?.join("|"));
    }
    Ok(rows)
}

/// What all records say: their rows without the compressed bodies.
fn records(folder: &Path) -> Vec<String> {
    let read = || {
        let book = Book::open(folder)?;
        book.read(|tx| Scanner::default().scan(tx, i64::MIN, i64::MAX))
    };
    let rows = match read() {
        Ok(rows) => rows,
        Err(error) => return vec![error.to_string()],
    };
    let mut opener = Opener::default();
    let text = |(seq, row): &(i64, Result<crate::store::StoredRecord, crate::store::Error>)| {
        let Ok(record) = row else { return format!("{seq}: unreadable") };
        let evidence = opener.open(record).map(|opened| hex::encode(&opened.evidence()));
        let personal = record.personal.as_ref();
        let personal = personal.map(|of| (&of.salt, &of.source_ip, &of.session));
        format!(
            "{:?} {:?} {} {} {:?} {personal:?}",
            record.position,
            record.columns,
            record.format,
            evidence.unwrap_or_default(),
            record.leaf
        )
    };
    rows.iter().map(text).collect()
}
