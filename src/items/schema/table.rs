//! What the linter knows of a DynamoDB table: the answers of `aws dynamodb
//! describe-table` and `describe-time-to-live`, of which it reads what it needs.

use serde::Deserialize;

use crate::items::error::{ItemError, ItemErrorCode};

/// A table, as far as somebody described it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The key attributes of the table itself; empty if nobody told.
    pub keys: Vec<String>,
    /// The global and the local secondary indexes.
    pub indexes: Vec<Index>,
    /// The attribute after whose time DynamoDB deletes an item.
    pub ttl: Option<String>,
}

/// A secondary index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    pub name: String,
    pub keys: Vec<String>,
    /// The attributes that it holds beside keys; `None` for all.
    pub projected: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    table: Option<DescribedTable>,
    time_to_live_description: Option<DescribedTtl>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribedTable {
    key_schema: Vec<KeyElement>,
    #[serde(default)]
    global_secondary_indexes: Vec<DescribedIndex>,
    #[serde(default)]
    local_secondary_indexes: Vec<DescribedIndex>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyElement {
    attribute_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribedIndex {
    index_name: String,
    key_schema: Vec<KeyElement>,
    projection: Projection,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Projection {
    projection_type: String,
    #[serde(default)]
    non_key_attributes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribedTtl {
    attribute_name: Option<String>,
}

impl Table {
    /// Adds what `text` tells: the JSON that one of the two commands printed.
    ///
    /// # Errors
    /// `MalformedJson` for anything else.
    pub fn add(&mut self, text: &str) -> Result<(), ItemError> {
        let malformed = |what: String| ItemError::new(ItemErrorCode::MalformedJson, what);
        let described: Described = serde_json::from_str(text)
            .map_err(|error| malformed(format!("this is no description of a table: {error}")))?;
        if described.table.is_none() && described.time_to_live_description.is_none() {
            return Err(malformed(
                "this is no description of a table: save what `aws dynamodb describe-table` or \
                 `describe-time-to-live` prints"
                    .to_owned(),
            ));
        }
        if let Some(table) = described.table {
            self.keys = names(table.key_schema);
            let indexes = table.global_secondary_indexes.into_iter();
            self.indexes = indexes.chain(table.local_secondary_indexes).map(Index::from).collect();
        }
        if let Some(described) = described.time_to_live_description {
            self.ttl = described.attribute_name;
        }
        Ok(())
    }
}

impl From<DescribedIndex> for Index {
    fn from(described: DescribedIndex) -> Self {
        let projection = described.projection;
        let is_whole = projection.projection_type == "ALL";
        Self {
            name: described.index_name,
            keys: names(described.key_schema),
            projected: (!is_whole).then_some(projection.non_key_attributes),
        }
    }
}

fn names(elements: Vec<KeyElement>) -> Vec<String> {
    elements.into_iter().map(|element| element.attribute_name).collect()
}
