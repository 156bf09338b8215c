//! AddUserToGroup: the group's policies hold for the user from the next call
//! on. A user who is in the group already stays in it.

use std::sync::Arc;

use serde::Deserialize;

use super::subject::{self, GROUP_NAME, USER_NAME};
use crate::base::limits;
use crate::identity::changes::SetMembership;
use crate::identity::directory::Kind;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::store::Change;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct AddUserToGroup;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    group_name: String,
    user_name: String,
}

impl Operation for AddUserToGroup {
    const DESCRIPTION: Description = Description {
        name: "AddUserToGroup",
        service: Service::Iam,
        read_only: false,
        input: &[GROUP_NAME, USER_NAME],
        output: &[],
        errors: &[Code::LimitExceededException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let action = Action::ADD_USER_TO_GROUP;
        let group = subject::find(ctx, access, action, Kind::Group, &input.group_name)?;
        let user = subject::load_user(ctx, access, &input.user_name)?;
        if user.groups.contains(&group.unique_id) {
            return Ok(Done::changed(Nothing {}, Vec::new(), None));
        }
        if user.groups.len() >= limits::GROUPS_PER_USER {
            let text = format!("{} is already in {} groups.", user.name, limits::GROUPS_PER_USER);
            return Err(ApiError::new(Code::LimitExceededException, text));
        }
        let changes: Vec<Box<dyn Change>> = vec![Box::new(SetMembership {
            directory: Arc::clone(&ctx.directory),
            user_id: user.unique_id.clone(),
            group_id: group.unique_id.clone(),
            joins: true,
        })];
        Ok(Done::changed(Nothing {}, changes, None))
    }
}
