//! WhatCan: what somebody may do, key by key, or with one attribute.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::granted;
use super::hypothesis::{self, Hypothesis};
use super::subject::Subject;
use super::target::{self, Target};
use crate::base::clock::Deadline;
use crate::base::ids::KeyId;
use crate::base::limits;
use crate::keys::key::Key;
use crate::ops::access::Access as Call;
use crate::ops::blocking::{search, until};
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::{Action, ResourceKind};
use crate::policy::explain::Access;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

pub(super) struct WhatCan;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    principal: String,
    key_id: Option<String>,
    attribute: Option<String>,
    cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    principal: String,
    /// What is performed on the account as a whole; on the first page only.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Actions>,
    keys: Vec<OfKey>,
    /// What is performed on the attribute that was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute: Option<Actions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfKey {
    key_arn: String,
    #[serde(flatten)]
    actions: Actions,
}

/// What may be done, and what may not although something allows it.
#[derive(Default, Serialize)]
struct Actions {
    always: Vec<&'static str>,
    conditional: Vec<&'static str>,
    denied: Vec<&'static str>,
}

impl Operation for WhatCan {
    const DESCRIPTION: Description = Description {
        name: "WhatCan",
        service: Service::Policy,
        read_only: true,
        input: &[
            Member::required("principal", text(1, 2048)),
            target::KEY,
            target::ATTRIBUTE,
            Member::optional("cursor", text(1, 64)),
        ],
        output: &[
            out_text("principal"),
            Member::optional("account", Shape::Document),
            Member::required(
                "keys",
                Shape::List { of: &Shape::Document, min: 0, max: limits::KEYS_SEARCHED },
            ),
            Member::optional("attribute", Shape::Document),
            out_text("nextCursor"),
        ],
        errors: &[Code::InvalidArnException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(ctx: &Ctx, access: &mut Call<'_>, input: Input) -> Result<Done<Output>, ApiError> {
        access.account(Action::WHAT_CAN)?;
        let account = access.call().caller.principal.account().clone();
        let subject = Subject::find(ctx, &account, &input.principal)?;
        let attribute = input.attribute.as_deref().map(Target::attribute).transpose()?;
        let (keys, next_cursor) = match &input.key_id {
            Some(_) if attribute.is_some() => {
                return Err(ApiError::validation("Specify either keyId or attribute."));
            }
            None if attribute.is_some() => (Vec::new(), None),
            Some(name) => (vec![hypothesis::find_key(ctx, access, name)?.key], None),
            None => page(ctx, access, input.cursor.as_deref())?,
        };
        let is_first_page = input.cursor.is_none() && input.key_id.is_none() && attribute.is_none();
        let attribute = attribute.map(|one| one.now(ctx, &access.call().realm()));
        let region = access.call().region.clone();
        let mut asked = Hypothesis::about(
            ctx,
            subject,
            Action::DECRYPT,
            Target::Account(account.clone()),
            &region,
        );
        let principal = asked.subject.principal().to_string();
        let work = move |deadline: Deadline<'_>| {
            let account = Target::Account(asked.account.clone());
            let of_account = is_first_page.then(|| actions(&mut asked, account));
            let of_attribute = attribute.map(|attribute| actions(&mut asked, attribute));
            let keys = keys.into_iter().map(|key| (key.id(), key));
            let (of_keys, last) = until(deadline, keys, |_, key| {
                let key_arn = key.arn.to_string();
                let found = OfKey { key_arn, actions: actions(&mut asked, Target::Key(key)) };
                (!found.actions.is_empty()).then_some(found)
            });
            (of_account, of_attribute, of_keys, last)
        };
        let (account, attribute, keys, last) = search(ctx, &account, work).await?;
        let next_cursor = last.map(|id| id.to_string()).or(next_cursor);
        Ok(Done::read(Output { principal, account, keys, attribute, next_cursor }))
    }
}

/// The keys of one page, and where the next begins.
fn page(
    ctx: &Ctx,
    access: &Call<'_>,
    cursor: Option<&str>,
) -> Result<(Vec<Arc<Key>>, Option<String>), ApiError> {
    let wrong = || ApiError::validation("The cursor is not valid for this query.");
    let after = cursor.map(|text| KeyId::parse(text).ok_or_else(wrong)).transpose()?;
    let realm = access.call().realm();
    let mut keys = ctx.keys.list(&realm, after, limits::KEYS_SEARCHED.saturating_add(1));
    let affordable = affordable(&keys);
    let more = keys.len() > affordable;
    keys.truncate(affordable);
    let last = keys.last().map(|key| key.id().to_string());
    Ok((keys, last.filter(|_| more)))
}

/// How many of the keys one page can look at: large policies make small pages.
fn affordable(keys: &[Arc<Key>]) -> usize {
    let mut rules = 0_usize;
    let fits = |key: &&Arc<Key>| {
        rules = rules.saturating_add(key.policy.size().saturating_mul(Action::ALL.len()));
        rules <= limits::RULES_SEARCHED
    };
    keys.iter().take_while(fits).count().clamp(1, limits::KEYS_SEARCHED)
}

/// What may be done with a key, an attribute, or the account.
fn actions(asked: &mut Hypothesis, target: Target) -> Actions {
    let kind = match &target {
        Target::Key(_) => ResourceKind::Key,
        Target::Attribute { .. } => ResourceKind::Attribute,
        _ => ResourceKind::Account,
    };
    let grants = match target.key() {
        Some(key) => granted::to_search(&asked.grants, &key.arn).0,
        None => Vec::new(),
    };
    asked.target = target;
    let mut actions = Actions::default();
    let mine = |action: &Action| action.service() != "system" && action.applies_to(kind);
    for action in Action::ALL.into_iter().filter(mine) {
        asked.action = action;
        asked.names.grants = granted::known_to(&grants, asked.subject.principal(), action);
        let reached = asked.ask(None, |question| asked.engine.reach(question, &asked.names));
        let list = match reached.access {
            Access::Never => continue,
            Access::Denied => &mut actions.denied,
            Access::Conditional => &mut actions.conditional,
            Access::Always => &mut actions.always,
        };
        list.push(action.as_str());
    }
    actions
}

impl Actions {
    fn is_empty(&self) -> bool {
        self.always.is_empty() && self.conditional.is_empty() && self.denied.is_empty()
    }
}
