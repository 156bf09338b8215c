//! A request that somebody could make: what is asked about, and by which
//! policies.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Deserialize;

use super::asked::Asked;
use super::outcome::{By, Outcome};
use super::subject::Subject;
use super::target::{self, Named, Target};
use super::{granted, naming};
use crate::base::arn::Arn;
use crate::base::caller::Federated;
use crate::base::context::EncryptionContext;
use crate::base::ids::{AccountId, Realm, Region, RequestId};
use crate::base::timestamp;
use crate::keys::grants::index::GrantIndex;
use crate::keys::registry::Registry;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::resolve::{self, Accepts, Found};
use crate::ops::shapes::check_context;
use crate::policy::actions::{Action, ResourceKind};
use crate::policy::document::Document;
use crate::policy::engine::Engine;
use crate::policy::explain::{Names, Story};
use crate::policy::fact::{self, Fact};
use crate::policy::question::{Question, RequestFacts};
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

/// A principal by ARN.
const PRINCIPAL: Member = Member::optional("principal", text(1, 2048));
/// An action, such as `kms:Decrypt`.
const ACTION: Member = Member::optional("action", text(1, 128));
/// The pairs of an encryption context.
const CONTEXT: Member = Member::optional("encryptionContext", Shape::Map);
/// The address that the call comes from.
const SOURCE_IP: Member = Member::optional("sourceIp", text(1, 64));
/// Whether the call comes over TLS; as the asking call came if it is left out.
const SECURE: Member = Member::optional("secureTransport", Shape::Boolean);
/// When the call comes; now if it is left out.
const TIME: Member = Member::optional("time", text(1, 64));
/// Whoever calls by a token, instead of a principal.
const WEB_IDENTITY: Member = Member::optional(
    "webIdentity",
    Shape::Structure(&[
        Member::required("provider", text(1, 255)),
        Member::required("audience", text(1, 255)),
        Member::required("subject", text(1, 255)),
    ]),
);
/// Tags of the session, which win over those of the user or role.
const TAGS: Member = Member::optional("principalTags", Shape::Map);
/// Anything else that conditions read, by the name of AWS's condition key.
const CONDITIONS: Member = Member::optional("conditions", Shape::Map);
/// A recorded call, instead of all others.
const REQUEST_ID: Member = Member::optional("requestId", text(1, 64));
/// The same, by the id of its record.
const EVENT_ID: Member = Member::optional("eventId", text(1, 64));

/// All of them, and what names what it is about.
pub(super) const MEMBERS: [Member; 18] = [
    PRINCIPAL,
    WEB_IDENTITY,
    ACTION,
    target::KEY,
    target::ALIAS,
    target::ITEM_SCHEMA,
    target::ATTRIBUTE,
    target::ROLE,
    target::USER,
    target::GROUP,
    CONTEXT,
    SOURCE_IP,
    SECURE,
    TIME,
    TAGS,
    CONDITIONS,
    REQUEST_ID,
    EVENT_ID,
];

/// A request in the words of whoever asks.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Words {
    pub(super) principal: Option<String>,
    pub(super) action: Option<String>,
    #[serde(flatten)]
    pub(super) named: Named,
    /// Whoever calls by a token of a provider, instead of a principal.
    pub(super) web_identity: Option<WebIdentity>,
    #[serde(default)]
    pub(super) encryption_context: EncryptionContext,
    pub(super) source_ip: Option<String>,
    pub(super) secure_transport: Option<bool>,
    pub(super) time: Option<String>,
    #[serde(default)]
    pub(super) principal_tags: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) conditions: BTreeMap<String, String>,
    pub(super) request_id: Option<String>,
    pub(super) event_id: Option<String>,
}

impl Words {
    /// Whether a call of the book is asked about.
    pub(super) fn is_recorded(&self) -> bool {
        self.request_id.is_some() || self.event_id.is_some()
    }
}

/// Somebody for whom an OpenID Connect provider vouches.
#[derive(Debug, Deserialize)]
pub(super) struct WebIdentity {
    /// The issuer, with or without its scheme.
    provider: String,
    audience: String,
    subject: String,
}

