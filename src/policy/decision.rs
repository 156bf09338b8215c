//! What the engine answers: a permit or a denial, and why.

use std::fmt;

use serde::Serialize;

use super::actions::Action;
use super::question::Question;
use crate::base::arn::KeyArn;
use crate::base::caller::Principal;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DenialKind {
    /// An identity policy forbids the call.
    ExplicitIdentity,
    /// The key policy forbids the call.
    ExplicitKeyPolicy,
    /// No identity policy allows the call, and one would have to.
    ImplicitIdentity,
    /// The key policy neither allows the caller nor delegates to its account.
    ImplicitKeyPolicy,
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
        let action = self.action;
        match self.kind {
            DenialKind::ExplicitIdentity => {
                "with an explicit deny in an identity-based policy".to_owned()
            }
            DenialKind::ExplicitKeyPolicy => {
                "with an explicit deny in a resource-based policy".to_owned()
            }
            DenialKind::ImplicitIdentity => {
                format!("because no identity-based policy allows the {action} action")
            }
            DenialKind::ImplicitKeyPolicy => {
                format!("because no resource-based policy allows the {action} action")
            }
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
}

/// One policy that decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Determining {
    pub source: Source,
    /// `{document}/{statement}/{part}`; statements are counted from 0.
    pub policy: String,
    /// The statement's `Sid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
}

/// Where a policy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// `policies/builtin/`, part of the program.
    Builtin,
    Identity,
    KeyPolicy,
}
