//! QueryFieldReads: who read which attributes of which items, how, why, and by
//! which policy, newest first. It is a question to the book; it stands here
//! because only items know how a key is written.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Ctx;
use crate::audit::{self, How, ReadFilter, ReadKind, ReadPage, ReadRow, SoughtItem};
use crate::base::ids::AccountId;
use crate::base::{hex, limits, timestamp};
use crate::items::item_key::ItemKey;
use crate::items::schemas::StoredSchema;
use crate::ops::access::Access;
use crate::ops::audit::selection::{self, FROM, Filters, TEXT, TO, filter};
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct QueryFieldReads;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    #[serde(flatten)]
    filters: Filters,
    table: Option<String>,
    schema: Option<String>,
    key: Option<String>,
    sort_key: Option<String>,
    #[serde(default)]
    attribute: Vec<String>,
    #[serde(default)]
    how: Vec<String>,
    #[serde(default)]
    kind: Vec<String>,
    #[serde(default)]
    purpose: Vec<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    reads: Vec<ReadRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// With a cursor: how far back this page has looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    searched_to: Option<String>,
}

impl Operation for QueryFieldReads {
    const DESCRIPTION: Description = Description {
        name: "QueryFieldReads",
        service: Service::Audit,
        read_only: true,
        input: &[
            FROM,
            TO,
            filter("principal"),
            filter("eventId"),
            Member::optional("table", TEXT),
            Member::optional("schema", TEXT),
            // The key of an item may be personal data: the record has its reference.
            Member::optional("key", TEXT).unrecorded(),
            Member::optional("sortKey", TEXT).unrecorded(),
            filter("attribute"),
            filter("how"),
            filter("kind"),
            filter("purpose"),
            Member::optional("limit", TEXT),
            Member::optional("cursor", TEXT).unrecorded(),
        ],
        output: &[
            Member::required(
                "reads",
                Shape::List { of: &Shape::Document, min: 0, max: limits::AUDIT_PAGE_ROWS },
            ),
            out_text("nextCursor"),
            out_text("searchedTo"),
        ],
        errors: &[],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let account = access.call().caller.principal.account();
        access.resource(Action::QUERY_FIELD_READS, Resource::AuditLog { account })?;
        let schema = input.schema.as_deref();
        let named = schema.and_then(|name| ctx.schemas.find(&access.call().realm(), name));
        let tables = match (input.table.as_deref(), schema) {
            (Some(name), _) => tables(ctx, access, name),
            (None, Some(name)) => {
                let missing = || incomplete(&format!("There is no item schema {name}."));
                named.as_ref().ok_or_else(missing)?.table_names().clone()
            }
            (None, None) => BTreeSet::new(),
        };
        let item = match &input.key {
            None if input.sort_key.is_some() => return Err(incomplete("sortKey needs key.")),
            None => None,
            Some(_) if tables.is_empty() => return Err(incomplete("key needs table, or schema.")),
            Some(key) => {
                let sort = input.sort_key.as_deref();
                check_shape(ctx, account, (&tables, named.as_deref()), sort)?;
                Some(item(ctx, account, &tables, (key, sort))?)
            }
        };
        if let Some(SoughtItem { references, .. }) = &item {
            let references: Vec<String> = references.iter().map(|one| hex::encode(one)).collect();
            access.record_parameter("references", references.into());
        }
        let filter = ReadFilter {
            selection: input.filters.selection(&ctx.common, access)?,
            kinds: parse("kind", &input.kind, &ReadKind::ALL)?,
            how: parse("how", &input.how, &How::ALL)?,
            tables,
            schema: input.schema,
            item,
            attributes: input.attribute,
            purposes: input.purpose,
            limit: selection::rows(input.limit.as_deref())?,
            cursor: input.cursor,
        };
        let store = Arc::clone(&ctx.common.store);
        // Reading blocks, and may take a while on a cold file.
        let found = tokio::task::spawn_blocking(move || {
            let page = audit::query_reads(&store, &filter)?;
            Ok::<_, audit::Error>((page, filter))
        });
        let (page, filter) = found.await.map_err(ApiError::internal)??;
        let ReadPage { mut reads, next_cursor, searched_to_ms } = page;
        // Whoever asks for an item by its key knows the key.
        if let (Some(key), Some(_)) = (input.key, &filter.item) {
            let asked: Vec<String> = [Some(key), input.sort_key].into_iter().flatten().collect();
            for read in reads.iter_mut().filter(|read| read.key.is_none()) {
                read.key = Some(asked.clone());
            }
        }
        let searched_to = searched_to_ms.map(timestamp::iso_8601);
        Ok(Done::read(Output { reads, next_cursor, searched_to }))
    }
}

