//! AttachPolicy: a policy for a user, role or group, in Cedar or as AWS JSON; one of
//! the same name is replaced.

use std::sync::Arc;

use serde::Deserialize;

use super::subject::{self, Named, ONE_OF_GROUP, ONE_OF_ROLE, ONE_OF_USER, POLICY_NAME};
use crate::base::limits;
use crate::identity::changes::SetPolicy;
use crate::ops::access::Access;
use crate::ops::blocking::{PolicyKind, compile};
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, POLICY_TEXT, matching};

pub(super) struct AttachPolicy;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    #[serde(flatten)]
    owner: Named,
    policy_name: String,
    policy: String,
}

impl Operation for AttachPolicy {
    const DESCRIPTION: Description = Description {
        name: "AttachPolicy",
        service: Service::Iam,
        read_only: false,
        input: &[
            ONE_OF_USER,
            ONE_OF_ROLE,
            ONE_OF_GROUP,
            POLICY_NAME,
            Member::required("policy", matching(1, limits::POLICY_BYTES, POLICY_TEXT)),
        ],
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
        let owner = subject::find_named(ctx, access, Action::ATTACH_POLICY, &input.owner)?;
        let account = &owner.account;
        let document = compile(ctx, account, PolicyKind::Identity, &input.policy).await?;
        access.takes_turn().await;
        let owner = subject::as_of_now(ctx, &owner)?;
        let is_new = !owner.policies.contains_key(&input.policy_name);
        if is_new && owner.policies.len() >= limits::ATTACHED_POLICIES {
            let text =
                format!("{} already has {} policies.", owner.name, limits::ATTACHED_POLICIES);
            return Err(ApiError::new(Code::LimitExceededException, text));
        }
        let change = SetPolicy {
            directory: Arc::clone(&ctx.directory),
            owner_id: owner.unique_id.clone(),
            name: input.policy_name,
            document: Some(document),
        };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], None))
    }
}
