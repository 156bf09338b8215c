//! Rows of grants. What the columns mean is known to `keys`.

use super::{Error, Query, Row, Tx};

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    pub region: String,
    pub key_id: String,
    pub grant_id: String,
    /// The account that owns the key.
    pub account: String,
    pub name: Option<String>,
    pub grantee_id: String,
    pub grantee: String,
    /// Both or neither.
    pub retiring_id: Option<String>,
    pub retiring: Option<String>,
    pub issuing_account: String,
    pub operations: String,
    /// JSON objects.
    pub subset: String,
    pub equals: String,
    pub source_arn: Option<String>,
    pub created_ms: i64,
}

/// Adds a grant.
///
/// # Errors
/// [`Error::Duplicate`] if the key has one with this id.
pub fn insert_grant(tx: &mut dyn Tx, row: &GrantRow) -> Result<(), Error> {
    tx.run(
        &INSERT,
        &[
            row.region.as_str().into(),
            row.key_id.as_str().into(),
            row.grant_id.as_str().into(),
            row.account.as_str().into(),
            row.name.as_deref().into(),
            row.grantee_id.as_str().into(),
            row.grantee.as_str().into(),
            row.retiring_id.as_deref().into(),
            row.retiring.as_deref().into(),
            row.issuing_account.as_str().into(),
            row.operations.as_str().into(),
            row.subset.as_str().into(),
            row.equals.as_str().into(),
            row.source_arn.as_deref().into(),
            row.created_ms.into(),
        ],
    )?;
    Ok(())
}

/// Removes a grant.
///
/// # Errors
/// [`Error::Conflict`] if it is gone.
pub fn delete_grant(
    tx: &mut dyn Tx,
    region: &str,
    key_id: &str,
    grant_id: &str,
) -> Result<(), Error> {
    match tx.run(&DELETE, &[region.into(), key_id.into(), grant_id.into()])? {
        1 => Ok(()),
        _ => Err(Error::Conflict),
    }
}

/// Removes the grants of a key.
///
/// # Errors
/// As the database answers.
pub fn delete_key_grants(tx: &mut dyn Tx, region: &str, key_id: &str) -> Result<(), Error> {
    tx.run(&DELETE_OF_KEY, &[region.into(), key_id.into()])?;
    Ok(())
}

/// At most `limit` grants in the order of their keys and ids, those after `after`
/// only.
///
/// # Errors
/// As the database answers.
pub fn list_grants(
    tx: &mut dyn Tx,
    after: Option<&GrantRow>,
    limit: i64,
) -> Result<Vec<GrantRow>, Error> {
    // No Region has an empty name.
    let [region, key_id, grant_id] =
        after.map_or([""; 3], |row| [row.region.as_str(), &row.key_id, &row.grant_id]);
    let args = [region.into(), key_id.into(), grant_id.into(), limit.into()];
    tx.rows(&LIST, &args)?.iter().map(grant_row).collect()
}

fn grant_row(row: &Row) -> Result<GrantRow, Error> {
    let opt_text = |column| Ok::<_, Error>(row.opt_text(column)?.map(str::to_owned));
    Ok(GrantRow {
        region: row.text(0)?.to_owned(),
        key_id: row.text(1)?.to_owned(),
        grant_id: row.text(2)?.to_owned(),
        account: row.text(3)?.to_owned(),
        name: opt_text(4)?,
        grantee_id: row.text(5)?.to_owned(),
        grantee: row.text(6)?.to_owned(),
        retiring_id: opt_text(7)?,
        retiring: opt_text(8)?,
        issuing_account: row.text(9)?.to_owned(),
        operations: row.text(10)?.to_owned(),
        subset: row.text(11)?.to_owned(),
        equals: row.text(12)?.to_owned(),
        source_arn: opt_text(13)?,
        created_ms: row.int(14)?,
    })
}

const INSERT: Query = Query {
    name: "grants.insert",
    sql: "insert into grants (region, key_id, grant_id, account, name, grantee_id, grantee, \
          retiring_id, retiring, issuing_account, operations, context_subset, context_equals, \
          source_arn, created_ms) \
          values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
};
const DELETE: Query = Query {
    name: "grants.delete",
    sql: "delete from grants where region = ?1 and key_id = ?2 and grant_id = ?3",
};
const DELETE_OF_KEY: Query = Query {
    name: "grants.delete_of_key",
    sql: "delete from grants where region = ?1 and key_id = ?2",
};
const LIST: Query = Query {
    name: "grants.list",
    sql: "select region, key_id, grant_id, account, name, grantee_id, grantee, retiring_id, \
          retiring, issuing_account, operations, context_subset, context_equals, source_arn, \
          created_ms from grants where (region, key_id, grant_id) > (?1, ?2, ?3) \
          order by region, key_id, grant_id limit ?4",
};
