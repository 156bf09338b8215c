//! Several batches under way at once, and written in the order they were read.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Scope};

use super::asking::Asking;
use super::batch::{self, Answered, Batch};
use super::lines::Lines;
use super::sink::Sink;
use crate::cli::error::Error;

/// A thread that asks about one batch at a time.
struct Lane {
    batches: SyncSender<Batch>,
    answers: Receiver<Result<Answered, Error>>,
}

impl Lane {
    fn start<'scope>(scope: &'scope Scope<'scope, '_>, asking: &'scope Asking) -> Self {
        let (batches, taken) = sync_channel::<Batch>(1);
        let (told, answers) = sync_channel(1);
        scope.spawn(move || {
            for batch in taken {
                if told.send(asking.ask(batch)).is_err() {
                    break;
                }
            }
        });
        Self { batches, answers }
    }
}

/// Asks about everything in `lines`, up to `parallel` batches at once, which is
/// also as many as are held. `seen` is called after each that is written.
pub(super) fn run(
    asking: &Asking,
    parallel: usize,
    lines: &mut Lines,
    sink: &mut Sink,
    seen: &mut dyn FnMut(&Lines, &Sink),
) -> Result<(), Read> {
    thread::scope(|scope| {
        let mut idle: VecDeque<Lane> = (0..parallel).map(|_| Lane::start(scope, asking)).collect();
        let mut busy: VecDeque<Lane> = VecDeque::new();
        loop {
            let batch = batch::next(lines).map_err(Read::Input)?;
            while let Some(lane) = busy.pop_front() {
                if batch.is_some() && !idle.is_empty() {
                    busy.push_front(lane);
                    break;
                }
                sink.write(&lane.answers.recv().map_err(|_gone| Read::Stopped)??)?;
                seen(lines, sink);
                idle.push_back(lane);
            }
            let Some(batch) = batch else { return Ok(()) };
            let Some(lane) = idle.pop_front() else { return Err(Read::Stopped) };
            lane.batches.send(batch).map_err(|_gone| Read::Stopped)?;
            busy.push_back(lane);
        }
    })
}

/// Why a job stopped.
pub(super) enum Read {
    /// The input cannot be read.
    Input(std::io::Error),
    /// A thread ended without an answer.
    Stopped,
    Other(Error),
}

impl From<Error> for Read {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}
