//! From an HTTP request to a verified signature.

use actix_web::HttpRequest;

use super::request::Incoming;
use super::state::State;
use crate::identity::authenticate::{Authenticated, Error};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::sigv4::Request;

/// Checks that the request is signed for `service` by somebody known.
///
/// # Errors
/// AWS's errors and texts.
pub(super) fn authenticate(
    state: &State,
    request: &HttpRequest,
    incoming: &Incoming,
    service: &str,
) -> Result<Authenticated, ApiError> {
    let headers: Vec<(&str, &[u8])> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let signed = Request {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: &headers,
        body: &incoming.body,
    };
    let now_ms = state.ctx.clock.now_ms();
    state.authenticator.authenticate(&signed, service, now_ms).map_err(to_api_error)
}

fn to_api_error(error: Error) -> ApiError {
    let code = match &error {
        Error::Signature(signature) => match signature.code() {
            "IncompleteSignatureException" => Code::IncompleteSignatureException,
            "MissingAuthenticationTokenException" => Code::MissingAuthenticationTokenException,
            _ => Code::InvalidSignatureException,
        },
        Error::InvalidToken => Code::UnrecognizedClientException,
        Error::ExpiredToken => Code::ExpiredTokenException,
        Error::Hsm(_) => return ApiError::internal(error),
    };
    ApiError::new(code, error.to_string())
}
