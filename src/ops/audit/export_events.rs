//! ExportEvents: all events that fit, however many, in pieces. One call, one
//! record, which is durable before the first piece goes out.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::hashes;
use super::selection::{FILTERS, Filters, TEXT, TEXTS, filters_and};
use crate::audit::{self, Filter, Form};
use crate::base::limits;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::feed::{Feed, Next, Pieces};
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::rates::throttled;
use crate::ops::seats::Seat;
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
    /// `true` for lines that prove themselves.
    proof: Option<String>,
    /// The size of a checkpoint that the caller keeps.
    checkpoint_size: Option<String>,
}

/// The answer is the file.
#[derive(Serialize)]
pub(super) struct Output {}

const INPUT: [Member; FILTERS.len() + 4] = filters_and(&[
    Member::optional("text", TEXTS),
    Member::optional("format", TEXT),
    Member::optional("proof", TEXT),
    Member::optional("checkpointSize", hashes::NUMBER),
]);

impl Operation for ExportEvents {
    const DESCRIPTION: Description = Description {
        name: "ExportEvents",
        service: Service::Audit,
        read_only: true,
        input: &INPUT,
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
        let account = account.clone();
        let (form, content_type) = form(ctx, &input)?;
        let filter = Filter {
            selection: input.filters.selection(ctx, access)?,
            text: input.text,
            limit: limits::AUDIT_EXPORT_ROWS,
            cursor: None,
        };
        let seat = ctx.audit_exports.take(&account).ok_or_else(throttled)?;
        let taking = Taking::default();
        let mut export = Export { going: None, first: Vec::new(), taking, _seat: seat };
        // What cannot be answered at all is refused, and not broken off.
        let store = Arc::clone(&ctx.store);
        let begun = move || {
            let events = count(&store, &filter);
            audit::Export::new(&store, filter, form).map(|export| (export, events))
        };
        let begun = tokio::task::spawn_blocking(begun).await.map_err(ApiError::internal)??;
        let (begun, events) = begun;
        export.going = Some(begun);
        export.first = export.piece(&ctx.store).await?.unwrap_or_default();
        Ok(Done::feed(Output {}, Feed::new(content_type, false, export).of_events(events)))
    }
}

/// How many events fit now, for whoever watches; nothing depends on it. Texts are
/// only found by reading.
fn count(store: &Store, filter: &Filter) -> Option<u64> {
    if !filter.text.is_empty() {
        return None;
    }
    audit::count(store, &filter.selection, [None, None], 1).ok().map(|counts| counts.events)
}

/// How the file is written, and its media type.
fn form(ctx: &Ctx, input: &Input) -> Result<(Form, &'static str), ApiError> {
    let proof = match input.proof.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(ApiError::validation("proof must be true or false.")),
    };
    let since = input.checkpoint_size.as_deref();
    let since = since.map(|text| hashes::size("checkpointSize", text)).transpose()?;
    if since.is_some() && !proof {
        return Err(ApiError::validation("checkpointSize is for exports with proof=true."));
    }
    match input.format.as_deref() {
        None | Some("ndjson") if proof => {
            let public_key = ctx.log_key.to_string();
            Ok((Form::Proofs { public_key, since }, "application/x-ndjson"))
        }
        None | Some("ndjson") => Ok((Form::Ndjson, "application/x-ndjson")),
        Some("csv" | "parquet") if proof => {
            Err(ApiError::validation("format must be ndjson with proof=true."))
        }
        Some("csv") => Ok((Form::Csv, "text/csv; charset=utf-8")),
        // Registered at IANA.
        Some("parquet") => Ok((Form::Parquet, "application/vnd.apache.parquet")),
        Some(_) => Err(ApiError::validation("format must be ndjson, csv or parquet.")),
    }
}

struct Export {
    /// `None` while a piece is made, and if that crashed.
    going: Option<audit::Export>,
    /// The first piece, if it is not taken yet.
    first: Vec<u8>,
    taking: Taking,
    _seat: Seat,
}

/// How fast the client takes what it is given: one that lingers would keep the
/// place for days.
#[derive(Default)]
struct Taking {
    bytes: u64,
    took: Duration,
    /// When the last piece was given.
    given: Option<Duration>,
}

/// The client takes the export too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the export is taken too slowly")]
struct TooSlow;

impl Taking {
    /// The client has taken what it was given, and waits for the next piece.
    fn taken(&mut self, now: Duration) -> Result<(), TooSlow> {
        let took = self.given.map_or(Duration::ZERO, |given| now.saturating_sub(given));
        self.took = self.took.saturating_add(took);
        let needed = self.bytes.checked_div(limits::AUDIT_EXPORT_RATE).unwrap_or(0);
        let most = limits::AUDIT_EXPORT_GRACE_S.saturating_add(needed);
        if self.took > Duration::from_secs(most) { Err(TooSlow) } else { Ok(()) }
    }

    fn gives(&mut self, piece: &[u8], now: Duration) {
        let bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
        self.given = Some(now);
    }
}

impl Export {
    /// The next piece, which may be empty.
    async fn piece(&mut self, store: &Arc<Store>) -> Result<Option<Vec<u8>>, ApiError> {
        let Some(mut export) = self.going.take() else { return Ok(None) };
        let store = Arc::clone(store);
        let work = move || (export.piece(&store), export);
        let (piece, export) =
            tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?;
        self.going = Some(export);
        Ok(piece?)
    }
}

impl Pieces for Export {
    fn next<'a>(&'a mut self, ctx: &'a Ctx) -> Next<'a> {
        Box::pin(async move {
            self.taking.taken(ctx.clock.elapsed()).map_err(ApiError::internal)?;
            let mut next = Some(std::mem::take(&mut self.first));
            // Pieces may be empty; the end is not.
            while next.as_ref().is_some_and(Vec::is_empty) {
                next = self.piece(&ctx.store).await?;
            }
            if let Some(piece) = &next {
                self.taking.gives(piece, ctx.clock.elapsed());
            }
            Ok(next)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_slowly_loses_the_place() {
        let grace = Duration::from_secs(limits::AUDIT_EXPORT_GRACE_S);
        let second = Duration::from_secs(1);
        let mut taking = Taking::default();
        // What the server needs to find the first piece does not count.
        taking.taken(grace * 2).unwrap();
        taking.gives(&[0; 10], grace * 2);
        taking.taken(grace * 3).unwrap();
        taking.gives(&[0; 10], grace * 4);
        taking.taken(grace * 4 + second).unwrap_err();
        // As fast as it must be.
        let piece = vec![0; usize::try_from(limits::AUDIT_EXPORT_RATE).unwrap() * 60];
        let (mut taking, mut now) = (Taking::default(), Duration::ZERO);
        for _ in 0..100 {
            taking.gives(&piece, now);
            now += second * 60;
            taking.taken(now).unwrap();
        }
    }
}
