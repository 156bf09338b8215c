//! Connections on which it is the client's turn, and for how long.
//!
//! actix limits the time for the head of a connection's first request and the rest
//! between two requests. A second head that has begun, a body that nobody reads any
//! more and an answer that nobody takes have no limit there, so that a thousand silent
//! clients could keep everybody else out. Here a connection is closed when its client
//! has let its time pass, whatever it was to do.
//!
//! Deliberately absent: what is read in a call, such as its body. While the server works
//! on a request it is the server's turn, and whoever reads has a limit for that.

use std::any::Any;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Extensions;
use actix_web::rt;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use super::request::Share;
use crate::base::limits;

/// How often it is looked for clients that are late.
const TICK: Duration = Duration::from_secs(1);

/// It is the server's turn, which may take as long as it does.
const OURS: u64 = u64::MAX;

/// All connections that are open.
#[derive(Default)]
pub(super) struct Connections {
    /// Ticks since the start, about seconds.
    now: Arc<AtomicU64>,
    open: Mutex<Vec<Weak<Connection>>>,
}

/// One connection.
struct Connection {
    socket: TcpStream,
    /// After which tick it is closed.
    due: AtomicU64,
    now: Arc<AtomicU64>,
}

impl Connections {
    /// Looks after new connections from now on, and until these are dropped. Must be
    /// called inside of the runtime of a server.
    pub(super) fn watch() -> Arc<Self> {
        let connections = Arc::new(Self::default());
        let watched = Arc::downgrade(&connections);
        rt::spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            loop {
                ticks.tick().await;
                let Some(connections) = watched.upgrade() else { return };
                connections.tick();
            }
        });
        connections
    }

    /// Notes a new connection, whose client is to send a request.
    pub(super) fn note(&self, stream: &dyn Any, notes: &mut Extensions) {
        let socket = match socket(stream) {
            Some(Ok(socket)) => socket,
            Some(Err(error)) => {
                tracing::warn!(%error, "a connection is not watched");
                return;
            }
            None => return,
        };
        let (due, now) = (AtomicU64::new(OURS), Arc::clone(&self.now));
        let connection = Arc::new(Connection { socket, due, now });
        connection.give(limits::CLIENT_TURN_S);
        self.open().push(Arc::downgrade(&connection));
        notes.insert(connection);
    }

    /// Closes the connections whose clients are late.
    fn tick(&self) {
        let now = self.now.fetch_add(1, Ordering::Relaxed);
        self.open().retain(|connection| {
            let Some(connection) = connection.upgrade() else { return false };
            let is_late = connection.due.load(Ordering::Relaxed) < now;
            if is_late {
                // What reads or writes it hears of it, and gives it up.
                connection.socket.shutdown(Shutdown::Both).ok();
            }
            !is_late
        });
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Connection>>> {
        // Whatever is in it is so, even if a holder panicked.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Gives the client its turn.
    fn give(&self, seconds: u64) {
        let due = self.now.load(Ordering::Relaxed).saturating_add(seconds);
        self.due.store(due, Ordering::Relaxed);
    }

    fn take(&self) {
        self.due.store(OURS, Ordering::Relaxed);
    }
}

/// The socket of a connection, once more.
fn socket(stream: &dyn Any) -> Option<io::Result<TcpStream>> {
    use actix_web::rt::net::TcpStream as Plain;
    let plain = match stream.downcast_ref::<TlsStream<Plain>>() {
        Some(tls) => tls.get_ref().0,
        None => stream.downcast_ref::<Plain>()?,
    };
    Some(plain.as_fd().try_clone_to_owned().map(TcpStream::from))
}

/// The server's turn: from the head of a request until its answer is on its way.
pub(super) struct Turn(Option<Arc<Connection>>);

impl Turn {
    pub(super) fn begin(request: &HttpRequest) -> Self {
        let connection = request.conn_data::<Arc<Connection>>().cloned();
        let turn = Self(connection);
        turn.take();
        turn
    }

    /// Sends the answer. What the answer holds of the room for large bodies it holds
    /// until its last piece is taken.
    pub(super) fn answer(self, mut response: HttpResponse) -> HttpResponse<Body> {
        let share = response.extensions_mut().remove::<Share>();
        response.map_body(|_, whole| Body {
            size: whole.size(),
            whole,
            rest: Bytes::new(),
            turn: self,
            _share: share,
        })
    }

    fn take(&self) {
        self.0.iter().for_each(|connection| connection.take());
    }

    fn give(&self, seconds: u64) {
        self.0.iter().for_each(|connection| connection.give(seconds));
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.give(limits::CLIENT_TURN_S);
    }
}

/// The body of an answer, piece by piece: actix takes the next one when the client has
/// taken those before.
pub(super) struct Body {
    size: BodySize,
    whole: BoxBody,
    /// What is there already, and not taken.
    rest: Bytes,
    turn: Turn,
    _share: Option<Share>,
}

impl MessageBody for Body {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match Pin::new(&mut this.whole).poll_next(context) {
                Poll::Ready(Some(Ok(bytes))) => {
                    this.turn.give(seconds_for(bytes.len()));
                    this.rest = bytes;
                }
                Poll::Pending => {
                    this.turn.take();
                    return Poll::Pending;
                }
                ended => return ended,
            }
        }
        let piece = this.rest.len().min(limits::ANSWER_PIECE_BYTES);
        Poll::Ready(Some(Ok(this.rest.split_to(piece))))
    }
}

