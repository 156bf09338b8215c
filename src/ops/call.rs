//! A call on its way in, and an answer on its way out.

use super::feed::Feed;
use crate::base::caller::Caller;
use crate::base::ids::{Realm, Region, RequestId};
use crate::policy::decision::Explanation;
use crate::store::Receipt;
use crate::wire::error::ApiError;

/// An authenticated call of one operation.
#[derive(Debug)]
pub struct Call {
    pub caller: Caller,
    /// The Region of the credential scope: the one the call happens in.
    pub region: Region,
    /// The input as JSON text; empty for none.
    pub body: Vec<u8>,
    /// Members of the input that stand elsewhere than in the body, such as in
    /// a path. They win over those of the body.
    pub members: Vec<(String, String)>,
    /// What was decided before the call began, such as whether a bearer may be
    /// the session of a role that it calls as.
    pub decided: Vec<Explanation>,
}

impl Call {
    /// Where the caller is at home: the place in which names are looked up.
    #[must_use]
    pub fn realm(&self) -> Realm {
        Realm { account: self.caller.principal.account().clone(), region: self.region.clone() }
    }
}

/// What the caller gets. It cannot be made without a receipt for the call's
/// record, except to say that the record could not be made, or to refuse somebody
/// unknown who asks too often.
#[derive(Debug)]
pub struct Answer {
    request_id: RequestId,
    result: Result<Vec<u8>, ApiError>,
    feed: Option<Feed>,
}

impl Answer {
    // INVARIANT: no answer without a durable record.
    pub(super) fn recorded(
        request_id: RequestId,
        result: Result<Vec<u8>, ApiError>,
        _receipt: &Receipt,
    ) -> Self {
        Self { request_id, result, feed: None }
    }

    /// The refusal of somebody unknown, which is counted and recorded later, as
    /// part of a sum ([`super::noise`]).
    pub(super) fn summed(request_id: RequestId, error: ApiError) -> Self {
        Self { request_id, result: Err(error), feed: None }
    }

    /// The only answer when the record could not be made durable, or when the
    /// call ended in a way that left none.
    #[must_use]
    pub fn unrecorded(
        request_id: RequestId,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { request_id, result: Err(ApiError::internal(cause)), feed: None }
    }

    // INVARIANT: only a recorded answer gets one, so that not even its first
    // piece goes out before the record is durable.
    pub(super) fn with_feed(self, feed: Option<Feed>) -> Self {
        Self { feed: feed.filter(|_| self.result.is_ok()), ..self }
    }

    /// The pieces of an answer that comes in pieces.
    #[must_use]
    pub fn take_feed(&mut self) -> Option<Feed> {
        self.feed.take()
    }

    /// The call's id, as the record has it.
    #[must_use]
    pub fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// The output as JSON text, or the error.
    ///
    /// # Errors
    /// The error that the caller gets.
    pub fn result(&self) -> Result<&[u8], &ApiError> {
        self.result.as_deref()
    }

    /// The output itself.
    ///
    /// # Errors
    /// The error that the caller gets.
    pub fn into_result(self) -> Result<Vec<u8>, ApiError> {
        self.result
    }
}
