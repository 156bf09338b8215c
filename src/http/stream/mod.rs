//! Items without an end: one a line (`application/x-ndjson`), answered line by line.
//!
//! Lines are taken together to batches, and each batch is a call of its own: asked for
//! by the same headers, decided on, recorded and durable before the first of its lines is
//! answered. The next one is read when the client has taken those. So a stream has any
//! length in the memory of one batch, and what was answered is done, whatever comes then.
//!
//! Deliberately absent: signed pieces. The body of a stream is unsigned, so the way to
//! this server must be safe by itself ([`Way::is_safe`](super::state::Way)).

mod batch;
mod lines;

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse, rt};
use serde_json::{Map, Value, json};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use self::batch::Batch;
use self::lines::Lines;
use super::auth::Refused;
use super::feed::{self, Pieces};
use super::request::{Incoming, Share, not_arrived};
use super::respond;
use super::rest::{self, Found};
use super::routes::Members;
use super::state::State;
use crate::base::clock::{Clock, Deadline};
use crate::base::limits;
use crate::ops::call::{Answer, Call};
use crate::ops::operation::{BoundOperation, Description};
use crate::ops::pipeline::Refusal;
use crate::ops::rates::throttled;
use crate::ops::seats::Seat;
use crate::wire::error::ApiError;
use crate::wire::shape::Shape;
use crate::wire::sigv4;

/// How long a stream waits before it looks at the clock, or answers what came.
const PAUSE: Duration = Duration::from_millis(limits::ITEM_STREAM_PAUSE_MS);

/// Whether a request sends items one a line.
pub(super) fn is_meant(request: &HttpRequest, found: &Found) -> bool {
    let sent = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = sent.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    found.body_bytes == limits::ITEMS_BODY_BYTES
        && kind.trim().eq_ignore_ascii_case(respond::NDJSON)
}

/// Answers a stream. If its first batch is refused, that is the answer.
pub(super) async fn answer(
    state: &Arc<State>,
    request: &HttpRequest,
    found: Found,
    mut incoming: Incoming,
    payload: Payload,
) -> HttpResponse {
    let request_id = incoming.request_id;
    incoming.payload = sigv4::Payload::Unsigned;
    let stream = match Stream::begin(state, request, found, &incoming, payload).await {
        Ok(stream) => stream,
        Err(refused) => {
            let none = || respond::bare_internal(request_id);
            return refused.as_ref().map_or_else(none, respond::rest);
        }
    };
    // A task of its own: a handler is dropped when its client is gone, while a call still
    // works in the room that its stream holds.
    let (begun, response) = oneshot::channel();
    rt::spawn(stream.run(incoming, begun));
    response.await.unwrap_or_else(|_crashed| respond::bare_internal(request_id))
}

struct Stream {
    state: Arc<State>,
    request: HttpRequest,
    operation: Arc<BoundOperation>,
    /// The members of each body beside its items.
    beside: Map<String, Value>,
    /// The members beside the body.
    members: Members,
    lines: Lines,
    /// What lines, items and answers have of the room for large bodies.
    share: Share,
    /// When it began.
    since: Duration,
    closing: watch::Receiver<bool>,
    /// Whether there was a batch before.
    has_begun: bool,
    _seat: Seat,
}

impl Stream {
    /// A stream of somebody known who has a place for it. Of its body nothing was read.
    async fn begin(
        state: &Arc<State>,
        request: &HttpRequest,
        found: Found,
        incoming: &Incoming,
        payload: Payload,
    ) -> Result<Self, Option<Answer>> {
        let Found { operation, in_path, .. } = found;
        let description = operation.description;
        let known = check(state, request)
            .map_err(Refused::from)
            .and_then(|()| rest::identify(state, request, incoming, &description));
        let known = match known {
            Ok(known) => known,
            Err(Refused { caller, refusal }) => {
                return Err(state.refuse_early(&description, incoming, caller, refusal).await);
            }
        };
        let seats = &state.ctx.item_streams;
        let admitted = parameters(request, &description, &in_path).and_then(|parameters| {
            let seat = seats.take(known.caller.principal.account()).ok_or_else(throttled)?;
            Ok((parameters, seat))
        });
        let ((beside, members), seat) = match admitted {
            Ok(admitted) => admitted,
            Err(error) => {
                let refusal = Refusal { decided: known.decided, ..error.into() };
                let refused = state.refuse(&description, known.caller, known.region, refusal);
                return Err(Some(refused.await));
            }
        };
        Ok(Self {
            state: Arc::clone(state),
            request: request.clone(),
            operation,
            beside,
            members,
            lines: Lines::new(payload),
            share: Share::of(&state.large_bodies),
            since: state.ctx.clock.elapsed(),
            closing: state.closing(),
            has_begun: false,
            _seat: seat,
        })
    }

