//! The KMS protocol: AWS JSON 1.1 at `POST /`, the operation named by
//! `X-Amz-Target: TrentService.<Operation>`.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use super::auth;
use super::request::Incoming;
use super::respond;
use super::state::{State, UNKNOWN_OPERATION};
use crate::ops::call::Call;
use crate::ops::operation::{BoundOperation, Description, Service};
use crate::ops::unsupported;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

const PREFIX: &str = "TrentService.";

/// What a target names.
enum Target<'a> {
    Known(&'a Arc<BoundOperation>),
    /// An operation of AWS KMS that this server does not have.
    Later(&'static Description),
}

impl Target<'_> {
    fn description(&self) -> &Description {
        match self {
            Self::Known(operation) => &operation.description,
            Self::Later(description) => description,
        }
    }
}

/// Answers one call of the KMS protocol. `read` says whether the body arrived.
pub(super) async fn answer(
    state: &State,
    request: &HttpRequest,
    mut incoming: Incoming,
    read: Result<(), ApiError>,
) -> HttpResponse {
    let target = find(state, request);
    let description = target.as_ref().map_or(UNKNOWN_OPERATION, |target| *target.description());
    let checked = match (read, target) {
        (Err(error), _) => Err(error),
        (Ok(()), None) => Err(ApiError::bare(Code::UnknownOperationException)),
        (Ok(()), Some(target)) => {
            auth::authenticate(state, request, &incoming, "kms").map(|who| (who, target))
        }
    };
    let (who, target) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            return state.refuse_nobody(&description, &incoming, error, respond::kms).await;
        }
    };
    let (caller, region) = state.caller(&incoming, who);
    let answer = match target {
        Target::Known(operation) => {
            let body = std::mem::take(&mut incoming.body);
            state.run(operation, Call { caller, region, body, members: Vec::new() }).await
        }
        Target::Later(description) => {
            let error = unsupported::refusal(description);
            state.refuse(description, caller, region, error).await
        }
    };
    respond::kms(&answer)
}

/// The operation that the request names; `None` if AWS KMS has no such.
fn find<'a>(state: &'a State, request: &HttpRequest) -> Option<Target<'a>> {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
    let name = target?.strip_prefix(PREFIX)?;
    let known = state.operations.get(name);
    match known.filter(|operation| operation.description.service == Service::Kms) {
        Some(operation) => Some(Target::Known(operation)),
        None => unsupported::find(name).map(Target::Later),
    }
}
