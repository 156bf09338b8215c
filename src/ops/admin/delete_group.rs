//! DeleteGroup: with its policies. A group that has users is not deleted, as in
//! AWS: what it forbids them would go with it.

use std::sync::Arc;

use serde::Deserialize;

use super::subject::{self, GROUP_NAME};
use crate::identity::changes::DeleteIdentity;
use crate::identity::directory::Kind;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DeleteGroup;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    group_name: String,
}

impl Operation for DeleteGroup {
    const DESCRIPTION: Description = Description {
        name: "DeleteGroup",
        service: Service::Iam,
        read_only: false,
        input: &[GROUP_NAME],
        output: &[],
        errors: &[Code::ConflictException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let action = Action::DELETE_GROUP;
        let identity = subject::find(ctx, access, action, Kind::Group, &input.group_name)?;
        if !ctx.directory.members_of(&identity).is_empty() {
            let text = "Cannot delete entity, must remove users from group first.";
            return Err(ApiError::new(Code::ConflictException, text));
        }
        let change = DeleteIdentity { directory: Arc::clone(&ctx.directory), identity };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], None))
    }
}
