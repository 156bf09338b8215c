//! ExportEvents: all events that fit, however many, in pieces. One call, one
//! record, which is durable before the first piece goes out.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;

use super::selection::{FROM, Filters, NOT, TEXT, TEXTS, TO, filter};
use crate::audit::{self, Filter, Form, Piece};
use crate::base::limits;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::feed::{Feed, Next, Pieces};
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::rates::throttled;
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::store::Store;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct ExportEvents;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    #[serde(flatten)]
    filters: Filters,
    #[serde(default)]
    text: Vec<String>,
    format: Option<String>,
}

/// The answer is the file.
#[derive(Serialize)]
pub(super) struct Output {}

impl Operation for ExportEvents {
    const DESCRIPTION: Description = Description {
        name: "ExportEvents",
        service: Service::Audit,
        read_only: true,
        input: &[
            FROM,
            TO,
            filter("principal"),
            filter("accessKeyId"),
            filter("keyId"),
            filter("eventName"),
            filter("eventSource"),
            filter("errorCode"),
            filter("sourceIp"),
            filter("resource"),
            filter("context"),
            filter("requestId"),
            filter("eventId"),
            filter("readOnly"),
            NOT,
            Member::optional("text", TEXTS),
            Member::optional("format", TEXT),
        ],
        output: &[],
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
        access.resource(Action::EXPORT_EVENTS, Resource::AuditLog { account })?;
        let (form, content_type) = form(input.format.as_deref())?;
        let filter = Filter {
            selection: input.filters.selection(ctx, access)?,
            text: input.text,
            limit: limits::AUDIT_EXPORT_ROWS,
            cursor: None,
        };
        let place = Arc::clone(&ctx.audit_exports).try_acquire_owned();
        let place = place.map_err(|_full| throttled())?;
        // What cannot be answered at all is refused, and not broken off.
        let (first, rest) = piece(&ctx.store, filter, form).await?;
        let export = Export { first: Some(first), rest, form, _place: place };
        Ok(Done::feed(Output {}, Feed::new(content_type, false, export)))
    }
}

fn form(format: Option<&str>) -> Result<(Form, &'static str), ApiError> {
    match format {
        None | Some("ndjson") => Ok((Form::Ndjson, "application/x-ndjson")),
        Some("csv") => Ok((Form::Csv, "text/csv; charset=utf-8")),
        Some(_) => Err(ApiError::validation("format must be ndjson or csv.")),
    }
}

struct Export {
    first: Option<Vec<u8>>,
    rest: Option<Filter>,
    form: Form,
    _place: OwnedSemaphorePermit,
}

impl Pieces for Export {
    fn next<'a>(&'a mut self, ctx: &'a Ctx) -> Next<'a> {
        Box::pin(async move {
            if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
                return Ok(Some(first));
            }
            while let Some(filter) = self.rest.take() {
                let (bytes, rest) = piece(&ctx.store, filter, self.form).await?;
                self.rest = rest;
                if !bytes.is_empty() {
                    return Ok(Some(bytes));
                }
            }
            Ok(None)
        })
    }
}

/// One piece, and what to ask for the next.
async fn piece(
    store: &Arc<Store>,
    mut filter: Filter,
    form: Form,
) -> Result<(Vec<u8>, Option<Filter>), ApiError> {
    let store = Arc::clone(store);
    let work = move || {
        let Piece { bytes, next_cursor } = audit::export(&store, &filter, form)?;
        filter.cursor = next_cursor;
        let rest = filter.cursor.is_some().then_some(filter);
        Ok::<_, audit::Error>((bytes, rest))
    };
    Ok(tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)??)
}
