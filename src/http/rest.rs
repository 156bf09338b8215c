//! The REST API: plain JSON under `/v1`, signed for the service `wardbook`, or
//! with the bearer token of an OpenID Connect provider.

use std::sync::Arc;

use actix_web::web::{Payload, Query};
use actix_web::{HttpRequest, HttpResponse};

use super::auth::{self, Known, Refused};
use super::feed;
use super::request::{Incoming, Room, Share};
use super::respond;
use super::routes::{Members, ROUTES};
use super::state::{State, UNKNOWN_OPERATION};
use super::stream;
use crate::base::limits;
use crate::ops::call::Call;
use crate::ops::operation::{BoundOperation, Description};
use crate::ops::pipeline::Refusal;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::Shape;
use crate::wire::sigv4::canonical;

/// The service of the credential scope.
const SERVICE: &str = "wardbook";

/// The operation whose answer can be had as lines.
const LISTED_IN_LINES: &str = "QueryEvents";

/// Where a client of server-sent events wants to go on.
const LAST_EVENT_ID: &str = "lastEventId";

/// The members that may also stand in a header, and its name.
const IN_HEADERS: [(&str, &str); 3] = [
    (LAST_EVENT_ID, "last-event-id"),
    ("purpose", "x-wardbook-purpose"),
    ("schemaHash", "x-wardbook-schema-hash"),
];

/// Answers one call of the REST API.
pub(super) async fn answer(
    state: &Arc<State>,
    request: &HttpRequest,
    mut incoming: Incoming,
    payload: Payload,
) -> HttpResponse {
    let mut found = find(state, request);
    if let Some(found) = found.take_if(|found| stream::is_meant(request, found)) {
        return stream::answer(state, request, found, incoming, payload).await;
    }
    let description = found.as_ref().map_or(UNKNOWN_OPERATION, |found| found.operation.description);
    // Nothing is read for a path that is not there: the connection is closed then, if
    // a body is on its way.
    let checked = match found {
        None => Err(unknown_path(request).into()),
        Some(found) => read(state, request, &mut incoming, payload, found.body_bytes)
            .await
            .map_err(Refused::from)
            .and_then(|()| identify(state, request, &incoming, &description))
            .map(|known| (known, found)),
    };
    let (Known { caller, region, decided }, Found { operation, in_path, .. }) = match checked {
        Ok(checked) => checked,
        Err(Refused { caller, refusal }) => {
            let answer = state.refuse_early(&description, &incoming, caller, refusal).await;
            let none = || respond::bare_internal(incoming.request_id);
            return answer.as_ref().map_or_else(none, respond::rest);
        }
    };
    let share = Share::held(&state.large_bodies, incoming.held.take());
    let (mut answer, share) = match query_members(request, &description, &in_path) {
        Ok(members) => {
            let body = std::mem::take(&mut incoming.body);
            let call = Call { caller, region, body, members, decided };
            state.run_large(&operation, call, share).await
        }
        Err(error) => {
            let refusal = Refusal { decided, ..error.into() };
            (state.refuse(&description, caller, region, refusal).await, share)
        }
    };
    if let Some(pieces) = answer.take_feed() {
        return feed::answer(state, answer.request_id(), pieces);
    }
    let mut response = match description.name == LISTED_IN_LINES && accepts_lines(request) {
        true => respond::lines(&answer),
        false => respond::rest(&answer),
    };
    response.extensions_mut().insert(share);
    response
}

/// Reads the body. Of the room for large ones only those get any whose credential is
/// there; that it is theirs is seen when the body is.
async fn read(
    state: &State,
    request: &HttpRequest,
    incoming: &mut Incoming,
    payload: Payload,
    most_bytes: usize,
) -> Result<(), ApiError> {
    if Incoming::may_be_large(request)
        && let Err(error) = auth::check_claim(state, request, incoming, SERVICE)
    {
        // A client that is still sending may not hear an answer before it is done.
        incoming.pass_over(payload, most_bytes).await;
        return Err(error);
    }
    let room = Room::large(most_bytes, &state.large_bodies);
    incoming.read_body(request, payload, room).await
}

