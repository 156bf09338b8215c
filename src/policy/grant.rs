//! Grants: one fixed Cedar policy, asked about one grant at a time. Which
//! grants there are is known to the floor above, which finds the few that
//! could matter (AWS KMS Developer Guide, "Grants in AWS KMS").

use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, RestrictedExpression,
    Schema, ValidationMode, Validator,
};

use super::error::{CompileError, Error};
use super::vocabulary;
use crate::base::arn::KeyArn;
use crate::base::caller::Principal;
use crate::base::context::EncryptionContext;
use crate::base::grant::{GrantOperation, GrantTerms};

const SCHEMA: &str = include_str!("../../policies/builtin/grant.cedarschema");
const POLICY: &str = include_str!("../../policies/builtin/grant.cedar");

/// Who knows the grants.
pub trait Grants: Sync {
    /// The grants that could allow the call. More than those that do is no
    /// fault; fewer is.
    fn candidates(&self, query: &GrantQuery<'_>) -> Vec<Candidate>;
}

/// A book without grants.
pub struct NoGrants;

impl Grants for NoGrants {
    fn candidates(&self, _query: &GrantQuery<'_>) -> Vec<Candidate> {
        Vec::new()
    }
}

/// What a call wants of a key.
#[derive(Clone, Copy, Debug)]
pub struct GrantQuery<'a> {
    pub key: &'a KeyArn,
    pub principal: &'a Principal,
    pub operation: GrantOperation,
    pub context: Option<&'a EncryptionContext>,
}

/// A grant that could allow a call.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub terms: Arc<GrantTerms>,
    pub party: Party,
    pub reach: Reach,
}

/// What the caller is to a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// Whom the grant allows its operations.
    Grantee,
    /// Who may retire it: the retiring principal, or the account it was made in.
    Retiring,
}

/// By which of its names the caller is that party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// By its own.
    Itself,
    /// By that of its role.
    Role,
    /// By that of its account, which hands on by its identity policies.
    Account,
}

/// The grant policy, ready to be asked.
pub(super) struct GrantPolicy {
    policies: PolicySet,
    caller: EntityUid,
    action: EntityUid,
    key: EntityUid,
}

impl GrantPolicy {
    pub(super) fn new() -> Result<Self, Error> {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(Box::new)?;
        let invalid =
            |text: String| Error::Builtin { name: "grant", cause: CompileError::Malformed(text) };
        let policies: PolicySet = POLICY.parse().map_err(|error| invalid(format!("{error}")))?;
        let result = Validator::new(schema).validate(&policies, ValidationMode::Strict);
        if !result.validation_passed_without_warnings() {
            return Err(invalid(result.to_string()));
        }
        let uid = |kind, id| Ok::<_, Error>(vocabulary::uid(&vocabulary::type_name(kind)?, id));
        Ok(Self {
            policies,
            caller: uid("Caller", "caller")?,
            action: uid("Action", "use")?,
            key: uid("Key", "key")?,
        })
    }

    /// Whether `candidate` allows what `query` asks.
    pub(super) fn allows(
        &self,
        authorizer: &Authorizer,
        query: &GrantQuery<'_>,
        candidate: &Candidate,
    ) -> Result<bool, String> {
        let context =
            Context::from_pairs(attributes(query, candidate)).map_err(|error| error.to_string())?;
        let (caller, action, key) = (self.caller.clone(), self.action.clone(), self.key.clone());
        let request =
            Request::new(caller, action, key, context, None).map_err(|error| error.to_string())?;
        let response = authorizer.is_authorized(&request, &self.policies, &Entities::empty());
        match response.diagnostics().errors().next() {
            Some(error) => Err(error.to_string()),
            None => Ok(response.decision() == Decision::Allow),
        }
    }
}

/// The terms of the grant that bear on the call.
fn attributes(
    query: &GrantQuery<'_>,
    candidate: &Candidate,
) -> Vec<(String, RestrictedExpression)> {
    let terms = &candidate.terms;
    let operation = query.operation;
    let allows = match candidate.party {
        Party::Grantee => terms.operations.contains(operation),
        Party::Retiring => operation == GrantOperation::RetireGrant,
    };
    let mut attributes = vec![("allowsAction".to_owned(), RestrictedExpression::new_bool(allows))];
    let mut add = |name: &str, value| attributes.push((name.to_owned(), value));
    if operation.is_constrained() && !(terms.subset.is_empty() && terms.equals.is_empty()) {
        add("pairs", pairs(query.context.into_iter().flat_map(EncryptionContext::iter)));
        for (name, demanded) in [("subset", &terms.subset), ("equals", &terms.equals)] {
            if !demanded.is_empty() {
                add(name, pairs(demanded.iter()));
            }
        }
    }
    if let Some(arn) = &terms.source_arn
        && operation != GrantOperation::RetireGrant
    {
        add("grantSourceArn", RestrictedExpression::new_string(arn.clone()));
    }
    attributes
}

/// Each pair as one text; the length makes it unmistakable where the key ends.
fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> RestrictedExpression {
    let text = |(key, value): (&str, &str)| {
        RestrictedExpression::new_string(format!("{}:{key}{value}", key.len()))
    };
    RestrictedExpression::new_set(pairs.map(text))
}
