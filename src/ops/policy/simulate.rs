//! Simulate: the same request by the policies of now, and by others: a proposed
//! key policy, or the one that was in force when the request was recorded.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::hypothesis::{self, Hypothesis, Words};
use super::outcome::By;
use super::{history, recorded};
use crate::base::limits;
use crate::ops::access::Access;
use crate::ops::blocking::{PolicyKind, compile};
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::policy::actions::Action;
use crate::policy::document::Document;
use crate::policy::explain::Story;
use crate::store::Position;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, POLICY_TEXT, Shape, matching};

pub(super) struct Simulate;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    #[serde(flatten)]
    words: Words,
    policy: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Output {
    /// Whether one allows what the other denies.
    changed: bool,
    now: Story,
    simulated: Story,
}

impl Operation for Simulate {
    const DESCRIPTION: Description = Description {
        name: "Simulate",
        service: Service::Policy,
        read_only: true,
        input: &[
            hypothesis::PRINCIPAL,
            hypothesis::ACTION,
            hypothesis::KEY,
            hypothesis::CONTEXT,
            hypothesis::SOURCE_IP,
            hypothesis::SECURE,
            hypothesis::TIME,
            hypothesis::TAGS,
            hypothesis::CONDITIONS,
            hypothesis::REQUEST_ID,
            Member::optional("policy", matching(1, limits::POLICY_BYTES, POLICY_TEXT)),
        ],
        output: &[
            Member::required("changed", Shape::Boolean),
            Member::required("now", Shape::Document),
            Member::required("simulated", Shape::Document),
        ],
        errors: &[
            Code::InvalidArnException,
            Code::LimitExceededException,
            Code::MalformedPolicyDocumentException,
            Code::NotFoundException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        access.account(Action::SIMULATE)?;
        let (mut hypothesis, position) = match &input.words.request_id {
            Some(_) => {
                let asked = recorded::read(ctx, access, input.words).await?;
                (asked.hypothesis, Some(asked.position))
            }
            None => (Hypothesis::read(ctx, access, input.words)?, None),
        };
        let by = if input.policy.is_some() { By::Proposed } else { By::Then };
        let (policy, note) = match (input.policy, position) {
            (Some(text), _) => {
                let account = access.call().caller.principal.account();
                let policy = compile(ctx, account, PolicyKind::Key, &text).await?;
                (policy, "the key policy is the proposed one".to_owned())
            }
            (None, Some(position)) => policy_of_then(ctx, &mut hypothesis, position).await?,
            (None, None) => {
                return Err(ApiError::validation(
                    "Specify policy, or the requestId of a recorded call to see it by the policy \
                     of then.",
                ));
            }
        };
        if hypothesis.key.is_none() {
            return Err(ApiError::validation(
                "Only the policy of a key can be simulated: say which with keyId.",
            ));
        }
        let account = hypothesis.account.clone();
        let explain = move || {
            let mut now = hypothesis.explain(None);
            let mut simulated = hypothesis.explain(Some(&policy));
            simulated.notes.retain(|note| !note.starts_with("the policies are"));
            simulated.notes.push(note);
            if let Some(recorded) = &hypothesis.recorded {
                let untellable = |story| recorded.untellable(story);
                if let Some(why) = untellable(&now).or_else(|| untellable(&simulated)) {
                    let text = format!("{} Cannot tell what changes: {why}.", recorded.sentence());
                    return Err(ApiError::validation(text));
                }
            }
            hypothesis.tell_recorded(&mut now, By::Now);
            hypothesis.tell_recorded(&mut simulated, by);
            Ok((now, simulated))
        };
        let (now, simulated) = ctx.policy_searches.make_for(&account, explain).await??;
        Ok(Done::read(Output { changed: now.allowed != simulated.allowed, now, simulated }))
    }
}

/// The key policy that was in force when the request was recorded, and how much
/// of the rest is of then.
async fn policy_of_then(
    ctx: &Ctx,
    hypothesis: &mut Hypothesis,
    position: Position,
) -> Result<(Arc<Document>, String), ApiError> {
    let Some(key) = hypothesis.key.as_ref().map(|key| key.arn.clone()) else {
        return Err(ApiError::validation("The recorded call was not about a key."));
    };
    let store = Arc::clone(&ctx.store);
    let search = move || -> Result<_, crate::audit::Error> {
        let text = history::key_policy(&store, &key, position)?;
        Ok((text, history::identities_changed_since(&store, &key.account, position)?))
    };
    let (text, changed) = ctx.policy_searches.make_for(&hypothesis.account, search).await??;
    let text = text.ok_or_else(|| {
        ApiError::validation(
            "The book does not say which policy the key had then: it cannot be reconstructed.",
        )
    })?;
    let (engine, directory) = (Arc::clone(&ctx.engine), Arc::clone(&ctx.directory));
    let compile = move || engine.compile_key_policy(&text, directory.as_ref());
    let compiled = ctx.policies.make_for(&hypothesis.account, compile).await?;
    let policy = compiled.map_err(|error| {
        ApiError::validation(format!(
            "The policy of then cannot be reconstructed: it does not compile now: {error}"
        ))
    })?;
    let note = match changed {
        true => {
            "the key policy is the one of then; identity policies, groups, boundaries and tags \
             are those of now, some of which changed since"
        }
        false => {
            "the key policy is the one of then; identity policies, groups, boundaries and tags \
             did not change since"
        }
    };
    Ok((policy, note.to_owned()))
}
