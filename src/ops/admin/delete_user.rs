//! DeleteUser: with its access keys and policies.

use serde::Deserialize;

use super::subject::{self, USER_NAME};
use crate::identity::directory::Kind;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DeleteUser;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    user_name: String,
}

impl Operation for DeleteUser {
    const DESCRIPTION: Description = Description {
        name: "DeleteUser",
        service: Service::Iam,
        read_only: false,
        input: &[USER_NAME],
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
        subject::delete(ctx, access, Action::DELETE_USER, Kind::User, &input.user_name)
    }
}
