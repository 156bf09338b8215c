//! DetachPolicy.

use std::sync::Arc;

use serde::Deserialize;

use super::subject::{self, NAME_SHAPE, POLICY_NAME};
use crate::identity::changes::SetPolicy;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct DetachPolicy;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    user_name: Option<String>,
    role_name: Option<String>,
    policy_name: String,
}

impl Operation for DetachPolicy {
    const DESCRIPTION: Description = Description {
        name: "DetachPolicy",
        service: Service::Iam,
        read_only: false,
        input: &[
            Member::optional("userName", NAME_SHAPE),
            Member::optional("roleName", NAME_SHAPE),
            POLICY_NAME,
        ],
        output: &[],
        errors: &[Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let (user, role) = (input.user_name.as_deref(), input.role_name.as_deref());
        let owner = subject::find_either(ctx, access, Action::DETACH_POLICY, user, role)?;
        if !owner.policies.contains_key(&input.policy_name) {
            let text = format!("{} has no policy {}.", owner.name, input.policy_name);
            return Err(ApiError::new(Code::NotFoundException, text));
        }
        let change = SetPolicy {
            directory: Arc::clone(&ctx.directory),
            owner_id: owner.unique_id.clone(),
            name: input.policy_name,
            document: None,
        };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], None))
    }
}
