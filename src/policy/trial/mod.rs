//! Tests beside a policy: requests, and what the policy must say to each. The
//! form is that of Cedar's `cedar run-tests`, with members of our own for what
//! keys have beside it.
//!
//! ```json
//! [{ "name": "the team decrypts for its tenant",
//!    "request": { "principal": "arn:aws:iam::111122223333:user/ada",
//!                 "action": "Action::\"kms:Decrypt\"",
//!                 "context": { "iamAllows": false, "sourceIp": "192.0.2.7" } },
//!    "encryptionContext": { "tenant": "acme" },
//!    "decision": "allow", "reason": ["Team"] }]
//! ```
//!
//! A test asks what a call would be answered: the caller's identity policies
//! allow everything if `iamAllows` is true, and nothing otherwise, and there are
//! no grants but those of the test. Guardrails in force count, as for a call.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::actions::{Action, ResourceKind};
use super::condition_key::{ConditionKey, KEYS};
use super::decision::Determining;
use super::document::Document;
use super::engine::Engine;
use super::error::CompileError;
use super::explain::Names;
use super::fact::Fact;
use super::grant::{Candidate, GrantQuery, Grants, Party, Reach};
use super::principal::PrincipalDirectory;
use super::question::{KeyResource, Question, Resource, Standing};
use super::scenario::Scenario;
use super::stand_in;
use crate::base::caller::Principal;
use crate::base::context::EncryptionContext;
use crate::base::grant::{GrantId, GrantOperation, GrantTerms};
use crate::base::ids::AccountId;
use crate::base::limits::{POLICY_TESTS, POLICY_TESTS_BYTES};

/// The tests of a policy, as they were written.
#[derive(Clone, Debug)]
pub struct Trials {
    tests: Vec<Test>,
}

/// Why a text is no list of tests.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the tests are longer than {POLICY_TESTS_BYTES} bytes")]
    TooLong,
    #[error("there are more than {POLICY_TESTS} tests")]
    TooMany,
    #[error("the tests are not JSON of the form that is expected: {0}")]
    Form(#[source] serde_json::Error),
    #[error("test {name:?}: {reason}")]
    Test { name: String, reason: String },
    #[error(transparent)]
    Compile(#[from] CompileError),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Test {
    #[serde(default)]
    name: String,
    request: Request,
    #[serde(default)]
    entities: Vec<Entity>,
    #[serde(default)]
    encryption_context: BTreeMap<String, String>,
    #[serde(default)]
    grants: Vec<Granted>,
    decision: Wanted,
    #[serde(default)]
    reason: Vec<String>,
    /// Cedar's name.
    #[serde(default, rename = "num_errors")]
    num_errors: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    principal: String,
    action: String,
    /// The key that the policy is attached to, if it is left out.
    #[serde(default)]
    resource: String,
    #[serde(default)]
    context: BTreeMap<String, Value>,
}

/// What is read of an entity: its tags.
#[derive(Clone, Debug, Deserialize)]
struct Entity {
    uid: Value,
    #[serde(default)]
    tags: BTreeMap<String, Value>,
}

/// A grant to the principal of the test.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Granted {
    operations: Vec<GrantOperation>,
    #[serde(default)]
    encryption_context_subset: EncryptionContext,
    #[serde(default)]
    encryption_context_equals: EncryptionContext,
    source_arn: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    Allow,
    Deny,
}

/// How one test ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub name: String,
    pub passed: bool,
    /// What is not as it was wanted; empty for a test that passed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failure: String,
}

/// Grants of one test.
struct Held(Vec<Candidate>);

impl Grants for Held {
    fn candidates(&self, query: &GrantQuery<'_>) -> Vec<Candidate> {
        let covers = |one: &&Candidate| one.terms.operations.contains(query.operation);
        self.0.iter().filter(covers).cloned().collect()
    }
}

