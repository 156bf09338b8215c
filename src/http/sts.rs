//! The query protocol of AWS STS: a form at `POST /`, or in the query string of
//! `GET /`, and XML for an answer.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::auth;
use super::form::Form;
use super::request::Incoming;
use super::respond;
use super::state::{State, UNKNOWN_OPERATION};
use crate::base::arn::RoleArn;
use crate::base::caller::{Caller, Principal};
use crate::base::ids::Region;
use crate::ops::call::{Answer, Call};
use crate::ops::operation::{BoundOperation, Description, Service};
use crate::ops::pipeline::Refusal;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// The one action whose caller shows a token instead of signing.
const WITH_WEB_IDENTITY: &str = "AssumeRoleWithWebIdentity";

/// How a request for an action that this server does not know is recorded.
const UNKNOWN_ACTION: Description = Description { service: Service::Sts, ..UNKNOWN_OPERATION };

/// Answers one call of the STS protocol. `in_query` says that the form is the
/// query string.
pub(super) async fn answer(
    state: &State,
    request: &HttpRequest,
    incoming: Incoming,
    read: Result<(), ApiError>,
    in_query: bool,
) -> HttpResponse {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let form = Form::parse(if in_query { query } else { &incoming.body });
    let action = form.as_ref().ok().and_then(|form| form.find("Action")).unwrap_or_default();
    let found = state.operations.get(action);
    let operation = found.filter(|operation| operation.description.service == Service::Sts);
    let description = operation.map_or(UNKNOWN_ACTION, |operation| operation.description);
    let respond: fn(&Answer) -> HttpResponse = match description.name {
        "AssumeRole" => |answer| respond::sts("AssumeRole", answer),
        "GetCallerIdentity" => |answer| respond::sts("GetCallerIdentity", answer),
        "GetSessionToken" => |answer| respond::sts("GetSessionToken", answer),
        WITH_WEB_IDENTITY => |answer| respond::sts(WITH_WEB_IDENTITY, answer),
        _ => |answer| respond::sts("", answer),
    };
    let checked = match (read, form, operation) {
        (Err(error), ..) | (Ok(()), Err(error), _) => Err(error.into()),
        (Ok(()), Ok(form), Some(operation)) if description.name == WITH_WEB_IDENTITY => {
            web_identity(state, &incoming, &form, &description)
                .map(|(caller, region)| (caller, region, form, Some(operation)))
        }
        (Ok(()), Ok(form), operation) => {
            let known = auth::authenticate(state, request, &incoming, "sts").map(|who| {
                let (caller, region) = state.caller(&incoming, who);
                (caller, region, form, operation)
            });
            known.map_err(Refusal::from)
        }
    };
    let answer = match checked {
        Ok((caller, region, form, Some(operation))) => {
            run(state, operation, caller, region, &form).await
        }
        Ok((caller, region, form, None)) => {
            let error = unknown_action(form.find("Action").unwrap_or_default());
            state.refuse(&description, caller, region, error.into()).await
        }
        Err(refusal) => {
            return state.refuse_nobody(&description, &incoming, refusal, respond).await;
        }
    };
    respond(&answer)
}

async fn run(
    state: &State,
    operation: &Arc<BoundOperation>,
    caller: Caller,
    region: Region,
    form: &Form,
) -> Answer {
    let input = Value::Object(form.input(operation.description.input));
    let body = input.to_string().into_bytes();
    let call = Call { caller, region, body, members: Vec::new(), decided: Vec::new() };
    state.run(operation, call).await
}

/// Somebody with the token of a provider. A call without one is that of nobody,
/// whose input is refused, or else the call. What somebody with a bad token asked
/// for is recorded, as CloudTrail does.
fn web_identity(
    state: &State,
    incoming: &Incoming,
    form: &Form,
    description: &Description,
) -> Result<(Caller, Region), Refusal> {
    let region = auth::count_web_identity(state)?;
    let token = form.find("WebIdentityToken").unwrap_or_default();
    let role = form.find("RoleArn").and_then(RoleArn::parse);
    let principal = match token.is_empty() {
        true => Principal::Anonymous { account: state.ctx.account.clone() },
        false => auth::web_identity(state, token, role.as_ref())
            .map_err(|error| {
                Refusal::from(error).of_input(description, form.input(description.input))
            })?
            .principal(),
    };
    Ok((state.caller_as(incoming, principal), region))
}

fn unknown_action(action: &str) -> ApiError {
    let shown: String = action.chars().take(64).collect();
    let of_aws = [
        "AssumeRoleWithSAML",
        "AssumeRoot",
        "DecodeAuthorizationMessage",
        "GetAccessKeyInfo",
        "GetDelegatedAccessToken",
        "GetFederationToken",
        "GetWebIdentityToken",
    ];
    if of_aws.contains(&action) {
        let text = format!("This server does not support {shown}.");
        return ApiError::new(Code::UnsupportedOperationException, text);
    }
    let text = format!("Could not find operation {shown} for version 2011-06-15");
    ApiError::new(Code::UnknownOperationException, text)
}
