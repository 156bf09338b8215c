//! The way of an answer from the writer back to the waiter's thread.
//!
//! To wake a task of another thread costs a system call, and with a batch of
//! waiters that is dearer than the commit itself. So each thread that commits
//! has a postman: a task of its runtime, to which the writer hands all answers
//! of a batch in one message, and which wakes the waiters from inside.

use std::cell::RefCell;

use tokio::sync::{mpsc, oneshot};

use crate::store::{Error, Receipt};

/// What a waiter gets.
pub(super) type Answer = Result<Receipt, Error>;

/// Letters to the waiters of one thread. Never more than wait in the writer's
/// queue, which is bounded.
type Letters = Vec<(oneshot::Sender<Answer>, Answer)>;

/// The place to which an answer is to be sent.
pub(super) struct Address {
    postman: mpsc::UnboundedSender<Letters>,
    waiter: oneshot::Sender<Answer>,
}

thread_local! {
    // A thread runs one runtime at a time; a postman whose runtime has ended
    // is replaced.
    static POSTMAN: RefCell<Option<mpsc::UnboundedSender<Letters>>> = const { RefCell::new(None) };
}

impl Address {
    /// An address on this thread, which must be inside of a runtime, and where
    /// the answer arrives.
    pub(super) fn new() -> (Self, oneshot::Receiver<Answer>) {
        let (waiter, answered) = oneshot::channel();
        (Self { postman: postman(), waiter }, answered)
    }

    /// Whether nobody waits any more.
    pub(super) fn is_given_up(&self) -> bool {
        self.waiter.is_closed()
    }
}

fn postman() -> mpsc::UnboundedSender<Letters> {
    POSTMAN.with_borrow_mut(|held| match held {
        Some(postman) if !postman.is_closed() => postman.clone(),
        _ => held.insert(employ()).clone(),
    })
}

fn employ() -> mpsc::UnboundedSender<Letters> {
    let (postman, mut bag) = mpsc::unbounded_channel::<Letters>();
    tokio::spawn(async move {
        while let Some(letters) = bag.recv().await {
            for (waiter, answer) in letters {
                waiter.send(answer).ok();
            }
        }
    });
    postman
}

/// Sends every answer of a batch, in order, one message to a thread.
pub(super) fn send(answers: impl Iterator<Item = (Address, Answer)>) {
    let mut bags: Vec<(mpsc::UnboundedSender<Letters>, Letters)> = Vec::new();
    for (Address { postman, waiter }, answer) in answers {
        match bags.iter_mut().find(|(other, _)| other.same_channel(&postman)) {
            Some((_, letters)) => letters.push((waiter, answer)),
            None => bags.push((postman, vec![(waiter, answer)])),
        }
    }
    for (postman, letters) in bags {
        // A thread that has ended waits for nothing.
        postman.send(letters).ok();
    }
}
