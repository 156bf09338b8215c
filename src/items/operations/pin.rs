//! The pin: callers may say which schema they expect, by its hash, and are then
//! refused before anything is done if another one is in force.

use super::refusal;
use crate::items::error::{ItemError, ItemErrorCode};
use crate::items::schemas::StoredSchema;
use crate::ops::access::Access;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, text};

/// In the body, in the query string, or in the header `x-wardbook-schema-hash`.
pub(super) const SCHEMA_HASH: Member = Member::optional("schemaHash", text(64, 64)).unrecorded();

/// Notes for the record which schema is in force, and refuses if the caller
/// expects another one, wherever it says so.
pub(super) fn check(
    access: &mut Access<'_>,
    stored: &StoredSchema,
    in_body: Option<&str>,
) -> Result<(), ApiError> {
    access.record_additional("schemaHash", stored.hash.as_str().into());
    let beside = access.call().members.iter().filter(|(name, _)| name == SCHEMA_HASH.name);
    let mut expected = beside.map(|(_, value)| value.as_str()).chain(in_body);
    match expected.find(|expected| *expected != stored.hash) {
        None => Ok(()),
        Some(_other) => {
            let text = format!(
                "version {} of item schema {} is in force, with the hash {}: look at what changed, \
                 and expect that hash",
                stored.version, stored.name, stored.hash
            );
            let error = ItemError::new(ItemErrorCode::SchemaHashMismatch, text);
            Err(refusal(Code::ConflictException, &error))
        }
    }
}
