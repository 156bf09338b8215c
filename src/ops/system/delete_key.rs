//! DeleteKey: the end of a key whose waiting period has passed. Material and
//! aliases go; the book keeps what was done with it.

use std::sync::Arc;

use serde::Deserialize;

use crate::base::spec::KeyState;
use crate::keys::changes::{DeleteKey as Delete, UpdateKey};
use crate::keys::key::Key;
use crate::keys::multi_region;
use crate::keys::registry::Registry;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::resolve::Accepts;
use crate::ops::shapes::{KEY_ID, Nothing};
use crate::policy::actions::Action;
use crate::store::Change;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DeleteKey;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
}

impl Operation for DeleteKey {
    const DESCRIPTION: Description = Description {
        name: "DeleteKey",
        service: Service::System,
        read_only: false,
        input: &[KEY_ID.unrecorded()],
        output: &[],
        errors: &[Code::KMSInvalidStateException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let key = access.key(Action::SYSTEM_DELETE_KEY, &input.key_id, Accepts::Key, None)?.key;
        let due = key.deletion_ms.is_some_and(|at| at <= ctx.clock.now_ms());
        if key.state != KeyState::PendingDeletion || !due {
            let text = format!("{} is not due for deletion.", key.arn);
            return Err(ApiError::new(Code::KMSInvalidStateException, text));
        }
        let mut changes: Vec<Box<dyn Change>> = Vec::new();
        if let Some((primary, window_days)) = last_replica_of(&ctx.keys, &key) {
            // The record says what else this deletion began.
            access.record_additional("pendingDeletion", primary.arn.to_string().into());
            let now_ms = ctx.clock.now_ms();
            changes.push(UpdateKey::new(&ctx.keys, &primary, |key| {
                key.begin_pending_deletion(now_ms, window_days);
            }));
        }
        changes.push(Box::new(Delete { registry: Arc::clone(&ctx.keys), key }));
        Ok(Done::changed(Nothing {}, changes, None))
    }
}

/// The primary key whose deletion waits for that of this replica alone, and
/// the days that it is to wait from then on.
fn last_replica_of(registry: &Registry, key: &Key) -> Option<(Arc<Key>, i64)> {
    let primary = multi_region::primary_of(registry, key)?;
    let window_days = primary.pending_window_days?;
    let is_last = multi_region::replicas(registry, &primary).len() == 1;
    is_last.then_some((primary, window_days))
}
