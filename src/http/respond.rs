//! Answers as bytes, in the three forms callers know.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::base::ids::RequestId;
use crate::ops::call::Answer;
use crate::wire::error::ApiError;

const AWS_JSON: &str = "application/x-amz-json-1.1";
const JSON: &str = "application/json";
const XML: &str = "text/xml";
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

/// What GetCallerIdentity tells.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Identity {
    arn: String,
    user_id: String,
    account: String,
}

/// An answer of the STS protocol.
pub(super) fn sts(answer: &Answer) -> HttpResponse {
    const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
    let request_id = answer.request_id();
    let mut response = start(request_id, XML);
    let identity = match answer.result() {
        Ok(output) => serde_json::from_slice::<Identity>(output).map_err(ApiError::internal),
        Err(error) => {
            status(&mut response, error.code().rest_status());
            return response.body(format!(
                "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{}</Code>\
                 <Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
                sts_code(error),
                escape(error.message().unwrap_or_default())
            ));
        }
    };
    match identity {
        Ok(Identity { arn, user_id, account }) => response.body(format!(
            "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult>\
             <Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account></GetCallerIdentityResult>\
             <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\
             </GetCallerIdentityResponse>",
            escape(&arn),
            escape(&user_id),
            escape(&account)
        )),
        Err(_) => bare_internal(request_id),
    }
}

/// The query protocol spells the codes of its front end without `Exception`,
/// and one of them differently.
fn sts_code(error: &ApiError) -> &'static str {
    match error.code().as_str() {
        "UnrecognizedClientException" => "InvalidClientTokenId",
        "InvalidSignatureException" => "SignatureDoesNotMatch",
        code => code.strip_suffix("Exception").unwrap_or(code),
    }
}

/// The answer when not even a record of the refusal could be tried.
pub(super) fn bare_internal(request_id: RequestId) -> HttpResponse {
    let mut response = start(request_id, AWS_JSON);
    status(&mut response, 500);
    response.body(ApiError::internal("no request could be made").kms_body())
}

fn start(request_id: RequestId, content_type: &'static str) -> HttpResponseBuilder {
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

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
