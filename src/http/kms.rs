//! The KMS protocol: AWS JSON 1.1 at `POST /`, the operation named by
//! `X-Amz-Target: TrentService.<Operation>`.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use super::auth;
use super::request::Incoming;
use super::respond;
use super::state::{State, UNKNOWN_OPERATION};
use crate::ops::call::Call;
use crate::ops::operation::{BoundOperation, Service};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

const PREFIX: &str = "TrentService.";

/// Answers one call of the KMS protocol. `read` says whether the body arrived.
pub(super) async fn answer(
    state: &State,
    request: &HttpRequest,
    mut incoming: Incoming,
    read: Result<(), ApiError>,
) -> HttpResponse {
    let operation = find(state, request);
    let description = operation.map_or(UNKNOWN_OPERATION, |operation| operation.description);
    let checked = match (read, operation) {
        (Err(error), _) => Err(error),
        (Ok(()), None) => Err(ApiError::bare(Code::UnknownOperationException)),
        (Ok(()), Some(operation)) => {
            auth::authenticate(state, request, &incoming, "kms").map(|who| (who, operation))
        }
    };
    let (who, operation) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            return state.refuse_nobody(&description, &incoming, error.into(), respond::kms).await;
        }
    };
    let (caller, region) = state.caller(&incoming, who);
    let body = std::mem::take(&mut incoming.body);
    let call = Call { caller, region, body, members: Vec::new(), decided: Vec::new() };
    respond::kms(&state.run(operation, call).await)
}

/// The operation that the request names; `None` if AWS KMS has no such.
fn find<'a>(state: &'a State, request: &HttpRequest) -> Option<&'a Arc<BoundOperation>> {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
    let name = target?.strip_prefix(PREFIX)?;
    let named = state.operations.get(name);
    named.filter(|operation| operation.description.service == Service::Kms)
}