impl From<WebIdentity> for Federated {
    fn from(who: WebIdentity) -> Self {
        let WebIdentity { provider, audience, subject } = who;
        let provider = provider.strip_prefix("https://").map(str::to_owned).unwrap_or(provider);
        Self { provider, audience, subject }
    }
}

/// One question of a request that somebody could make.
pub(super) struct Hypothesis {
    pub(super) engine: Arc<Engine>,
    pub(super) keys: Arc<Registry>,
    pub(super) grants: Arc<GrantIndex>,
    pub(super) subject: Subject,
    pub(super) action: Action,
    pub(super) account: AccountId,
    pub(super) region: Region,
    pub(super) target: Target,
    pub(super) names: Names,
    /// What is not known, and what was taken instead.
    pub(super) notes: Vec<String>,
    /// What became of it, if it was really made.
    pub(super) recorded: Option<Outcome>,
}

impl Hypothesis {
    /// Reads a request that is not one of the book.
    pub(super) fn read(
        ctx: &Ctx,
        access: &mut Access<'_>,
        words: Words,
    ) -> Result<Asked, ApiError> {
        let Some(action) = words.action else {
            return Err(ApiError::validation(
                "Specify principal and action, or the requestId of a recorded call.",
            ));
        };
        check_context(&words.encryption_context)?;
        let account = access.call().caller.principal.account().clone();
        let action = self::action(&action)?;
        let source_ip = words.source_ip.map(|text| address(&text)).transpose()?;
        let now_ms = match words.time {
            Some(text) => time(&text)?,
            None => ctx.clock.now_ms(),
        };
        let secure = words.secure_transport.unwrap_or(access.call().caller.secure_transport);
        let by_token = action == Action::ASSUME_ROLE_WITH_WEB_IDENTITY;
        let subject = match (words.principal, words.web_identity) {
            (Some(principal), None) if !by_token => Subject::find(ctx, &account, &principal)?,
            (None, Some(who)) if by_token => Subject::web_identity(ctx, &account, who.into()),
            _ => return Err(ApiError::validation(who_is_wanted(action))),
        };
        let mut subject = subject.calling(source_ip, secure);
        let (targets, alias) = target::read(ctx, access, action, &words.named)?;
        let scenario = &mut subject.scenario;
        scenario.standing.tags.extend(words.principal_tags);
        scenario.request_alias = alias.map(|name| name.to_string());
        scenario.encryption_context = words.encryption_context;
        scenario.now_ms = now_ms;
        if action == Action::CREATE_KEY {
            scenario.say_new_key();
        }
        for (key, value) in &words.conditions {
            let said = match action == Action::CREATE_KEY {
                true => scenario.say_of_new_key(key, value),
                false => scenario.say(key, value),
            };
            said.map_err(|refused| ApiError::validation(format!("{refused}.")))?;
        }
        let mut asked: Vec<_> = targets.into_iter().map(|target| (action, target)).collect();
        asked.extend(of_session_tags(action, &mut subject, asked.first()));
        let region = &access.call().region;
        let about = |(action, target)| Self::about(ctx, subject.clone(), action, target, region);
        let mut questions: Vec<Self> = asked.into_iter().map(about).collect();
        if let [only] = questions.as_mut_slice()
            && action.applies_to(ResourceKind::Alias)
            && only.target.key().is_some()
        {
            only.notes.push(format!("{action} is decided on the alias as well: none was named"));
        }
        Ok(Asked { questions, position: None })
    }

    /// A request of which nothing more is known.
    pub(super) fn about(
        ctx: &Ctx,
        subject: Subject,
        action: Action,
        target: Target,
        region: &Region,
    ) -> Self {
        let account = subject.principal().account().clone();
        let realm = Realm { account: account.clone(), region: region.clone() };
        Self {
            engine: Arc::clone(&ctx.engine),
            keys: Arc::clone(&ctx.keys),
            grants: Arc::clone(&ctx.grants),
            names: naming::of(ctx, &subject),
            account,
            subject,
            action,
            region: realm.region.clone(),
            target: target.now(ctx, &realm),
            notes: Vec::new(),
            recorded: None,
        }
    }

