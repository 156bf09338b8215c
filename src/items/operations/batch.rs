//! A batch of items on its way in and out: what EncryptItems and DecryptItems
//! share. One bad item never spoils the others.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::task::JoinSet;

use super::{NAME, body};
use crate::base::limits;
use crate::items::attribute::Item;
use crate::items::dynamodb_json::DynamoDbJson;
use crate::items::error::{ItemError, ItemErrorCode, KMS_DOCS};
use crate::items::json::count_values;
use crate::items::plain_json::PlainJson;
use crate::items::schema::Schema;
use crate::ops::access::Access;
use crate::ops::call::Call;
use crate::ops::facts::Facts;
use crate::ops::operation::{Description, Done, ReadInput};
use crate::ops::pipeline;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

/// The members of both operations' inputs: the items, and how they are written.
pub(super) const ITEMS: Member = Member::required(
    "items",
    Shape::List { of: &Shape::Document, min: 0, max: limits::BATCH_ITEMS },
)
.unrecorded();
pub(super) const FORMAT: Member =
    Member::optional("format", Shape::Enum(&["document", "dynamodb", "json"]));

/// The member of both operations' outputs.
pub(super) const OUTPUT: &[Member] = &[Member::required(
    "items",
    Shape::List { of: &Shape::Document, min: 0, max: limits::BATCH_ITEMS },
)];

/// What a body is like.
const BODY: &str = "{\"items\":[...],\"format\":\"dynamodb\"|\"json\"|\"document\"}";

/// How items are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    #[default]
    DynamoDb,
    Json,
    /// A JSON document, by a schema of documents.
    Document,
}

impl Format {
    /// Refuses another form than `schema` is for.
    pub(super) fn check(self, schema: &Schema) -> Result<(), ApiError> {
        let text = match (schema.documents().is_some(), self == Self::Document) {
            (true, false) => "The schema is of documents: say \"format\":\"document\".",
            (false, true) => "The schema is of items: say \"format\":\"dynamodb\" or \"json\".",
            _ => return Ok(()),
        };
        Err(ApiError::validation(text))
    }
}

/// A batch. Items stay text: only so do numbers keep every digit.
pub(super) struct Batch {
    pub(super) name: String,
    pub(super) format: Format,
    /// The schema that the caller expects.
    pub(super) schema_hash: Option<String>,
    pub(super) items: Vec<Box<RawValue>>,
}

impl ReadInput for Batch {
    /// Notes for the record how many items came, and in which form; never what
    /// is in them.
    fn read(_description: &Description, call: &Call, facts: &mut Facts) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        struct Body {
            items: Vec<Box<RawValue>>,
            #[serde(default)]
            format: Format,
            schema_hash: Option<String>,
        }
        let name = pipeline::path_member(call, &NAME)?;
        let body: Body = body::read(&call.body, BODY)?;
        check_size(&body.items)?;
        facts.request_parameters =
            Some(json!({ "name": name, "format": body.format, "items": body.items.len() }));
        let Body { items, format, schema_hash } = body;
        Ok(Self { name, format, schema_hash, items })
    }
}

/// Checks how many items came, and how many values they have: all are in memory at
/// once. Of an item no more count than it may have; it is refused by itself.
pub(super) fn check_size(items: &[Box<RawValue>]) -> Result<(), ApiError> {
    if items.len() > limits::BATCH_ITEMS {
        let text = format!("a batch has at most {} items: send fewer", limits::BATCH_ITEMS);
        return Err(body::refused(ItemErrorCode::BatchTooLarge, &text));
    }
    let values =
        items.iter().map(|item| count_values(item.get()).min(limits::ENCRYPTED_ITEM_VALUES));
    if values.sum::<usize>() > limits::BATCH_VALUES {
        let text = format!(
            "the items of a batch have at most {} values: send fewer",
            limits::BATCH_VALUES
        );
        return Err(body::refused(ItemErrorCode::BatchTooLarge, &text));
    }
    Ok(())
}

/// What became of one item.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Outcome {
    Converted(Converted),
    Refused { error: Refusal },
}

/// An item as it is answered.
#[derive(Serialize)]
pub(super) struct Converted {
    pub(super) item: Box<RawValue>,
    /// The attributes of which a mask stands there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) masked: Vec<String>,
    /// The attributes that the item has and the answer does not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) withheld: Vec<String>,
}

