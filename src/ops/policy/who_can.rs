//! WhoCan: everybody who may do something with a key or an attribute, by what, and
//! under which conditions.

use serde::{Deserialize, Serialize};

use super::granted;
use super::hypothesis::{self, Hypothesis};
use super::subject::{ANY_SESSION, Subject};
use super::target::{self, Target};
use crate::base::clock::Deadline;
use crate::base::ids::AccountId;
use crate::base::limits;
use crate::identity::directory::Kind;
use crate::keys::grants::Grant;
use crate::ops::access::Access as Call;
use crate::ops::blocking::{search, until};
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::{Action, ResourceKind};
use crate::policy::explain::{Access, Reached, Stranger};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

pub(super) struct WhoCan;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    key_id: Option<String>,
    attribute: Option<String>,
    action: String,
    cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    #[serde(skip_serializing_if = "Option::is_none")]
    key_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute_arn: Option<String>,
    action: String,
    /// Those of this account, by ARN.
    principals: Vec<Found>,
    /// Those whom the key policy names beyond.
    others: Vec<Stranger>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct Found {
    principal: String,
    #[serde(flatten)]
    reached: Reached,
}

impl Operation for WhoCan {
    const DESCRIPTION: Description = Description {
        name: "WhoCan",
        service: Service::Policy,
        read_only: true,
        input: &[
            target::KEY,
            target::ATTRIBUTE,
            Member::required("action", text(1, 128)),
            Member::optional("cursor", text(1, 2048)),
        ],
        output: &[
            out_text("keyArn"),
            out_text("attributeArn"),
            out_text("action"),
            Member::required("principals", LIST),
            Member::required("others", LIST),
            out_text("note"),
            out_text("nextCursor"),
        ],
        errors: &[Code::InvalidArnException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(ctx: &Ctx, access: &mut Call<'_>, input: Input) -> Result<Done<Output>, ApiError> {
        access.account(Action::WHO_CAN)?;
        let action = hypothesis::action(&input.action)?;
        let target = target(ctx, access, action, &input)?;
        let account = access.call().caller.principal.account().clone();
        // Large policies get small pages.
        let rules = target.key().map_or(1, |key| key.policy.size().max(1));
        let limit = limits::RULES_SEARCHED.div_euclid(rules).clamp(1, limits::PRINCIPALS_SEARCHED);
        let (asked, next_cursor) = page(ctx, &account, input.cursor.as_deref(), limit);
        let region = access.call().region.clone();
        let key_arn = target.key().map(|key| key.arn.to_string());
        let root = Subject::root(ctx, &account);
        let of =
            |subject: Subject| Hypothesis::about(ctx, subject, action, target.clone(), &region);
        let first = of(root);
        let attribute_arn = match &first.target {
            Target::Attribute { .. } => Some(first.ask(None, |asked| asked.resource.label())),
            _ => None,
        };
        let asked: Vec<(String, Hypothesis)> =
            asked.into_iter().map(|(arn, subject)| (arn, of(subject))).collect();
        let is_first_page = input.cursor.is_none();
        let work = move |deadline: Deadline<'_>| {
            let (grants, complete) = match first.target.key() {
                Some(key) => granted::to_search(&first.grants, &key.arn),
                None => (Vec::new(), true),
            };
            let found = |arn: &String, asked| found(arn, asked, &grants);
            let (principals, last): (Vec<Found>, _) = until(deadline, asked, found);
            let others = match is_first_page {
                true => strangers(&first, &grants),
                false => Vec::new(),
            };
            (principals, others, complete, last)
        };
        let (principals, mut others, complete, last) = search(ctx, &account, work).await?;
        let next_cursor = last.or(next_cursor);
        others.retain(|other| !is_known_here(ctx, &account, &other.who));
        let action = action.to_string();
        let note = (!complete).then(|| {
            format!("Only the first {} grants of the key were looked at.", limits::GRANTS_SEARCHED)
        });
        Ok(Done::read(Output {
            key_arn,
            attribute_arn,
            action,
            principals,
            others,
            note,
            next_cursor,
        }))
    }
}

/// What is asked about: a key, or an attribute.
fn target(
    ctx: &Ctx,
    access: &mut Call<'_>,
    action: Action,
    input: &Input,
) -> Result<Target, ApiError> {
    let (kind, what) = match (&input.key_id, &input.attribute) {
        (Some(_), None) => (ResourceKind::Key, "a key"),
        (None, Some(_)) => (ResourceKind::Attribute, "an attribute of items"),
        _ => return Err(ApiError::validation("Specify either keyId or attribute.")),
    };
    if !action.applies_to(kind) {
        return Err(ApiError::validation(format!("{action} is not performed on {what}.")));
    }
    match (&input.key_id, &input.attribute) {
        (_, Some(attribute)) => Target::attribute(attribute),
        (key, None) => {
            let name = key.as_deref().unwrap_or_default();
            Ok(Target::Key(hypothesis::find_key(ctx, access, name)?.key))
        }
    }
}

const LIST: Shape = Shape::List { of: &Shape::Document, min: 0, max: usize::MAX };

/// One page of the principals of an account, by ARN, and where the next begins.
fn page(
    ctx: &Ctx,
    account: &AccountId,
    cursor: Option<&str>,
    limit: usize,
) -> (Vec<(String, Subject)>, Option<String>) {
    let root = Subject::root(ctx, account);
    let users = ctx.directory.list(account, Kind::User);
    let roles = ctx.directory.list(account, Kind::Role);
    let mut all = vec![root.principal().to_string()];
    all.extend(roles.iter().chain(&users).map(|identity| identity.arn()));
    all.sort_unstable();
    let rest = all.into_iter().filter(|arn| cursor.is_none_or(|cursor| arn.as_str() > cursor));
    let mut rest = rest.peekable();
    let mut page = Vec::new();
    while page.len() < limit {
        let Some(arn) = rest.next() else { break };
        // One that is deleted meanwhile is not there any more.
        if let Ok(subject) = Subject::find(ctx, account, &arn) {
            page.push((arn, subject));
        }
    }
    let more = rest.peek().is_some();
    let last = page.last().map(|(arn, _)| arn.clone());
    (page, last.filter(|_| more))
}

/// `None` for whoever has no way at all.
fn found(arn: &str, mut hypothesis: Hypothesis, grants: &[Grant]) -> Option<Found> {
    let known = granted::known_to(grants, hypothesis.subject.principal(), hypothesis.action);
    hypothesis.names.grants = known;
    let reached =
        hypothesis.ask(None, |question| hypothesis.engine.reach(question, &hypothesis.names));
    (reached.access != Access::Never).then(|| Found { principal: arn.to_owned(), reached })
}

/// Those whom the key policy or a grant names beyond the account.
fn strangers(asked: &Hypothesis, grants: &[Grant]) -> Vec<Stranger> {
    let mut strangers = asked.ask(None, |question| asked.engine.strangers(question, &asked.names));
    let of_grants = granted::strangers(grants, &asked.account, asked.action);
    strangers.extend(of_grants.into_iter().map(|(who, way)| Stranger { who, way }));
    strangers
}

/// Whether somebody whom a policy names by unique id is a principal of the
/// account, and so in the list already.
fn is_known_here(ctx: &Ctx, account: &AccountId, who: &str) -> bool {
    let id = who.split('"').nth(1).unwrap_or_default();
    let is_session = id.contains(':') && !id.contains(ANY_SESSION);
    !is_session && ctx.directory.find(id).is_some_and(|identity| identity.account == *account)
}
