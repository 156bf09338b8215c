//! What can go wrong in the store.

use std::sync::Arc;

/// What the engine or the operating system said; for logs, never for callers.
type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// One enum for the whole store. Clonable, because one failed commit answers
/// every unit of its batch.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A row with this key exists already. The unit was rolled back.
    #[error("a row with this key exists already")]
    Duplicate,
    /// A row was changed by somebody else, or a constraint refused the write.
    /// The unit was rolled back.
    #[error("the rows are no longer as the change expects them")]
    Conflict,
    /// The writer's queue is full; nothing was done.
    #[error("too many units of work wait for the writer")]
    Busy,
    /// The unit did not become durable in time. A unit that the writer had not
    /// begun is dropped; one that it had begun may still become durable.
    #[error("the record did not become durable in time")]
    Timeout,
    /// The disk refuses (full, input/output error, read-only). Nothing of the
    /// unit was written; the store recovers by itself.
    #[error("the book cannot be written at the moment")]
    Unavailable(#[source] Cause),
    /// The disk was full. What is left of it is kept for administrators.
    #[error("the disk is full: only administrators' calls are answered, on the disk reserve")]
    OnReserve,
    /// A sync failed once, so what the disk holds is unknown. Nothing will be
    /// written until a restart, which reads the files anew.
    #[error("the book is closed for writing after a failed sync")]
    Poisoned,
    /// Nobody was appointed to sign the log; nothing was written.
    #[error("nobody signs the log")]
    NoNotary,
    /// The head of the log could not be signed; nothing was written.
    #[error("the head of the log cannot be signed")]
    Notary(#[source] Cause),
    /// The store was closed, or its writer stopped.
    #[error("the store is closed")]
    Closed,
    /// The networks hold more recorded addresses than one search compares.
    #[error("the networks hold more than {0} recorded addresses")]
    TooManyAddresses(usize),
    /// The search index is too far behind the log to be counted from.
    #[error("the search index is being built")]
    IndexBehind,
    /// SQLite refuses a statement that somebody wrote.
    #[error("the statement is refused")]
    Statement(#[source] Cause),
    /// A statement that somebody wrote took too long.
    #[error("the statement took longer than {0} seconds")]
    TooLong(u64),
    /// A copy of the book does not fit on the disk.
    #[error("a copy of the book needs {needed} bytes of the disk, and {free} are free")]
    NoRoom { needed: u64, free: u64 },
    /// The book was written so much that a copy of it was given up.
    #[error("the write-ahead log grew above {0} bytes while the book was copied")]
    Outwritten(u64),
    /// Stored data contradicts itself.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// A statement failed for a reason of its own: a fault in the program.
    #[error("query {query} failed")]
    Query {
        query: &'static str,
        #[source]
        cause: Cause,
    },
    /// A row has no such column, or one of another type.
    #[error("column {0} of a row is not what the query expects")]
    Column(usize),
    /// The engine compiled in loses committed transactions (sqlite.org/wal.html,
    /// "the WAL-reset bug").
    #[error("SQLite {0} is too old, 3.51.3 is the oldest that is safe")]
    EngineTooOld(&'static str),
    /// The database was written by a newer version of this program.
    #[error("the database has schema {found}, this program knows {known} and older")]
    SchemaTooNew { found: i64, known: i64 },
    /// The database was written by an older version, and is only read here.
    #[error(
        "the database has schema {found} and this program {known}: start a server once on a copy \
         of it, which brings the copy up to date"
    )]
    SchemaTooOld { found: i64, known: i64 },
    /// Another server has the folder open.
    #[error("another server uses this data folder")]
    Locked,
    /// The data folder or a file in it cannot be made or opened.
    #[error("the data folder cannot be used")]
    Folder(#[source] Arc<std::io::Error>),
}

impl From<std::io::Error> for Error {
    fn from(cause: std::io::Error) -> Self {
        Self::Folder(Arc::new(cause))
    }
}
