//! DescribeKey.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html>

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::ctx::Ctx;
use super::key_metadata::{KEY_METADATA, KeyMetadata};
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{GRANT_TOKENS, KEY_ID};
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DescribeKey;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_metadata: KeyMetadata,
}

impl Operation for DescribeKey {
    const DESCRIPTION: Description = Description {
        name: "DescribeKey",
        service: Service::Kms,
        read_only: true,
        input: &[KEY_ID, GRANT_TOKENS],
        output: &[KEY_METADATA],
        errors: &[Code::InvalidArnException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let found = access.key(Action::DESCRIBE_KEY, &input.key_id, Accepts::KeyOrAlias, None)?;
        Ok(Done::read(Output { key_metadata: KeyMetadata::of(&ctx.keys, &found.key) }))
    }
}
