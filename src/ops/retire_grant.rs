//! RetireGrant. Who may is said by the grant, so it is found before anything
//! is decided; there is none yet.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_RetireGrant.html>

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::grants::{self, GRANT_ID, GRANT_TOKEN, check_id};
use super::operation::{Description, Done, Operation, Service};
use super::resolve::{self, Accepts};
use super::shapes::{DRY_RUN, KEY_ID_SHAPE, Nothing};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct RetireGrant;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    grant_token: Option<String>,
    key_id: Option<String>,
    grant_id: Option<String>,
}

impl Operation for RetireGrant {
    const DESCRIPTION: Description = Description {
        name: "RetireGrant",
        service: Service::Kms,
        read_only: false,
        input: &[
            Member::optional("GrantToken", GRANT_TOKEN).unrecorded(),
            Member::optional("KeyId", KEY_ID_SHAPE).unrecorded(),
            Member::optional("GrantId", GRANT_ID).unrecorded(),
            DRY_RUN.unrecorded(),
        ],
        output: &[],
        errors: &[
            Code::DryRunOperationException,
            Code::InvalidArnException,
            Code::InvalidGrantIdException,
            Code::InvalidGrantTokenException,
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
        let (key_id, grant_id) = match (&input.grant_token, &input.key_id, &input.grant_id) {
            (Some(_), None, None) => {
                return Err(ApiError::bare(Code::InvalidGrantTokenException));
            }
            (None, Some(key_id), Some(grant_id)) => (key_id, grant_id),
            _ => {
                return Err(ApiError::validation(
                    "You must specify either GrantToken, or KeyId and GrantId.",
                ));
            }
        };
        // Alone of all operations this one wants the ARN.
        if !key_id.starts_with("arn:") {
            let text = format!("Invalid arn {key_id}");
            return Err(ApiError::new(Code::InvalidArnException, text));
        }
        let key = resolve::key(&ctx.keys, &access.call().realm(), key_id, Accepts::Key)?.key;
        access.record_resource(&key.arn);
        check_id(grant_id)?;
        access.record_additional("grantId", grant_id.as_str().into());
        Err(grants::not_found(grant_id))
    }
}
