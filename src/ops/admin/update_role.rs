//! UpdateRole: who may assume a role, and for how long. The two are different
//! rights, as in AWS: a trust policy lets others in.

use std::sync::Arc;

use serde::Deserialize;

use super::subject::{self, MAX_SESSION, ROLE_NAME, TRUST};
use crate::identity::changes::UpdateRole as Update;
use crate::identity::directory::Kind;
use crate::ops::access::Access;
use crate::ops::blocking::{PolicyKind, compile};
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct UpdateRole;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    role_name: String,
    assume_role_policy_document: Option<String>,
    max_session_duration_seconds: Option<i64>,
}

impl Operation for UpdateRole {
    const DESCRIPTION: Description = Description {
        name: "UpdateRole",
        service: Service::Iam,
        read_only: false,
        input: &[ROLE_NAME, TRUST, MAX_SESSION],
        output: &[],
        errors: &[
            Code::LimitExceededException,
            Code::MalformedPolicyDocumentException,
            Code::NotFoundException,
        ],
    };

    // For compiling a policy no other change should wait.
    const TAKES_TURN: bool = false;

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let (trust, max_session_s) =
            (input.assume_role_policy_document, input.max_session_duration_seconds);
        let asked = [
            trust.as_ref().map(|_| Action::UPDATE_ASSUME_ROLE_POLICY),
            max_session_s.map(|_| Action::UPDATE_ROLE),
        ];
        let mut found = None;
        for action in asked.into_iter().flatten() {
            found = Some(subject::find(ctx, access, action, Kind::Role, &input.role_name)?);
        }
        let Some(role) = found else {
            let text =
                "Specify assumeRolePolicyDocument, maxSessionDurationSeconds, or both of them.";
            return Err(ApiError::validation(text));
        };
        let trust = match trust {
            Some(text) => Some(compile(ctx, &role.account, PolicyKind::Trust, &text).await?),
            None => None,
        };
        access.takes_turn().await;
        let role = subject::as_of_now(ctx, &role)?;
        let mut terms = role.role.clone().ok_or_else(|| ApiError::internal("a role has terms"))?;
        terms.trust = trust.unwrap_or(terms.trust);
        terms.max_session_s = max_session_s.unwrap_or(terms.max_session_s);
        let (directory, role_id) = (Arc::clone(&ctx.directory), role.unique_id.clone());
        let change = Update { directory, role_id, terms };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], None))
    }
}
