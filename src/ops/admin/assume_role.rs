//! AssumeRole: temporary credentials for a session of a role, for whoever an
//! identity policy allows it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::subject::{self, NAME_SHAPE, ROLE_NAME};
use crate::base::arn::PARTITION;
use crate::base::secret::SecretBytes;
use crate::base::timestamp;
use crate::identity::credentials;
use crate::identity::directory::Kind;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};
use crate::wire::text::SecretText;

pub(super) struct AssumeRole;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    role_name: String,
    session_name: String,
    duration_seconds: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    arn: String,
    access_key_id: String,
    secret_access_key: SecretText,
    session_token: SecretText,
    /// RFC 3339.
    expiration: String,
}

impl Operation for AssumeRole {
    const DESCRIPTION: Description = Description {
        name: "AssumeRole",
        service: Service::Sts,
        read_only: true,
        input: &[
            ROLE_NAME,
            Member::required("sessionName", NAME_SHAPE),
            Member::optional("durationSeconds", Shape::Integer { min: 900, max: 43_200 }),
        ],
        output: &[
            out_text("arn"),
            out_text("accessKeyId"),
            out_text("secretAccessKey"),
            out_text("sessionToken"),
            out_text("expiration"),
        ],
        errors: &[Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let action = Action::ASSUME_ROLE;
        let role = subject::find(ctx, access, action, Kind::Role, &input.role_name)?;
        let now_ms = ctx.clock.now_ms();
        let valid = Duration::from_secs(input.duration_seconds.unwrap_or(3_600));
        let valid_ms = i64::try_from(valid.as_millis()).map_err(ApiError::internal)?;
        let expires_ms = now_ms.saturating_add(valid_ms);
        let session = &input.session_name;
        let (shown, token) =
            credentials::role_session(&ctx.hsm, &role, session, now_ms, expires_ms)?;
        let arn =
            format!("arn:{PARTITION}:sts::{}:assumed-role/{}/{session}", role.account, role.name);
        let recorded = json!({
            "assumedRoleUser": {
                "assumedRoleId": format!("{}:{session}", role.unique_id),
                "arn": arn,
            },
            "credentials": {
                "accessKeyId": shown.access_key_id,
                "expiration": timestamp::record_date(expires_ms),
            },
        });
        let output = Output {
            arn,
            access_key_id: shown.access_key_id,
            secret_access_key: SecretText(shown.secret),
            session_token: SecretText(SecretBytes::new(token.into_bytes())),
            expiration: timestamp::event_time(expires_ms),
        };
        Ok(Done::changed(output, Vec::new(), Some(recorded)))
    }
}
