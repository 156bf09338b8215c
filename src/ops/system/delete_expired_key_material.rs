//! DeleteExpiredKeyMaterial: the end of imported material whose time is over.
//! Until then it counts as gone already (`Key::at`); from then on it is.

use serde::Deserialize;
use serde_json::json;

use crate::keys::import;
use crate::keys::key::Material;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::resolve::Accepts;
use crate::ops::shapes::{KEY_ID, Nothing};
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DeleteExpiredKeyMaterial;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
}

impl Operation for DeleteExpiredKeyMaterial {
    const DESCRIPTION: Description = Description {
        name: "DeleteExpiredKeyMaterial",
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
        let action = Action::SYSTEM_DELETE_EXPIRED_KEY_MATERIAL;
        let seen = access.key(action, &input.key_id, Accepts::Key, None)?.key;
        // The key as it is stored still has what every other operation misses.
        let stored = ctx.keys.find(&seen.arn.region, seen.id()).unwrap_or(seen);
        let now_ms = ctx.clock.now_ms();
        let has_expired = |material: &Material| material.has_expired(now_ms);
        let changes = import::delete(&ctx.keys, &stored, has_expired);
        if changes.is_empty() {
            let text = format!("{} has no expired key material.", stored.arn);
            return Err(ApiError::new(Code::KMSInvalidStateException, text));
        }
        access.record_service_event(json!({ "keyId": stored.id().to_string() }));
        Ok(Done::changed(Nothing {}, changes, None))
    }
}
