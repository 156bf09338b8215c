//! Work that takes too long for a thread that serves others meanwhile: RSA keys,
//! which take up to seconds each, searches through policies, and counts of the
//! book.

use tokio::sync::Semaphore;
use tracing::Span;

use super::rates::throttled;
use crate::base::limits;
use crate::wire::error::ApiError;

/// Where work of one kind is done, a few at a time. Not many may wait for that:
/// the places of calls are few, and others want them.
#[derive(Debug)]
pub struct Workshop {
    running: Semaphore,
    waiting: Semaphore,
}

impl Workshop {
    /// Where RSA keys are made.
    #[must_use]
    pub fn of_rsa_keys() -> Self {
        Self::new(limits::RSA_KEYS_MADE_AT_ONCE, limits::RSA_KEYS_WAITED_FOR)
    }

    /// Where policies are searched.
    #[must_use]
    pub fn of_policy_searches() -> Self {
        Self::new(limits::POLICY_SEARCHES_AT_ONCE, limits::POLICY_SEARCHES_WAITED_FOR)
    }

    /// Where the events of the book are counted.
    #[must_use]
    pub fn of_audit_counts() -> Self {
        Self::new(limits::AUDIT_COUNTS_AT_ONCE, limits::AUDIT_COUNTS_WAITED_FOR)
    }

    fn new(running: usize, waiting: usize) -> Self {
        Self { running: Semaphore::new(running), waiting: Semaphore::new(waiting) }
    }

    /// Does the work on a thread of its own when it is its turn.
    ///
    /// # Errors
    /// `ThrottlingException` if too many wait already; `KMSInternalException` if
    /// the work crashes.
    pub(super) async fn make<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let Ok(_waits) = self.waiting.try_acquire() else { return Err(throttled()) };
        let _runs = self.running.acquire().await.map_err(ApiError::internal)?;
        let span = Span::current();
        tokio::task::spawn_blocking(move || span.in_scope(work)).await.map_err(ApiError::internal)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::wire::codes::Code;

    #[tokio::test]
    async fn more_than_may_wait_are_refused_at_once() {
        let keys = Arc::new(Workshop::of_rsa_keys());
        let mut held = Vec::new();
        for _ in 0..limits::RSA_KEYS_WAITED_FOR {
            let (release, released) = channel::<()>();
            let keys = Arc::clone(&keys);
            held.push((
                release,
                tokio::spawn(async move { keys.make(move || released.recv()).await }),
            ));
        }
        while keys.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(keys.make(|| ()).await.unwrap_err().code(), Code::ThrottlingException);
        for (release, waiting) in held {
            release.send(()).unwrap();
            waiting.await.unwrap().unwrap().unwrap();
        }
        keys.make(|| ()).await.unwrap();
    }
}
