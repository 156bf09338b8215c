//! DeleteKey: the end of a key whose waiting period has passed. Material,
//! aliases and grants go; the book keeps what was done with it.

use std::sync::Arc;

use serde::Deserialize;

use crate::base::spec::{KeyState, MaterialState};
use crate::keys::changes::{DeleteKey as Delete, UpdateKey};
use crate::keys::key::Key;
use crate::keys::multi_region;
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
        let mut changes = release_related(ctx, access, &key);
        let (registry, grants) = (Arc::clone(&ctx.keys), Arc::clone(&ctx.grants));
        changes.push(Box::new(Delete { registry, grants, key }));
        Ok(Done::changed(Nothing {}, changes, None))
    }
}

/// What waited for this key among those related to it: the deletion of a primary
/// key, which begins with the end of its last replica, and a rotation to
/// material that only this replica lacked.
fn release_related(ctx: &Ctx, access: &mut Access<'_>, key: &Key) -> Vec<Box<dyn Change>> {
    let (left, now_ms) = (multi_region::others(&ctx.keys, key), ctx.clock.now_ms());
    let mut changes: Vec<Box<dyn Change>> = Vec::new();
    for other in &left {
        let window_days = other.pending_window_days.filter(|_| left.len() == 1);
        let lacked = other.pending_material().is_some_and(|pending| {
            pending.state == MaterialState::PendingMultiRegionImportAndRotation
                && left.iter().all(|left| left.holds(pending.id))
        });
        if window_days.is_some() {
            access.record_additional("pendingDeletion", other.arn.to_string().into());
        }
        if lacked || window_days.is_some() {
            changes.push(UpdateKey::new(&ctx.keys, other, |other| {
                if lacked {
                    other.stop_waiting_for_related_keys();
                }
                if let Some(window_days) = window_days {
                    other.begin_pending_deletion(now_ms, window_days);
                }
            }));
        }
    }
    changes
}
