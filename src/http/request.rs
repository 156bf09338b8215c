//! A request as it came in: everything read, nothing believed.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::body::{BodyStream, MessageBody};
use actix_web::http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use actix_web::web::Payload;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::caller::Tls;
use crate::base::ids::RequestId;
use crate::base::limits;
use crate::ops::rates::throttled;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::sigv4;

/// The parts of a request that outlive actix's own types.
pub(super) struct Incoming {
    pub(super) request_id: RequestId,
    pub(super) source_ip: Option<IpAddr>,
    pub(super) user_agent: Option<String>,
    pub(super) tls: Option<Tls>,
    pub(super) body: Vec<u8>,
    /// What a signature must cover of the body.
    pub(super) payload: sigv4::Payload,
    /// What the body has of the room for large ones, until nobody holds it any more.
    pub(super) held: Option<Held>,
}

/// A part of the room that all large bodies share; given back when it is dropped.
pub(super) type Held = OwnedSemaphorePermit;

/// How much room a body has.
pub(super) struct Room {
    bytes: usize,
    /// What all bodies have beyond [`limits::KMS_BODY_BYTES`]; none if no body gets there.
    shared: Option<Arc<Semaphore>>,
}

/// What somebody has of that room who takes and gives back as he goes on.
pub(super) struct Share {
    shared: Arc<Semaphore>,
    held: Option<Held>,
}

impl Share {
    /// Nothing yet.
    pub(super) fn of(shared: &Arc<Semaphore>) -> Self {
        Self { shared: Arc::clone(shared), held: None }
    }

    /// What a body that was read has.
    pub(super) fn held(shared: &Arc<Semaphore>, held: Option<Held>) -> Self {
        Self { shared: Arc::clone(shared), held }
    }

    /// Has at least what so many bytes need.
    ///
    /// # Errors
    /// `ThrottlingException` if others have the room.
    pub(super) fn hold(&mut self, bytes: usize) -> Result<(), ApiError> {
        hold(&mut self.held, &self.shared, bytes)
    }

    /// Has what these bytes need, which are there already, and no more; of what others
    /// have, nothing.
    pub(super) fn fit(&mut self, bytes: usize) {
        let has = self.held.as_ref().map_or(0, Held::num_permits);
        let needed = bytes.saturating_sub(limits::KMS_BODY_BYTES);
        if let Some(held) = &mut self.held {
            drop(held.split(has.saturating_sub(needed)));
        }
        let there = has.saturating_add(self.shared.available_permits());
        // Somebody else may have been faster.
        drop(self.hold(bytes.min(there.saturating_add(limits::KMS_BODY_BYTES))));
    }
}

/// Takes what so many bytes need of `shared`, beside what is held.
fn hold(held: &mut Option<Held>, shared: &Arc<Semaphore>, bytes: usize) -> Result<(), ApiError> {
    let has = held.as_ref().map_or(0, Held::num_permits);
    let more = bytes.saturating_sub(limits::KMS_BODY_BYTES).saturating_sub(has);
    let more = u32::try_from(more).map_err(ApiError::internal)?;
    if more == 0 {
        return Ok(());
    }
    let more = Arc::clone(shared).try_acquire_many_owned(more).map_err(|_none| throttled())?;
    match held {
        Some(held) => held.merge(more),
        none => *none = Some(more),
    }
    Ok(())
}

impl Room {
    /// Of the protocols of AWS.
    pub(super) const fn small() -> Self {
        Self { bytes: limits::KMS_BODY_BYTES, shared: None }
    }

