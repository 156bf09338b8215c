//! The way from a name in a request to a permit: find the thing, ask the
//! policy, remember both for the record. The only place that asks.

mod notes;
mod turn;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use crate::base::arn::{AliasArn, KeyArn};
use crate::base::context::EncryptionContext;
use crate::base::grant::GrantId;
use crate::base::ids::{AliasName, Realm};
use crate::base::rates::RateGroup;
use crate::base::spec::{KeyPairSpec, KeySpec};
use crate::keys::backend::Backend;
use crate::keys::custom_stores::Connection;
use crate::keys::grants::Grant;
use crate::keys::grants::sources::Retired;
use crate::keys::key::Key;
use crate::ops::call::Call;
use crate::ops::ctx::Ctx;
use crate::ops::facts::{Facts, Mark};
use crate::ops::grants;
use crate::ops::managed_key;
use crate::ops::operation::Description;
use crate::ops::rates::{self, Counted};
use crate::ops::resolve::{self, Accepts, Found};
use crate::ops::source::parse_blob;
use crate::policy::actions::Action;
use crate::policy::decision::{
    Decision, Denial, DenialKind, Explanation, Permit, ciphertext_denial, foreign_denial,
};
use crate::policy::fact::{self, Fact, Said};
use crate::policy::grant::Grants;
use crate::policy::question::{Question, RequestFacts, Resource, Standing};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// One call's way to what it wants to use.
pub struct Access<'a> {
    ctx: &'a Ctx,
    call: &'a Call,
    standing: Standing,
    /// What the operation says of its input.
    said: Said,
    /// The only grants that can allow anything; all there are if nobody said.
    grants: Option<Box<dyn Grants + Send + Sync>>,
    facts: &'a mut Facts,
    counted: Counted,
    /// Whether the operation computes with the keys that it names.
    uses_keys: bool,
    /// The group in which the call was counted last.
    counted_in: Option<RateGroup>,
    /// Taken on the way, to be kept until the call is durable.
    pub(in crate::ops) turn: Option<OwnedMutexGuard<()>>,
}

/// A key and the permit to use it.
#[derive(Debug)]
pub struct PermittedKey {
    pub permit: Permit,
    pub key: Arc<Key>,
}

impl<'a> Access<'a> {
    pub(in crate::ops) fn new(
        ctx: &'a Ctx,
        operation: &Description,
        call: &'a Call,
        facts: &'a mut Facts,
    ) -> Self {
        let standing = ctx.directory.standing_of(&call.caller, &ctx.engine);
        let counted = ctx.rates.counted(operation);
        let (said, grants) = (Said::new(), None);
        let uses_keys = rates::counted(operation) == Counted::ByKey;
        let (counted_in, turn) = (None, None);
        Self { ctx, call, standing, said, grants, facts, counted, uses_keys, counted_in, turn }
    }