    /// Does one batch after the other, and each when the answers before were taken. The
    /// first one tells how the response begins.
    async fn run(mut self, incoming: Incoming, begun: oneshot::Sender<HttpResponse>) {
        let request_id = incoming.request_id;
        let mut told = match self.batch(incoming).await {
            Ok(told) => told,
            Err(refused) => {
                let none = || respond::bare_internal(request_id);
                // Whoever waits for it may be gone.
                drop(begun.send(refused.as_ref().map_or_else(none, respond::rest)));
                return;
            }
        };
        let (pieces, body) = feed::channel();
        drop(begun.send(respond::start(request_id, respond::NDJSON).body(body)));
        let ctx = Arc::clone(&self.state.ctx);
        let clock = &*ctx.clock;
        while deliver(clock, &pieces, told).await {
            self.share.fit(self.lines.held());
            // Only a stream that was answered whole ends well.
            if self.lines.ended {
                drop(pieces.try_send(None));
                return;
            }
            let next = match self.state.request_id() {
                Ok(id) => self.batch(Incoming::unsigned(&self.request, id)).await,
                Err(_no_randomness) => Err(None),
            };
            told = match next {
                Ok(told) => told,
                Err(refused) => {
                    deliver(clock, &pieces, stopped(refused.as_ref())).await;
                    return;
                }
            };
        }
    }

    /// Does the next batch, and tells what became of its lines; the refusal if it is
    /// refused as a whole.
    async fn batch(&mut self, incoming: Incoming) -> Result<Vec<u8>, Option<Answer>> {
        let gathered = self.gather().await;
        // The end may come right behind a batch. A stream of nothing is a call all the same.
        let has_begun = std::mem::replace(&mut self.has_begun, true);
        if has_begun && gathered.as_ref().is_ok_and(Batch::is_empty) {
            return Ok(Vec::new());
        }
        // Lines may have been long in coming: what counts is who may call now.
        let (state, description) = (&self.state, &self.operation.description);
        let known = match rest::identify(state, &self.request, &incoming, description) {
            Ok(known) => known,
            Err(Refused { caller, refusal }) => {
                return Err(state.refuse_early(description, &incoming, caller, refusal).await);
            }
        };
        let mut batch = match gathered {
            Ok(batch) => batch,
            Err(error) => {
                let refusal = Refusal { decided: known.decided, ..error.into() };
                let refused = state.refuse(description, known.caller, known.region, refusal);
                return Err(Some(refused.await));
            }
        };
        let call = Call {
            caller: known.caller,
            region: known.region,
            body: batch.take_body(),
            members: self.members.clone(),
            decided: known.decided,
        };
        let answer = state.run(&self.operation, call).await;
        let told = match answer.result() {
            Ok(output) => batch.told(output).ok_or(None)?,
            Err(_refused) => return Err(Some(answer)),
        };
        self.share.fit(told.len().saturating_add(self.lines.held()));
        Ok(told)
    }

    /// Takes lines as far as there is room, and no longer than they keep coming.
    async fn gather(&mut self) -> Result<Batch, ApiError> {
        self.check_age()?;
        let clock = &*self.state.ctx.clock;
        let deadline = Deadline::after(clock, Duration::from_millis(limits::ITEM_BATCH_READ_MS));
        let mut batch = Batch::new(&self.beside);
        while batch.has_room() {
            let before = batch.bytes();
            let share = &mut self.share;
            // Twice: an answer is about as long as what it answers.
            let hold = |line: usize| share.hold(before.saturating_add(line).saturating_mul(2));
            match timeout(PAUSE, self.lines.next(hold)).await {
                Ok(line) => match line? {
                    Some(line) => batch.add(self.lines.number, &line),
                    None => break,
                },
                Err(_nothing_came) if !batch.is_empty() => break,
                Err(_nothing_came) if *self.closing.borrow() => return Err(throttled()),
                Err(_nothing_came) => {}
            }
            if deadline.is_over() {
                break;
            }
        }
        if batch.is_empty() && !self.lines.ended {
            self.check_age()?;
            return Err(not_arrived());
        }
        Ok(batch)
    }

