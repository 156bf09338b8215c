//! What a condition key reads: in Cedar's terms, and in Rust's.

use std::borrow::Cow;

use cedar_policy::pst::{BinaryOp, EntityType, Expr, Name, PstConstructionError, Var};

use super::expr::{Truth, attribute, binary, context, context_has, string};
use crate::base::caller::Principal;
use crate::policy::condition_key::ConditionKey;
use crate::policy::fact::{Fact, Kind, Value};
use crate::policy::facts::Facts;

/// What a condition key or a policy variable reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Fact(Fact),
    /// One of the pairs of `fact`.
    Pair {
        fact: Fact,
        /// In lower case.
        name: String,
    },
    /// What an OpenID Connect provider says of somebody.
    Claim {
        /// Without its scheme.
        provider: String,
        claim: Claim,
    },
    /// What no request has.
    Absent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Audience,
    Subject,
}

impl Claim {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "aud" => Some(Self::Audience),
            "sub" => Some(Self::Subject),
            _ => None,
        }
    }

    const fn attribute(self) -> &'static str {
        match self {
            Self::Audience => "audience",
            Self::Subject => "subject",
        }
    }
}

impl Operand {
    pub(super) fn of(key: &ConditionKey) -> Self {
        match key {
            ConditionKey::One { fact, .. } => Self::Fact(*fact),
            ConditionKey::Member { fact, member, .. } => {
                Self::Pair { fact: *fact, name: member.clone() }
            }
            ConditionKey::Absent { .. } => Self::Absent,
        }
    }

    /// The type of its value; `None` where there never is one.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Fact(fact) => Some(fact.kind()),
            Self::Pair { .. } | Self::Claim { .. } => Some(Kind::Text),
            Self::Absent => None,
        }
    }

    /// Whether the request has it.
    pub(super) fn is_there(&self) -> Result<Truth, PstConstructionError> {
        Ok(match self {
            Self::Fact(fact) if fact.is_always_there() => Truth::Always,
            Self::Fact(fact) => Truth::When(context_has(fact.as_str())),
            Self::Pair { fact, name } => {
                Truth::When(binary(BinaryOp::HasTag, context(fact.as_str()), string(name)))
            }
            Self::Claim { provider, .. } => {
                let is = Expr::Is {
                    expr: Expr::Var(Var::Principal).into(),
                    entity_type: EntityType::from_name(Name::unqualified("WebIdentity")?),
                    in_expr: None,
                };
                let held = attribute(Expr::Var(Var::Principal), "provider");
                let same = binary(BinaryOp::Eq, held, string(&provider.to_lowercase()));
                Truth::When(binary(BinaryOp::And, is, same))
            }
            Self::Absent => Truth::Never,
        })
    }

    /// Its value, where it is there.
    pub(super) fn value(&self) -> Option<Expr> {
        Some(match self {
            Self::Fact(fact) => context(fact.as_str()),
            Self::Pair { fact, name } => {
                binary(BinaryOp::GetTag, context(fact.as_str()), string(name))
            }
            Self::Claim { claim, .. } => attribute(Expr::Var(Var::Principal), claim.attribute()),
            Self::Absent => return None,
        })
    }

    /// Its texts in a request: one, or those of a list. `None` where it is not
    /// there.
    ///
    /// # Errors
    ///
    /// A text where the request cannot tell which value is meant.
    pub(super) fn texts<'a>(
        &self,
        facts: &'a Facts<'_>,
    ) -> Result<Option<Vec<Cow<'a, str>>>, String> {
        Ok(match self {
            Self::Fact(fact) => match facts.value(*fact) {
                Some(Value::Text(text)) => Some(vec![text]),
                Some(Value::Texts(list)) => Some(list),
                None => None,
                Some(_) => return Err(format!("{} is no text", fact.as_str())),
            },
            Self::Pair { fact, name } => {
                facts.folded(*fact)?.get(name).map(|value| vec![Cow::Borrowed(*value)])
            }
            Self::Claim { provider, claim } => match &facts.question.caller.principal {
                Principal::WebIdentity { provider: held, audience, subject, .. }
                    if held.to_lowercase() == provider.to_lowercase() =>
                {
                    Some(vec![Cow::Borrowed(match claim {
                        Claim::Audience => audience.as_str(),
                        Claim::Subject => subject.as_str(),
                    })])
                }
                _ => None,
            },
            Self::Absent => None,
        })
    }
}
