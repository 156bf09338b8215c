//! Answers that come in pieces: too long for memory, or without an end.

use std::fmt;
use std::pin::Pin;

use super::ctx::Ctx;
use crate::wire::error::ApiError;

/// An answer in pieces. Whoever has one has the receipt of its call behind
/// them. Dropping it ends the work.
pub struct Feed {
    /// The media type of all pieces together.
    pub content_type: &'static str,
    /// Whether it only ends because somebody ends it.
    pub endless: bool,
    /// How many events there will be, or about as many, if that is known.
    pub events: Option<u64>,
    pieces: Box<dyn Pieces>,
}

/// The future of the next piece.
pub type Next<'a> = Pin<Box<dyn Future<Output = Result<Option<Vec<u8>>, ApiError>> + Send + 'a>>;

/// Where pieces come from.
pub trait Pieces: Send {
    /// The next piece, never empty; `None` when there is no more.
    fn next<'a>(&'a mut self, ctx: &'a Ctx) -> Next<'a>;
}

impl Feed {
    /// These pieces.
    #[must_use]
    pub fn new(content_type: &'static str, endless: bool, pieces: impl Pieces + 'static) -> Self {
        Self { content_type, endless, events: None, pieces: Box::new(pieces) }
    }

    /// With so many events.
    #[must_use]
    pub fn of_events(self, events: Option<u64>) -> Self {
        Self { events, ..self }
    }

    /// The next piece, never empty; `None` when there is no more.
    ///
    /// # Errors
    /// A fault of the server: what was sent is not all.
    pub async fn next(&mut self, ctx: &Ctx) -> Result<Option<Vec<u8>>, ApiError> {
        self.pieces.next(ctx).await
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}
