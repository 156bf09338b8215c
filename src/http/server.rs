//! The listening server: start, and stop in good order.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::Method;
use actix_web::rt::task::JoinHandle;
use actix_web::rt::{self, System};
use actix_web::web::{self, Data, Payload};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};

use super::connections::{self, Connections, Turn};
use super::request::{Incoming, Room};
use super::state::State;
use super::{Door, cloudtrail, door, health, kms, respond, rest, sts, tls};
use crate::base::ids::RequestId;
use crate::base::limits;

/// How the server listens.
pub struct Settings {
    /// Bound already, so that whoever starts the server learns first whether
    /// the address can be had.
    pub listener: TcpListener,
    /// Worker threads; each has its own event loop.
    pub workers: usize,
    /// Certificate chain and key; plain HTTP without.
    pub tls: Option<rustls::ServerConfig>,
}

/// A server that listens.
pub struct Listening {
    pub address: SocketAddr,
    /// The server itself, in a task of its own: it must go on to be able to hear
    /// that it is to stop.
    pub server: JoinHandle<io::Result<()>>,
    pub handle: ServerHandle,
}

/// Runs `future` to its end in the kind of runtime that the server needs.
pub fn block_on<F: Future>(future: F) -> F::Output {
    System::new().block_on(future)
}

/// Starts to answer. Must be called inside of [`block_on`].
///
/// # Errors
/// If the listener cannot be used.
pub fn start(door: Arc<Door>, settings: Settings) -> io::Result<Listening> {
    let listener = settings.listener;
    let address = listener.local_addr()?;
    let door = Data::from(door);
    let workers = settings.workers.max(1);
    let watched = Connections::watch();
    let server = HttpServer::new(move || {
        App::new().app_data(door.clone()).default_service(web::to(dispatch))
    })
    .workers(workers)
    .on_connect(move |stream, notes| {
        tls::note(stream, notes);
        watched.note(stream, notes);
    })
    .max_connections(limits::CONNECTIONS.div_ceil(workers))
    .client_request_timeout(Duration::from_millis(limits::HEAD_READ_MS))
    .shutdown_timeout(limits::SHUTDOWN_S)
    // `app` listens for signals: it stops the doors first and the book last.
    .disable_signals();
    let server = match settings.tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls)?,
        None => server.listen(listener)?,
    }
    .run();
    let handle = server.handle();
    Ok(Listening { address, handle, server: rt::spawn(server) })
}

/// Every request: whether anybody is let in yet.
async fn dispatch(
    request: HttpRequest,
    payload: Payload,
    way_in: Data<Door>,
) -> HttpResponse<connections::Body> {
    let turn = Turn::begin(&request);
    let mut response = match way_in.state() {
        Some(state) => enter(&request, payload, state).await,
        None => door::answer(&way_in, &request, payload).await,
    };
    // As AWS writes them: MongoDB's library, which reads HTTP itself, looks for
    // `Content-Length` in these very letters.
    response.head_mut().set_camel_case_headers(true);
    turn.answer(response)
}

/// Which door a request is for.
async fn enter(request: &HttpRequest, payload: Payload, state: &Arc<State>) -> HttpResponse {
    let request_id = match state.request_id() {
        Ok(id) => id,
        Err(_no_randomness) => return respond::bare_internal(RequestId::from_random([0; 16])),
    };
    let (method, path) = (request.method(), request.uri().path());
    match (method, path) {
        (&Method::GET, "/health/live") => return health::live(),
        (&Method::GET, "/health/ready") => return health::ready(state),
        (&Method::GET, "/metrics") => return health::metrics(state),
        _ => {}
    }
    let mut incoming = Incoming::new(request, request_id);
    // The query protocol allows it; no other has anything there.
    let has_action = request.uri().query().is_some_and(|query| query.contains("Action="));
    let in_query = path == "/" && method == Method::GET && has_action;
    let at_root = path == "/" && method == Method::POST;
    if !at_root && !in_query {
        return rest::answer(state, request, incoming, payload).await;
    }
    let read = incoming.read_body(request, payload, Room::small()).await;
    if in_query {
        return sts::answer(state, request, incoming, read, true).await;
    }
    if is_form(request) {
        return sts::answer(state, request, incoming, read, false).await;
    }
    if cloudtrail::is_meant(request) {
        return cloudtrail::answer(state, request, incoming, read).await;
    }
    kms::answer(state, request, incoming, read).await
}

/// Whether the body is a form: the query protocol of STS. A request that names
/// a target is for KMS, whatever type it says its body has.
pub(super) fn is_form(request: &HttpRequest) -> bool {
    let content_type = request.headers().get("content-type");
    let is_form = content_type
        .is_some_and(|value| value.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    is_form && !request.headers().contains_key("x-amz-target")
}
