//! CreateRole: a role; who may assume it is asked when somebody does.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::subject::{self, ROLE_NAME};
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

pub(super) struct CreateRole;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    role_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    arn: String,
    role_name: String,
    role_id: String,
}

impl Operation for CreateRole {
    const DESCRIPTION: Description = Description {
        name: "CreateRole",
        service: Service::Iam,
        read_only: false,
        input: &[ROLE_NAME],
        output: &[out_text("arn"), out_text("roleName"), out_text("roleId")],
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
        access.account(Action::CREATE_ROLE)?;
        subject::check_new(ctx, access, Kind::Role, &input.role_name)?;
        let identity = Arc::new(Identity {
            unique_id: credentials::role_id(&ctx.hsm)?,
            account: access.call().caller.principal.account().clone(),
            kind: Kind::Role,
            name: input.role_name,
            created_ms: ctx.clock.now_ms(),
            policies: BTreeMap::new(),
        });
        let output = Output {
            arn: identity.arn(),
            role_name: identity.name.clone(),
            role_id: identity.unique_id.clone(),
        };
        let recorded = json!({
            "arn": output.arn,
            "roleName": output.role_name,
            "roleId": output.role_id,
        });
        let change = CreateIdentity { directory: Arc::clone(&ctx.directory), identity };
        Ok(Done::changed(output, vec![Box::new(change)], Some(recorded)))
    }
}
