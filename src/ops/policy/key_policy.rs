//! PutKeyPolicyWithTests and GetKeyPolicyWithTests: a key policy together with
//! the tests that it, and every later one, must pass.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::trials;
use crate::base::clock::Deadline;
use crate::keys::changes::UpdateKey;
use crate::ops::access::Access;
use crate::ops::blocking::search;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::put_key_policy::{DEFAULT_POLICY, as_tested, check_lockout, compile, says_bypass};
use crate::ops::resolve::Accepts;
use crate::ops::shapes::{KEY_ID_SHAPE, out_text, recorded_key};
use crate::policy::actions::Action;
use crate::policy::document::Document;
use crate::policy::fact::Fact;
use crate::policy::question::KeyResource;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, POLICY_TEXT, Recorded, Shape, matching};

/// `keyId`, in the path.
const KEY: Member = Member::required("keyId", KEY_ID_SHAPE);

pub(super) struct PutKeyPolicyWithTests;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    key_id: String,
    policy: String,
    /// Left out, the tests that the key has stay, and the policy must pass them.
    tests: Option<Value>,
    #[serde(default)]
    no_wider: bool,
    bypass_policy_lockout_safety_check: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    key_arn: String,
    /// How many tests the policy passed.
    tests: usize,
    /// How many requests were asked about for `noWider`.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_compared: Option<usize>,
}

impl Operation for PutKeyPolicyWithTests {
    const DESCRIPTION: Description = Description {
        name: "PutKeyPolicyWithTests",
        service: Service::Policy,
        read_only: false,
        input: &[
            KEY,
            Member::required("policy", matching(1, 131_072, POLICY_TEXT)),
            // Long, and to be had from the key: the record has their number.
            Member::optional("tests", Shape::Document).unrecorded(),
            Member::optional("noWider", Shape::Boolean).recorded(Recorded::OrFalse),
            Member::optional("bypassPolicyLockoutSafetyCheck", Shape::Boolean)
                .recorded(Recorded::OrFalse),
        ],
        output: &[
            out_text("keyArn"),
            Member::required("tests", Shape::Integer { min: 0, max: i64::MAX }),
            Member::optional("requestsCompared", Shape::Integer { min: 0, max: i64::MAX }),
        ],
        errors: &[
            Code::InvalidArnException,
            Code::KMSInvalidStateException,
            Code::LimitExceededException,
            Code::MalformedPolicyDocumentException,
            Code::NotFoundException,
            Code::UnsupportedOperationException,
        ],
    };

    // A comparison takes up to seconds, for which no other change should wait.
    const TAKES_TURN: bool = false;

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        says_bypass(access, input.bypass_policy_lockout_safety_check);
        access.says(Fact::PolicyName, DEFAULT_POLICY);
        let before = access.mark();
        let found = access.key(Action::PUT_KEY_POLICY, &input.key_id, Accepts::Key, None)?.key;
        let policy = compile(ctx, access, &input.policy).await?;
        let tests = match &input.tests {
            None => found.policy_tests.clone(),
            Some(Value::Array(list)) if list.is_empty() => None,
            Some(tests) => Some(Arc::from(tests.to_string())),
        };
        let number = match &tests {
            Some(tests) => trials::check(ctx, &found, &policy, tests).await?,
            None => 0,
        };
        access.record_additional("tests", Value::from(number));
        let requests_compared = match input.no_wider {
            true => Some(check_no_wider(ctx, &found, &policy).await?),
            false => None,
        };
        let key = access.key_in_turn(Action::PUT_KEY_POLICY, &found, before).await?;
        if input.bypass_policy_lockout_safety_check != Some(true) {
            let held = key.as_resource(ctx.keys.as_ref());
            check_lockout(ctx, access, KeyResource { policy: &policy, ..held })?;
        }
        let key = as_tested(key, found);
        let output = Output { key_arn: key.arn.to_string(), tests: number, requests_compared };
        let change = UpdateKey::new(&ctx.keys, &key, |key| {
            key.policy = policy;
            key.policy_tests = tests;
        });
        Ok(Done::changed(output, vec![change], recorded_key(&key.arn)))
    }
}

/// Refuses a policy under which a request is found that the one in force denies,
/// and one of which not every difference was looked for.
async fn check_no_wider(
    ctx: &Ctx,
    key: &Arc<crate::keys::key::Key>,
    policy: &Arc<Document>,
) -> Result<usize, ApiError> {
    let (engine, keys) = (Arc::clone(&ctx.engine), Arc::clone(&ctx.keys));
    let (key, new, now_ms) = (Arc::clone(key), Arc::clone(policy), ctx.clock.now_ms());
    let account = key.arn.account.clone();
    let compare = move |deadline: Deadline<'_>| {
        engine.compare(&key.policy, &new, key.as_resource(keys.as_ref()), now_ms, deadline)
    };
    let difference = search(ctx, &account, compare).await??;
    match difference.examples.iter().find(|example| example.becomes_allowed) {
        None if difference.complete => Ok(difference.requests),
        None => {
            let text = format!(
                "The policy cannot be shown to be no wider than the one in force: {} requests \
                 were compared, and there are more. Compare them by diff, and leave out noWider.",
                difference.requests
            );
            Err(ApiError::new(Code::MalformedPolicyDocumentException, text))
        }
        Some(example) => {
            let text = format!("The policy is wider than the one in force. For example: {example}");
            Err(ApiError::new(Code::MalformedPolicyDocumentException, text))
        }
    }
}

pub(super) struct GetKeyPolicyWithTests;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wanted {
    key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Held {
    key_arn: String,
    policy: String,
    tests: Value,
}

impl Operation for GetKeyPolicyWithTests {
    const DESCRIPTION: Description = Description {
        name: "GetKeyPolicyWithTests",
        service: Service::Policy,
        read_only: true,
        input: &[KEY],
        output: &[
            out_text("keyArn"),
            out_text("policy"),
            Member::required("tests", Shape::Document),
        ],
        errors: &[Code::InvalidArnException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Wanted;
    type Output = Held;

    async fn run(
        _ctx: &Ctx,
        access: &mut Access<'_>,
        input: Wanted,
    ) -> Result<Done<Held>, ApiError> {
        access.says(Fact::PolicyName, DEFAULT_POLICY);
        let key = access.key(Action::GET_KEY_POLICY, &input.key_id, Accepts::Key, None)?.key;
        let tests = match &key.policy_tests {
            Some(tests) => serde_json::from_str(tests).map_err(ApiError::internal)?,
            None => Value::Array(Vec::new()),
        };
        let policy = key.policy.text().to_owned();
        Ok(Done::read(Held { key_arn: key.arn.to_string(), policy, tests }))
    }
}
