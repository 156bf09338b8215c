//! Answers as bytes, in the three forms callers know.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::xml;
use crate::base::ids::RequestId;
use crate::ops::call::Answer;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) const AWS_JSON: &str = "application/x-amz-json-1.1";
pub(super) const JSON: &str = "application/json";
pub(super) const XML: &str = "text/xml";
/// One JSON value a line.
pub(super) const NDJSON: &str = "application/x-ndjson";
const NEXT_CURSOR: &str = "x-wardbook-next-cursor";

/// An answer of the KMS protocol.
pub(super) fn kms(answer: &Answer) -> HttpResponse {
    let mut response = start(answer.request_id(), AWS_JSON);
    match answer.result() {
        Ok(output) => response.body(output.to_vec()),
        Err(error) => {
            status(&mut response, error.code().kms_status());
            response.body(error.kms_body())
        }
    }
}

/// An answer of the CloudTrail protocol: AWS JSON 1.1 too, but only KMS calls a
/// fault of its own by its own name.
pub(super) fn cloudtrail(answer: &Answer) -> HttpResponse {
    let Err(error) = answer.result() else { return kms(answer) };
    if error.code() != Code::KMSInternalException {
        return kms(answer);
    }
    let mut response = start(answer.request_id(), AWS_JSON);
    status(&mut response, 500);
    let message = error.message().unwrap_or_default();
    response.body(json!({ "__type": "InternalFailure", "message": message }).to_string())
}

/// An answer of the REST API.
pub(super) fn rest(answer: &Answer) -> HttpResponse {
    let request_id = answer.request_id();
    let mut response = start(request_id, JSON);
    match answer.result() {
        Ok(output) => response.body(output.to_vec()),
        Err(error) => {
            status(&mut response, error.code().rest_status());
            response.body(error.rest_body(&request_id.to_string()))
        }
    }
}

/// A page of records as lines, one JSON record each; the cursor of the next
/// page stands in a header. Errors are those of [`rest`].
pub(super) fn lines(answer: &Answer) -> HttpResponse {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Page<'a> {
        #[serde(borrow)]
        events: Vec<&'a RawValue>,
        next_cursor: Option<String>,
    }
    let Ok(output) = answer.result() else { return rest(answer) };
    let Ok(page) = serde_json::from_slice::<Page<'_>>(output) else {
        return bare_internal(answer.request_id());
    };
    let mut response = start(answer.request_id(), NDJSON);
    if let Some(cursor) = page.next_cursor {
        response.insert_header((NEXT_CURSOR, cursor));
    }
    let mut body = String::with_capacity(output.len());
    for event in page.events {
        body.push_str(event.get());
        body.push('\n');
    }
    response.body(body)
}

/// An answer of the STS protocol.
pub(super) fn sts(action: &str, answer: &Answer) -> HttpResponse {
    let request_id = answer.request_id().to_string();
    let mut response = start(answer.request_id(), XML);
    match answer.result() {
        Ok(output) => match xml::answer(action, output, &request_id) {
            Ok(body) => response.body(body),
            Err(_) => bare_internal(answer.request_id()),
        },
        Err(error) => {
            let (code, http) = sts_code(action, error.code());
            status(&mut response, http);
            let message = error.message().unwrap_or_default();
            response.body(xml::refusal(code, message, http >= 500, &request_id))
        }
    }
}

/// The query protocol spells most codes without `Exception`, and some
/// differently (AWS STS API Reference, "Common Errors").
fn sts_code(action: &str, code: Code) -> (&'static str, u16) {
    match code {
        Code::UnrecognizedClientException => ("InvalidClientTokenId", 403),
        Code::InvalidSignatureException => ("SignatureDoesNotMatch", 403),
        Code::ValidationException => ("ValidationError", 400),
        Code::SerializationException => ("MalformedInput", 400),
        Code::UnknownOperationException => ("InvalidAction", 400),
        Code::ThrottlingException => ("Throttling", 400),
        Code::KMSInternalException => ("InternalFailure", 500),
        // The token of the web identity, not that of a session.
        Code::ExpiredTokenException if action == "AssumeRoleWithWebIdentity" => {
            ("ExpiredTokenException", 400)
        }
        other => {
            let name = other.as_str();
            (name.strip_suffix("Exception").unwrap_or(name), other.rest_status())
        }
    }
}

/// The answer when not even a record of the refusal could be tried.
pub(super) fn bare_internal(request_id: RequestId) -> HttpResponse {
    let mut response = start(request_id, AWS_JSON);
    status(&mut response, 500);
    response.body(ApiError::internal("no request could be made").kms_body())
}

pub(super) fn start(request_id: RequestId, content_type: &'static str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header(("x-amzn-RequestId", request_id.to_string()))
        .insert_header((CONTENT_TYPE, content_type))
        .insert_header((CACHE_CONTROL, "no-cache, no-store, must-revalidate, private"));
    response
}

fn status(response: &mut HttpResponseBuilder, code: u16) {
    response.status(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
}
