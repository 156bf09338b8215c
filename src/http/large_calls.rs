//! Calls with large bodies: full batches of items. To work on one takes up to seconds of
//! processor time, in which a thread that serves connections would serve none of them;
//! so these calls have threads of their own, and the tasks of a batch all of them.

use std::io;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::base::limits;
use crate::ops::call::Call;

/// What the threads are called.
const THREADS: &str = "large-calls";

/// The threads of calls with large bodies.
pub(super) struct LargeCalls {
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

impl LargeCalls {
    /// So many threads, at least one.
    ///
    /// # Errors
    /// If the system has none left.
    pub(super) fn start(threads: usize) -> io::Result<Self> {
        let threads = threads.max(1);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name(THREADS)
            .enable_all()
            .build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Whether the body of `call` is larger than any of the protocols of AWS.
    pub(super) const fn is_large(call: &Call) -> bool {
        call.body.len() > limits::KMS_BODY_BYTES
    }

    /// Runs `task` on these threads, to its end even if nobody waits for it.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        match &self.runtime {
            Some(runtime) => runtime.spawn(task),
            None => tokio::spawn(task),
        }
    }
}

impl Drop for LargeCalls {
    /// Does not wait for the threads: the last one who has them may be a task, which
    /// must not.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn a_call_and_what_it_begins_run_on_its_threads() {
        let calls = LargeCalls::start(1).unwrap();
        let name = || thread::current().name().map(str::to_owned);
        let begun = calls.spawn(async move { (name(), tokio::spawn(async move { name() }).await) });
        let (outside, inside) = begun.await.unwrap();
        assert_eq!(outside.as_deref(), Some(THREADS));
        assert_eq!(inside.unwrap(), outside);
        // Inside of a runtime, which must not wait.
        drop(calls);
    }
}
