//! The client of a remote AWS KMS: its keys are used by way of wardbook and never
//! leave it. One [`Remote`] for each table `[remotes.NAME]` of the settings, with its
//! credentials, time limit, circuit breaker and number of calls in flight, so that
//! one in trouble is nobody else's.
//!
//! Deliberately absent: keys (`key` is whatever the remote understands), permits and
//! records (the floors above have decided before they call, and record after it),
//! credentials in any setting (they are where the AWS tools look for them), and any
//! cache of an answer.

mod answer;
mod breaker;
mod calls;
mod connection;
mod credentials;
mod errors;
mod failure;
mod names;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_kms::Client;
use tokio::sync::{OnceCell, Semaphore};

pub use answer::{Answer, Description};
pub use breaker::{BreakerState, LastFailure};
pub use failure::{Failure, FailureKind};
pub use settings::{Mode, RemoteName, Role, Settings};

use crate::base::clock::Clock;
use breaker::{Breaker, Pass};

/// Every remote of the settings, by its name.
#[derive(Debug, Default)]
pub struct Remotes(BTreeMap<RemoteName, Arc<Remote>>);

impl Remotes {
    /// The remotes with these settings. Nothing is connected and no credentials are
    /// looked for until the first call, so that a start waits for nobody. Of several
    /// with one name the last counts.
    #[must_use]
    pub fn new(settings: Vec<Settings>, clock: &Arc<dyn Clock>) -> Self {
        let remote = |settings: Settings| {
            (settings.name.clone(), Arc::new(Remote::new(settings, Arc::clone(clock))))
        };
        Self(settings.into_iter().map(remote).collect())
    }

    /// The remote with this name.
    #[must_use]
    pub fn find(&self, name: &RemoteName) -> Option<&Arc<Remote>> {
        self.0.get(name)
    }

    /// All remotes in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Remote>> {
        self.0.values()
    }

    /// How each remote does. Locks nothing for long, asks nobody.
    pub fn health(&self) -> impl Iterator<Item = (&RemoteName, Health)> {
        self.0.iter().map(|(name, remote)| (name, remote.health()))
    }
}

/// How a remote does, as this process has seen it. No secret is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    pub breaker: BreakerState,
    /// Calls under way.
    pub in_flight: usize,
    /// When an answer came last, epoch milliseconds; errors that the remote
    /// itself answers with are answers.
    pub last_success_ms: Option<i64>,
    /// The last failure that the circuit breaker counted.
    pub last_failure: Option<LastFailure>,
}

/// One remote AWS KMS. All its calls are safe to repeat, and safe to drop half way.
pub struct Remote {
    settings: Settings,
    breaker: Breaker,
    in_flight: Semaphore,
    provide: Box<credentials::Provide>,
    /// Made with the first call, and anew after credentials have failed: somebody may
    /// have put others into their files, which a client reads once.
    client: Mutex<Arc<OnceCell<Client>>>,
}

impl Remote {
    /// A remote that nobody has called yet.
    #[must_use]
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self {
            breaker: Breaker::new(clock, breaker::chance),
            in_flight: Semaphore::new(settings.max_in_flight),
            provide: Box::new(|settings| Box::pin(credentials::provider(settings))),
            client: Mutex::default(),
            settings,
        }
    }

    /// The name in the settings.
    #[must_use]
    pub fn name(&self) -> &RemoteName {
        &self.settings.name
    }

    /// What the settings say.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How it does.
    #[must_use]
    pub fn health(&self) -> Health {
        let (breaker, last_success_ms, last_failure) = self.breaker.seen();
        let free = self.in_flight.available_permits();
        let in_flight = self.settings.max_in_flight.saturating_sub(free);
        Health { breaker, in_flight, last_success_ms, last_failure }
    }

    /// What is wrong with the remote, after a call that failed: while the circuit
    /// breaker is open, the failure that opened it says more.
    #[must_use]
    pub fn trouble(&self, failure: &Failure) -> FailureKind {
        match self.health().last_failure {
            Some(last) if failure.kind == FailureKind::Unavailable => last.kind,
            _ => failure.kind,
        }
    }

    /// Makes one call within the limits of the settings; `make` sends it.
    async fn call<T, F>(&self, make: impl FnOnce(Client) -> F) -> Result<Answer<T>, Failure>
    where
        F: Future<Output = Result<Answer<T>, Failure>>,
    {
        let pass = self.breaker.admit()?;
        let Ok(_place) = self.in_flight.try_acquire() else {
            return Err(Failure::too_many(self.settings.max_in_flight));
        };
        self.send(pass, make).await
    }

    /// As [`Self::call`], beside the places of calls: that all are taken says nothing
    /// of the remote. For a caller that makes one call at a time.
    async fn call_beside<T, F>(&self, make: impl FnOnce(Client) -> F) -> Result<Answer<T>, Failure>
    where
        F: Future<Output = Result<Answer<T>, Failure>>,
    {
        let pass = self.breaker.admit()?;
        self.send(pass, make).await
    }

    /// The time limit counts everything: the client, its credentials, all attempts.
    async fn send<T, F>(
        &self,
        pass: Pass<'_>,
        make: impl FnOnce(Client) -> F,
    ) -> Result<Answer<T>, Failure>
    where
        F: Future<Output = Result<Answer<T>, Failure>>,
    {
        let limit = Duration::from_millis(self.settings.operation_timeout_ms);
        let opened = Arc::clone(&self.client.lock().unwrap_or_else(PoisonError::into_inner));
        // The SDK's futures are large; on the heap they are nobody's burden.
        let called = Box::pin(async {
            let open = || connection::open(&self.settings, self.provide.as_ref());
            let client = opened.get_or_init(open).await;
            make(client.clone()).await
        });
        let done = tokio::time::timeout(limit, called)
            .await
            .unwrap_or_else(|_late| Err(Failure::late(self.settings.operation_timeout_ms)));
        let failed = done.as_ref().err().map(|failure| failure.kind);
        if failed == Some(FailureKind::Credentials) {
            self.forget(&opened);
        }
        pass.report(failed);
        done
    }

    /// Lets the next call make a new client, unless another call has seen to that. How
    /// often, the circuit breaker limits.
    fn forget(&self, opened: &Arc<OnceCell<Client>>) {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&client, opened) {
            *client = Arc::default();
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("settings", &self.settings).finish_non_exhaustive()
    }
}
