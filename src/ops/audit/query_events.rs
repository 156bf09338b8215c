//! QueryEvents: what happened, newest first. Asking is itself recorded.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::selection::{self, FILTERS, Filters, TEXT, TEXTS, filters_and};
use crate::audit::{self, Filter, Page};
use crate::base::{limits, timestamp};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct QueryEvents;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    #[serde(flatten)]
    filters: Filters,
    #[serde(default)]
    text: Vec<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// CloudTrail records, each byte for byte as it was hashed.
    events: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// With a cursor: how far back this page has looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    searched_to: Option<String>,
}

const INPUT: [Member; FILTERS.len() + 3] = filters_and(&[
    Member::optional("text", TEXTS),
    Member::optional("limit", TEXT),
    // It has a digest of the filters, some of which can be erased.
    Member::optional("cursor", TEXT).unrecorded(),
]);

impl Operation for QueryEvents {
    const DESCRIPTION: Description = Description {
        name: "QueryEvents",
        service: Service::Audit,
        read_only: true,
        input: &INPUT,
        output: &[
            Member::required(
                "events",
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
        access.resource(Action::QUERY_EVENTS, Resource::AuditLog { account })?;
        let filter = Filter {
            selection: input.filters.selection(ctx, access)?,
            text: input.text,
            limit: selection::rows(input.limit.as_deref())?,
            cursor: input.cursor,
        };
        let store = Arc::clone(&ctx.store);
        // Reading blocks, and may take a while on a cold file.
        let found = tokio::task::spawn_blocking(move || audit::query(&store, &filter));
        let Page { records, next_cursor, searched_to_ms } =
            found.await.map_err(ApiError::internal)??;
        let events = records.into_iter().map(RawValue::from_string).collect::<Result<_, _>>();
        Ok(Done::read(Output {
            events: events.map_err(ApiError::internal)?,
            next_cursor,
            searched_to: searched_to_ms.map(timestamp::iso_8601),
        }))
    }
}
