//! PutKeyPolicy, and the checks that a new policy of CreateKey gets too.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html>

use std::sync::Arc;

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID, Nothing, recorded_key};
use crate::keys::changes::UpdateKey;
use crate::policy::actions::Action;
use crate::policy::document::Document;
use crate::policy::error::CompileError;
use crate::policy::grant::NoGrants;
use crate::policy::question::{KeyResource, Question, Resource};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, POLICY_TEXT, Recorded, Shape, WORD, matching};

pub(super) struct PutKeyPolicy;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    policy_name: Option<String>,
    policy: String,
    #[serde(default)]
    bypass_policy_lockout_safety_check: bool,
}

impl Operation for PutKeyPolicy {
    const DESCRIPTION: Description = Description {
        name: "PutKeyPolicy",
        service: Service::Kms,
        read_only: false,
        input: &[
            KEY_ID,
            Member::optional("PolicyName", matching(1, 128, WORD))
                .recorded(Recorded::OrText("default")),
            Member::required("Policy", matching(1, 131_072, POLICY_TEXT)),
            Member::optional("BypassPolicyLockoutSafetyCheck", Shape::Boolean)
                .recorded(Recorded::OrFalse),
        ],
        output: &[],
        errors: &[
            Code::InvalidArnException,
            Code::KMSInvalidStateException,
            Code::LimitExceededException,
            Code::MalformedPolicyDocumentException,
            Code::NotFoundException,
            Code::UnsupportedOperationException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let key = access.key(Action::PUT_KEY_POLICY, &input.key_id, Accepts::Key, None)?.key;
        match input.policy_name.as_deref() {
            None | Some("default") => {}
            Some("AWS_RAM") => {
                let text = "The AWS_RAM policy can only be managed by the RAM service";
                return Err(ApiError::validation(text));
            }
            Some(_) => {
                return Err(ApiError::new(Code::NotFoundException, "No such policy exists"));
            }
        }
        let document = compile(ctx, &input.policy)?;
        if !input.bypass_policy_lockout_safety_check {
            check_lockout(ctx, access, KeyResource { policy: &document, ..key.as_resource() })?;
        }
        let change = UpdateKey::new(&ctx.keys, &key, |key| key.policy = document);
        Ok(Done::changed(Nothing {}, vec![change], recorded_key(&key.arn)))
    }
}

/// Compiles a key policy that a caller sent.
///
/// # Errors
/// `MalformedPolicyDocumentException` or `LimitExceededException`.
pub(super) fn compile(ctx: &Ctx, text: &str) -> Result<Arc<Document>, ApiError> {
    let limit = ctx.quotas.key_policy_bytes;
    if text.len() > limit {
        return Err(CompileError::TooLarge { limit, unit: "bytes" }.into());
    }
    Ok(ctx.engine.compile_key_policy(text, ctx.directory.as_ref())?)
}

/// Refuses a policy under which this caller, with the identity policies of
/// today, could not put the next one. `key` already carries the new policy.
///
/// # Errors
/// `MalformedPolicyDocumentException`.
pub(super) fn check_lockout(
    ctx: &Ctx,
    access: &Access<'_>,
    key: KeyResource<'_>,
) -> Result<(), ApiError> {
    Ok(ctx.engine.check_lockout(&Question {
        caller: &access.call().caller,
        action: Action::PUT_KEY_POLICY,
        resource: Resource::Key(key),
        standing: access.standing(),
        grants: &NoGrants,
        request: &access.request_facts(None, None),
    })?)
}