impl Converted {
    /// An item of which nothing is kept back.
    pub(super) const fn whole(item: Box<RawValue>) -> Self {
        Self { item, masked: Vec::new(), withheld: Vec::new() }
    }
}

/// Why one item was refused.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    /// Position of the item in the batch, from 0.
    index: usize,
    code: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute: Option<String>,
    /// Where the code is explained, and what to do.
    docs: String,
}

impl From<ItemError> for Refusal {
    fn from(error: ItemError) -> Self {
        let ItemError { code, attribute, message } = error;
        Self { index: 0, code: code.to_string(), message, attribute, docs: code.docs() }
    }
}

/// A refusal by the key service is told as the service says it; what KMS
/// refuses without a word is explained in the terms of items.
impl From<&ApiError> for Refusal {
    fn from(error: &ApiError) -> Self {
        let message = match (error.message(), error.code()) {
            (Some(text), _) => text,
            (None, Code::InvalidCiphertextException) => {
                "the item's data key does not open: its table name, or the name or value of a \
                 key attribute, is not the one it was encrypted with, or it was changed"
            }
            (None, code) => code.as_str(),
        };
        let (code, message) = (error.code().to_string(), message.to_owned());
        Self { index: 0, code, message, attribute: None, docs: KMS_DOCS.to_owned() }
    }
}

/// Both operations' output, in the order of the input.
#[derive(Serialize)]
pub(super) struct Output {
    pub(super) items: Vec<Outcome>,
}

impl Output {
    /// How many items were refused.
    fn refused(&self) -> usize {
        self.items.iter().filter(|outcome| matches!(outcome, Outcome::Refused { .. })).count()
    }
}

/// Does `one` to every item, on all threads that the call has, and answers in the order
/// of the items.
pub(super) async fn each<T: Send + 'static, U: Send + 'static>(
    items: Vec<T>,
    one: impl Fn(T) -> U + Send + Sync + 'static,
) -> Result<Vec<U>, ApiError> {
    let one = Arc::new(one);
    let mut tasks = JoinSet::new();
    for (index, item) in items.into_iter().enumerate() {
        let one = Arc::clone(&one);
        tasks.spawn(async move { (index, one(item)) });
    }
    let mut all = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        all.push(ended.map_err(ApiError::internal)?);
    }
    all.sort_unstable_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, done)| done).collect())
}

/// As [`each`], and answers what became of each item; the record of the batch counts
/// those that were refused.
pub(super) async fn run<T: Send + 'static>(
    access: &mut Access<'_>,
    schema_version: i64,
    items: Vec<T>,
    one: impl Fn(T) -> Result<Converted, Refusal> + Send + Sync + 'static,
) -> Result<Done<Output>, ApiError> {
    let ended = each(items, one).await?;
    let outcome = |(index, ended): (usize, Result<_, _>)| match ended {
        Ok(converted) => Outcome::Converted(converted),
        Err(refusal) => Outcome::Refused { error: Refusal { index, ..refusal } },
    };
    let output = Output { items: ended.into_iter().enumerate().map(outcome).collect() };
    access.record_additional("schemaVersion", schema_version.into());
    access.record_additional("refusedItems", output.refused().into());
    Ok(Done::read(output))
}

/// Writes an item in the batch's form.
pub(super) fn print(item: &Item, format: Format) -> Result<Box<RawValue>, serde_json::Error> {
    match format {
        Format::DynamoDb => serde_json::value::to_raw_value(&DynamoDbJson(item)),
        // Documents are written by themselves.
        Format::Json | Format::Document => serde_json::value::to_raw_value(&PlainJson(item)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::check_size;
    use crate::base::limits;

    #[test]
    fn values_of_a_batch_are_counted() {
        let item = |values: usize| {
            let text = format!(r#"{{"a":[{}0]}}"#, "0,".repeat(values - 3));
            RawValue::from_string(text).unwrap()
        };
        let batch = |size: usize, values: usize| -> Vec<Box<RawValue>> {
            (0..size).map(|_| item(values)).collect()
        };
        let full = limits::BATCH_VALUES / limits::ITEM_VALUES;
        assert!(check_size(&batch(full, limits::ITEM_VALUES)).is_ok());
        let error = check_size(&batch(full + 1, limits::ITEM_VALUES)).unwrap_err();
        assert!(error.message().unwrap().contains("at most 2000000 values"), "{error}");
        // One that is too large is refused by itself, and spoils no other.
        assert!(check_size(&batch(1, limits::BATCH_VALUES + 1)).is_ok());
    }
}
