//! A request as it came in: everything read, nothing believed.

use std::net::IpAddr;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_LENGTH, HOST};
use actix_web::web::Payload;

use crate::base::caller::Tls;
use crate::base::ids::RequestId;
use crate::base::limits;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// The parts of a request that outlive actix's own types.
pub(super) struct Incoming {
    pub(super) request_id: RequestId,
    pub(super) source_ip: Option<IpAddr>,
    pub(super) user_agent: Option<String>,
    pub(super) tls: Option<Tls>,
    pub(super) body: Vec<u8>,
}

impl Incoming {
    /// Notes where a request comes from; the body is read later.
    pub(super) fn new(request: &HttpRequest, request_id: RequestId) -> Self {
        let user_agent = request.headers().get("user-agent").and_then(|value| value.to_str().ok());
        Self {
            request_id,
            source_ip: request.peer_addr().map(|address| address.ip()),
            user_agent: user_agent
                .map(|text| text.chars().take(limits::USER_AGENT_CHARS).collect()),
            tls: request.conn_data::<Tls>().map(|agreed| Tls { host: host(request), ..*agreed }),
            body: Vec::new(),
        }
    }

    /// Reads the body, at most `limit` bytes.
    ///
    /// # Errors
    /// `RequestEntityTooLargeException` for a longer one, or headers that are
    /// too long; `SerializationException` for one that does not arrive.
    pub(super) async fn read_body(
        &mut self,
        request: &HttpRequest,
        payload: Payload,
        limit: usize,
    ) -> Result<(), ApiError> {
        let headers: usize = request
            .headers()
            .iter()
            .map(|(name, value)| name.as_str().len().saturating_add(value.len()))
            .sum();
        if headers > limits::HEADER_BYTES {
            return Err(too_large("headers", limits::HEADER_BYTES));
        }
        let announced = request.headers().get(CONTENT_LENGTH).and_then(|len| len.to_str().ok());
        if announced.and_then(|len| len.parse::<usize>().ok()).is_some_and(|len| len > limit) {
            return Err(too_large("body", limit));
        }
        let wait = Duration::from_millis(limits::BODY_READ_MS);
        let read = tokio::time::timeout(wait, payload.to_bytes_limited(limit)).await;
        match read {
            Ok(Ok(Ok(bytes))) => {
                self.body = bytes.into();
                Ok(())
            }
            Ok(Err(_over_limit)) => Err(too_large("body", limit)),
            Ok(Ok(Err(_))) | Err(_) => {
                Err(ApiError::new(Code::SerializationException, "The request body did not arrive."))
            }
        }
    }
}

/// The `Host` header, as the client sent it.
fn host(request: &HttpRequest) -> Option<String> {
    let host = request.headers().get(HOST)?.to_str().ok()?;
    Some(host.chars().take(limits::HOST_CHARS).collect())
}

fn too_large(what: &str, limit: usize) -> ApiError {
    let text = format!("The request's {what} must not exceed {limit} bytes.");
    ApiError::new(Code::RequestEntityTooLargeException, text)
}
