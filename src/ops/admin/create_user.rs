//! CreateUser: a user and the first access key, whose secret is shown once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::subject::{self, USER_NAME};
use crate::identity::changes::{CreateAccessKey, CreateIdentity};
use crate::identity::credentials;
use crate::identity::directory::{Identity, Kind};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::text::SecretText;

pub(super) struct CreateUser;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    user_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    arn: String,
    user_name: String,
    user_id: String,
    access_key_id: String,
    secret_access_key: SecretText,
}

impl Operation for CreateUser {
    const DESCRIPTION: Description = Description {
        name: "CreateUser",
        service: Service::Iam,
        read_only: false,
        input: &[USER_NAME],
        output: &[
            out_text("arn"),
            out_text("userName"),
            out_text("userId"),
            out_text("accessKeyId"),
            out_text("secretAccessKey"),
        ],
        errors: &[Code::AlreadyExistsException, Code::LimitExceededException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        access.account(Action::CREATE_USER)?;
        subject::check_new(ctx, access, Kind::User, &input.user_name)?;
        let now_ms = ctx.clock.now_ms();
        let unique_id = credentials::user_id(&ctx.hsm)?;
        let account = access.call().caller.principal.account().clone();
        let identity =
            Arc::new(Identity::new(Kind::User, unique_id, account, input.user_name, now_ms));
        let (key, shown) = credentials::access_key(&ctx.hsm, &identity.unique_id, now_ms)?;
        let recorded = json!({
            "arn": identity.arn(),
            "userName": identity.name,
            "userId": identity.unique_id,
            "accessKeyId": key.id,
        });
        let output = Output {
            arn: identity.arn(),
            user_name: identity.name.clone(),
            user_id: identity.unique_id.clone(),
            access_key_id: shown.access_key_id,
            secret_access_key: SecretText(shown.secret),
        };
        let directory = &ctx.directory;
        let changes: Vec<Box<dyn crate::store::Change>> = vec![
            Box::new(CreateIdentity { directory: Arc::clone(directory), identity }),
            Box::new(CreateAccessKey { directory: Arc::clone(directory), key: Arc::new(key) }),
        ];
        Ok(Done::changed(output, changes, Some(recorded)))
    }
}
