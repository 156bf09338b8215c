//! RetireGrant: the end of a grant by one of its parties. Who may is said by the
//! grant, so it is found before anything is decided.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_RetireGrant.html>

use std::sync::Arc;

use serde::Deserialize;

use super::access::Access;
use super::call::Call;
use super::ctx::Ctx;
use super::grants::{GRANT_ID, GRANT_TOKEN, parse_id};
use super::operation::{Description, Done, Operation, Service};
use super::shapes::{DRY_RUN, KEY_ID_SHAPE, Nothing, recorded_key};
use crate::base::grant::GrantId;
use crate::keys::grants::changes::DeleteGrant;
use crate::keys::grants::token::{self, Token};
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
        let (key_id, id) = match (&input.grant_token, &input.key_id, &input.grant_id) {
            (Some(token), None, None) => named_by(ctx, access.call(), token)?,
            (None, Some(key_id), Some(grant_id)) => {
                // Alone of all operations this one wants the ARN.
                if !key_id.starts_with("arn:") {
                    let text = format!("Invalid arn {key_id}");
                    return Err(ApiError::new(Code::InvalidArnException, text));
                }
                (key_id.clone(), parse_id(grant_id)?)
            }
            _ => {
                return Err(ApiError::validation(
                    "You must specify either GrantToken, or KeyId and GrantId.",
                ));
            }
        };
        access.record_additional("grantId", id.to_string().into());
        let key = access.retirement(&key_id, &id)?.key;
        let recorded = recorded_key(&key);
        let change = DeleteGrant { grants: Arc::clone(&ctx.grants), key, id };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], recorded))
    }
}

/// The key and the grant that a token names, in the Region of the call.
fn named_by(ctx: &Ctx, call: &Call, token: &str) -> Result<(String, GrantId), ApiError> {
    match token::open(&ctx.hsm, token) {
        Some(Token::Names { key, id }) if key.region == call.region => Ok((key.to_string(), id)),
        _ => Err(ApiError::bare(Code::InvalidGrantTokenException)),
    }
}