    /// Of so many bytes, of which it shares `shared` with all others.
    pub(super) fn large(bytes: usize, shared: &Arc<Semaphore>) -> Self {
        Self { bytes, shared: Some(Arc::clone(shared)) }
    }
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
            payload: sigv4::Payload::default(),
            held: None,
        }
    }

    /// A request whose body no signature covers.
    pub(super) fn unsigned(request: &HttpRequest, request_id: RequestId) -> Self {
        Self { payload: sigv4::Payload::Unsigned, ..Self::new(request, request_id) }
    }

    /// Refuses headers that are too long.
    pub(super) fn check_headers(request: &HttpRequest) -> Result<(), ApiError> {
        let headers: usize = request
            .headers()
            .iter()
            .map(|(name, value)| name.as_str().len().saturating_add(value.len()))
            .sum();
        match headers > limits::HEADER_BYTES {
            true => Err(too_large("headers", limits::HEADER_BYTES)),
            false => Ok(()),
        }
    }

    /// Reads the body as far as it has room.
    ///
    /// # Errors
    /// `RequestEntityTooLargeException` for a longer one, or headers that are
    /// too long; `ThrottlingException` if others have the room for large ones;
    /// `SerializationException` for one that does not arrive.
    pub(super) async fn read_body(
        &mut self,
        request: &HttpRequest,
        payload: Payload,
        room: Room,
    ) -> Result<(), ApiError> {
        Self::check_headers(request)?;
        if announced(request).is_some_and(|bytes| bytes > room.bytes) {
            return Err(too_large("body", room.bytes));
        }
        let wait = Duration::from_millis(limits::BODY_READ_MS);
        let read = tokio::time::timeout(wait, self.collect(payload, &room)).await;
        let read = read.unwrap_or_else(|_too_slow| Err(not_arrived()));
        if read.is_err() {
            (self.body, self.held) = (Vec::new(), None);
        }
        read
    }

    /// Whether the body is larger than any of the protocols of AWS, as far as is known.
    pub(super) fn may_be_large(request: &HttpRequest) -> bool {
        let announced = announced(request);
        announced.is_some_and(|bytes| bytes > limits::KMS_BODY_BYTES)
            || request.headers().contains_key(TRANSFER_ENCODING)
    }

    /// Takes a body from its sender and leaves it, as long as one may be and arrives in
    /// time.
    pub(super) async fn pass_over(&self, payload: Payload, most_bytes: usize) {
        let passed = async {
            let (mut payload, mut bytes) = (pin!(BodyStream::new(payload)), 0_usize);
            while let Some(Ok(part)) = poll_fn(|context| payload.as_mut().poll_next(context)).await
            {
                bytes = bytes.saturating_add(part.len());
                if bytes > most_bytes {
                    return;
                }
            }
        };
        let wait = Duration::from_millis(limits::BODY_READ_MS);
        tokio::time::timeout(wait, passed).await.ok();
    }

    async fn collect(&mut self, payload: Payload, room: &Room) -> Result<(), ApiError> {
        let mut payload = pin!(BodyStream::new(payload));
        while let Some(part) = poll_fn(|context| payload.as_mut().poll_next(context)).await {
            let part = part.map_err(|_broken| not_arrived())?;
            let bytes = self.body.len().saturating_add(part.len());
            if bytes > room.bytes {
                return Err(too_large("body", room.bytes));
            }
            if let Some(shared) = &room.shared {
                hold(&mut self.held, shared, bytes)?;
            }
            self.body.extend_from_slice(&part);
        }
        Ok(())
    }
}

/// How long the body is, as the client says.
fn announced(request: &HttpRequest) -> Option<usize> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The `Host` header, as the client sent it.
fn host(request: &HttpRequest) -> Option<String> {
    let host = request.headers().get(HOST)?.to_str().ok()?;
    Some(host.chars().take(limits::HOST_CHARS).collect())
}

pub(super) fn not_arrived() -> ApiError {
    ApiError::new(Code::SerializationException, "The request body did not arrive.")
}

fn too_large(what: &str, limit: usize) -> ApiError {
    let text = format!("The request's {what} must not exceed {limit} bytes.");
    ApiError::new(Code::RequestEntityTooLargeException, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_what_its_holder_has_in_memory() {
        const SMALL: usize = limits::KMS_BODY_BYTES;
        let room = Arc::new(Semaphore::new(100));
        let [mut one, mut other] = [Share::of(&room), Share::of(&room)];
        one.hold(SMALL).unwrap();
        assert_eq!(room.available_permits(), 100, "so much everybody has");
        one.hold(SMALL + 60).unwrap();
        one.hold(SMALL + 10).unwrap();
        assert_eq!(room.available_permits(), 40, "to hold less gives nothing back");
        let error = other.hold(SMALL + 41).unwrap_err();
        assert_eq!(error.code(), Code::ThrottlingException);
        // What is there already counts as far as there is room.
        other.fit(SMALL + 41);
        assert_eq!(room.available_permits(), 0);
        one.fit(SMALL + 10);
        assert_eq!(room.available_permits(), 50);
        other.fit(SMALL + 41);
        assert_eq!(room.available_permits(), 49);
        one.fit(0);
        assert_eq!(room.available_permits(), 59);
        drop((one, other));
        assert_eq!(room.available_permits(), 100);
    }
}