/// Who calls: by signature, or by bearer token.
pub(super) fn identify(
    state: &State,
    request: &HttpRequest,
    incoming: &Incoming,
    operation: &Description,
) -> Result<Known, Refused> {
    if let Some(token) = auth::bearer(request) {
        return auth::assume(state, request, incoming, operation, token);
    }
    let who = auth::authenticate(state, request, incoming, SERVICE)?;
    let (caller, region) = state.caller(incoming, who);
    Ok(Known { caller, region, decided: Vec::new() })
}

/// Whether the client asks for one record a line.
fn accepts_lines(request: &HttpRequest) -> bool {
    let accepted = request.headers().get("accept").and_then(|value| value.to_str().ok());
    accepted.is_some_and(|types| types.split(',').any(|kind| kind.trim() == respond::NDJSON))
}

/// The operation behind a path.
pub(super) struct Found {
    pub(super) operation: Arc<BoundOperation>,
    pub(super) in_path: Members,
    pub(super) body_bytes: usize,
}

/// The operation behind the request's path. What is signed is the normal form
/// of a path, so only a path in normal form is routed.
fn find(state: &State, request: &HttpRequest) -> Option<Found> {
    let path = request.uri().path();
    if canonical::normal_path(path) != path {
        return None;
    }
    let method = request.method().as_str();
    let (route, in_path) =
        ROUTES.iter().find_map(|route| Some((route, route.matches(method, path)?)))?;
    let operation = Arc::clone(state.operations.get(route.operation)?);
    Some(Found { operation, in_path, body_bytes: route.body_bytes })
}

/// The members of the path and those of the query string. A name that the
/// operation does not have is refused: a mistyped filter must not widen a
/// query. Only a list may be given several times.
pub(super) fn query_members(
    request: &HttpRequest,
    description: &Description,
    in_path: &Members,
) -> Result<Members, ApiError> {
    let query = request.uri().query().unwrap_or_default();
    if query.len() > limits::QUERY_BYTES {
        let text = format!("The query string must not exceed {} bytes.", limits::QUERY_BYTES);
        return Err(ApiError::validation(text));
    }
    let pairs = Query::<Members>::from_query(query)
        .map_err(|_bad| ApiError::validation("The query string is not valid."))?
        .into_inner();
    let mut members = Members::new();
    for (name, value) in pairs {
        let member = description.input.iter().find(|member| member.name == name);
        let may_repeat = member.is_some_and(|of| matches!(of.shape, Shape::List { .. }));
        let repeated = in_path.iter().chain(&members).any(|(other, _)| *other == name);
        if member.is_none() || (repeated && !may_repeat) {
            let shown: String = name.chars().take(64).collect();
            let what = if repeated { "is given twice" } else { "is not known" };
            return Err(ApiError::validation(format!("The query parameter '{shown}' {what}.")));
        }
        members.push((name, value));
    }
    members.extend(in_path.iter().cloned());
    for (name, header) in IN_HEADERS {
        let is_given = members.iter().any(|(other, _)| other == name);
        let value = in_header(request, description, name, header)?;
        // What is said twice has to be the same: its reader sees both.
        let counts = !is_given || name != LAST_EVENT_ID;
        members.extend(value.filter(|_| counts).map(|value| (name.to_owned(), value)));
    }
    Ok(members)
}

/// A member that stands in a header. Two headers would leave open which is meant.
fn in_header(
    request: &HttpRequest,
    description: &Description,
    name: &str,
    header: &str,
) -> Result<Option<String>, ApiError> {
    if description.input.iter().all(|member| member.name != name) {
        return Ok(None);
    }
    let mut values = request.headers().get_all(header);
    let value = values.next().map(|value| value.to_str().unwrap_or_default().to_owned());
    match values.next() {
        None => Ok(value),
        Some(_) => Err(ApiError::validation(format!("The header {header} is given twice."))),
    }
}

fn unknown_path(request: &HttpRequest) -> ApiError {
    let path: String = request.uri().path().chars().take(256).collect();
    let text = format!("There is no {} {path}.", request.method());
    ApiError::new(Code::UnknownOperationException, text)
}
