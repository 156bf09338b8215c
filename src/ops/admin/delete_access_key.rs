//! DeleteAccessKey.

use std::sync::Arc;

use serde::Deserialize;

use super::subject::{self, ACCESS_KEY_ID, USER_NAME};
use crate::identity::changes::DeleteAccessKey as Delete;
use crate::identity::directory::{AccessKey, Identity, Kind};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DeleteAccessKey;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    user_name: String,
    access_key_id: String,
}

impl Operation for DeleteAccessKey {
    const DESCRIPTION: Description = Description {
        name: "DeleteAccessKey",
        service: Service::Iam,
        read_only: false,
        input: &[USER_NAME, ACCESS_KEY_ID],
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
        let action = Action::DELETE_ACCESS_KEY;
        let user = subject::find(ctx, access, action, Kind::User, &input.user_name)?;
        let key = find_key(ctx, &user, &input.access_key_id)?;
        let change = Delete { directory: Arc::clone(&ctx.directory), id: key.id.clone() };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], None))
    }
}

/// The access key of this user with this id.
pub(super) fn find_key(ctx: &Ctx, user: &Identity, id: &str) -> Result<Arc<AccessKey>, ApiError> {
    ctx.directory.find_access_key(id).filter(|key| key.user_id == user.unique_id).ok_or_else(|| {
        let text = format!("The Access Key with id {id} cannot be found.");
        ApiError::new(Code::NotFoundException, text)
    })
}
