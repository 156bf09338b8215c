//! PutKeyPolicy, and the checks that a new policy of CreateKey gets too.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html>

use std::sync::Arc;

use serde::Deserialize;

use super::access::Access;
use super::blocking::{self, PolicyKind};
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::policy::trials;
use super::resolve::Accepts;
use super::shapes::{KEY_ID, Nothing, recorded_key};
use crate::keys::changes::UpdateKey;
use crate::keys::key::Key;
use crate::policy::actions::Action;
use crate::policy::document::Document;
use crate::policy::error::CompileError;
use crate::policy::fact::{Fact, Said};
use crate::policy::grant::NoGrants;
use crate::policy::question::{KeyResource, Question, RequestFacts, Resource};
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
    bypass_policy_lockout_safety_check: Option<bool>,
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

    // Compiling and testing a policy takes up to seconds, for which no other change
    // should wait.
    const TAKES_TURN: bool = false;

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let name = input.policy_name.as_deref().unwrap_or(DEFAULT_POLICY);
        access.says(Fact::PolicyName, name.to_owned());
        says_bypass(access, input.bypass_policy_lockout_safety_check);
        let before = access.mark();
        let found = access.key(Action::PUT_KEY_POLICY, &input.key_id, Accepts::Key, None)?.key;
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
        let document = compile(ctx, access, &input.policy).await?;
        if let Some(tests) = &found.policy_tests {
            trials::check(ctx, &found, &document, tests).await?;
        }
        let key = access.key_in_turn(Action::PUT_KEY_POLICY, &found, before).await?;
        if input.bypass_policy_lockout_safety_check != Some(true) {
            let held = key.as_resource(ctx.keys.as_ref());
            check_lockout(ctx, access, KeyResource { policy: &document, ..held })?;
        }
        let is_tested = found.policy_tests.is_some() || key.policy_tests.is_some();
        let key = if is_tested { as_tested(key, found) } else { key };
        let change = UpdateKey::new(&ctx.keys, &key, |key| key.policy = document);
        Ok(Done::changed(Nothing {}, vec![change], recorded_key(&key.arn)))
    }
}

/// The key as it is `now`, if what was tested of it when it was `found` still holds.
/// Otherwise as it was found: the commit meets the change, and the call is run again.
pub(super) fn as_tested(now: Arc<Key>, found: Arc<Key>) -> Arc<Key> {
    if now.is_judged_as(&found) { now } else { found }
}

/// The name of the one policy that a key has.
pub(super) const DEFAULT_POLICY: &str = "default";

/// Says whether the caller asks to go without the lockout check, if it says so
/// itself.
pub(super) fn says_bypass(access: &mut Access<'_>, bypass: Option<bool>) {
    if let Some(bypass) = bypass {
        access.says(Fact::BypassPolicyLockoutSafetyCheck, bypass);
    }
}

/// Compiles a key policy that a caller sent.
///
/// # Errors
/// `MalformedPolicyDocumentException` or `LimitExceededException`.
pub(super) async fn compile(
    ctx: &Ctx,
    access: &Access<'_>,
    text: &str,
) -> Result<Arc<Document>, ApiError> {
    let limit = ctx.quotas.key_policy_bytes;
    if text.len() > limit {
        return Err(CompileError::TooLarge { limit, unit: "bytes" }.into());
    }
    let account = access.call().caller.principal.account();
    blocking::compile(ctx, account, PolicyKind::Key, text).await
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
    // The next policy's call, not this one.
    let mut said = Said::new();
    said.say(Fact::PolicyName, DEFAULT_POLICY.into());
    let request = &RequestFacts { said: &said, ..access.request_facts(None, None) };
    Ok(ctx.engine.check_lockout(&Question {
        caller: &access.call().caller,
        action: Action::PUT_KEY_POLICY,
        resource: Resource::Key(key),
        standing: access.standing(),
        grants: &NoGrants,
        request,
    })?)
}
