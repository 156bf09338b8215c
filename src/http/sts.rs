//! GetCallerIdentity over the query protocol of AWS STS: SDKs and people ask
//! it to see who they are. The rest of STS is refused by name.

use actix_web::web::Query;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::auth;
use super::request::Incoming;
use super::respond;
use super::state::{State, UNKNOWN_OPERATION};
use crate::ops::call::Call;
use crate::ops::operation::{Description, Service};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

#[derive(Deserialize)]
struct Form {
    #[serde(rename = "Action")]
    action: String,
}

/// Answers one call of the STS protocol.
pub(super) async fn answer(
    state: &State,
    request: &HttpRequest,
    incoming: Incoming,
    read: Result<(), ApiError>,
) -> HttpResponse {
    let form =
        std::str::from_utf8(&incoming.body).ok().and_then(|text| Query::from_query(text).ok());
    let action = form.map(|form: Query<Form>| form.into_inner().action).unwrap_or_default();
    let operation = state
        .operations
        .get(action.as_str())
        .filter(|operation| operation.description.name == "GetCallerIdentity");
    let unknown = Description { service: Service::Sts, ..UNKNOWN_OPERATION };
    let description = operation.map_or(unknown, |operation| operation.description);
    let checked = read.and_then(|()| auth::authenticate(state, request, &incoming, "sts"));
    let who = match checked {
        Ok(who) => who,
        Err(error) => {
            return state.refuse_nobody(&description, &incoming, error, respond::sts).await;
        }
    };
    let (caller, region) = state.caller(&incoming, who);
    let answer = match operation {
        Some(operation) => {
            let call = Call { caller, region, body: Vec::new(), members: Vec::new() };
            state.run(operation, call).await
        }
        None => {
            let text = "This server's STS answers GetCallerIdentity only; create role sessions \
                        with POST /v1/roles/{roleName}/sessions.";
            let error = ApiError::new(Code::UnsupportedOperationException, text);
            state.refuse(&unknown, caller, region, error).await
        }
    };
    respond::sts(&answer)
}
