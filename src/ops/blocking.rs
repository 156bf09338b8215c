//! Work that takes too long for a thread that serves others meanwhile: RSA keys,
//! which take up to seconds each, compiling policies, searches through them, and
//! counts of the book.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tracing::Span;

use super::ctx::Ctx;
use super::rates::throttled;
use super::seats::Seats;
use crate::base::clock::Deadline;
use crate::base::ids::AccountId;
use crate::base::limits;
use crate::policy::document::Document;
use crate::policy::engine::Engine;
use crate::policy::error::CompileError;
use crate::policy::principal::PrincipalDirectory;
use crate::wire::error::ApiError;

/// Where work of one kind is done, a few at a time. Not many may wait for that:
/// the places of calls are few, and others want them.
#[derive(Debug)]
pub struct Workshop {
    running: Semaphore,
    waiting: Semaphore,
    /// The share of each account in those that wait.
    seats: Arc<Seats>,
}

impl Workshop {
    /// Where RSA keys are made.
    #[must_use]
    pub fn of_rsa_keys() -> Self {
        Self::new(
            limits::RSA_KEYS_MADE_AT_ONCE,
            limits::RSA_KEYS_WAITED_FOR,
            limits::RSA_KEYS_WAITED_FOR_BY_ACCOUNT,
        )
    }

    /// Where policies are compiled.
    #[must_use]
    pub fn of_policies() -> Self {
        Self::new(
            limits::POLICIES_COMPILED_AT_ONCE,
            limits::POLICIES_WAITED_FOR,
            limits::POLICIES_WAITED_FOR_BY_ACCOUNT,
        )
    }

    /// Where policies are searched.
    #[must_use]
    pub fn of_policy_searches() -> Self {
        Self::new(
            limits::POLICY_SEARCHES_AT_ONCE,
            limits::POLICY_SEARCHES_WAITED_FOR,
            limits::POLICY_SEARCHES_WAITED_FOR_BY_ACCOUNT,
        )
    }

    /// Where the events of the book are counted.
    #[must_use]
    pub fn of_audit_counts() -> Self {
        Self::new(
            limits::AUDIT_COUNTS_AT_ONCE,
            limits::AUDIT_COUNTS_WAITED_FOR,
            limits::AUDIT_COUNTS_WAITED_FOR_BY_ACCOUNT,
        )
    }

    fn new(running: usize, waiting: usize, share: usize) -> Self {
        let seats = Seats::new(waiting, share);
        Self { running: Semaphore::new(running), waiting: Semaphore::new(waiting), seats }
    }

    /// As [`Self::make`], for somebody of `account`, which cannot take the places
    /// of all others.
    ///
    /// # Errors
    /// As [`Self::make`]; `ThrottlingException` also if too many of the account wait.
    pub(super) async fn make_for<T: Send + 'static>(
        &self,
        account: &AccountId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let _seat = self.seats.take(account).ok_or_else(throttled)?;
        self.make(work).await
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

/// Compiles a policy that somebody of `account` sent.
///
/// # Errors
/// `MalformedPolicyDocumentException`, `LimitExceededException`, or
/// `ThrottlingException`.
pub(super) async fn compile(
    ctx: &Ctx,
    account: &AccountId,
    kind: PolicyKind,
    text: &str,
) -> Result<Arc<Document>, ApiError> {
    let (engine, directory) = (Arc::clone(&ctx.engine), Arc::clone(&ctx.directory));
    let text = text.to_owned();
    let compile = move || kind.compile(&engine, directory.as_ref(), &text);
    Ok(ctx.policies.make_for(account, compile).await??)
}

/// Whose policy it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum PolicyKind {
    Key,
    Trust,
    Identity,
}

impl PolicyKind {
    pub(super) fn compile(
        self,
        engine: &Engine,
        directory: &dyn PrincipalDirectory,
        text: &str,
    ) -> Result<Arc<Document>, CompileError> {
        match self {
            Self::Key => engine.compile_key_policy(text, directory),
            Self::Trust => engine.compile_trust_policy(text, directory),
            Self::Identity => engine.compile_identity_policy(text),
        }
    }
}

/// Searches policies for somebody of `account`, until the deadline that the search
/// is given. The time begins when it is its turn.
///
/// # Errors
/// As [`Workshop::make_for`].
pub(super) async fn search<T: Send + 'static>(
    ctx: &Ctx,
    account: &AccountId,
    work: impl FnOnce(Deadline<'_>) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let clock = Arc::clone(&ctx.clock);
    let time = Duration::from_secs(limits::POLICY_SEARCH_S);
    let work = move || work(Deadline::after(clock.as_ref(), time));
    ctx.policy_searches.make_for(account, work).await
}

/// Does `work` for one after the other until the deadline, at least for the first.
/// Answers what came of it, and the last that it was done for if some are left.
pub(super) fn until<T, U, C: Clone>(
    deadline: Deadline<'_>,
    all: impl IntoIterator<Item = (C, T)>,
    mut work: impl FnMut(&C, T) -> Option<U>,
) -> (Vec<U>, Option<C>) {
    let (mut made, mut last) = (Vec::new(), None);
    for (name, one) in all {
        if last.is_some() && deadline.is_over() {
            return (made, last);
        }
        made.extend(work(&name, one));
        last = Some(name);
    }
    (made, None)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::base::clock::ManualClock;
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

    #[tokio::test]
    async fn an_account_leaves_places_to_others() {
        let searches = Workshop::of_policy_searches();
        let [one, other] = ["111122223333", "444455556666"].map(|id| AccountId::parse(id).unwrap());
        let held: Vec<_> = (0..limits::POLICY_SEARCHES_WAITED_FOR_BY_ACCOUNT)
            .map(|_| searches.seats.take(&one).unwrap())
            .collect();
        let refused = searches.make_for(&one, || ()).await.unwrap_err();
        assert_eq!(refused.code(), Code::ThrottlingException);
        searches.make_for(&other, || ()).await.unwrap();
        drop(held);
        searches.make_for(&one, || ()).await.unwrap();
        assert_eq!(searches.seats.taken(), 0);
    }

    #[test]
    fn what_comes_after_the_deadline_is_left() {
        let clock = ManualClock::at(0);
        let deadline = Deadline::after(&clock, Duration::from_millis(2));
        let numbers = || (1..=4).map(|number| (number, number));
        let mut work = |_: &i32, number: i32| {
            clock.advance_ms(1);
            (number != 1).then_some(number)
        };
        assert_eq!(until(deadline, numbers(), &mut work), (vec![2], Some(2)));
        // Whoever comes again gets on.
        assert_eq!(until(deadline, numbers().skip(2), &mut work), (vec![3], Some(3)));
        assert_eq!(until(deadline, numbers().skip(3), &mut work), (vec![4], None));
    }
}
