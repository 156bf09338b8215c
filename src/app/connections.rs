//! The timer of custom key stores: finds out whether the remotes of those that shall
//! be connected answer, at the start, when somebody connects one, and again and again
//! while one does not. A store heals by itself, and nobody waits for a remote.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{self, JoinSet};

use crate::keys::backend::remote::{Remote, RemoteName};
use crate::keys::custom_stores::{Connection, ConnectionErrorCode, CustomKeyStore};
use crate::ops::ctx::Ctx;

/// How often it looks for what is due.
const TICK: Duration = Duration::from_secs(1);
/// The pause after the first attempt that failed; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// What became of asking a remote.
type Outcome = Result<(), ConnectionErrorCode>;

/// Keeps stores connected until `stopped` is dropped.
pub(super) async fn run(ctx: Arc<Ctx>, mut stopped: oneshot::Receiver<()>) {
    let mut tick = tokio::time::interval(TICK);
    let mut asked = Asked::default();
    loop {
        asked.ask(&ctx);
        tokio::select! {
            _ = tick.tick() => {}
            () = ctx.connection_due.notified() => {}
            Some(ended) = asked.attempts.join_next() => asked.ended(&ctx, ended),
            // Attempts may be dropped half way.
            _ = &mut stopped => return,
        }
    }
}

/// Remotes that are or were asked. One attempt is for all stores of a remote.
#[derive(Default)]
struct Asked {
    attempts: JoinSet<(RemoteName, Outcome)>,
    under_way: BTreeMap<RemoteName, task::Id>,
    /// Those that did not answer last.
    failed: BTreeMap<RemoteName, Pause>,
}

/// When a remote is asked again.
struct Pause {
    length: Duration,
    /// By the clock that only goes forward.
    until: Duration,
}

impl Asked {
    /// Begins what is due.
    fn ask(&mut self, ctx: &Arc<Ctx>) {
        let now = ctx.clock.elapsed();
        for (store, connection) in ctx.custom_key_stores.wanted() {
            let Some(remote) = remote_of(ctx, &store) else {
                let code = ConnectionErrorCode::XksProxyInvalidConfiguration;
                tell(ctx, &store, connection, Err(code));
                continue;
            };
            let pause = self.failed.get(&store.remote);
            let is_due = match connection {
                Connection::Connecting => true,
                Connection::Failed(_) => pause.is_none_or(|pause| pause.until <= now),
                Connection::Connected | Connection::Disconnected => false,
            };
            if is_due && !self.under_way.contains_key(&store.remote) {
                let name = store.remote.clone();
                let begun = self.attempts.spawn(attempt(Arc::clone(ctx), remote, store));
                self.under_way.insert(name, begun.id());
            }
        }
    }

    /// Takes in how an attempt ended.
    fn ended(&mut self, ctx: &Ctx, ended: Result<(RemoteName, Outcome), task::JoinError>) {
        let Some((name, outcome)) = self.take(ended) else { return };
        for (store, connection) in ctx.custom_key_stores.wanted() {
            let waits = matches!(connection, Connection::Connecting | Connection::Failed(_));
            if waits && store.remote == name && remote_of(ctx, &store).is_some() {
                tell(ctx, &store, connection, outcome);
            }
        }
        if outcome.is_ok() {
            self.failed.remove(&name);
            return;
        }
        let before = self.failed.get(&name).map(|pause| pause.length.saturating_mul(2));
        let length = before.map_or(FIRST_PAUSE, |longer| longer.min(LAST_PAUSE));
        let until = ctx.clock.elapsed().saturating_add(length);
        self.failed.insert(name, Pause { length, until });
    }

    /// Whose attempt it was, and what became of it. One that crashed has failed, so that
    /// the next one waits as after every failure.
    fn take(
        &mut self,
        ended: Result<(RemoteName, Outcome), task::JoinError>,
    ) -> Option<(RemoteName, Outcome)> {
        let (name, outcome) = match ended {
            Ok(ended) => ended,
            Err(crash) => {
                tracing::error!(%crash, "asking a remote crashed");
                let mut all = self.under_way.iter();
                let (name, _) = all.find(|(_, begun)| **begun == crash.id())?;
                (name.clone(), Err(ConnectionErrorCode::XksProxyInvalidResponse))
            }
        };
        self.under_way.remove(&name);
        Some((name, outcome))
    }
}

/// The remote of a store, if the settings still have it for the store's account.
fn remote_of(ctx: &Ctx, store: &CustomKeyStore) -> Option<Arc<Remote>> {
    let remote = ctx.remotes.find(&store.remote)?;
    let is_open = remote.settings().is_open_to(&store.realm.account, &ctx.account);
    is_open.then(|| Arc::clone(remote))
}

/// Asks a remote on behalf of one of its stores, by a key of it if it has one: that
/// is what the remote must allow us in any case.
async fn attempt(
    ctx: Arc<Ctx>,
    remote: Arc<Remote>,
    store: Arc<CustomKeyStore>,
) -> (RemoteName, Outcome) {
    let key = ctx.keys.find_of_store(&store.id);
    let xks_key_id = key.as_ref().and_then(|key| key.remote.as_ref()).map(|at| at.id.as_str());
    let outcome = match remote.probe(xks_key_id).await {
        Ok(_) => Ok(()),
        Err(failure) => ConnectionErrorCode::of(remote.trouble(&failure)).map_or(Ok(()), Err),
    };
    (store.remote.clone(), outcome)
}

/// Lets memory know, and the log if it is news.
fn tell(ctx: &Ctx, store: &CustomKeyStore, before: Connection, outcome: Outcome) {
    let (id, remote) = (store.id, &store.remote);
    match outcome {
        Ok(()) => tracing::info!(store = %id, %remote, "a custom key store is connected"),
        Err(code) if before != Connection::Failed(code) => {
            let code = code.as_str();
            tracing::warn!(store = %id, %remote, code, "a custom key store cannot be connected");
        }
        Err(_) => {}
    }
    ctx.custom_key_stores.report(store, outcome);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_attempt_that_crashes_has_failed() {
        let name = |text: &str| RemoteName::parse(text).unwrap();
        let mut asked = Asked::default();
        for (remote, crashes) in [("fine", false), ("broken", true)] {
            let begun = asked.attempts.spawn(async move {
                assert!(!crashes, "that it crashes is what is tested");
                (name(remote), Ok(()))
            });
            asked.under_way.insert(name(remote), begun.id());
        }
        let mut outcomes = BTreeMap::new();
        while let Some(ended) = asked.attempts.join_next().await {
            outcomes.extend(asked.take(ended));
        }
        let code = ConnectionErrorCode::XksProxyInvalidResponse;
        let want = BTreeMap::from([(name("fine"), Ok(())), (name("broken"), Err(code))]);
        assert_eq!(outcomes, want);
        assert!(asked.under_way.is_empty());
    }
}
