//! The timer of the trail: delivers log files and digests now and then.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::audit::trail::{Error, Trail};
use crate::ops::ctx::Ctx;
use crate::ops::system;
use crate::wire::error::chain;

/// How soon a delivery that failed is tried again, at the latest.
const RETRY: Duration = Duration::from_secs(60);

/// Delivers what is due until `stopped` is dropped. What fails is logged, and tried
/// again; nobody waits for it.
pub(super) async fn run(ctx: Arc<Ctx>, mut stopped: oneshot::Receiver<()>) {
    let Some(trail) = ctx.trail.clone() else { return };
    loop {
        let work = tokio::spawn(deliver(Arc::clone(&ctx), Arc::clone(&trail)));
        let wait = match work.await {
            Ok(Ok(())) => trail.interval(),
            Ok(Err(error)) => {
                tracing::error!(cause = chain(&error), "log files are not delivered");
                trail.interval().min(RETRY)
            }
            Err(crash) => {
                tracing::error!(%crash, "the delivery of log files crashed");
                trail.interval().min(RETRY)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = &mut stopped => return,
        }
    }
}

async fn deliver(ctx: Arc<Ctx>, trail: Arc<Trail>) -> Result<(), Error> {
    // Without a key the digests fail, and the status of the trail says so.
    if let Err(error) = system::make_trail_key(&ctx).await {
        tracing::error!(cause = chain(&error), "there is no new key to sign digests");
    }
    trail.deliver().await
}
