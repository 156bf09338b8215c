//! DeleteRole: with its policies; its sessions end at once.

use serde::Deserialize;

use super::subject::{self, ROLE_NAME};
use crate::identity::directory::Kind;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DeleteRole;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    role_name: String,
}

impl Operation for DeleteRole {
    const DESCRIPTION: Description = Description {
        name: "DeleteRole",
        service: Service::Iam,
        read_only: false,
        input: &[ROLE_NAME],
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
        subject::delete(ctx, access, Action::DELETE_ROLE, Kind::Role, &input.role_name)
    }
}
