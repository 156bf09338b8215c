//! Answers in pieces. A piece is made when the one before was taken, so a slow
//! client costs no memory; one that hangs up ends the work.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use tokio::sync::{mpsc, watch};

use super::respond;
use super::state::State;
use crate::base::ids::RequestId;
use crate::base::limits;
use crate::ops::ctx::Ctx;
use crate::ops::feed::Feed;
use crate::wire::error::chain;

/// About how many events the pieces have together.
const EVENTS: &str = "x-wardbook-events";

/// A piece, or the end.
type Piece = Option<Bytes>;

/// Where pieces go.
pub(super) type Pieces = mpsc::Sender<Piece>;

/// The body of an answer in pieces, and where they go: one at a time.
pub(super) fn channel() -> (Pieces, impl MessageBody + 'static) {
    let (pieces, received) = mpsc::channel(1);
    (pieces, Body { received })
}

/// Answers with the pieces of `feed`.
pub(super) fn answer(state: &State, request_id: RequestId, feed: Feed) -> HttpResponse {
    let mut response = respond::start(request_id, feed.content_type);
    if let Some(events) = feed.events {
        response.insert_header((EVENTS, events.to_string()));
    }
    let (pieces, body) = channel();
    let sending = send(Arc::clone(&state.ctx), request_id, feed, pieces, state.closing());
    tokio::spawn(sending);
    response.body(body)
}

async fn send(
    ctx: Arc<Ctx>,
    request_id: RequestId,
    mut feed: Feed,
    pieces: Pieces,
    mut closing: watch::Receiver<bool>,
) {
    let (endless, patience) = (feed.endless, Duration::from_secs(limits::PIECE_TAKEN_S));
    loop {
        let next = tokio::select! {
            next = feed.next(&ctx) => next,
            () = pieces.closed() => return,
            () = closed(&mut closing), if endless => Ok(None),
        };
        let piece = match next {
            Ok(piece) => piece.map(Bytes::from),
            Err(error) => {
                let cause = error.cause().map(|cause| chain(cause));
                tracing::error!(%request_id, cause, "an answer was broken off");
                return;
            }
        };
        let is_last = piece.is_none();
        match tokio::time::timeout(patience, pieces.send(piece)).await {
            Ok(Ok(())) if !is_last => {}
            _ => return,
        }
    }
}

/// Done when no more calls are taken.
async fn closed(closing: &mut watch::Receiver<bool>) {
    drop(closing.wait_for(|closing| *closing).await);
}

/// Ends well only with the end: else the connection is broken off, and the
/// client knows that it has not got all.
struct Body {
    received: mpsc::Receiver<Piece>,
}

/// The pieces stopped coming.
#[derive(Debug)]
struct BrokenOff;

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer was broken off")
    }
}

impl std::error::Error for BrokenOff {}

impl MessageBody for Body {
    type Error = BrokenOff;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        self.received.poll_recv(context).map(|piece| match piece {
            Some(piece) => piece.map(Ok),
            None => Some(Err(BrokenOff)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn next(body: &mut Body) -> Option<Result<Bytes, BrokenOff>> {
        std::future::poll_fn(|context| Pin::new(&mut *body).poll_next(context)).await
    }

    #[tokio::test]
    async fn only_the_end_ends_well() {
        let (pieces, received) = mpsc::channel(2);
        let mut body = Body { received };
        pieces.send(Some(Bytes::from_static(b"a"))).await.unwrap();
        pieces.send(None).await.unwrap();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "a");
        assert!(next(&mut body).await.is_none());

        let (pieces, received) = mpsc::channel(2);
        let mut body = Body { received };
        pieces.send(Some(Bytes::from_static(b"a"))).await.unwrap();
        drop(pieces);
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "a");
        assert!(next(&mut body).await.unwrap().is_err());
    }
}
