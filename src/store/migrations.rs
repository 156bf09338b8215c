//! The schema, step by step. A step that was released is never edited; a
//! change of the schema is a new file and a new line here.

/// Steps of the book, oldest first; the database's `user_version` counts how
/// many it has taken.
pub(super) const BOOK: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_book.sql"),
    include_str!("../../migrations/sqlite/0002_state.sql"),
    include_str!("../../migrations/sqlite/0003_keys.sql"),
    include_str!("../../migrations/sqlite/0004_grants.sql"),
    include_str!("../../migrations/sqlite/0005_identities.sql"),
    include_str!("../../migrations/sqlite/0006_policy_tests.sql"),
    include_str!("../../migrations/sqlite/0007_ledger.sql"),
    include_str!("../../migrations/sqlite/0008_personal.sql"),
    include_str!("../../migrations/sqlite/0009_trail.sql"),
    include_str!("../../migrations/sqlite/0010_field_reads.sql"),
    include_str!("../../migrations/sqlite/0011_item_schema_keys.sql"),
    include_str!("../../migrations/sqlite/0012_item_schema_versions.sql"),
    include_str!("../../migrations/sqlite/0013_custom_key_stores.sql"),
    include_str!("../../migrations/sqlite/0014_root_key.sql"),
    include_str!("../../migrations/sqlite/0015_remote_key_material.sql"),
    include_str!("../../migrations/sqlite/0016_item_schema_changes.sql"),
];

/// The step that changed the log and its evidence last: the steps behind it are about
/// other tables, so a book from before them can be checked as it is.
pub(super) const EVIDENCE: usize = 10;

/// The search index. It is derived, so it has no steps: an index with another
/// `user_version` is thrown away and built anew.
pub(super) const INDEX: &str = include_str!("../../migrations/sqlite/index.sql");

/// Raised with every edit of [`INDEX`].
pub(super) const INDEX_VERSION: i64 = 4;
