//! RevokeGrant: works in every state of the key.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_RevokeGrant.html>

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::grants::{self, GRANT_ID, check_id};
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{DRY_RUN, KEY_ID, Nothing};
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct RevokeGrant;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    grant_id: String,
}

impl Operation for RevokeGrant {
    const DESCRIPTION: Description = Description {
        name: "RevokeGrant",
        service: Service::Kms,
        read_only: false,
        input: &[KEY_ID, Member::required("GrantId", GRANT_ID), DRY_RUN],
        output: &[],
        errors: &[
            Code::DryRunOperationException,
            Code::InvalidArnException,
            Code::InvalidGrantIdException,
            Code::KMSInvalidStateException,
            Code::NotFoundException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        _ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        access.key(Action::REVOKE_GRANT, &input.key_id, Accepts::Key, None)?;
        check_id(&input.grant_id)?;
        Err(grants::not_found(&input.grant_id))
    }
}
