//! ListItemSchemaVersions: the history of a schema, the newest version first.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Ctx, NAME, find_schema};
use crate::base::timestamp;
use crate::items::schema::changes;
use crate::items::schemas::StoredSchema;
use crate::ops::access::Access;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::paging;
use crate::wire::shape::{Member, Shape, text};

/// Versions in one page.
const PAGE: usize = 100;

pub(super) struct ListItemSchemaVersions;

#[derive(Deserialize)]
pub(super) struct Input {
    name: String,
    cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    item_schema_versions: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    version: i64,
    schema_hash: String,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
    /// Whether items of earlier versions were given up with it.
    breaking: bool,
    /// What is different from the version before, in one line.
    change: String,
}

impl Operation for ListItemSchemaVersions {
    const DESCRIPTION: Description = Description {
        name: "ListItemSchemaVersions",
        service: Service::Items,
        read_only: true,
        input: &[NAME, Member::optional("cursor", text(1, 1024))],
        output: &[
            Member::required(
                "itemSchemaVersions",
                Shape::List { of: &Shape::Document, min: 0, max: PAGE },
            ),
            out_text("nextCursor"),
        ],
        errors: &[Code::InvalidMarkerException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let list = format!("ListItemSchemaVersions {}", input.name);
        let in_force = find_schema(ctx, access, Action::LIST_ITEM_SCHEMA_VERSIONS, &input.name)?;
        let before = match input.cursor.as_deref() {
            Some(cursor) => paging::last_entry(&list, cursor)?.parse().map_err(|_no_number| {
                ApiError::new(Code::InvalidMarkerException, "The marker is not valid.")
            })?,
            None => i64::MAX,
        };
        let versions = ctx.schemas.versions(&in_force.realm, &in_force.name);
        let with_previous = versions
            .iter()
            .enumerate()
            .map(|(at, stored)| (stored, at.checked_sub(1).and_then(|at| versions.get(at))));
        let found = with_previous.rev().filter(|(stored, _)| stored.version < before);
        let page = paging::page(&list, PAGE, found, |(stored, _)| stored.version.to_string());
        let entries = page.entries.into_iter();
        Ok(Done::read(Output {
            item_schema_versions: entries
                .map(|(stored, previous)| entry(stored, previous))
                .collect(),
            next_cursor: page.next_marker,
        }))
    }
}

fn entry(stored: &StoredSchema, previous: Option<&Arc<StoredSchema>>) -> Entry {
    Entry {
        version: stored.version,
        schema_hash: stored.hash.clone(),
        created_at: timestamp::event_time(stored.created_ms),
        created_by: stored.created_by.clone(),
        breaking: stored.breaking,
        change: match previous {
            None => "first version".to_owned(),
            Some(previous) => change(previous, stored),
        },
    }
}

fn change(previous: &StoredSchema, stored: &StoredSchema) -> String {
    let changes = changes::between(previous.schema.document(), stored.schema.document());
    match changes.is_empty() {
        // The schema is the same, and an alias in it was moved meanwhile.
        true => format!("key: {} -> {}", previous.key_arn, stored.key_arn),
        false => changes::summary(&changes),
    }
}