    /// The call.
    #[must_use]
    pub fn call(&self) -> &'a Call {
        self.call
    }

    /// What is known of the caller.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Says something of the call's input that policies may read. Said before
    /// the permit is asked for, and in force until said otherwise.
    pub fn says(&mut self, fact: Fact, value: impl Into<fact::Value<'static>>) {
        self.said.say(fact, value.into());
    }

    /// Whether a policy that bears on the caller or on `key` reads `fact`: what
    /// is dear to find out is said only then.
    #[must_use]
    pub fn is_read(&self, fact: Fact, key: &Key) -> bool {
        let Standing { policies, boundary, session_policy, .. } = &self.standing;
        let of_caller = policies.iter().chain(boundary).chain(session_policy);
        key.policy.reads(fact)
            || of_caller.into_iter().any(|policy| policy.reads(fact))
            || self.ctx.engine.guardrails().iter().any(|policy| policy.reads(fact))
    }

    /// Says the tags that the call brings, by key.
    pub fn says_tags(&mut self, tags: BTreeMap<String, String>) {
        self.says(Fact::TagKeys, tags.keys().cloned().collect::<Vec<_>>());
        self.says(Fact::RequestTags, tags);
    }

    /// Finds the key that `name` names and asks for `action` on it.
    ///
    /// # Errors
    /// `NotFoundException` and `InvalidArnException` with AWS's texts,
    /// `ThrottlingException`, or `AccessDeniedException`.
    pub fn key(
        &mut self,
        action: Action,
        name: &str,
        accepts: Accepts,
        context: Option<&EncryptionContext>,
    ) -> Result<PermittedKey, ApiError> {
        let before = self.facts.mark();
        let permitted = match self.look_up(name, accepts) {
            Ok(Found { key, alias }) => {
                let key = self.as_of_now(&key);
                let permit = self.permit_key(action, &key, context, alias.as_ref());
                permit.map(|permit| PermittedKey { permit, key })
            }
            Err(error) if accepts == Accepts::KeyOrAlias => {
                Err(self.missing(action, name, context, error))
            }
            Err(error) => Err(error),
        };
        permitted.map_err(|error| {
            let at_home = self.denial_at_home(action, name, context);
            self.without_foreign_affairs(action, name, at_home, error, before)
        })
    }

    /// Asks to retire the grant `id` of the key that `name` names: the grant
    /// itself says who may, so that it is found first.
    ///
    /// # Errors
    /// As [`Self::key`]; a grant that is not there is a `NotFoundException`.
    pub fn retirement(&mut self, name: &str, id: &GrantId) -> Result<Grant, ApiError> {
        let before = self.facts.mark();
        let permitted = self.look_up(name, Accepts::Key).and_then(|found| {
            let Some(grant) = self.ctx.grants.find(&found.key.arn, id) else {
                self.record_resource(&found.key.arn);
                return Err(grants::not_found(id));
            };
            self.use_grants(Retired(grant.clone()));
            grants::says_constraints(self, &grant.terms);
            let context = grants::constraint(&grant.terms);
            self.permit_key(Action::RETIRE_GRANT, &found.key, Some(&context), None)?;
            Ok(grant)
        });
        // What was said of the grant is not the caller's.
        permitted.map_err(|error| {
            self.without_foreign_affairs(Action::RETIRE_GRANT, name, None, error, before)
        })
    }

    /// From here on, only `grants` can allow what no policy does.
    pub fn use_grants(&mut self, grants: impl Grants + Send + 'static) {
        self.grants = Some(Box::new(grants));
    }

    /// What the caller's own account says to the use of a foreign key, by its name
    /// alone.
    fn denial_at_home(
        &self,
        action: Action,
        name: &str,
        context: Option<&EncryptionContext>,
    ) -> Option<Denial> {
        let key = KeyArn::parse(name).filter(|_| action.crosses_accounts())?;
        // It was found by names that may be the other account's.
        let mut said = self.said.clone();
        said.unsay(Fact::ReEncryptOnSameKey);
        let context = context.filter(|context| !context.is_empty());
        let request = RequestFacts { said: &said, ..self.request_facts(context, None) };
        self.ctx.engine.denial_at_home(&self.call.caller, action, &key, &self.standing, &request)
    }

    /// What another account has is its own affair: neither the answer nor the
    /// record, since `before`, tells whether it is there. What the caller's own
    /// account says is told.
    fn without_foreign_affairs(
        &mut self,
        action: Action,
        name: &str,
        at_home: Option<Denial>,
        error: ApiError,
        before: Mark,
    ) -> ApiError {
        match error.code() {
            Code::NotFoundException | Code::AccessDeniedException
                if resolve::is_foreign(&self.call.realm(), name) =>
            {
                self.facts.forget_since(before);
                let theirs = DenialKind::ImplicitResourcePolicy;
                let kind = at_home.as_ref().map_or(theirs, Denial::kind);
                self.facts.decisions.push(Explanation::foreign(action, name.to_owned(), kind));
                let text = match at_home {
                    Some(denial) => denial.to_string(),
                    None => foreign_denial(&self.call.caller.principal, action, name),
                };
                ApiError::new(Code::AccessDeniedException, text)
            }
            _ => error,
        }
    }

    /// Finds the key that `name` names for somebody who has a permit for what it
    /// is wanted for, and asks for nothing. The key of a service is made when it is
    /// first named.
    ///
    /// # Errors
    /// `NotFoundException` and `InvalidArnException` with AWS's texts.
    pub fn find(&mut self, name: &str, accepts: Accepts) -> Result<Found, ApiError> {
        let found = self.look_up(name, accepts);
        if found.is_err() && accepts == Accepts::KeyOrAlias {
            self.facts.missing_service = resolve::service_key(&self.call.realm(), name);
        }
        found
    }

    fn look_up(&self, name: &str, accepts: Accepts) -> Result<Found, ApiError> {
        resolve::key(&self.ctx.keys, &self.call.realm(), name, accepts)
    }

    /// Why the key that `name` names was not found. The key of a service is made
    /// when it is first named by somebody who may use it.
    fn missing(
        &mut self,
        action: Action,
        name: &str,
        context: Option<&EncryptionContext>,
        error: ApiError,
    ) -> ApiError {
        let realm = self.call.realm();
        let Some(service) = resolve::service_key(&realm, name) else { return error };
        let Some(alias) = managed_key::alias(service, realm) else { return error };
        let context = context.filter(|context| !context.is_empty());
        let request = &self.request_facts(context, Some(alias.name.as_str()));
        let (caller, standing) = (&self.call.caller, &self.standing);
        let asked = managed_key::Asked { caller, standing, action, request };
        let (explanation, refused) = match managed_key::decide(self.ctx, service, &alias, &asked) {
            Err(fault) => return fault,
            Ok(Decision { outcome: Ok(_), .. }) => {
                self.facts.missing_service = Some(service);
                return error;
            }
            Ok(Decision { outcome: Err(denial), explanation }) => {
                (explanation, managed_key::refusal(&alias, &asked, &denial.reason()))
            }
        };
        self.facts.decisions.push(explanation);
        refused
    }

    /// Finds the key that made the ciphertext `blob` and asks for `action` on
    /// it.
    ///
    /// # Errors
    /// `InvalidCiphertextException` for what is no ciphertext of ours. An
    /// unknown key and a forbidden one give the same `AccessDeniedException`;
    /// both count against the rate of the caller's calls, so that a
    /// `ThrottlingException` does not tell them apart either.
    pub fn ciphertext_key(
        &mut self,
        action: Action,
        blob: &[u8],
        context: &EncryptionContext,
    ) -> Result<PermittedKey, ApiError> {
        let made_by = parse_blob(blob)?.key_id();
        self.count(KeySpec::SymmetricDefault)?;
        let Some(key) = self.ctx.keys.find(&self.call.region, made_by) else {
            return Err(self.hidden_key(action));
        };
        let key = self.as_of_now(&key);
        let before = self.facts.mark();
        match self.permit_key(action, &key, Some(context), None) {
            Ok(permit) => {
                if action == Action::DECRYPT {
                    self.record_key_arn(&key.arn);
                }
                Ok(PermittedKey { permit, key })
            }
            Err(_denied) => {
                if key.arn.account != *self.call.caller.principal.account() {
                    self.facts.forget_since(before);
                }
                Err(self.hidden_key(action))
            }
        }
    }

    /// Asks for `action` on the account as a whole.
    ///
    /// # Errors
    /// `AccessDeniedException`.
    pub fn account(&mut self, action: Action) -> Result<Permit, ApiError> {
        let account = self.call.caller.principal.account();
        self.resource(action, Resource::Account { account, region: &self.call.region })
    }

    /// Asks for `action` on an alias of the caller's realm.
    ///
    /// # Errors
    /// `AccessDeniedException`.
    pub fn alias(&mut self, action: Action, name: &AliasName) -> Result<Permit, ApiError> {
        let Realm { account, region } = self.call.realm();
        let arn = AliasArn { region, account, name: name.clone() };
        self.facts.resources.push(arn.to_string());
        self.resource(action, Resource::Alias { arn: &arn })
    }

    /// Asks for `action` on a key that was found some other way, such as an
    /// alias's present target.
    ///
    /// # Errors
    /// `AccessDeniedException`.
    pub fn known_key(&mut self, action: Action, key: &Arc<Key>) -> Result<PermittedKey, ApiError> {
        let key = self.as_of_now(key);
        let permit = self.permit_key(action, &key, None, None)?;
        Ok(PermittedKey { permit, key })
    }

    /// Asks for `action` on anything that is not a key.
    ///
    /// # Errors
    /// `AccessDeniedException`.
    pub fn resource(&mut self, action: Action, resource: Resource<'_>) -> Result<Permit, ApiError> {
        self.decide(action, resource, None, None)
    }

    /// What the call itself says to the policy.
    #[must_use]
    pub fn request_facts<'b>(
        &'b self,
        encryption_context: Option<&'b EncryptionContext>,
        request_alias: Option<&'b str>,
    ) -> RequestFacts<'b> {
        let now_ms = self.ctx.clock.now_ms();
        let region = Some(&self.call.region);
        RequestFacts { encryption_context, request_alias, region, said: &self.said, now_ms }
    }

    /// Says that what comes is another use of a key in the same call, which is
    /// counted by itself.
    pub(in crate::ops) fn begins_another_use(&mut self) {
        self.counted_in = None;
    }

    /// Where keys are used with a permit.
    #[must_use]
    pub fn backend(&self) -> Backend<'_> {
        Backend {
            hsm: &self.ctx.hsm,
            remotes: &self.ctx.remotes,
            stores: &self.ctx.custom_key_stores,
            calls: &self.facts.remote_calls,
            is_dry_run: self.facts.dry_run,
        }
    }

    /// Every operation gets its keys here, so none sees material that has
    /// expired, even before the timer has destroyed it, nor a key in a store that is
    /// not connected as one that could be used.
    fn as_of_now(&self, key: &Arc<Key>) -> Arc<Key> {
        let is_reached =
            |store| self.ctx.custom_key_stores.connection(store) == Connection::Connected;
        match &key.remote {
            None => key.at(self.ctx.clock.now_ms()),
            Some(remote) if is_reached(&remote.store) => Arc::clone(key),
            Some(_) => key.out_of_reach(),
        }
    }

    fn permit_key(
        &mut self,
        action: Action,
        key: &Key,
        context: Option<&EncryptionContext>,
        alias: Option<&AliasName>,
    ) -> Result<Permit, ApiError> {
        self.record_resource(&key.arn);
        // A name of another account's that is not there is not counted: nor is one that
        // the caller may not use, or the rate would tell which it is.
        let is_foreign = key.arn.account != *self.call.caller.principal.account();
        if !is_foreign {
            self.count(key.spec)?;
        }
        let resource = Resource::Key(key.as_resource(self.ctx.keys.as_ref()));
        let context = context.filter(|context| !context.is_empty());
        let permit = self.decide(action, resource, context, alias.map(AliasName::as_str))?;
        if is_foreign {
            self.count(key.spec)?;
        }
        if self.uses_keys && key.spec != KeySpec::SymmetricDefault {
            let material = key.current_material().map(|material| material.id);
            self.facts.unseen_materials.extend(material);
        }
        Ok(permit)
    }

    /// Counts the use of a key in the group of its kind, once a call.
    fn count(&mut self, spec: KeySpec) -> Result<(), ApiError> {
        let group = match self.counted {
            Counted::ByKey => Some(RateGroup::of_key(spec)),
            Counted::ByDataKeyPair => self.data_key_pair().map(RateGroup::of_data_key_pair),
            Counted::In(_) | Counted::Nowhere => None,
        };
        match group.filter(|group| self.counted_in != Some(*group)) {
            None => Ok(()),
            Some(group) => {
                self.counted_in = Some(group);
                self.ctx.rates.count(self.call, group)
            }
        }
    }

    /// The kind of data key pair that is asked for, from what the record has.
    fn data_key_pair(&self) -> Option<KeyPairSpec> {
        let spec = self.facts.request_parameters.as_ref()?.get("keyPairSpec")?;
        KeyPairSpec::parse(spec.as_str()?)
    }

    fn decide(
        &mut self,
        action: Action,
        resource: Resource<'_>,
        encryption_context: Option<&EncryptionContext>,
        request_alias: Option<&str>,
    ) -> Result<Permit, ApiError> {
        let grants: &dyn Grants = match &self.grants {
            Some(grants) => grants.as_ref(),
            None => self.ctx.grants.as_ref(),
        };
        let Decision { outcome, explanation } = self.ctx.engine.decide(&Question {
            caller: &self.call.caller,
            action,
            resource,
            standing: &self.standing,
            grants,
            request: &self.request_facts(encryption_context, request_alias),
        });
        let is_foreign = resource.account() != self.call.caller.principal.account();
        self.facts.decisions.push(match is_foreign && outcome.is_err() {
            true => {
                let kind = DenialKind::ImplicitResourcePolicy;
                Explanation::foreign(action, resource.label(), kind)
            }
            false => explanation,
        });
        outcome.map_err(|denial| ApiError::new(Code::AccessDeniedException, denial.to_string()))
    }

    /// One text for a key that is unknown, deleted or forbidden: whoever holds
    /// a ciphertext must not learn which.
    fn hidden_key(&self, action: Action) -> ApiError {
        let text = ciphertext_denial(&self.call.caller.principal, action);
        ApiError::new(Code::AccessDeniedException, text)
    }
}
