//! ListItemSchemas: by name, a page at a time.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Ctx;
use crate::base::timestamp;
use crate::items::schemas::StoredSchema;
use crate::ops::access::Access;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::paging;
use crate::wire::shape::{Member, Shape, text};

/// Schemas in one page.
const PAGE: usize = 100;

pub(super) struct ListItemSchemas;

#[derive(Deserialize)]
pub(super) struct Input {
    cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    item_schemas: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: String,
    version: i64,
    schema_hash: String,
    created_at: String,
    table_name: String,
}

impl Operation for ListItemSchemas {
    const DESCRIPTION: Description = Description {
        name: "ListItemSchemas",
        service: Service::Items,
        read_only: true,
        input: &[Member::optional("cursor", text(1, 1024))],
        output: &[
            Member::required(
                "itemSchemas",
                Shape::List { of: &Shape::Document, min: 0, max: PAGE },
            ),
            out_text("nextCursor"),
        ],
        errors: &[Code::InvalidMarkerException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        access.account(Action::LIST_ITEM_SCHEMAS)?;
        let after = match input.cursor.as_deref() {
            Some(cursor) => Some(paging::last_entry("ListItemSchemas", cursor)?),
            None => None,
        };
        let found =
            ctx.schemas.list(&access.call().realm(), after.as_deref(), PAGE.saturating_add(1));
        let page =
            paging::page("ListItemSchemas", PAGE, found.into_iter(), |stored| stored.name.clone());
        let entry = |stored: &Arc<StoredSchema>| Entry {
            name: stored.name.clone(),
            version: stored.version,
            schema_hash: stored.hash.clone(),
            created_at: timestamp::event_time(stored.created_ms),
            table_name: stored.schema.document().table_name.clone(),
        };
        Ok(Done::read(Output {
            item_schemas: page.entries.iter().map(entry).collect(),
            next_cursor: page.next_marker,
        }))
    }
}
