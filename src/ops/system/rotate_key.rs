//! RotateKey: new material for a key whose rotation is due, by its schedule or
//! because somebody asked for it.

use serde::Deserialize;
use serde_json::json;

use crate::base::arn::KeyArn;
use crate::keys::key::Rotated;
use crate::keys::rotate::rotate;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Further, Operation, Service};
use crate::ops::resolve::Accepts;
use crate::ops::shapes::{KEY_ID, Nothing};
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct RotateKey;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
}

impl Operation for RotateKey {
    const DESCRIPTION: Description = Description {
        name: "RotateKey",
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
        let used = access.key(Action::SYSTEM_ROTATE_KEY, &input.key_id, Accepts::Key, None)?;
        let (key, at_ms) = (used.key, ctx.clock.now_ms());
        let Some(kind) = key.due_rotation(at_ms) else {
            let text = format!("{} is not due for rotation.", key.arn);
            return Err(ApiError::new(Code::KMSInvalidStateException, text));
        };
        let done = rotate(&ctx.hsm, &ctx.keys, &used.permit, &key, Rotated { kind, at_ms })?;
        access.record_service_event(json!({
            "keyId": key.id().to_string(),
            "rotationType": kind.as_str(),
            "keyOrigin": key.origin.as_str(),
            "previousKeyMaterialId": done.previous.to_string(),
            "currentKeyMaterialId": done.current.to_string(),
        }));
        let synchronized = done.replicas.iter().map(|replica| synchronized(replica, &key.arn));
        let synchronized = synchronized.collect();
        Ok(Done::changed(Nothing {}, done.changes, None).with_further(synchronized))
    }
}

/// The record of the new material's arrival in the Region of a replica.
fn synchronized(replica: &KeyArn, primary: &KeyArn) -> Further {
    Further {
        name: "SynchronizeMultiRegionKey",
        region: replica.region.clone(),
        request_parameters: None,
        response_elements: None,
        resources: vec![replica.clone(), primary.clone()],
    }
}
