//! GetCallerIdentity: who the caller is. Needs no permission, as with AWS.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

use serde::{Deserialize, Serialize};

use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::wire::error::ApiError;

pub(super) struct GetCallerIdentity;

#[derive(Deserialize)]
pub(super) struct Input {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    arn: String,
    user_id: String,
    account: String,
}

impl Operation for GetCallerIdentity {
    const DESCRIPTION: Description = Description {
        name: "GetCallerIdentity",
        service: Service::Sts,
        read_only: true,
        input: &[],
        output: &[out_text("Arn"), out_text("UserId"), out_text("Account")],
        errors: &[],
    };
    const NEEDS_PERMIT: bool = false;

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        _ctx: &Ctx,
        access: &mut Access<'_>,
        _input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let principal = &access.call().caller.principal;
        Ok(Done::read(Output {
            arn: principal.to_string(),
            user_id: principal.principal_id(),
            account: principal.account().to_string(),
        }))
    }
}
