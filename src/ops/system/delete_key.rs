//! DeleteKey: the end of a key whose waiting period has passed. Material and
//! aliases go; the book keeps what was done with it.

use std::sync::Arc;

use serde::Deserialize;

use crate::base::spec::KeyState;
use crate::keys::changes::DeleteKey as Delete;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::resolve::Accepts;
use crate::ops::shapes::{KEY_ID, Nothing};
use crate::policy::actions::Action;
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
        let change = Delete { registry: Arc::clone(&ctx.keys), key };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], None))
    }
}