/// How long a client may take for so many bytes.
fn seconds_for(bytes: usize) -> u64 {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    limits::PIECE_TAKEN_S.saturating_add(bytes.wrapping_div(limits::ANSWER_BYTES_PER_S))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net;
    use tokio::sync::Semaphore;

    use super::*;

    async fn connect() -> (net::TcpStream, net::TcpStream) {
        let listener = net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (listener.accept().await.unwrap().0, client)
    }

    fn wait(connections: &Connections, seconds: u64) {
        (0..seconds).for_each(|_| connections.tick());
    }

    #[tokio::test]
    async fn a_client_has_its_turn_and_no_longer() {
        let connections = Connections::default();
        let (server, mut client) = connect().await;
        let mut notes = Extensions::new();
        connections.note(&server, &mut notes);
        let turn = Turn(notes.get::<Arc<Connection>>().cloned());
        turn.take();
        wait(&connections, 1_000);
        turn.give(5);
        wait(&connections, 5);
        drop(turn);
        wait(&connections, limits::CLIENT_TURN_S);
        assert!(client.try_read(&mut [0]).is_err(), "nothing came, and nothing is closed");
        assert_eq!(connections.open().len(), 1);
        wait(&connections, 2);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        assert!(connections.open().is_empty());

        // One that has ended is not remembered.
        connections.note(&server, &mut Extensions::new());
        assert_eq!(connections.open().len(), 1);
        connections.tick();
        assert!(connections.open().is_empty());
    }

    #[tokio::test]
    async fn an_answer_has_its_room_until_its_last_piece_is_taken() {
        const BYTES: usize = limits::KMS_BODY_BYTES + 1_000;
        let room = Arc::new(Semaphore::new(5_000));
        let mut share = Share::of(&room);
        share.fit(BYTES);
        let sent: Vec<u8> = (0..BYTES).map(|at| at.to_le_bytes()[0]).collect();
        let mut response = HttpResponse::Ok().body(sent.clone());
        response.extensions_mut().insert(share);
        let mut body = Turn(None).answer(response).into_body();
        assert!(
            matches!(body.size(), BodySize::Sized(bytes) if usize::try_from(bytes) == Ok(BYTES))
        );
        let mut taken = Vec::new();
        while let Some(piece) =
            std::future::poll_fn(|context| Pin::new(&mut body).poll_next(context)).await
        {
            let piece = piece.unwrap();
            assert!((1..=limits::ANSWER_PIECE_BYTES).contains(&piece.len()));
            assert_eq!(room.available_permits(), 4_000);
            taken.extend_from_slice(&piece);
        }
        assert_eq!(taken, sent);
        drop(body);
        assert_eq!(room.available_permits(), 5_000);
    }
}
