//! DetachPolicy.

use std::sync::Arc;

use serde::Deserialize;

use super::subject::{self, Named, ONE_OF_GROUP, ONE_OF_ROLE, ONE_OF_USER, POLICY_NAME};
use crate::identity::changes::SetPolicy;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DetachPolicy;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    #[serde(flatten)]
    owner: Named,
    policy_name: String,
}

impl Operation for DetachPolicy {
    const DESCRIPTION: Description = Description {
        name: "DetachPolicy",
        service: Service::Iam,
        read_only: false,
        input: &[ONE_OF_USER, ONE_OF_ROLE, ONE_OF_GROUP, POLICY_NAME],
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
        let owner = subject::find_named(ctx, access, Action::DETACH_POLICY, &input.owner)?;
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