    /// The story of the request, by the policy of the key as it is or by
    /// another one.
    pub(super) fn explain(&mut self, policy: Option<&Arc<Document>>) -> Story {
        self.names.grants = granted::to_explain(&self.grants, self);
        let mut story = self.ask(policy, |question| self.engine.explain(question, &self.names));
        story.notes.extend(self.notes.iter().cloned());
        if granted::is_about_one_grant(self.action) {
            let action = self.action;
            let note = format!("which grant {action} is about is not known: none was asked");
            story.notes.push(note);
        }
        story
    }

    /// The ARN of what has a policy of its own that is asked: a key, or a role that
    /// somebody wants to assume.
    pub(super) fn holder(&self) -> Option<String> {
        let is_asked = self.target.key().is_some() || self.action.service() == "sts";
        self.target.arn().filter(|_| is_asked)
    }

    /// Says what the book says, where it has the request.
    pub(super) fn tell_recorded(&self, story: &mut Story, by: By) {
        if let Some(recorded) = &self.recorded {
            recorded.tell(story, by);
        }
    }

    /// Puts the question.
    pub(super) fn ask<T>(
        &self,
        policy: Option<&Arc<Document>>,
        put: impl FnOnce(&Question<'_>) -> T,
    ) -> T {
        let keys = self.keys.as_ref();
        let resource = self.target.resource(&self.account, &self.region, keys, policy);
        let scenario = &self.subject.scenario;
        // What has no Region is asked for in that of the call.
        let request = RequestFacts { region: Some(&self.region), ..scenario.request() };
        put(&Question {
            caller: &scenario.caller,
            action: self.action,
            resource,
            standing: &scenario.standing,
            grants: self.grants.as_ref(),
            request: &request,
        })
    }
}

/// Session tags are a question of their own, about the same role.
fn of_session_tags(
    action: Action,
    subject: &mut Subject,
    first: Option<&(Action, Target)>,
) -> Option<(Action, Target)> {
    let said = &mut subject.scenario.said;
    let Some(fact::Value::Tags(tags)) = said.find(Fact::RequestTags) else { return None };
    let keys: Vec<String> = tags.keys().cloned().collect();
    if action != Action::ASSUME_ROLE {
        return None;
    }
    said.say(Fact::TagKeys, keys.into());
    let (_, target) = first?;
    Some((Action::TAG_SESSION, target.clone()))
}

fn who_is_wanted(action: Action) -> String {
    match action == Action::ASSUME_ROLE_WITH_WEB_IDENTITY {
        true => format!("{action} is called by a token: say whose with webIdentity."),
        false => "Specify principal and action, or the requestId of a recorded call.".to_owned(),
    }
}

/// The action with this name.
pub(super) fn action(name: &str) -> Result<Action, ApiError> {
    Action::find(name).ok_or_else(|| {
        let shown: String = name.chars().take(128).collect();
        ApiError::validation(format!("There is no action {shown}, such as kms:Decrypt."))
    })
}

/// The key of the caller's own account that `name` names. It is recorded as what
/// the call is about.
pub(super) fn find_key(ctx: &Ctx, access: &mut Access<'_>, name: &str) -> Result<Found, ApiError> {
    let realm = access.call().realm();
    // Before it is looked for: whether it is there is the other account's affair.
    if let Some(arn) = Arn::parse(name).filter(|_| resolve::is_foreign(&realm, name)) {
        return Err(target::foreign("key", arn.account));
    }
    let found = resolve::key(&ctx.keys, &realm, name, Accepts::KeyOrAlias)?;
    access.record_resource(&found.key.arn);
    Ok(found)
}

fn address(text: &str) -> Result<IpAddr, ApiError> {
    text.parse().map_err(|_bad| ApiError::validation("sourceIp must be an IP address."))
}

fn time(text: &str) -> Result<i64, ApiError> {
    timestamp::parse_rfc3339(text)
        .ok_or_else(|| ApiError::validation("time must be a time such as 2026-11-02T10:00:00Z."))
}

/// Reads the id of a recorded call, or of its record.
pub(super) fn id(member: &str, text: &str) -> Result<RequestId, ApiError> {
    RequestId::parse(text).ok_or_else(|| ApiError::validation(format!("{member} must be a UUID.")))
}
