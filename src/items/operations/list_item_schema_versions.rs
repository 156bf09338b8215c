//! ListItemSchemaVersions: the history of a schema, the newest version first.

use serde::{Deserialize, Serialize};

use super::{Ctx, NAME, find_schema};
use crate::base::timestamp;
use crate::items::schemas::SchemaVersion;
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
        let versions = in_force.versions().iter().rev();
        let found = versions.filter(|version| version.version < before);
        let page = paging::page(&list, PAGE, found, |version| version.version.to_string());
        Ok(Done::read(Output {
            item_schema_versions: page.entries.into_iter().map(|version| entry(version)).collect(),
            next_cursor: page.next_marker,
        }))
    }
}

fn entry(version: &SchemaVersion) -> Entry {
    Entry {
        version: version.version,
        schema_hash: version.hash.clone(),
        created_at: timestamp::event_time(version.created_ms),
        created_by: version.created_by.clone(),
        breaking: version.breaking,
        change: version.change.clone(),
    }
}
