//! PutPermissionsBoundary: the most that the policies of a user or role can
//! allow. It allows nothing by itself. IAM has two operations for it,
//! PutUserPermissionsBoundary and PutRolePermissionsBoundary.

use std::sync::Arc;

use serde::Deserialize;

use super::subject::{self, Named, ONE_OF_ROLE, ONE_OF_USER};
use crate::base::limits;
use crate::identity::changes::SetBoundary;
use crate::ops::access::Access;
use crate::ops::blocking::{PolicyKind, compile};
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, POLICY_TEXT, matching};

pub(super) struct PutPermissionsBoundary;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    #[serde(flatten)]
    owner: Named,
    permissions_boundary: String,
}

impl Operation for PutPermissionsBoundary {
    const DESCRIPTION: Description = Description {
        name: "PutPermissionsBoundary",
        service: Service::Iam,
        read_only: false,
        input: &[
            ONE_OF_USER,
            ONE_OF_ROLE,
            Member::required("permissionsBoundary", matching(1, limits::POLICY_BYTES, POLICY_TEXT)),
        ],
        output: &[],
        errors: &[
            Code::LimitExceededException,
            Code::MalformedPolicyDocumentException,
            Code::NotFoundException,
        ],
    };

    // For compiling a policy no other change should wait.
    const TAKES_TURN: bool = false;

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let action = Action::PUT_PERMISSIONS_BOUNDARY;
        let owner = subject::find_named(ctx, access, action, &input.owner)?;
        let (account, text) = (&owner.account, &input.permissions_boundary);
        let document = compile(ctx, account, PolicyKind::Identity, text).await?;
        access.takes_turn().await;
        let owner = subject::as_of_now(ctx, &owner)?;
        let change = SetBoundary {
            directory: Arc::clone(&ctx.directory),
            owner_id: owner.unique_id.clone(),
            document: Some(document),
        };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], None))
    }
}
