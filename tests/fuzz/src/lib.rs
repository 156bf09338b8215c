//! What the fuzz targets share: a judge, questions to it, and what must hold of
//! every policy that it accepts.

pub mod policy;

use std::thread;

/// The stack of a thread that serves calls: what Rust gives a thread, and tokio
/// and actix leave it.
pub const WORKER_STACK_BYTES: usize = 2 << 20;

/// Does the work on a thread with a stack of this size; a panic there is one here.
pub fn on_stack<T: Send>(bytes: usize, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(bytes).spawn_scoped(scope, work);
        thread.expect("a thread").join().expect("the work is done")
    })
}
