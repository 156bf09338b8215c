//! RevokeGrant: works in every state of the key.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_RevokeGrant.html>

use std::sync::Arc;

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::grants::{self, GRANT_ID, parse_id};
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{DRY_RUN, KEY_ID, Nothing, recorded_key};
use crate::keys::grants::changes::DeleteGrant;
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
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        grants::says_direct(access);
        let key = access.key(Action::REVOKE_GRANT, &input.key_id, Accepts::Key, None)?.key;
        let id = parse_id(&input.grant_id)?;
        let grant = ctx.grants.find(&key.arn, &id).ok_or_else(|| grants::not_found(&id))?;
        let change = DeleteGrant { grants: Arc::clone(&ctx.grants), key: grant.key, id };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], recorded_key(&key.arn)))
    }
}
