//! Grants as rows, and back: every row read into memory at start, a page at a
//! time.

use super::Grant;
use super::index::GrantIndex;
use super::principal::{GrantPrincipal, NamedPrincipal};
use crate::base::arn::KeyArn;
use crate::base::context::EncryptionContext;
use crate::base::grant::{GrantId, GrantOperation, GrantOperations, GrantTerms};
use crate::base::ids::{AccountId, KeyId, Region};
use crate::keys::rows::LoadError;
use crate::store::grants as rows;
use crate::store::{self, Tx};

/// Rows that are read at once.
const PAGE: i64 = 4_096;

/// Reads every grant.
///
/// # Errors
/// A row that does not make sense stops the start, as with keys.
pub fn load(tx: &mut dyn Tx, grants: &GrantIndex) -> Result<(), LoadError> {
    let mut page = rows::list_grants(tx, None, PAGE)?.into_iter();
    let mut last: Option<rows::GrantRow> = None;
    grants.put_all(std::iter::from_fn(|| {
        if page.len() == 0 && last.is_some() {
            match rows::list_grants(tx, last.take().as_ref(), PAGE) {
                Ok(next) => page = next.into_iter(),
                Err(error) => return Some(Err(error.into())),
            }
        }
        let row = page.next()?;
        let grant = load_grant(&row)
            .ok_or_else(|| LoadError::Row { what: "grant", id: row.grant_id.clone() });
        last = Some(row);
        Some(grant)
    }))
}

pub(super) fn load_grant(row: &rows::GrantRow) -> Option<Grant> {
    Some(Grant {
        terms: GrantTerms {
            id: GrantId::parse(&row.grant_id)?,
            operations: parse_operations(&row.operations)?,
            subset: serde_json::from_str::<EncryptionContext>(&row.subset).ok()?,
            equals: serde_json::from_str::<EncryptionContext>(&row.equals).ok()?,
            source_arn: row.source_arn.clone(),
        },
        key: KeyArn {
            region: Region::parse(&row.region)?,
            account: AccountId::parse(&row.account)?,
            id: KeyId::parse(&row.key_id)?,
        },
        name: row.name.clone(),
        grantee: named(&row.grantee_id, &row.grantee)?,
        retiring: match (&row.retiring_id, &row.retiring) {
            (None, None) => None,
            (Some(id), Some(name)) => Some(named(id, name)?),
            _ => return None,
        },
        issuing_account: AccountId::parse(&row.issuing_account)?,
        created_ms: row.created_ms,
    })
}

fn named(id: &str, name: &str) -> Option<NamedPrincipal> {
    Some(NamedPrincipal { id: GrantPrincipal::parse(id)?, name: name.into() })
}

/// Names with a blank between them.
fn parse_operations(text: &str) -> Option<GrantOperations> {
    text.split(' ').map(GrantOperation::parse).collect()
}

pub(super) fn grant_row(grant: &Grant) -> Result<rows::GrantRow, store::Error> {
    let as_json = |context: &EncryptionContext| {
        serde_json::to_string(context).map_err(|_never| store::Error::Conflict)
    };
    let Grant { terms, key, grantee, retiring, .. } = grant;
    let operations: Vec<&str> = terms.operations.iter().map(GrantOperation::as_str).collect();
    Ok(rows::GrantRow {
        region: key.region.to_string(),
        key_id: key.id.to_string(),
        grant_id: terms.id.to_string(),
        account: key.account.to_string(),
        name: grant.name.clone(),
        grantee_id: grantee.id.to_string(),
        grantee: grantee.name.to_string(),
        retiring_id: retiring.as_ref().map(|retiring| retiring.id.to_string()),
        retiring: retiring.as_ref().map(|retiring| retiring.name.to_string()),
        issuing_account: grant.issuing_account.to_string(),
        operations: operations.join(" "),
        subset: as_json(&terms.subset)?,
        equals: as_json(&terms.equals)?,
        source_arn: terms.source_arn.clone(),
        created_ms: grant.created_ms,
    })
}