impl Trials {
    /// Reads a list of tests.
    ///
    /// # Errors
    ///
    /// [`Error`] if it is none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > POLICY_TESTS_BYTES {
            return Err(Error::TooLong);
        }
        let mut tests: Vec<Test> = serde_json::from_str(text).map_err(Error::Form)?;
        if tests.len() > POLICY_TESTS {
            return Err(Error::TooMany);
        }
        for (at, test) in tests.iter_mut().enumerate() {
            if test.name.is_empty() {
                test.name = format!("test {at}");
            }
        }
        Ok(Self { tests })
    }

    /// Runs every test against the policy that `key` has.
    ///
    /// # Errors
    ///
    /// [`Error::Test`] for a test that cannot be asked.
    pub fn run(
        &self,
        engine: &Engine,
        key: KeyResource<'_>,
        directory: &dyn PrincipalDirectory,
        now_ms: i64,
    ) -> Result<Vec<Outcome>, Error> {
        let permit_all = engine.compile_identity_policy("permit (principal, action, resource);")?;
        let stage = Stage { engine, key, directory, now_ms, permit_all };
        self.tests
            .iter()
            .map(|test| {
                let named = |reason| Error::Test { name: test.name.clone(), reason };
                stage.run(test).map_err(named)
            })
            .collect()
    }
}

/// What all tests of a policy are run with.
struct Stage<'a> {
    engine: &'a Engine,
    key: KeyResource<'a>,
    directory: &'a dyn PrincipalDirectory,
    now_ms: i64,
    permit_all: Arc<Document>,
}

impl Stage<'_> {
    fn run(&self, test: &Test) -> Result<Outcome, String> {
        let scenario = self.scenario(test)?;
        let action = action(&test.request.action)?;
        let tags = self.resource_tags(test)?;
        let held = Held(test.grants.iter().map(Granted::candidate).collect());
        let question = Question {
            caller: &scenario.caller,
            action,
            resource: Resource::Key(KeyResource {
                tags: tags.as_ref().unwrap_or(self.key.tags),
                ..self.key
            }),
            standing: &scenario.standing,
            grants: &held,
            request: &scenario.request(),
        };
        let decision = self.engine.decide(&question);
        let explanation = &decision.explanation;
        let got = if decision.outcome.is_ok() { Wanted::Allow } else { Wanted::Deny };
        let failure = if got != test.decision {
            let story = self.engine.explain(&question, &Names::default());
            format!("{} was wanted: {}", test.decision.as_str(), story.verdict)
        } else if explanation.errors.len() != test.num_errors {
            let errors = explanation.errors.join("; ");
            format!("{} errors were wanted: {errors}", test.num_errors)
        } else if let Some(missing) = missing(&test.reason, &explanation.determining) {
            let story = self.engine.explain(&question, &Names::default());
            format!("{missing:?} was wanted as a reason: {}", story.verdict)
        } else {
            String::new()
        };
        Ok(Outcome { name: test.name.clone(), passed: failure.is_empty(), failure })
    }

    fn scenario(&self, test: &Test) -> Result<Scenario, String> {
        let principal = self.principal(&test.request.principal)?;
        let mut context = test.request.context.clone();
        let iam_allows = match context.remove("iamAllows") {
            None | Some(Value::Bool(false)) => None,
            Some(Value::Bool(true)) => Some(Arc::clone(&self.permit_all)),
            Some(_) => return Err("context: iamAllows is true or false".to_owned()),
        };
        let mut standing = Standing::with_policies(iam_allows.into_iter().collect());
        standing.tags = tags(test, &test.request.principal)?.unwrap_or_default();
        let mut scenario = Scenario::of(principal, standing, self.now_ms);
        scenario.encryption_context = EncryptionContext::new(test.encryption_context.clone());
        scenario.caller.secure_transport = true;
        for (name, value) in &context {
            let key = condition_key(name)
                .ok_or_else(|| format!("context: {name:?} is not what a test can say"))?;
            let value = text(value).ok_or_else(|| format!("context: {name:?}: no such value"))?;
            scenario.say(&key, &value).map_err(|refused| format!("context: {refused}"))?;
        }
        Ok(scenario)
    }

    /// A principal by ARN, or by its entity in Cedar.
    fn principal(&self, text: &str) -> Result<Principal, String> {
        let unknown = || format!("principal: {text:?} is nobody whom a policy could know");
        if text.starts_with("arn:") {
            return stand_in::principal(text, self.directory).ok_or_else(unknown);
        }
        let home = self.key.arn.account.clone();
        let (kind, id) = entity(text).ok_or_else(unknown)?;
        Ok(match kind {
            "Root" => Principal::Root { account: AccountId::parse(id).ok_or_else(unknown)? },
            "User" => {
                Principal::User { account: home, unique_id: id.to_owned(), name: id.to_owned() }
            }
            "RoleSession" => {
                let (role, name) = id.split_once(':').ok_or_else(unknown)?;
                Principal::RoleSession {
                    account: home,
                    role_id: role.to_owned(),
                    role_name: role.to_owned(),
                    name: name.to_owned(),
                }
            }
            _ => return Err(unknown()),
        })
    }

    /// The tags of the key, if the test says them.
    fn resource_tags(&self, test: &Test) -> Result<Option<BTreeMap<String, String>>, String> {
        let named = &test.request.resource;
        let arn = self.key.arn.to_string();
        let is_this = match entity(named) {
            Some((kind, id)) => kind == "Key" && id == arn,
            None => named.is_empty() || *named == arn,
        };
        match is_this {
            true => tags(test, named),
            false => Err(format!("resource: {named:?} is not {arn}, the key of the policy")),
        }
    }
}

