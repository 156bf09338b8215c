//! The way in while the server is sealed: the port is taken and health answers,
//! and everything else is told to come again. Nobody is authenticated and nothing
//! is recorded: the keys for both are under the root key.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use actix_web::http::header::CONTENT_TYPE;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::request::{Incoming, Room};
use super::state::State;
use super::{cloudtrail, health, respond, server, xml};
use crate::base::ids::RequestId;
use crate::hsm::{EntropySource, OsEntropy};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

const SEALED: &str = "The server is sealed and cannot use any key yet. Retry the request.";

/// Sealed until somebody opens it, and never sealed again.
pub struct Door {
    state: OnceLock<Arc<State>>,
    why: Mutex<&'static str>,
}

impl Door {
    /// A door that is open.
    #[must_use]
    pub fn to(state: Arc<State>) -> Self {
        Self { state: state.into(), why: Mutex::new("") }
    }

    /// A door that is not; `why` is one word.
    #[must_use]
    pub fn sealed(why: &'static str) -> Self {
        Self { state: OnceLock::new(), why: Mutex::new(why) }
    }

    /// Says anew why it is sealed.
    pub fn stays_sealed(&self, why: &'static str) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Lets everybody in. Only the first time counts.
    pub fn open(&self, state: Arc<State>) {
        self.state.set(state).ok();
    }

    pub(super) fn state(&self) -> Option<&Arc<State>> {
        self.state.get()
    }

    fn why(&self) -> &'static str {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a request to a sealed server.
pub(super) async fn answer(door: &Door, request: &HttpRequest, payload: Payload) -> HttpResponse {
    let (method, path) = (request.method(), request.uri().path());
    match (method, path) {
        (&Method::GET, "/health/live") => return health::live(),
        (&Method::GET, "/health/ready") => return health::sealed(door.why()),
        _ => {}
    }
    let mut random = [0; 16];
    // Without randomness the id is all zeros, as elsewhere.
    OsEntropy.fill(&mut random).ok();
    let request_id = RequestId::from_random(random);
    // A client that is still sending may not hear an answer before it is done.
    let mut incoming = Incoming::new(request, request_id);
    drop(incoming.read_body(request, payload, Room::small()).await);
    refusal(request, request_id)
}

/// An error in the form that the client reads. All AWS SDKs try a 503 again.
fn refusal(request: &HttpRequest, request_id: RequestId) -> HttpResponse {
    let error = ApiError::new(Code::KMSInternalException, SEALED);
    let id = request_id.to_string();
    let at_root = request.uri().path() == "/";
    let (form, body) = if !at_root {
        (respond::JSON, error.rest_body(&id))
    } else if request.method() == Method::GET || server::is_form(request) {
        (respond::XML, xml::refusal("ServiceUnavailable", SEALED, true, &id))
    } else if cloudtrail::is_meant(request) {
        (respond::AWS_JSON, json!({ "__type": "InternalFailure", "message": SEALED }).to_string())
    } else {
        (respond::AWS_JSON, error.kms_body())
    };
    let mut response = respond::start(request_id, form);
    response.status(StatusCode::SERVICE_UNAVAILABLE).insert_header((CONTENT_TYPE, form)).body(body)
}
