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

/// What there is to say of a grant and a call; each has its name in the schema of
/// the grant policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Term {
    AllowsAction,
    ContextSubset,
    ContextEquals,
    SourceArn,
}

impl Term {
    const ALL: [Self; 4] =
        [Self::AllowsAction, Self::ContextSubset, Self::ContextEquals, Self::SourceArn];

    const fn attribute(self) -> &'static str {
        match self {
            Self::AllowsAction => "allowsAction",
            Self::ContextSubset => "contextSubsetHolds",
            Self::ContextEquals => "contextEqualsHolds",
            Self::SourceArn => "sourceArnHolds",
        }
    }

    /// Whether this is so for `candidate` and what `query` asks.
    pub(super) fn holds(self, query: &GrantQuery<'_>, candidate: &Candidate) -> bool {
        let GrantTerms { operations, subset, equals, source_arn, .. } = &*candidate.terms;
        let operation = query.operation;
        let none = EncryptionContext::default();
        let context = query.context.unwrap_or(&none);
        match self {
            Self::AllowsAction => match candidate.party {
                Party::Grantee => operations.contains(operation),
                Party::Retiring => operation == GrantOperation::RetireGrant,
            },
            Self::ContextSubset => !operation.is_constrained() || context.contains(subset),
            Self::ContextEquals => {
                !operation.is_constrained() || equals.is_empty() || context == equals
            }
            // No call here is made by a service for a resource.
            Self::SourceArn => source_arn.is_none() || operation == GrantOperation::RetireGrant,
        }
    }
}

/// The grant policy, ready to be asked.
pub(super) struct GrantPolicy {
    policies: PolicySet,
    caller: EntityUid,
    action: EntityUid,
    key: EntityUid,
    /// Every context that there can be: the one in which `Term::ALL[n]` holds if
    /// bit `n` of its place is set.
    contexts: Vec<Context>,
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
            contexts: contexts().map_err(invalid)?,
        })
    }

    /// Whether `candidate` allows what `query` asks.
    pub(super) fn allows(
        &self,
        authorizer: &Authorizer,
        query: &GrantQuery<'_>,
        candidate: &Candidate,
    ) -> Result<bool, String> {
        let place = Term::ALL.iter().rev().fold(0, |bits: usize, term| {
            bits.wrapping_shl(1) | usize::from(term.holds(query, candidate))
        });
        let Some(context) = self.contexts.get(place).cloned() else {
            return Err("there is no context for these terms".to_owned());
        };
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

/// The contexts of a [`GrantPolicy`], in their order.
fn contexts() -> Result<Vec<Context>, String> {
    const PLACES: usize = 1 << Term::ALL.len();
    let context = |place: usize| {
        let pairs = Term::ALL.iter().zip(0..).map(|(term, n)| {
            let holds = place.wrapping_shr(n) & 1 == 1;
            (term.attribute().to_owned(), RestrictedExpression::new_bool(holds))
        });
        Context::from_pairs(pairs).map_err(|error| error.to_string())
    };
    (0..PLACES).map(context).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::grant::GrantId;
    use crate::policy::fixture::{ENGINE, KEY_ARN};

    fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
        let owned = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        EncryptionContext::new(owned.collect())
    }

    #[test]
    fn a_grant_allows_where_all_of_it_holds() {
        let key = KeyArn::parse(KEY_ARN).unwrap();
        let principal = Principal::Root { account: key.account.clone() };
        let (own, more) = (context(&[("a", "1")]), context(&[("a", "1"), ("b", "2")]));
        let terms = |subset: &EncryptionContext, equals: &EncryptionContext| GrantTerms {
            id: GrantId::from_random([7; 32]),
            operations: [GrantOperation::Decrypt, GrantOperation::DescribeKey]
                .into_iter()
                .collect(),
            subset: subset.clone(),
            equals: equals.clone(),
            source_arn: None,
        };
        let none = context(&[]);
        let about = GrantTerms { source_arn: Some("arn".to_owned()), ..terms(&none, &none) };
        let (decrypt, describe) = (GrantOperation::Decrypt, GrantOperation::DescribeKey);
        let retire = GrantOperation::RetireGrant;
        let cases = [
            (terms(&none, &none), decrypt, None, None),
            (terms(&none, &none), GrantOperation::Encrypt, None, Some(Term::AllowsAction)),
            (terms(&own, &none), decrypt, Some(&more), None),
            (terms(&more, &none), decrypt, Some(&own), Some(Term::ContextSubset)),
            (terms(&own, &none), decrypt, None, Some(Term::ContextSubset)),
            (terms(&none, &own), decrypt, Some(&own), None),
            (terms(&none, &own), decrypt, Some(&more), Some(Term::ContextEquals)),
            (terms(&none, &own), decrypt, None, Some(Term::ContextEquals)),
            // What has no encryption context is not bound to one.
            (terms(&own, &own), describe, None, None),
            (about.clone(), decrypt, None, Some(Term::SourceArn)),
            (about, retire, None, Some(Term::AllowsAction)),
        ];
        for (terms, operation, context, fails) in cases {
            let query = GrantQuery { key: &key, principal: &principal, operation, context };
            let terms = Arc::new(terms);
            let candidate = Candidate { terms, party: Party::Grantee, reach: Reach::Itself };
            let allows = ENGINE.grant_policy.allows(&ENGINE.authorizer, &query, &candidate);
            assert_eq!(allows, Ok(fails.is_none()), "{operation} {candidate:?}");
            let failing = Term::ALL.into_iter().find(|term| !term.holds(&query, &candidate));
            assert_eq!(failing, fails, "{operation} {candidate:?}");
        }
    }
}