    /// Refuses to go on with a stream for longer than anybody is believed by one head.
    fn check_age(&self) -> Result<(), ApiError> {
        let age = self.state.ctx.clock.elapsed().saturating_sub(self.since);
        if age < Duration::from_secs(limits::ITEM_STREAM_S) {
            return Ok(());
        }
        Err(ApiError::validation(format!(
            "A stream goes on for at most {} seconds: begin another one behind the last line \
             that was answered.",
            limits::ITEM_STREAM_S
        )))
    }
}

/// Whether nobody can change an unsigned body on its way, and its head is no longer than
/// others'.
fn check(state: &State, request: &HttpRequest) -> Result<(), ApiError> {
    if !state.way.is_safe() {
        return Err(ApiError::validation("The body of a stream is not signed: send it over TLS."));
    }
    Incoming::check_headers(request)
}

/// What stands in the query string and in headers: the members of each body beside the
/// items, and those that stand beside the body.
fn parameters(
    request: &HttpRequest,
    description: &Description,
    in_path: &Members,
) -> Result<(Map<String, Value>, Members), ApiError> {
    let (mut beside, mut members) = (Map::new(), Members::new());
    for (name, value) in rest::query_members(request, description, in_path)? {
        let shape = description.input.iter().find(|of| of.name == name).map(|of| of.shape);
        match (name.as_str(), shape) {
            ("items", _) => {
                return Err(ApiError::validation("The items of a stream are its lines."));
            }
            (_, Some(Shape::List { .. })) => {
                if let Value::Array(values) = beside.entry(name).or_insert_with(|| json!([])) {
                    values.push(value.into());
                }
            }
            (_, Some(Shape::Enum(_))) => drop(beside.insert(name, value.into())),
            _ => members.push((name, value)),
        }
    }
    Ok((beside, members))
}

/// Whether the client took all of what it is told, in time. The last piece is taken when
/// the connection asks for another: it has passed all of it on but for its own buffer.
async fn deliver(clock: &dyn Clock, pieces: &Pieces, told: Vec<u8>) -> bool {
    let deadline = Deadline::after(clock, Duration::from_secs(limits::PIECE_TAKEN_S));
    let mut rest = Bytes::from(told);
    loop {
        match timeout(PAUSE, pieces.reserve()).await {
            Ok(Ok(_place)) if rest.is_empty() => return true,
            Ok(Ok(place)) => {
                let bytes = rest.len().min(limits::ITEM_STREAM_PIECE_BYTES);
                place.send(Some(rest.split_to(bytes)));
            }
            Ok(Err(_hung_up)) => return false,
            Err(_not_taken) => {}
        }
        if deadline.is_over() {
            return false;
        }
    }
}

/// The last line of a stream that goes on no further.
fn stopped(refused: Option<&Answer>) -> Vec<u8> {
    let Some((answer, Err(error))) = refused.map(|answer| (answer, answer.result())) else {
        return Vec::new();
    };
    let message = error.message().unwrap_or(error.code().as_str());
    let told = json!({ "stopped": {
        "code": error.code().as_str(), "message": message,
        "requestId": answer.request_id().to_string(),
    } });
    format!("{told}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;

    /// Somebody who takes nothing is given up when the time is over, and not before.
    #[tokio::test]
    async fn a_reader_has_a_minute_for_what_a_batch_answers() {
        let clock = ManualClock::at(0);
        let (pieces, _body) = feed::channel();
        let told = vec![b'x'; limits::ITEM_STREAM_PIECE_BYTES * 2];
        let waiting = deliver(&clock, &pieces, told);
        let late = async {
            tokio::task::yield_now().await;
            clock.advance_ms(i64::try_from(limits::PIECE_TAKEN_S).unwrap() * 1_000);
        };
        let (taken, ()) = tokio::join!(waiting, late);
        assert!(!taken);
    }

    #[tokio::test]
    async fn nothing_to_tell_waits_for_what_was_told_before() {
        let clock = ManualClock::at(0);
        let (pieces, body) = feed::channel();
        assert!(deliver(&clock, &pieces, Vec::new()).await);
        drop(body);
        assert!(!deliver(&clock, &pieces, Vec::new()).await);
    }
}
