//! Simulate: the same request by the policies of now, and by others: a proposed
//! key policy, or the one that was in force when the request was recorded.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::asked::{Asked, Told};
use super::hypothesis::{self, Hypothesis, Words};
use super::outcome::By;
use super::target::Target;
use super::{history, recorded};
use crate::base::limits;
use crate::base::spec::KeyManager;
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
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// Whether one allows what the other denies.
    changed: bool,
    now: Story,
    simulated: Story,
    /// The other questions of the call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also_now: Vec<Story>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also_simulated: Vec<Story>,
}

/// A request, and the policy that is proposed.
const INPUT: [Member; hypothesis::MEMBERS.len() + 1] = {
    let policy = Member::optional("policy", matching(1, limits::POLICY_BYTES, POLICY_TEXT));
    let mut all = [policy; hypothesis::MEMBERS.len() + 1];
    let (of_request, _) = all.split_at_mut(hypothesis::MEMBERS.len());
    of_request.copy_from_slice(&hypothesis::MEMBERS);
    all
};
const STORIES: Shape = Shape::List { of: &Shape::Document, min: 0, max: usize::MAX };

impl Operation for Simulate {
    const DESCRIPTION: Description = Description {
        name: "Simulate",
        service: Service::Policy,
        read_only: true,
        input: &INPUT,
        output: &[
            Member::required("changed", Shape::Boolean),
            Member::required("now", Shape::Document),
            Member::required("simulated", Shape::Document),
            Member::optional("alsoNow", STORIES),
            Member::optional("alsoSimulated", STORIES),
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
        let mut asked = match input.words.is_recorded() {
            true => recorded::read(ctx, access, input.words).await?,
            false => Hypothesis::read(ctx, access, input.words)?,
        };
        let holder = asked.policy_holder().cloned().ok_or_else(|| {
            ApiError::validation(
                "Only the policy of a key or of a role can be simulated: say which with keyId or \
                 roleName.",
            )
        })?;
        let by = if input.policy.is_some() { By::Proposed } else { By::Then };
        let (policy, note) = match (input.policy, asked.position) {
            (Some(text), _) => {
                let note = format!("the {} is the proposed one", name(&holder));
                let account = access.call().caller.principal.account();
                (compile(ctx, account, kind(&holder), &text).await?, note)
            }
            (None, Some(position)) => policy_of_then(ctx, access, &holder, position).await?,
            (None, None) => {
                return Err(ApiError::validation(
                    "Specify policy, or the requestId of a recorded call to see it by the policy \
                     of then.",
                ));
            }
        };
        let account = access.call().caller.principal.account();
        let work = move || simulate(&mut asked, &policy, &note, by);
        let (now, simulated) = ctx.policy_searches.make_for(account, work).await??;
        Ok(Done::read(Output {
            changed: now.is_allowed() != simulated.is_allowed(),
            now: now.story,
            simulated: simulated.story,
            also_now: now.also,
            also_simulated: simulated.also,
        }))
    }
}

/// The call by the policies of now, and with another one.
fn simulate(
    asked: &mut Asked,
    policy: &Arc<Document>,
    note: &str,
    by: By,
) -> Result<(Told, Told), ApiError> {
    let now = asked.explain(None);
    let mut simulated = asked.explain(Some(policy));
    for story in &mut simulated {
        story.notes.retain(|note| !note.starts_with("the policies are"));
        story.notes.push(note.to_owned());
    }
    if let Some(recorded) = asked.outcome() {
        let mut stories = now.iter().chain(&simulated);
        if let Some(why) = stories.find_map(|story| recorded.untellable(story)) {
            let text = format!("{} Cannot tell what changes: {why}.", recorded.sentence());
            return Err(ApiError::validation(text));
        }
    }
    let told = asked.tell(now, By::Now).zip(asked.tell(simulated, by));
    told.ok_or_else(|| ApiError::internal("a call without a question"))
}

/// What the policy is called that is another one.
fn name(holder: &Target) -> &'static str {
    if holder.key().is_some() { "key policy" } else { "trust policy" }
}

fn kind(holder: &Target) -> PolicyKind {
    if holder.key().is_some() { PolicyKind::Key } else { PolicyKind::Trust }
}

/// The policy that was in force when the request was recorded, and how much of
/// the rest is of then.
async fn policy_of_then(
    ctx: &Ctx,
    access: &Access<'_>,
    holder: &Target,
    position: Position,
) -> Result<(Arc<Document>, String), ApiError> {
    let account = access.call().caller.principal.account();
    let store = Arc::clone(&ctx.store);
    let searched = holder.clone();
    let search = move || -> Result<_, crate::audit::Error> {
        Ok(match &searched {
            Target::Key(key) => {
                let text = match key.manager {
                    // Nobody can change it.
                    KeyManager::Aws => Some(key.policy.text().to_owned()),
                    KeyManager::Customer => history::key_policy(&store, &key.arn, position)?,
                };
                (text, history::identities_changed_since(&store, &key.arn.account, position)?)
            }
            Target::Identity(role) => {
                let text = history::trust_policy(&store, &role.account, &role.name, position)?;
                (text, history::identities_changed_since(&store, &role.account, position)?)
            }
            _ => (None, false),
        })
    };
    let (text, changed) = ctx.policy_searches.make_for(account, search).await??;
    let (what, name) = (if holder.key().is_some() { "key" } else { "role" }, name(holder));
    let text = text.ok_or_else(|| {
        ApiError::validation(format!(
            "The book does not say which policy the {what} had then: it cannot be reconstructed."
        ))
    })?;
    let (engine, directory) = (Arc::clone(&ctx.engine), Arc::clone(&ctx.directory));
    let kind = kind(holder);
    let compile = move || kind.compile(&engine, directory.as_ref(), &text);
    let compiled = ctx.policies.make_for(account, compile).await?;
    let policy = compiled.map_err(|error| {
        ApiError::validation(format!(
            "The policy of then cannot be reconstructed: it does not compile now: {error}"
        ))
    })?;
    let note = match changed {
        true => {
            "identity policies, groups, boundaries and tags are those of now, some of which \
             changed since"
        }
        false => "identity policies, groups, boundaries and tags did not change since",
    };
    Ok((policy, format!("the {name} is the one of then; {note}")))
}
