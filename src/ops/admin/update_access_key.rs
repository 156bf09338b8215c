//! UpdateAccessKey: deactivates an access key, or activates it again.

use std::sync::Arc;

use serde::Deserialize;

use super::delete_access_key::find_key;
use super::subject::{self, ACCESS_KEY_ID, USER_NAME};
use crate::identity::changes::UpdateAccessKey as Update;
use crate::identity::directory::{AccessKey, Kind};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct UpdateAccessKey;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    user_name: String,
    access_key_id: String,
    status: String,
}

impl Operation for UpdateAccessKey {
    const DESCRIPTION: Description = Description {
        name: "UpdateAccessKey",
        service: Service::Iam,
        read_only: false,
        input: &[
            USER_NAME,
            ACCESS_KEY_ID,
            Member::required("status", Shape::Enum(&["Active", "Inactive"])),
        ],
        output: &[],
        errors: &[Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let action = Action::UPDATE_ACCESS_KEY;
        let user = subject::find(ctx, access, action, Kind::User, &input.user_name)?;
        let held = find_key(ctx, &user, &input.access_key_id)?;
        let key = AccessKey { active: input.status == "Active", ..AccessKey::clone(&held) };
        let change = Update { directory: Arc::clone(&ctx.directory), key: Arc::new(key) };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], None))
    }
}
