//! DeletePermissionsBoundary: the policies of a user or role hold without a
//! limit again.

use std::sync::Arc;

use serde::Deserialize;

use super::subject::{self, Named, ONE_OF_ROLE, ONE_OF_USER};
use crate::identity::changes::SetBoundary;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DeletePermissionsBoundary;

#[derive(Deserialize)]
pub(super) struct Input {
    #[serde(flatten)]
    owner: Named,
}

impl Operation for DeletePermissionsBoundary {
    const DESCRIPTION: Description = Description {
        name: "DeletePermissionsBoundary",
        service: Service::Iam,
        read_only: false,
        input: &[ONE_OF_USER, ONE_OF_ROLE],
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
        let action = Action::DELETE_PERMISSIONS_BOUNDARY;
        let owner = subject::find_named(ctx, access, action, &input.owner)?;
        if owner.boundary.is_none() {
            let text = format!("{} has no permissions boundary.", owner.name);
            return Err(ApiError::new(Code::NotFoundException, text));
        }
        let change = SetBoundary {
            directory: Arc::clone(&ctx.directory),
            owner_id: owner.unique_id.clone(),
            document: None,
        };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], None))
    }
}
