//! What the engine answers: a permit or a denial, and why.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::actions::Action;
use super::question::Question;
use crate::base::arn::KeyArn;
use crate::base::caller::Principal;
use crate::base::ids::AccountId;

/// The answer to one question.
#[derive(Debug)]
pub struct Decision {
    pub outcome: Result<Permit, Denial>,
    pub explanation: Explanation,
}

/// The right to perform one action on one resource, once. Only
/// [`Engine::decide`](super::engine::Engine::decide) makes one, and every use
/// of a key takes one.
#[derive(Debug)]
pub struct Permit {
    action: Action,
    key: Option<KeyArn>,
}

impl Permit {
    pub(super) const fn new(action: Action, key: Option<KeyArn>) -> Self {
        Self { action, key }
    }

    /// Whether this is a permit for one of `uses` of exactly this key. Whoever
    /// uses a key asks it.
    // INVARIANT: a permit is the only road to a key: one for this key and this use.
    #[must_use]
    pub fn is_for(&self, key: &KeyArn, uses: &[Action]) -> bool {
        self.key.as_ref() == Some(key) && uses.contains(&self.action)
    }
}

/// Which kind of refusal it is, and which side refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DenialKind {
    /// A guardrail of the operator forbids the call.
    ExplicitGuardrail,
    /// An identity policy forbids the call.
    ExplicitIdentity,
    /// The permissions boundary forbids the call.
    ExplicitBoundary,
    /// The session policy forbids the call.
    ExplicitSessionPolicy,
    /// The key policy, or the trust policy of a role, forbids the call.
    ExplicitResourcePolicy,
    /// No identity policy allows the call, and one would have to.
    ImplicitIdentity,
    /// The permissions boundary does not allow the call.
    ImplicitBoundary,
    /// The session policy does not allow the call.
    ImplicitSessionPolicy,
    /// The key policy, or the trust policy of a role, neither allows the caller
    /// nor delegates to its account.
    ImplicitResourcePolicy,
    /// A policy could not be evaluated.
    FailedClosed,
}

/// A refusal. `Display` is AWS's whole access-denied text (IAM User Guide,
/// "Troubleshoot access denied error messages").
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Denial {
    kind: DenialKind,
    action: Action,
    principal: String,
    resource: String,
}

impl DenialKind {
    /// Whether a policy forbids the call, rather than none allowing it.
    #[must_use]
    pub const fn is_explicit(self) -> bool {
        matches!(
            self,
            Self::ExplicitGuardrail
                | Self::ExplicitIdentity
                | Self::ExplicitBoundary
                | Self::ExplicitSessionPolicy
                | Self::ExplicitResourcePolicy
        )
    }
}

impl Denial {
    pub(super) fn new(kind: DenialKind, question: &Question<'_>) -> Self {
        Self {
            kind,
            action: question.action,
            principal: question.caller.principal.to_string(),
            resource: question.resource.label(),
        }
    }

    /// Which kind of refusal it is.
    #[must_use]
    pub const fn kind(&self) -> DenialKind {
        self.kind
    }

    /// The end of AWS's sentence: why the call is refused. One reason, even
    /// when several apply.
    #[must_use]
    pub fn reason(&self) -> String {
        let explicit = |policy| format!("with an explicit deny in {policy}");
        let implicit = |policy| format!("because no {policy} allows the {} action", self.action);
        match self.kind {
            // AWS's guardrails of the same kind are those of an organization.
            DenialKind::ExplicitGuardrail => explicit("a service control policy"),
            DenialKind::ExplicitIdentity => explicit("an identity-based policy"),
            DenialKind::ExplicitBoundary => explicit("a permissions boundary"),
            DenialKind::ExplicitSessionPolicy => explicit("a session policy"),
            DenialKind::ExplicitResourcePolicy => explicit("a resource-based policy"),
            DenialKind::ImplicitIdentity => implicit("identity-based policy"),
            DenialKind::ImplicitBoundary => implicit("permissions boundary"),
            DenialKind::ImplicitSessionPolicy => implicit("session policy"),
            DenialKind::ImplicitResourcePolicy => implicit("resource-based policy"),
            // AWS has no such case.
            DenialKind::FailedClosed => "because a policy could not be evaluated".to_owned(),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "User: {} is not authorized to perform: {} on resource: {} {}",
            self.principal,
            self.action,
            self.resource,
            self.reason()
        )
    }
}

