//! WhatCan: what somebody may do, key by key, or with one attribute.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::granted;
use super::hypothesis::{self, Hypothesis};
use super::subject::Subject;
use super::target::{self, Target};
use crate::base::clock::Deadline;
use crate::base::ids::{AccountId, KeyId};
use crate::base::limits;
use crate::keys::grants::Grant;
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
    /// What is performed on the audit log of the account, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_log: Option<Actions>,
    keys: Vec<OfKey>,
    /// What is performed on the attribute that was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute: Option<Actions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
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
            Member::optional("auditLog", Shape::Document),
            Member::required(
                "keys",
                Shape::List { of: &Shape::Document, min: 0, max: limits::KEYS_SEARCHED },
            ),
            Member::optional("attribute", Shape::Document),
            out_text("note"),
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
        let first = ctx.account.clone();
        let work = move |deadline: Deadline<'_>| {
            let of_account = is_first_page.then(|| of_account(&mut asked, &first));
            let of_log = is_first_page.then(|| actions(&mut asked, &Target::AuditLog));
            let of_attribute = attribute.map(|attribute| actions(&mut asked, &attribute));
            let keys = keys.into_iter().map(|key| (key.id(), key));
            let mut complete = true;
            let (of_keys, last) = until(deadline, keys, |_, key| {
                let (found, has_all) = of_key(&mut asked, &key);
                complete &= has_all;
                (!found.actions.is_empty()).then_some(found)
            });
            (of_account, of_log, of_attribute, of_keys, complete, last)
        };
        let (account, audit_log, attribute, keys, complete, last) =
            search(ctx, &account, work).await?;
        let next_cursor = last.map(|id| id.to_string()).or(next_cursor);
        let note = (!complete).then(|| {
            format!(
                "Of a key with more than {0} grants, {0} were looked at: those to the principal, \
                 then others.",
                limits::GRANTS_SEARCHED
            )
        });
        Ok(Done::read(Output { principal, account, audit_log, keys, attribute, note, next_cursor }))
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

/// What may be done with a key, and whether all its grants were looked at.
fn of_key(asked: &mut Hypothesis, key: &Arc<Key>) -> (OfKey, bool) {
    let key_arn = key.arn.to_string();
    let principal = asked.subject.principal();
    let (grants, complete) = granted::to_search_for(&asked.grants, &key.arn, principal);
    let actions = reached(asked, ResourceKind::Key, &grants, |_| Target::Key(Arc::clone(key)));
    (OfKey { key_arn, actions }, complete)
}

/// What may be done that has the account as its resource.
fn of_account(asked: &mut Hypothesis, first: &AccountId) -> Actions {
    let own = asked.account.clone();
    let target = |action| Target::account(first, &own, action);
    reached(asked, ResourceKind::Account, &[], target)
}

/// What may be done with an attribute, or the audit log.
fn actions(asked: &mut Hypothesis, target: &Target) -> Actions {
    let kind = match target {
        Target::AuditLog => ResourceKind::AuditLog,
        _ => ResourceKind::Attribute,
    };
    reached(asked, kind, &[], |_| target.clone())
}

/// What may be done of all that is performed on one kind of thing.
fn reached(
    asked: &mut Hypothesis,
    kind: ResourceKind,
    grants: &[Grant],
    target: impl Fn(Action) -> Target,
) -> Actions {
    let mut actions = Actions::default();
    let mine = |action: &Action| action.service() != "system" && action.applies_to(kind);
    for action in Action::ALL.into_iter().filter(mine) {
        asked.action = action;
        asked.target = target(action);
        asked.names.grants = granted::known_to(grants, asked.subject.principal(), action);
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
