//! CreateAccessKey: one more access key for a user; the secret is shown once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::subject::{self, USER_NAME};
use crate::base::limits;
use crate::identity::changes::CreateAccessKey as Create;
use crate::identity::credentials;
use crate::identity::directory::Kind;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::text::SecretText;

pub(super) struct CreateAccessKey;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    user_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    user_name: String,
    access_key_id: String,
    secret_access_key: SecretText,
}

impl Operation for CreateAccessKey {
    const DESCRIPTION: Description = Description {
        name: "CreateAccessKey",
        service: Service::Iam,
        read_only: false,
        input: &[USER_NAME],
        output: &[out_text("userName"), out_text("accessKeyId"), out_text("secretAccessKey")],
        errors: &[Code::LimitExceededException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let action = Action::CREATE_ACCESS_KEY;
        let user = subject::find(ctx, access, action, Kind::User, &input.user_name)?;
        let held = ctx.directory.access_keys_of(&user.unique_id);
        if held.len() >= limits::ACCESS_KEYS_PER_USER {
            let text = format!(
                "The user already has {} access keys: delete one first.",
                limits::ACCESS_KEYS_PER_USER
            );
            return Err(ApiError::new(Code::LimitExceededException, text));
        }
        let now_ms = ctx.clock.now_ms();
        let (key, shown) = credentials::access_key(&ctx.hsm, &user.unique_id, now_ms)?;
        let recorded = json!({ "userName": user.name, "accessKeyId": key.id });
        let output = Output {
            user_name: user.name.clone(),
            access_key_id: shown.access_key_id,
            secret_access_key: SecretText(shown.secret),
        };
        let change = Create { directory: Arc::clone(&ctx.directory), key: Arc::new(key) };
        Ok(Done::changed(output, vec![Box::new(change)], Some(recorded)))
    }
}