/// The logical names of the tables that `name` may mean: its own, as clients of the SDK
/// need no schema here, and those of the schema of this name. All of them are looked
/// through: whoever puts a schema must not choose what others find.
fn tables(ctx: &Ctx, access: &Access<'_>, name: &str) -> BTreeSet<String> {
    let schema = ctx.schemas.find(&access.call().realm(), name);
    let of_schema = schema.iter().flat_map(|stored| stored.table_names()).cloned();
    of_schema.chain([name.to_owned()]).collect()
}

/// Refuses a key of another shape than items have, as the schema says that was named, or
/// else all schemas of the tables.
fn check_shape(
    ctx: &Ctx,
    account: &AccountId,
    (tables, named): (&BTreeSet<String>, Option<&StoredSchema>),
    sort: Option<&str>,
) -> Result<(), ApiError> {
    if let Some(stored) = named {
        return wrong_shape(stored, sort).map_or(Ok(()), |text| Err(incomplete(&text)));
    }
    let all = tables.iter().flat_map(|table| ctx.schemas.of_table(account, table));
    let wrong: Vec<_> = all.map(|stored| wrong_shape(&stored, sort)).collect();
    match wrong.into_iter().collect::<Option<Vec<String>>>().unwrap_or_default().first() {
        Some(text) => Err(incomplete(text)),
        None => Ok(()),
    }
}

/// What is wrong with a key that has this sort key, or none.
fn wrong_shape(stored: &StoredSchema, sort: Option<&str>) -> Option<String> {
    let document = stored.schema.document();
    let table = &document.table_name;
    if document.kind.is_some() {
        let given = if sort.is_some() { 2 } else { 1 };
        let paths: Vec<&str> = document.id_paths.iter().map(String::as_str).collect();
        return (paths.len() != given).then(|| {
            format!(
                "Documents of {table} are told apart by {}: give the first as key, the second as \
                 sortKey; by more than two nobody can ask.",
                paths.join(", ")
            )
        });
    }
    match (&document.sort_key_name, sort) {
        (Some(name), None) => {
            Some(format!("The table {table} has a sort key, {name}: give sortKey, too."))
        }
        (None, Some(_)) => Some(format!("The table {table} has no sort key.")),
        _ => None,
    }
}

/// The item with this key, whichever of the tables it is in, and whatever type its key
/// has.
fn item(
    ctx: &Ctx,
    account: &AccountId,
    tables: &BTreeSet<String>,
    (partition, sort): (&str, Option<&str>),
) -> Result<SoughtItem, ApiError> {
    let wrong = "key and sortKey must be a text, N: and a number, or B: and Base64.";
    let keys = ItemKey::parse(partition, sort).map_err(|_bad| incomplete(wrong))?;
    let mut item = SoughtItem::default();
    for table in tables {
        let references = ctx.common.hsm.reference_key(account.as_str(), table);
        for key in &keys {
            item.references.insert(key.reference(&references)?);
            let untyped = key.untyped().ok_or_else(|| incomplete(wrong))?;
            item.releases.insert((table.clone(), untyped));
        }
    }
    Ok(item)
}

fn incomplete(text: &str) -> ApiError {
    ApiError::validation(text.to_owned())
}

/// Reads the values of a filter that has only some.
fn parse<T: Copy>(
    name: &str,
    texts: &[String],
    known: &[(&'static str, T)],
) -> Result<Vec<T>, ApiError> {
    let parse = |text: &String| {
        let found = known.iter().find(|(known, _)| known == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            ApiError::validation(format!("{name} must be one of {}.", names.join(", ")))
        })
    };
    texts.iter().map(parse).collect()
}
