//! The CloudTrail protocol: AWS JSON 1.1 at `POST /`, the operation named by
//! `X-Amz-Target: com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.<Operation>`,
//! which some clients shorten to its last two parts.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use super::auth;
use super::request::Incoming;
use super::respond;
use super::state::{State, UNKNOWN_OPERATION};
use crate::ops::call::Call;
use crate::ops::cloudtrail::UNSUPPORTED;
use crate::ops::operation::{BoundOperation, Description, Service};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

const TARGET: &str = "CloudTrail_20131101.";
const LONG: &str = "com.amazonaws.cloudtrail.v20131101.";

/// How a request for an operation that this server does not have is recorded.
const UNKNOWN: Description = Description { service: Service::Cloudtrail, ..UNKNOWN_OPERATION };

/// Whether a request is for CloudTrail.
pub(super) fn is_meant(request: &HttpRequest) -> bool {
    name(request).is_some()
}

/// Answers one call of the CloudTrail protocol. `read` says whether the body
/// arrived.
pub(super) async fn answer(
    state: &State,
    request: &HttpRequest,
    mut incoming: Incoming,
    read: Result<(), ApiError>,
) -> HttpResponse {
    let name = name(request).unwrap_or_default();
    let operation = find(state, name);
    let description = operation.map_or(UNKNOWN, |operation| operation.description);
    let checked = read.and_then(|()| auth::authenticate(state, request, &incoming, "cloudtrail"));
    let who = match checked {
        Ok(who) => who,
        Err(error) => {
            let refusal = error.into();
            return state
                .refuse_nobody(&description, &incoming, refusal, respond::cloudtrail)
                .await;
        }
    };
    let (caller, region) = state.caller(&incoming, who);
    let Some(operation) = operation else {
        let refused = state.refuse(&description, caller, region, unknown(name).into()).await;
        return respond::cloudtrail(&refused);
    };
    let body = std::mem::take(&mut incoming.body);
    let call = Call { caller, region, body, members: Vec::new(), decided: Vec::new() };
    respond::cloudtrail(&state.run(operation, call).await)
}

/// The operation's name, if the target is one of CloudTrail.
fn name(request: &HttpRequest) -> Option<&str> {
    let target = request.headers().get("x-amz-target")?.to_str().ok()?;
    target.strip_prefix(LONG).unwrap_or(target).strip_prefix(TARGET)
}

fn find<'a>(state: &'a State, name: &str) -> Option<&'a Arc<BoundOperation>> {
    let named = state.operations.get(name);
    named.filter(|operation| operation.description.service == Service::Cloudtrail)
}

fn unknown(name: &str) -> ApiError {
    match UNSUPPORTED.iter().find(|known| **known == name) {
        Some(known) => {
            let text = format!("This server does not support {known}.");
            ApiError::new(Code::UnsupportedOperationException, text)
        }
        None => ApiError::bare(Code::UnknownOperationException),
    }
}
