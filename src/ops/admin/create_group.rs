//! CreateGroup: a group, which has no users yet.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::subject::{self, GROUP_NAME};
use crate::identity::changes::CreateIdentity;
use crate::identity::credentials;
use crate::identity::directory::{Identity, Kind};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct CreateGroup;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    group_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    arn: String,
    group_name: String,
    group_id: String,
}

impl Operation for CreateGroup {
    const DESCRIPTION: Description = Description {
        name: "CreateGroup",
        service: Service::Iam,
        read_only: false,
        input: &[GROUP_NAME],
        output: &[out_text("arn"), out_text("groupName"), out_text("groupId")],
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
        access.account(Action::CREATE_GROUP)?;
        subject::check_new(ctx, access, Kind::Group, &input.group_name)?;
        let unique_id = credentials::group_id(&ctx.hsm)?;
        let account = access.call().caller.principal.account().clone();
        let now_ms = ctx.clock.now_ms();
        let identity =
            Arc::new(Identity::new(Kind::Group, unique_id, account, input.group_name, now_ms));
        let output = Output {
            arn: identity.arn(),
            group_name: identity.name.clone(),
            group_id: identity.unique_id.clone(),
        };
        let recorded = json!({
            "arn": output.arn,
            "groupName": output.group_name,
            "groupId": output.group_id,
        });
        let change = CreateIdentity { directory: Arc::clone(&ctx.directory), identity };
        Ok(Done::changed(output, vec![Box::new(change)], Some(recorded)))
    }
}
