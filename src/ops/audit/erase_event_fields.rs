//! EraseEventFields: takes personal data out of records, which stay provable.
//! The record of the call says which events and which fields, and why.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::selection::{FROM, Filters, NOT, TEXT, TO, filter};
use crate::audit::{self, Erasure, Events, Field, Filter};
use crate::base::ids::RequestId;
use crate::base::limits;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

pub(super) struct EraseEventFields;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    event_ids: Option<Vec<String>>,
    #[serde(flatten)]
    filters: Filters,
    cursor: Option<String>,
    fields: Vec<String>,
    /// Only for the record, which has it from the members.
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    event_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

const EVENT_IDS: Shape = Shape::List { of: &text(36, 36), min: 1, max: limits::AUDIT_ERASE_EVENTS };
const FIELDS: Shape =
    Shape::List { of: &Shape::Enum(&Field::NAMES), min: 1, max: Field::NAMES.len() };

impl Operation for EraseEventFields {
    const DESCRIPTION: Description = Description {
        name: "EraseEventFields",
        service: Service::Audit,
        read_only: false,
        input: &[
            Member::optional("eventIds", EVENT_IDS),
            FROM,
            TO,
            // The record of an erasure must not tell what was erased.
            filter("principal").unrecorded(),
            filter("accessKeyId"),
            filter("keyId"),
            filter("eventName"),
            filter("eventSource"),
            filter("errorCode"),
            filter("sourceIp").unrecorded(),
            filter("resource"),
            filter("context").unrecorded(),
            filter("requestId"),
            filter("eventId"),
            filter("readOnly"),
            filter("awsRegion"),
            filter("keyMaterialId"),
            filter("grantId"),
            filter("table"),
            NOT.unrecorded(),
            Member::optional("cursor", TEXT).unrecorded(),
            Member::required("fields", FIELDS),
            Member::required("reason", text(1, 1024)),
        ],
        output: &[Member::required("eventIds", EVENT_IDS), out_text("nextCursor")],
        errors: &[],
    };
    /// Reading takes long, and a row that changed meanwhile is noticed.
    const TAKES_TURN: bool = false;

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let caller = &access.call().caller;
        let account = caller.principal.account();
        access.resource(Action::ERASE_EVENT_FIELDS, Resource::AuditLog { account })?;
        let fields = input.fields.iter().filter_map(|name| Field::parse(name)).collect();
        // The record of this call has its id.
        let by = caller.request_id;
        let erasure = Erasure { of: events(ctx, access, input)?, fields, by };
        let store = Arc::clone(&ctx.store);
        let plan = tokio::task::spawn_blocking(move || audit::plan_erasure(&store, &erasure));
        let planned = plan.await.map_err(ApiError::internal)??;
        let event_ids: Vec<String> = planned.event_ids.iter().map(ToString::to_string).collect();
        let response_elements = json!({ "eventIds": event_ids });
        // Whoever checks the book believes no erasure that its record does not name.
        if !access.can_record(&response_elements)? {
            return Err(ApiError::validation(
                "The record of an erasure has the filters in full, and these are too long for it: \
                 nothing was erased. Give fewer or shorter ones.",
            ));
        }
        let output = Output { event_ids, next_cursor: planned.next_cursor };
        Ok(Done::changed(output, vec![planned.change], Some(response_elements)))
    }
}

/// The events by their ids, or all that fit a filter; never simply all.
fn events(ctx: &Ctx, access: &Access<'_>, input: Input) -> Result<Events, ApiError> {
    match (input.event_ids, input.filters.is_empty()) {
        (Some(ids), true) => {
            let account = access.call().caller.principal.account().to_string();
            let parse = |id: &String| {
                let id = RequestId::parse(id);
                id.ok_or_else(|| ApiError::validation("eventIds must be UUIDs."))
            };
            let event_ids = ids.iter().map(parse).collect::<Result<_, _>>()?;
            Ok(Events::Ids { account, event_ids })
        }
        (None, false) => Ok(Events::That(Filter {
            selection: input.filters.selection(ctx, access)?,
            cursor: input.cursor,
            ..Filter::default()
        })),
        _ => Err(ApiError::validation("Name the events: either by eventIds or by a filter.")),
    }
}
