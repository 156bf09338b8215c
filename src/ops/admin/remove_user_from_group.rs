//! RemoveUserFromGroup.

use std::sync::Arc;

use serde::Deserialize;

use super::subject::{self, GROUP_NAME, USER_NAME};
use crate::identity::changes::SetMembership;
use crate::identity::directory::Kind;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct RemoveUserFromGroup;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    group_name: String,
    user_name: String,
}

impl Operation for RemoveUserFromGroup {
    const DESCRIPTION: Description = Description {
        name: "RemoveUserFromGroup",
        service: Service::Iam,
        read_only: false,
        input: &[GROUP_NAME, USER_NAME],
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
        let action = Action::REMOVE_USER_FROM_GROUP;
        let group = subject::find(ctx, access, action, Kind::Group, &input.group_name)?;
        let user = subject::load_user(ctx, access, &input.user_name)?;
        if !user.groups.contains(&group.unique_id) {
            let text = format!("The user {} is not in the group {}.", user.name, group.name);
            return Err(ApiError::new(Code::NotFoundException, text));
        }
        let change = SetMembership {
            directory: Arc::clone(&ctx.directory),
            user_id: user.unique_id.clone(),
            group_id: group.unique_id.clone(),
            joins: false,
        };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], None))
    }
}
