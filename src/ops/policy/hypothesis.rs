//! A request that somebody could make: what is asked about, and by which
//! policies.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Deserialize;

use super::outcome::{By, Outcome};
use super::subject::Subject;
use super::{granted, naming};
use crate::base::context::EncryptionContext;
use crate::base::ids::{AccountId, Region, RequestId};
use crate::base::timestamp;
use crate::keys::grants::index::GrantIndex;
use crate::keys::key::Key;
use crate::keys::registry::Registry;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::resolve::{self, Accepts, Found};
use crate::ops::shapes::{KEY_ID_SHAPE, check_context};
use crate::policy::actions::{Action, ResourceKind};
use crate::policy::document::Document;
use crate::policy::engine::Engine;
use crate::policy::explain::{Names, Story};
use crate::policy::question::{KeyResource, Question, Resource};
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

/// A principal by ARN.
pub(super) const PRINCIPAL: Member = Member::optional("principal", text(1, 2048));
/// An action, such as `kms:Decrypt`.
pub(super) const ACTION: Member = Member::optional("action", text(1, 128));
/// A key in any form; without one the question is about the account.
pub(super) const KEY: Member = Member::optional("keyId", KEY_ID_SHAPE);
/// The pairs of an encryption context.
pub(super) const CONTEXT: Member = Member::optional("encryptionContext", Shape::Map);
/// The address that the call comes from.
pub(super) const SOURCE_IP: Member = Member::optional("sourceIp", text(1, 64));
/// Whether the call comes over TLS; as the asking call came if it is left out.
pub(super) const SECURE: Member = Member::optional("secureTransport", Shape::Boolean);
/// When the call comes; now if it is left out.
pub(super) const TIME: Member = Member::optional("time", text(1, 64));
/// Tags of the session, which win over those of the user or role.
pub(super) const TAGS: Member = Member::optional("principalTags", Shape::Map);
/// Anything else that conditions read, by the name of AWS's condition key.
pub(super) const CONDITIONS: Member = Member::optional("conditions", Shape::Map);
/// A recorded call, instead of all others.
pub(super) const REQUEST_ID: Member = Member::optional("requestId", text(1, 64));

/// A request in the words of whoever asks.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Words {
    pub(super) principal: Option<String>,
    pub(super) action: Option<String>,
    pub(super) key_id: Option<String>,
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
}

/// A request that somebody could make.
pub(super) struct Hypothesis {
    pub(super) engine: Arc<Engine>,
    pub(super) keys: Arc<Registry>,
    pub(super) grants: Arc<GrantIndex>,
    pub(super) subject: Subject,
    pub(super) action: Action,
    pub(super) account: AccountId,
    pub(super) region: Region,
    /// `None` for a question about the account.
    pub(super) key: Option<Arc<Key>>,
    pub(super) names: Names,
    /// What is not known, and what was taken instead.
    pub(super) notes: Vec<String>,
    /// What became of it, if it was really made.
    pub(super) recorded: Option<Outcome>,
}

impl Hypothesis {
    /// Reads a request that is not one of the book.
    pub(super) fn read(ctx: &Ctx, access: &mut Access<'_>, words: Words) -> Result<Self, ApiError> {
        let (Some(principal), Some(action)) = (words.principal, words.action) else {
            return Err(ApiError::validation(
                "Specify principal and action, or the requestId of a recorded call.",
            ));
        };
        check_context(&words.encryption_context)?;
        let call = access.call();
        let account = call.caller.principal.account().clone();
        let action = self::action(&action)?;
        let source_ip = words.source_ip.map(|text| address(&text)).transpose()?;
        let now_ms = match words.time {
            Some(text) => time(&text)?,
            None => ctx.clock.now_ms(),
        };
        let secure = words.secure_transport.unwrap_or(call.caller.secure_transport);
        let mut subject = Subject::find(ctx, &account, &principal)?.calling(source_ip, secure);
        let found = words.key_id.map(|name| find_key(ctx, access, &name)).transpose()?;
        check_kind(action, found.is_some())?;
        let scenario = &mut subject.scenario;
        scenario.standing.tags.extend(words.principal_tags);
        scenario.request_alias =
            found.as_ref().and_then(|found| Some(found.alias.as_ref()?.to_string()));
        scenario.encryption_context = words.encryption_context;
        scenario.now_ms = now_ms;
        for (key, value) in &words.conditions {
            let said = scenario.say(key, value);
            said.map_err(|refused| ApiError::validation(format!("{refused}.")))?;
        }
        let key = found.map(|found| found.key);
        Ok(Self::about(ctx, subject, action, key, &access.call().region))
    }

    /// A request of which nothing more is known.
    pub(super) fn about(
        ctx: &Ctx,
        subject: Subject,
        action: Action,
        key: Option<Arc<Key>>,
        region: &Region,
    ) -> Self {
        Self {
            engine: Arc::clone(&ctx.engine),
            keys: Arc::clone(&ctx.keys),
            grants: Arc::clone(&ctx.grants),
            names: naming::of(ctx, &subject),
            account: subject.principal().account().clone(),
            subject,
            action,
            region: region.clone(),
            key,
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
        let resource = match &self.key {
            Some(key) => {
                let of_key = key.as_resource(self.keys.as_ref());
                let policy = policy.unwrap_or(of_key.policy);
                Resource::Key(KeyResource { policy, ..of_key })
            }
            None => Resource::Account { account: &self.account, region: &self.region },
        };
        let scenario = &self.subject.scenario;
        put(&Question {
            caller: &scenario.caller,
            action: self.action,
            resource,
            standing: &scenario.standing,
            grants: self.grants.as_ref(),
            request: &scenario.request(),
        })
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
    let found = resolve::key(&ctx.keys, &realm, name, Accepts::KeyOrAlias)?;
    if found.key.arn.account != realm.account {
        let key = &found.key.arn;
        return Err(resolve::unknown_key(key.region.as_str(), &key.account, &key.id.to_string()));
    }
    access.record_resource(&found.key.arn);
    Ok(found)
}

fn check_kind(action: Action, about_key: bool) -> Result<(), ApiError> {
    let (kind, wanted) = match about_key {
        true => (ResourceKind::Key, "is not performed on a key: leave keyId out"),
        false => (ResourceKind::Account, "is performed on a key: say which with keyId"),
    };
    match action.applies_to(kind) {
        true => Ok(()),
        false if !about_key && !action.applies_to(ResourceKind::Key) => {
            Err(ApiError::validation(format!("Nothing is known of what {action} is performed on.")))
        }
        false => Err(ApiError::validation(format!("{action} {wanted}."))),
    }
}

fn address(text: &str) -> Result<IpAddr, ApiError> {
    text.parse().map_err(|_bad| ApiError::validation("sourceIp must be an IP address."))
}

fn time(text: &str) -> Result<i64, ApiError> {
    timestamp::parse_rfc3339(text)
        .ok_or_else(|| ApiError::validation("time must be a time such as 2026-11-02T10:00:00Z."))
}

/// Reads the id of a recorded call.
pub(super) fn request_id(text: &str) -> Result<RequestId, ApiError> {
    RequestId::parse(text).ok_or_else(|| ApiError::validation("requestId must be a UUID."))
}