impl Wanted {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

impl Granted {
    fn candidate(&self) -> Candidate {
        let terms = GrantTerms {
            id: GrantId::from_random([0; 32]),
            operations: self.operations.iter().copied().collect(),
            subset: self.encryption_context_subset.clone(),
            equals: self.encryption_context_equals.clone(),
            source_arn: self.source_arn.clone(),
        };
        Candidate { terms: Arc::new(terms), party: Party::Grantee, reach: Reach::Itself }
    }
}

fn action(text: &str) -> Result<Action, String> {
    let name = entity(text).filter(|(kind, _)| *kind == "Action").map_or(text, |(_, id)| id);
    let found = Action::find(name).filter(|action| action.applies_to(ResourceKind::Key));
    found.ok_or_else(|| format!("action: {text:?} is no action on keys"))
}

/// The two halves of `Type::"id"`.
fn entity(text: &str) -> Option<(&str, &str)> {
    let (kind, id) = text.split_once("::")?;
    Some((kind, id.strip_prefix('"')?.strip_suffix('"')?))
}

/// The condition key behind a name: AWS's own, or that of Cedar's attribute.
fn condition_key(name: &str) -> Option<String> {
    if ConditionKey::parse(name).is_some() {
        return Some(name.to_owned());
    }
    let fact = Fact::ALL.iter().copied().find(|fact| fact.as_str() == name)?;
    let of = KEYS.iter().find(|(_, of)| *of == fact || of.twin() == Some(fact))?;
    Some(of.0.to_owned())
}

/// A value of the context as text. Values of Cedar's extension types stand in
/// `__extn`; a time may be in seconds.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(text).collect();
            Some(items?.join(","))
        }
        Value::Object(members) => text(members.get("__extn")?.get("arg")?),
        Value::Null => None,
    }
}

/// The tags of the entity that `of` names, if the test describes it.
fn tags(test: &Test, of: &str) -> Result<Option<BTreeMap<String, String>>, String> {
    let is_it = |entity: &&Entity| match &entity.uid {
        Value::String(uid) => uid == of,
        uid => {
            let uid = uid.get("__entity").unwrap_or(uid);
            let part = |name| uid.get(name).and_then(Value::as_str).unwrap_or_default();
            format!("{}::\"{}\"", part("type"), part("id")) == of
        }
    };
    let Some(entity) = test.entities.iter().find(is_it) else { return Ok(None) };
    let tags = entity.tags.iter().map(|(key, value)| Some((key.clone(), text(value)?)));
    let tags: Option<BTreeMap<String, String>> = tags.collect();
    tags.map(Some).ok_or_else(|| format!("entities: a tag of {of:?} is no text"))
}

/// The first of the wanted reasons that did not decide. A statement is named by
/// its `Sid`, or by its position: `policy0` as Cedar does, or `0`.
fn missing<'a>(wanted: &'a [String], determining: &[Determining]) -> Option<&'a str> {
    let decided: BTreeSet<String> = determining
        .iter()
        .flat_map(|one| {
            let at = one.policy.split('/').nth(1).unwrap_or_default();
            one.sid.clone().into_iter().chain([format!("policy{at}"), at.to_owned()])
        })
        .collect();
    wanted.iter().map(String::as_str).find(|wanted| !decided.contains(*wanted))
}
