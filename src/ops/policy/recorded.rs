//! A request as the book recorded it, asked again.

use std::sync::Arc;

use serde_json::Value;

use super::asked::Asked;
use super::hypothesis::{self, Hypothesis, Words};
use super::outcome::{self, Outcome};
use super::parameters::Parameters;
use super::sessions::{self, Session};
use super::subject::Subject;
use super::target::{self, Target};
use crate::audit::{self, Recorded};
use crate::base::arn::{Arn, KeyArn};
use crate::base::caller::Federated;
use crate::base::ids::{AccountId, Realm, Region, RequestId};
use crate::base::spec::MultiRegionRole;
use crate::keys::key::Key;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::resolve::{self, Accepts};
use crate::policy::actions::{Action, ResourceKind};
use crate::policy::fact::{Fact, Said};
use crate::policy::question::Resource;
use crate::store::Position;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// Finds the record and reads the request in it. What a record does not say is
/// said in the notes.
pub(super) async fn read(
    ctx: &Ctx,
    access: &mut Access<'_>,
    words: Words,
) -> Result<Asked, ApiError> {
    let (id, is_event) = match (&words.request_id, &words.event_id) {
        (Some(id), None) => (hypothesis::id("requestId", id)?, false),
        (_, id) => (hypothesis::id("eventId", id.as_deref().unwrap_or_default())?, true),
    };
    if words.principal.is_some() || words.action.is_some() || !words.named.is_empty() {
        return Err(ApiError::validation(
            "Specify either requestId or principal, action and keyId.",
        ));
    }
    if is_event && words.request_id.is_some() {
        return Err(ApiError::validation("Specify either requestId or eventId."));
    }
    let account = access.call().caller.principal.account().clone();
    // What is told is what the book says.
    access.resource(Action::QUERY_EVENTS, Resource::AuditLog { account: &account })?;
    let (store, own) = (Arc::clone(&ctx.store), account.to_string());
    let search = move || match is_event {
        true => audit::find_event(&store, &own, id),
        false => audit::find_call(&store, &own, id),
    };
    let found = ctx.policy_searches.make_for(&account, search).await??;
    let Recorded { record, position } = found.ok_or_else(|| unknown(id))?;
    let record: Value = serde_json::from_str(&record).map_err(ApiError::internal)?;
    let session = sessions::find(ctx, &account, &record).await?;
    let outcome = Outcome::read(&record, position.time_ms);
    let is_denied = outcome.is_denied();
    let reader = Reader { ctx, record: &record, account, session, is_denied };
    match reader.questions(access, position, &outcome) {
        Ok(questions) => Ok(Asked { questions, position: Some(position) }),
        // What the book says is an answer too.
        Err(error) => match (error.code(), error.message()) {
            (code @ (Code::NotFoundException | Code::ValidationException), Some(text)) => {
                Err(ApiError::new(code, format!("{} {text}", outcome.sentence())))
            }
            _ => Err(error),
        },
    }
}

fn unknown(id: RequestId) -> ApiError {
    let text = format!(
        "There is no recorded call with this id in the book of this account (a denied call is \
         only in the caller's own): {id}."
    );
    ApiError::new(Code::NotFoundException, text)
}

struct Reader<'a> {
    ctx: &'a Ctx,
    record: &'a Value,
    /// Whose book it is.
    account: AccountId,
    session: Session,
    is_denied: bool,
}

