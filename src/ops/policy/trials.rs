//! The tests beside a key policy, run before another one takes its place.

use std::sync::Arc;

use crate::base::limits::ECHOED_CHARS;
use crate::keys::key::Key;
use crate::ops::ctx::Ctx;
use crate::policy::document::Document;
use crate::policy::question::KeyResource;
use crate::policy::trial::{self, Trials};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// Refuses a policy that fails one of the tests, naming the first; answers how
/// many there are.
///
/// # Errors
/// `MalformedPolicyDocumentException`.
pub(in crate::ops) async fn check(
    ctx: &Ctx,
    key: &Arc<Key>,
    policy: &Arc<Document>,
    tests: &str,
) -> Result<usize, ApiError> {
    let trials = Trials::parse(tests).map_err(|error| refused(&error))?;
    let (engine, keys, directory) =
        (Arc::clone(&ctx.engine), Arc::clone(&ctx.keys), Arc::clone(&ctx.directory));
    let (key, policy, now_ms) = (Arc::clone(key), Arc::clone(policy), ctx.clock.now_ms());
    // The tests are few, so they need not wait for their turn among searches.
    let run = tokio::task::spawn_blocking(move || {
        let key = KeyResource { policy: &policy, ..key.as_resource(keys.as_ref()) };
        trials.run(&engine, key, directory.as_ref(), now_ms)
    });
    let outcomes = run.await.map_err(ApiError::internal)?.map_err(|error| refused(&error))?;
    match outcomes.iter().find(|outcome| !outcome.passed) {
        None => Ok(outcomes.len()),
        Some(failed) => {
            let text = format!("The policy fails the test {:?}: {}", failed.name, failed.failure);
            Err(ApiError::new(Code::MalformedPolicyDocumentException, text))
        }
    }
}

/// Tests that are none, or that cannot be asked.
fn refused(error: &trial::Error) -> ApiError {
    let text: String = error.to_string().chars().take(ECHOED_CHARS.saturating_mul(2)).collect();
    ApiError::new(Code::MalformedPolicyDocumentException, text)
}
