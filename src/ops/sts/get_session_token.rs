//! GetSessionToken: temporary credentials of a user, who stays the same
//! principal. Needs no permission, as with AWS: nothing can be done with them that
//! the access key could not do.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>

use serde::Deserialize;

use super::members::{CREDENTIALS_OUT, Refused, refused};
use super::session::{self, Credentials};
use crate::base::caller::{Principal, SessionFacts};
use crate::base::limits::SESSION_TOKEN_SECONDS_MAX;
use crate::identity::credentials::Holder;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct GetSessionToken;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    duration_seconds: Option<i64>,
    #[serde(flatten)]
    refused: Refused,
}

/// How long the credentials are good if nobody says, seconds (AWS's own).
const SESSION_S: i64 = 43_200;

impl Operation for GetSessionToken {
    const DESCRIPTION: Description = Description {
        name: "GetSessionToken",
        service: Service::Sts,
        read_only: true,
        input: &[
            Member::optional(
                "DurationSeconds",
                Shape::Integer { min: 900, max: SESSION_TOKEN_SECONDS_MAX },
            ),
            refused("MinimumSessionTokenSize"),
            refused("SerialNumber"),
            refused("TokenCode"),
        ],
        output: &CREDENTIALS_OUT,
        errors: &[],
    };
    const NEEDS_PERMIT: bool = false;

    type Context = Ctx;
    type Input = Input;
    type Output = Credentials;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Credentials>, ApiError> {
        input.refused.check()?;
        let caller = &access.call().caller;
        let (Principal::User { unique_id, .. }, Some(access_key_id), None) =
            (&caller.principal, &caller.access_key_id, &caller.session)
        else {
            let text = "Cannot call GetSessionToken with session credentials";
            return Err(ApiError::new(Code::AccessDeniedException, text));
        };
        let holder =
            Holder::User { user_id: unique_id.clone(), access_key_id: access_key_id.clone() };
        let facts = SessionFacts { created_ms: ctx.clock.now_ms(), ..SessionFacts::default() };
        let seconds = input.duration_seconds.unwrap_or(SESSION_S);
        let (made, _percent, recorded) = session::make(ctx, holder, facts, seconds)?;
        let recorded = serde_json::json!({ "credentials": recorded });
        Ok(Done::changed(made, Vec::new(), Some(recorded)))
    }
}
