//! CreateRole: a role, who may assume it, and for how long. Without a trust
//! policy it trusts its account: whom the account's own policies allow it may
//! assume the role.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::subject::{self, MAX_SESSION, ROLE_NAME, TRUST};
use crate::base::limits;
use crate::identity::changes::CreateIdentity;
use crate::identity::credentials;
use crate::identity::directory::{Identity, Kind, RoleTerms};
use crate::ops::access::Access;
use crate::ops::blocking::{PolicyKind, compile};
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::policy::builtin::default_trust_policy;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct CreateRole;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    role_name: String,
    assume_role_policy_document: Option<String>,
    max_session_duration_seconds: Option<i64>,
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
        input: &[ROLE_NAME, TRUST, MAX_SESSION],
        output: &[out_text("arn"), out_text("roleName"), out_text("roleId")],
        errors: &[
            Code::AlreadyExistsException,
            Code::LimitExceededException,
            Code::MalformedPolicyDocumentException,
        ],
    };

    // For compiling a policy no other change should wait.
    const TAKES_TURN: bool = false;

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
        let account = access.call().caller.principal.account().clone();
        let default;
        let trust = match &input.assume_role_policy_document {
            Some(text) => text,
            None => {
                default = default_trust_policy(&account);
                &default
            }
        };
        let trust = compile(ctx, &account, PolicyKind::Trust, trust).await?;
        access.takes_turn().await;
        subject::check_new(ctx, access, Kind::Role, &input.role_name)?;
        let terms = RoleTerms {
            trust,
            max_session_s: input
                .max_session_duration_seconds
                .unwrap_or(limits::MAX_SESSION_SECONDS_MIN),
        };
        let unique_id = credentials::role_id(&ctx.hsm)?;
        let now_ms = ctx.clock.now_ms();
        let role = Identity::new(Kind::Role, unique_id, account, input.role_name, now_ms);
        let identity = Arc::new(Identity { role: Some(terms), ..role });
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
