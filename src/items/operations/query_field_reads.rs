//! QueryFieldReads: who read which attributes of which items, how, why, and by
//! which policy, newest first. It is a question to the book; it stands here
//! because only items know how a key is written.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Ctx;
use crate::audit::{self, How, ReadFilter, ReadKind, ReadPage, ReadRow, SoughtItem};
use crate::base::{hex, limits, timestamp};
use crate::items::item_key::ItemKey;
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
        let table = input.table.as_deref().map(|name| table(ctx, access, name));
        let table = match (table, input.schema.as_deref()) {
            (None, Some(schema)) => Some(table_of_schema(ctx, access, schema)?),
            (table, _) => table,
        };
        let item = match (&input.key, &table) {
            (None, _) if input.sort_key.is_some() => return Err(incomplete("sortKey needs key.")),
            (None, _) => None,
            (Some(_), None) => return Err(incomplete("key needs table, or schema.")),
            (Some(key), Some(table)) => {
                Some(item(ctx, access, table, (key, input.sort_key.as_deref()))?)
            }
        };
        if let Some(SoughtItem { reference, .. }) = &item {
            access.record_parameter("reference", hex::encode(reference).into());
        }
        let filter = ReadFilter {
            selection: input.filters.selection(&ctx.common, access)?,
            kinds: parse("kind", &input.kind, &ReadKind::ALL)?,
            how: parse("how", &input.how, &How::ALL)?,
            table,
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

/// The logical name of the table that `name` names: its own, or that of a schema.
fn table(ctx: &Ctx, access: &Access<'_>, name: &str) -> String {
    let realm = access.call().realm();
    let is_table = ctx.schemas.find_table(&realm, name).is_some();
    match ctx.schemas.find(&realm, name) {
        Some(schema) if !is_table => schema.schema.document().table_name.clone(),
        // Clients of the SDK need no schema here.
        _ => name.to_owned(),
    }
}

fn table_of_schema(ctx: &Ctx, access: &Access<'_>, name: &str) -> Result<String, ApiError> {
    let found = ctx.schemas.find(&access.call().realm(), name);
    let missing = || ApiError::validation(format!("There is no item schema {name}."));
    Ok(found.ok_or_else(missing)?.schema.document().table_name.clone())
}

/// The item with this key.
fn item(
    ctx: &Ctx,
    access: &Access<'_>,
    table: &str,
    (partition, sort): (&str, Option<&str>),
) -> Result<SoughtItem, ApiError> {
    let realm = access.call().realm();
    if let Some(stored) = ctx.schemas.find_table(&realm, table) {
        let document = stored.schema.document();
        let given = if sort.is_some() { 2 } else { 1 };
        if document.kind.is_some() && document.id_paths.len() != given {
            let paths: Vec<&str> = document.id_paths.iter().map(String::as_str).collect();
            let text = format!(
                "Documents of {table} are told apart by {}: give the first as key, the second as \
                 sortKey; by more than two nobody can ask.",
                paths.join(", ")
            );
            return Err(ApiError::validation(text));
        }
        match (&document.sort_key_name, sort) {
            (Some(name), None) => {
                let text = format!("The table {table} has a sort key, {name}: give sortKey, too.");
                return Err(ApiError::validation(text));
            }
            (None, Some(_)) if document.kind.is_none() => {
                return Err(ApiError::validation(format!("The table {table} has no sort key.")));
            }
            _ => {}
        }
    }
    let wrong = "key and sortKey must be a text, N: and a number, or B: and Base64.";
    let key = ItemKey::parse(partition, sort).map_err(|_bad| incomplete(wrong))?;
    let untyped = key.untyped().ok_or_else(|| incomplete(wrong))?;
    let references = ctx.common.hsm.reference_key(realm.account.as_str(), table);
    Ok(SoughtItem { reference: key.reference(&references)?, untyped })
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
