//! The lines of a body that is still on its way. One is held at a time.

use std::future::poll_fn;
use std::pin::Pin;

use actix_web::body::{BodyStream, MessageBody};
use actix_web::web::{Bytes, Payload};
use memchr::memchr;
use serde_json::{Value, json};

use crate::http::request::not_arrived;
use crate::items::error::ItemErrorCode;
use crate::items::fill::LINE_BYTES;
use crate::wire::error::ApiError;

/// Why a line is no item, as operations say it of items.
pub(super) fn refused(code: ItemErrorCode, message: &str) -> Value {
    json!({ "code": code.as_str(), "message": message, "docs": code.docs() })
}

/// A line without its end, or why it cannot be an item.
pub(super) type Line = Result<Vec<u8>, Value>;

pub(super) struct Lines {
    payload: Pin<Box<BodyStream<Payload>>>,
    /// What came and was not looked at: no more than the connection reads at once.
    rest: Bytes,
    /// What there is of the next line; of one that is too long nothing.
    line: Vec<u8>,
    is_too_long: bool,
    /// How many lines were read.
    pub(super) number: u64,
    pub(super) ended: bool,
}

impl Lines {
    pub(super) fn new(payload: Payload) -> Self {
        Self {
            payload: Box::pin(BodyStream::new(payload)),
            rest: Bytes::new(),
            line: Vec::new(),
            is_too_long: false,
            number: 0,
            ended: false,
        }
    }

    /// Bytes that wait for the rest of their line.
    pub(super) fn held(&self) -> usize {
        self.line.len()
    }

    /// The next line with something in it; `None` at the end of all. `hold` is told how
    /// long it gets, before it does. Whoever stops waiting has lost nothing.
    pub(super) async fn next(
        &mut self,
        mut hold: impl FnMut(usize) -> Result<(), ApiError>,
    ) -> Result<Option<Line>, ApiError> {
        loop {
            if let Some(end) = memchr(b'\n', &self.rest) {
                let part = self.rest.split_to(end);
                self.rest = self.rest.slice(1..);
                self.add(&part, &mut hold)?;
                if let Some(line) = self.take() {
                    return Ok(Some(line));
                }
                continue;
            }
            let part = std::mem::take(&mut self.rest);
            self.add(&part, &mut hold)?;
            match poll_fn(|context| self.payload.as_mut().poll_next(context)).await {
                Some(part) => self.rest = part.map_err(|_broken| not_arrived())?,
                None => {
                    let last = self.take();
                    self.ended = last.is_none();
                    return Ok(last);
                }
            }
        }
    }

    fn add(
        &mut self,
        part: &[u8],
        hold: &mut impl FnMut(usize) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let bytes = self.line.len().saturating_add(part.len());
        if self.is_too_long || bytes > LINE_BYTES {
            (self.is_too_long, self.line) = (true, Vec::new());
            return Ok(());
        }
        hold(bytes)?;
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// The line whose end came; `None` if nothing stands in it.
    fn take(&mut self) -> Option<Line> {
        self.number = self.number.saturating_add(1);
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.is_too_long) {
            let text = "the line is longer than any item";
            return Some(Err(refused(ItemErrorCode::ItemTooLarge, text)));
        }
        (!line.trim_ascii().is_empty()).then_some(Ok(line))
    }
}
