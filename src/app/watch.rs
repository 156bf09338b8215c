//! Watches the book while the server runs: whether it can be written, how its
//! disk reserve is, and what unknown callers do. What changes goes to the log,
//! and, as soon as it can, into the book.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::base::timestamp;
use crate::ops::ctx::Ctx;
use crate::ops::system;
use crate::store::{Health, Reserve};
use crate::wire::error::{ApiError, chain};

/// How often the watcher looks.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What the watcher saw last.
#[derive(Default)]
pub(super) struct Watcher {
    /// Since when the book cannot be written, and why.
    interrupted: Option<(i64, String)>,
    reserve: Reserve,
}

impl Watcher {
    /// Looks now and then, until `stopped` is dropped.
    pub(super) async fn watch(mut self, ctx: Arc<Ctx>, mut stopped: oneshot::Receiver<()>) {
        let mut interval = tokio::time::interval(LOOK_AGAIN);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interval.tick() => {}
                _ = &mut stopped => return,
            }
            self.look(&ctx).await;
        }
    }

    async fn look(&mut self, ctx: &Ctx) {
        let health = ctx.store.health();
        self.look_at_writer(ctx, &health).await;
        self.look_at_reserve(ctx, &health).await;
        if health.writer.is_ok() {
            told(&system::record_noise(ctx, false).await, "refusals of unknown callers");
        }
    }

    async fn look_at_writer(&mut self, ctx: &Ctx, health: &Health) {
        match (&health.writer, &self.interrupted) {
            (Err(error), None) => {
                let reason = chain(error);
                tracing::error!(reason, "the book cannot be written: no call is answered");
                self.interrupted = Some((ctx.clock.now_ms(), reason));
            }
            (Ok(()), Some((since_ms, reason))) => {
                let details = json!({
                    "from": timestamp::iso_8601(*since_ms),
                    "to": timestamp::iso_8601(ctx.clock.now_ms()),
                    "reason": reason,
                });
                let recorded = system::record_event(ctx, "RecordingResumed", Some(details)).await;
                if told(&recorded, "an interruption of the book") {
                    tracing::info!("the book can be written again");
                    self.interrupted = None;
                }
            }
            (Ok(()), None) | (Err(_), Some(_)) => {}
        }
    }

    async fn look_at_reserve(&mut self, ctx: &Ctx, health: &Health) {
        let now = health.reserve;
        if now == self.reserve {
            return;
        }
        let name = match (self.reserve, now) {
            (_, Reserve::Used) => {
                tracing::error!(
                    "the disk is full: only administrators' calls are answered, on the disk reserve"
                );
                Some("DiskReserveUsed")
            }
            (Reserve::Used, Reserve::Held { .. }) => {
                tracing::info!("the disk reserve is kept again: every call is answered");
                Some("DiskReserveRestored")
            }
            (_, Reserve::Missing) => {
                tracing::warn!("the disk has no room for the disk reserve");
                None
            }
            _ => None,
        };
        let recorded = match name {
            Some(name) => system::record_event(ctx, name, reserve_details(now)).await,
            None => Ok(()),
        };
        if told(&recorded, "the disk reserve") {
            self.reserve = now;
        }
    }
}

fn reserve_details(reserve: Reserve) -> Option<Value> {
    match reserve {
        Reserve::Held { bytes } => Some(json!({ "bytes": bytes })),
        Reserve::Off | Reserve::Missing | Reserve::Used => None,
    }
}

/// Whether it was recorded. What was not is tried again at the next look.
fn told(recorded: &Result<(), ApiError>, what: &'static str) -> bool {
    if let Err(error) = recorded {
        tracing::debug!(%error, what, "not recorded yet");
    }
    recorded.is_ok()
}
