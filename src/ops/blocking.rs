//! Work that takes too long for a thread that serves others meanwhile.

use tracing::Span;

use crate::wire::error::ApiError;

/// Does the work on a thread of its own. How many threads there may be is for
/// the caller to bound.
///
/// # Errors
/// `KMSInternalException` if the work crashes.
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let span = Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work)).await.map_err(ApiError::internal)
}