/// What a caller reads whose ciphertext leads to no key that he may use. The
/// text is the same whether the key is unknown, deleted or forbidden, and must
/// stay so: it would tell which keys exist.
#[must_use]
pub fn ciphertext_denial(principal: &Principal, action: Action) -> String {
    format!(
        "User: {principal} is not authorized to perform: {action} on the resource associated with \
         this ciphertext because the resource does not exist in this Region, no resource-based \
         policies allow access, or a resource-based policy explicitly denies access"
    )
}

/// Why a key of another account, as the caller named it, is not used. The text
/// is the same whether there is no such key, its policy does not allow it, or
/// AWS KMS does not do it across accounts: it would tell which keys exist.
#[must_use]
pub fn foreign_denial(principal: &Principal, action: Action, name: &str) -> String {
    format!(
        "User: {principal} is not authorized to perform: {action} on resource: {name} because no \
         resource-based policy allows the {action} action"
    )
}

/// Why the decision is as it is; part of the audit record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    pub action: Action,
    /// What it was to be performed on, as access-denied texts show it. Of another
    /// account, a denial has it as the caller named it.
    pub resource: String,
    /// `None` if the call is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied: Option<DenialKind>,
    /// The policies that decided: those that allow an allowed call, those that
    /// forbid an explicitly denied one. Empty for an implicit denial.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub determining: Vec<Determining>,
    /// The documents that were asked, by the first 12 hex digits of their hash.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<String>,
    /// What could not be evaluated: policy id and reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// Whose the resource is, if not of the caller's account.
    #[serde(skip)]
    pub foreign_owner: Option<AccountId>,
}

impl Explanation {
    /// All that the caller's own book says of a denial by another account: which
    /// documents were asked would tell what that account has.
    #[must_use]
    pub fn foreign(action: Action, resource: String, kind: DenialKind) -> Self {
        Self {
            action,
            resource,
            denied: Some(kind),
            determining: Vec::new(),
            documents: Vec::new(),
            errors: Vec::new(),
            foreign_owner: None,
        }
    }

    /// What the book of `account` says of a decision; `caller` tells whether it is
    /// the caller's own. Which policies the other of two accounts has is the
    /// other's own affair, and a decision on what is neither the caller's nor the
    /// account's is nothing for its book.
    #[must_use]
    pub fn seen_by(&self, account: &AccountId, caller: bool) -> Option<Cow<'_, Self>> {
        let owner = !caller;
        match &self.foreign_owner {
            None => return caller.then_some(Cow::Borrowed(self)),
            Some(other) if owner && other != account => return None,
            Some(_) => {}
        }
        let is_seen = |determining: &&Determining| match determining.source {
            Source::KeyPolicy | Source::TrustPolicy => owner,
            Source::Grant | Source::Builtin | Source::Guardrail => true,
            Source::Identity | Source::Boundary | Source::SessionPolicy => !owner,
        };
        Some(Cow::Owned(Self {
            action: self.action,
            resource: self.resource.clone(),
            denied: self.denied,
            determining: self.determining.iter().filter(is_seen).cloned().collect(),
            documents: Vec::new(),
            errors: Vec::new(),
            foreign_owner: self.foreign_owner.clone(),
        }))
    }
}

/// One policy that decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Determining {
    pub source: Source,
    /// `{document}/{statement}/{part}`; statements are counted from 0. Of a
    /// grant, its id.
    pub policy: String,
    /// The statement's `Sid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
}

/// Where a policy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// `policies/builtin/`, part of the program.
    Builtin,
    /// A guardrail of the operator.
    Guardrail,
    Identity,
    Boundary,
    SessionPolicy,
    KeyPolicy,
    /// The trust policy of a role.
    TrustPolicy,
    Grant,
}
