//! Rows of item schemas: every version is kept.

use super::{Error, Query, Tx};

/// One version of one item schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemSchemaRow {
    pub account: String,
    pub region: String,
    pub name: String,
    /// 1, 2, 3...
    pub version: i64,
    /// The schema as JSON text, in its canonical form: what its hash is of.
    pub body: String,
    /// The key that the schema's `keyId` named when it was put.
    pub key_arn: String,
    /// Those that its `additionalKeyIds` named, as a JSON array.
    pub additional_key_arns: String,
    pub created_ms: i64,
    /// The ARN of whoever put it; that of the role for a session of one.
    pub created_by: Option<String>,
    /// Whether items of the versions before it were given up with it.
    pub breaking: bool,
    /// What is different from the version before, in one line.
    pub change: String,
}

/// Adds a version.
///
/// # Errors
/// [`Error::Duplicate`] if the version exists: somebody else put one meanwhile.
pub fn insert_item_schema(tx: &mut dyn Tx, row: &ItemSchemaRow) -> Result<(), Error> {
    tx.run(
        &INSERT,
        &[
            row.account.as_str().into(),
            row.region.as_str().into(),
            row.name.as_str().into(),
            row.version.into(),
            row.body.as_str().into(),
            row.key_arn.as_str().into(),
            row.additional_key_arns.as_str().into(),
            row.created_ms.into(),
            row.created_by.as_deref().into(),
            i64::from(row.breaking).into(),
            row.change.as_str().into(),
        ],
    )?;
    Ok(())
}

/// Every version of every schema, oldest version first.
///
/// # Errors
/// As the database answers.
pub fn list_item_schemas(tx: &mut dyn Tx) -> Result<Vec<ItemSchemaRow>, Error> {
    tx.rows(&LIST, &[])?
        .iter()
        .map(|row| {
            Ok(ItemSchemaRow {
                account: row.text(0)?.to_owned(),
                region: row.text(1)?.to_owned(),
                name: row.text(2)?.to_owned(),
                version: row.int(3)?,
                body: row.text(4)?.to_owned(),
                key_arn: row.text(5)?.to_owned(),
                additional_key_arns: row.text(6)?.to_owned(),
                created_ms: row.int(7)?,
                created_by: row.opt_text(8)?.map(str::to_owned),
                breaking: row.int(9)? != 0,
                change: row.text(10)?.to_owned(),
            })
        })
        .collect()
}

const INSERT: Query = Query {
    name: "item_schemas.insert",
    sql: "insert into item_schemas \
          (account, region, name, version, body, key_arn, additional_key_arns, created_ms, \
           created_by, breaking, change) \
          values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
};
const LIST: Query = Query {
    name: "item_schemas.list",
    sql: "select account, region, name, version, body, key_arn, additional_key_arns, created_ms, \
          created_by, breaking, change \
          from item_schemas order by account, region, name, version",
};