impl Reader<'_> {
    /// Every question of the call. What an earlier one was about may be gone by
    /// now; the last one is what was asked for.
    fn questions(
        &self,
        access: &mut Access<'_>,
        position: Position,
        outcome: &Outcome,
    ) -> Result<Vec<Hypothesis>, ApiError> {
        let decisions = outcome::decisions(self.record);
        let (last, earlier) = match decisions.split_last() {
            Some((last, earlier)) => (Some(last), earlier),
            None => (None, decisions),
        };
        let mut untold = Vec::new();
        let mut questions = Vec::new();
        for decision in earlier.iter().filter(|decision| decision.get("action").is_some()) {
            let outcome = Outcome::before(decision, position.time_ms);
            let told = self.target(Some(decision)).and_then(|(action, target)| {
                self.hypothesis(access, position, (action, target), outcome)
            });
            match told {
                Ok(hypothesis) => questions.push(hypothesis),
                Err(error) => untold.extend(error.message().map(str::to_owned)),
            }
        }
        let asked = self.target(last)?;
        let mut question = self.hypothesis(access, position, asked, outcome.clone())?;
        question.notes.extend(untold.iter().map(|why| format!("not told of it all: {why}")));
        questions.push(question);
        Ok(questions)
    }

    /// What was decided on: as the decision says, or, where an older record does
    /// not say it, as follows from the rest.
    fn target(&self, decision: Option<&Value>) -> Result<(Action, Target), ApiError> {
        let of = |name: &str| decision?.get(name)?.as_str();
        if let (Some(action), Some(resource)) = (of("action"), of("resource")) {
            let action = Action::find(action)
                .ok_or_else(|| ApiError::validation(format!("No policy decides on {action}.")))?;
            return Ok((action, Target::recorded(self.ctx, &self.account, action, resource)?));
        }
        let action = self.action()?;
        Ok(match self.key(action)? {
            Some(key) => (action, Target::Key(key)),
            None => (action, Target::account(&self.ctx.account, &self.account, action)),
        })
    }

    fn hypothesis(
        &self,
        access: &mut Access<'_>,
        position: Position,
        (action, target): (Action, Target),
        mut outcome: Outcome,
    ) -> Result<Hypothesis, ApiError> {
        let ctx = self.ctx;
        let mut notes = vec!["the policies are those of now".to_owned()];
        let parameters = Parameters::of(self.record, action);
        outcome.missing = parameters.missing();
        let mut subject = self.subject(access, action, &mut notes)?;
        match &self.session {
            // Whoever comes with a token has no session yet.
            _ if action == Action::ASSUME_ROLE_WITH_WEB_IDENTITY => {}
            Session::None => {}
            Session::Known(facts) => {
                let scenario = &mut subject.scenario;
                scenario.caller.session = Some(Arc::new(facts.clone()));
                scenario.standing = ctx.directory.standing_of(&scenario.caller, &ctx.engine);
            }
            Session::Unknown(why) => {
                outcome.missing.push("which policy and tags the session had".to_owned());
                notes.push(format!("the session is taken to have no tags and no policy: {why}"));
                outcome.untellable = Some(why.clone());
            }
        }
        if let Some(key) = target.key() {
            access.record_resource(&key.arn);
        }
        let region = self.region(access, &target);
        let mut said = parameters.said();
        self.say_keys(&mut said, &target, &region);
        if action == Action::ASSUME_ROLE_WITH_WEB_IDENTITY
            && let Some(name) = self.session_name()
        {
            said.say(Fact::RoleSessionName, name.to_owned().into());
        }
        let scenario = &mut subject.scenario;
        scenario.said = said;
        scenario.encryption_context = parameters.encryption_context();
        scenario.request_alias = parameters.alias().map(str::to_owned);
        scenario.now_ms = position.time_ms;
        scenario.caller.user_agent = self.text("/userAgent").map(str::to_owned);
        let via = self.text("/userIdentity/invokedBy");
        scenario.caller.via_service = via.map(|service| service.to_owned().into());
        let asked = Hypothesis::about(ctx, subject, action, target, &region);
        Ok(Hypothesis { notes, recorded: Some(outcome), ..asked })
    }

    /// The name of the session that a call by token was made as.
    fn session_name(&self) -> Option<&str> {
        let arn = self.text("/userIdentity/arn")?;
        arn.rsplit_once('/').map(|(_, name)| name)
    }

    /// For whom a provider vouched, at the beginning of the call.
    fn web_identity(&self) -> Option<Federated> {
        if let Some(context) = self.record.pointer("/userIdentity/sessionContext") {
            return sessions::federated(context);
        }
        let provider = self.text("/userIdentity/identityProvider")?;
        let subject = self.text("/userIdentity/userName")?;
        let id = self.text("/userIdentity/principalId")?;
        let audience = id.strip_prefix(provider)?.strip_prefix(':')?;
        let audience = audience.strip_suffix(subject)?.strip_suffix(':')?;
        let (_, issuer) = provider.split_once("oidc-provider/")?;
        Some(Federated {
            provider: issuer.to_owned(),
            audience: audience.to_owned(),
            subject: subject.to_owned(),
        })
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.record.pointer(pointer)?.as_str()
    }

    /// Who called, as far as the call's own record tells.
    fn subject(
        &self,
        access: &Access<'_>,
        action: Action,
        notes: &mut Vec<String>,
    ) -> Result<Subject, ApiError> {
        let source_ip = self.text("/sourceIPAddress").and_then(|text| text.parse().ok());
        let secure = access.call().caller.secure_transport;
        notes.push("a record does not say whether the call came over TLS: as this one".to_owned());
        if action == Action::ASSUME_ROLE_WITH_WEB_IDENTITY
            && let Some(who) = self.web_identity()
        {
            let subject = Subject::web_identity(self.ctx, &self.account, who);
            return Ok(subject.calling(source_ip, secure));
        }
        let arn = self.text("/userIdentity/arn").ok_or_else(|| {
            let account = self.text("/userIdentity/accountId").unwrap_or_default();
            ApiError::validation(match self.text("/userIdentity/type") {
                Some("AWSAccount") => format!(
                    "The caller belongs to account {account}, whose policies are not shown here."
                ),
                Some("WebIdentityUser") => {
                    "The record does not say for whom the provider vouched.".to_owned()
                }
                _ => "The record does not say who called: it was not authenticated.".to_owned(),
            })
        })?;
        let subject = Subject::find(self.ctx, &self.account, arn)?.calling(source_ip, secure);
        let id = self.text("/userIdentity/principalId");
        if id.is_some_and(|id| id != subject.principal().principal_id()) {
            notes.push(format!("{arn} is not who it was then: it was deleted and made again"));
        }
        Ok(subject)
    }

    /// The text of the denial from `mark` to the next space.
    fn denied(&self, mark: &str) -> Option<&str> {
        let message = self.text("/errorMessage").filter(|_| self.is_denied)?;
        let (_, rest) = message.split_once(mark)?;
        rest.trim_start_matches([':', ' ']).split(' ').next()
    }

    /// The action that was decided on last: of a denial, the one that its text
    /// names; of any other call, the one of the operation's name.
    fn action(&self) -> Result<Action, ApiError> {
        let source = self.text("/eventSource").unwrap_or_default();
        let service = source.split('.').next().unwrap_or_default();
        let event = self.text("/eventName").unwrap_or_default();
        let name = match (self.denied("authorized to perform"), event) {
            (Some(name), _) => name.to_owned(),
            (None, "ReEncrypt") if self.keys().len() > 1 => Action::RE_ENCRYPT_TO.to_string(),
            (None, "ReEncrypt") => Action::RE_ENCRYPT_FROM.to_string(),
            (None, _) => format!("{service}:{event}"),
        };
        let action = Action::find(&name)
            .ok_or_else(|| ApiError::validation(format!("No policy decides on {name}.")))?;
        match action.applies_to(ResourceKind::Key) || action.applies_to(ResourceKind::Account) {
            true => Ok(action),
            false => Err(ApiError::validation(format!(
                "The record does not say what {action} was performed on: it is of an older server."
            ))),
        }
    }

    /// The keys that the call was about, in order.
    fn keys(&self) -> Vec<KeyArn> {
        let resources = self.record.get("resources").and_then(Value::as_array);
        let arns = resources.into_iter().flatten().filter_map(|one| one.get("ARN")?.as_str());
        arns.filter_map(KeyArn::parse).collect()
    }

    /// The key that was decided on last; `None` if it was the account.
    fn key(&self, action: Action) -> Result<Option<Arc<Key>>, ApiError> {
        let foreign = |account: &str| target::foreign("key", account);
        let named = self.denied("on resource:");
        if named == Some("*") || !action.applies_to(ResourceKind::Key) {
            return Ok(None);
        }
        let keys = self.keys();
        let arn = match named.and_then(Arn::parse) {
            Some(arn) if arn.account != self.account.as_str() => return Err(foreign(arn.account)),
            Some(_) => match named.and_then(KeyArn::parse) {
                Some(key) => Some(key),
                None => {
                    return Err(ApiError::validation(format!(
                        "The record of an older server does not say enough of what {action} was \
                         performed on: {}.",
                        named.unwrap_or_default()
                    )));
                }
            },
            None if self.is_denied || action == Action::RE_ENCRYPT_TO => keys.last().cloned(),
            None => keys.first().cloned(),
        };
        match arn {
            Some(arn) if arn.account != self.account => Err(foreign(arn.account.as_str())),
            Some(arn) => match self.ctx.keys.find(&arn.region, arn.id) {
                Some(key) => Ok(Some(key)),
                None => {
                    let text = format!("The key {arn} does not exist any more.");
                    Err(ApiError::new(Code::NotFoundException, text))
                }
            },
            None if action.applies_to(ResourceKind::Account) => Ok(None),
            None => Err(ApiError::validation(format!(
                "The record does not say which key {action} was about: none was found, or one of \
                 another account."
            ))),
        }
    }

    /// The Region that was decided on: of a replica, its own.
    fn region(&self, access: &Access<'_>, target: &Target) -> Region {
        let is_replica = matches!(target, Target::Account(_));
        let replica = self.text("/requestParameters/replicaRegion").filter(|_| is_replica);
        let region = replica.or_else(|| self.text("/awsRegion")).and_then(Region::parse);
        region.unwrap_or_else(|| access.call().region.clone())
    }

    /// Says what follows from the keys of the call.
    fn say_keys(&self, said: &mut Said, target: &Target, region: &Region) {
        let keys = self.keys();
        match self.text("/eventName") {
            Some("ReEncrypt") => {
                let realm = Realm { account: self.account.clone(), region: region.clone() };
                let name = self.text("/requestParameters/destinationKeyId");
                let to = name.and_then(|name| {
                    resolve::key(&self.ctx.keys, &realm, name, Accepts::KeyOrAlias).ok()
                });
                let same = match (keys.as_slice(), to) {
                    ([from, to, ..], _) => from == to,
                    ([from], Some(to)) => *from == to.key.arn,
                    _ => false,
                };
                said.say(Fact::ReEncryptOnSameKey, same.into());
            }
            // Two decisions of this operation are on a key that is to be.
            Some("ReplicateKey") if target.key().is_none() => {
                let primary = keys.first();
                let primary = primary.and_then(|arn| self.ctx.keys.find(&arn.region, arn.id));
                if let Some(primary) = primary {
                    said.say(Fact::KeySpec, primary.spec.as_str().into());
                    said.say(Fact::KeyUsage, primary.usage.as_str().into());
                    said.say(Fact::KeyOrigin, primary.origin.as_str().into());
                    said.say(Fact::MultiRegion, true.into());
                    said.say(Fact::MultiRegionKeyType, MultiRegionRole::Replica.as_str().into());
                }
            }
            _ => {}
        }
    }
}
