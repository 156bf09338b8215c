//! The shape of conditions: how deep they are, and how to make them shallow.

use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal, PstConstructionError, Template, UnaryOp};

use super::fact::Fact;

/// The expressions directly inside `expr`; `None` for a form of the language
/// that this program does not know.
pub(super) fn children(expr: &Expr) -> Option<Vec<&Expr>> {
    Some(match expr {
        Expr::Literal(_) | Expr::Var(_) => Vec::new(),
        Expr::GetAttr { expr, .. }
        | Expr::HasAttr { expr, .. }
        | Expr::Like { expr, .. }
        | Expr::UnaryOp { expr, .. } => vec![expr],
        Expr::BinaryOp { left, right, .. } => vec![left, right],
        Expr::Is { expr, in_expr, .. } => {
            let mut both: Vec<&Expr> = vec![expr];
            both.extend(in_expr.as_deref());
            both
        }
        Expr::IfThenElse { cond, then_expr, else_expr } => vec![cond, then_expr, else_expr],
        Expr::Set(items) => items.iter().map(Arc::as_ref).collect(),
        Expr::Record(fields) => fields.values().map(Arc::as_ref).collect(),
        _ => return None,
    })
}

/// Levels of the expression tree. Nested `has` is one level here and two a name
/// in the evaluator.
pub(super) fn depth(expr: &Expr) -> usize {
    let Some(children) = children(expr) else { return usize::MAX };
    let own = match expr {
        Expr::HasAttr { attrs, .. } => attrs.len().saturating_mul(2),
        Expr::Is { .. } => 2,
        _ => 1,
    };
    let below = children.into_iter().map(depth).max().unwrap_or(0);
    below.saturating_add(own)
}

/// Terms of the expression tree; a long pattern is as many as it takes the memory of.
pub(super) fn size(expr: &Expr) -> usize {
    let below = children(expr).into_iter().flatten().map(size);
    let own = match expr {
        Expr::Like { pattern, .. } => (pattern.len() / PATTERN_OF_A_TERM).saturating_add(1),
        _ => 1,
    };
    below.fold(own, usize::saturating_add)
}

/// Characters of a pattern that take as much memory as a term.
const PATTERN_OF_A_TERM: usize = 32;

/// Whether `expr` asks for an attribute, a tag or a parent of an entity that it
/// names itself. Only the entities of the request are known; of any other,
/// Cedar would answer that it has nothing.
pub(super) fn asks_about_literal(expr: &Expr) -> bool {
    let subject = match expr {
        Expr::GetAttr { expr, .. } | Expr::HasAttr { expr, .. } => Some(expr),
        Expr::BinaryOp { op: BinaryOp::GetTag | BinaryOp::HasTag | BinaryOp::In, left, .. } => {
            Some(left)
        }
        Expr::Is { expr, in_expr: Some(_), .. } => Some(expr),
        _ => None,
    };
    let literal = |expr: &Arc<Expr>| matches!(**expr, Expr::Literal(Literal::EntityUID(_)));
    subject.is_some_and(literal)
        || children(expr).is_some_and(|children| children.into_iter().any(asks_about_literal))
}

/// Refuses what a person's policy cannot mean: the tests of JSON policies, and
/// tags that are never there because those of the request are in lower case.
pub(super) fn check_hand_written(expr: &Expr) -> Result<(), &'static str> {
    match expr {
        Expr::GetAttr { attr, .. } if attr == Fact::Atoms.as_str() => {
            return Err("context.atoms is not for policies written in Cedar");
        }
        Expr::GetAttr { attr, .. } if is_folded(attr) => {
            return Err("tags in lower case can only be asked for by a name that is written out");
        }
        Expr::BinaryOp { op: BinaryOp::GetTag | BinaryOp::HasTag, left, right } => {
            if let (Expr::GetAttr { expr, attr }, Expr::Literal(Literal::String(name))) =
                (&**left, &**right)
                && is_folded(attr)
            {
                return match name.to_lowercase() == name.as_str() {
                    true => check_hand_written(expr),
                    false => Err("a tag's name has capitals, and those of the request have none"),
                };
            }
        }
        _ => {}
    }
    children(expr).into_iter().flatten().try_for_each(check_hand_written)
}

fn is_folded(attribute: &str) -> bool {
    Fact::ALL.iter().any(|fact| fact.is_folded() && fact.as_str() == attribute)
}

/// `policy` with the same conditions, in which chains of `&&` and of `||` are
/// balanced trees. Both are associative in Cedar, errors and short circuits
/// included, because the order of the terms stays.
pub(super) fn balance(policy: &Template) -> Result<Template, PstConstructionError> {
    let clauses = policy.clauses().iter().map(|clause| match clause {
        Clause::When(expr) => Clause::When(balanced(expr)),
        Clause::Unless(expr) => Clause::Unless(balanced(expr)),
    });
    policy.clone().try_with_clauses(clauses)
}

fn balanced(expr: &Arc<Expr>) -> Arc<Expr> {
    match &**expr {
        Expr::BinaryOp { op: op @ (BinaryOp::And | BinaryOp::Or), .. } => {
            let mut terms = Vec::new();
            flatten(op, expr, &mut terms);
            join(op, &terms)
        }
        Expr::UnaryOp { op: UnaryOp::Not, expr } => {
            Expr::UnaryOp { op: UnaryOp::Not, expr: balanced(expr) }.into()
        }
        Expr::IfThenElse { cond, then_expr, else_expr } => Expr::IfThenElse {
            cond: balanced(cond),
            then_expr: balanced(then_expr),
            else_expr: balanced(else_expr),
        }
        .into(),
        _ => Arc::clone(expr),
    }
}

/// The balanced terms of a chain of `chain`, in order.
fn flatten(chain: &BinaryOp, expr: &Arc<Expr>, terms: &mut Vec<Arc<Expr>>) {
    match &**expr {
        Expr::BinaryOp { op, left, right } if op == chain => {
            flatten(chain, left, terms);
            flatten(chain, right, terms);
        }
        _ => terms.push(balanced(expr)),
    }
}

fn join(op: &BinaryOp, terms: &[Arc<Expr>]) -> Arc<Expr> {
    match terms {
        // A chain has two terms or more, so this half is never asked for.
        [] => Expr::Set(Vec::new()).into(),
        [one] => Arc::clone(one),
        _ => {
            let (left, right) = terms.split_at(terms.len().div_euclid(2));
            let (left, right) = (join(op, left), join(op, right));
            Expr::BinaryOp { op: *op, left, right }.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use cedar_policy::{Policy, pst};
    use proptest::prelude::*;

    use super::*;
    use cedar_policy::{Authorizer, Context, Entities, PolicySet, Request};

    fn template(condition: &str) -> Template {
        let text = format!("permit (principal, action, resource) when {{ {condition} }};");
        let pst::Policy::Static(policy) = text.parse::<Policy>().unwrap().to_pst().unwrap() else {
            panic!("{text}");
        };
        policy.body().clone()
    }

    fn depth_of(policy: &Template) -> usize {
        let [Clause::When(expr)] = policy.clauses().as_slice() else { panic!("one clause") };
        depth(expr)
    }

    #[test]
    fn chains_become_shallow() {
        let chain = template(&["context.a"; 16].join(" || "));
        assert_eq!(depth_of(&chain), 15 + 2);
        assert_eq!(depth_of(&balance(&chain).unwrap()), 4 + 2);
        let mixed = template("a::\"\" == 1 && (!(true || true || true || true) && true)");
        assert_eq!(depth_of(&balance(&mixed).unwrap()), 6);
    }

    fn outcome(policy: &Template) -> (bool, String) {
        let id = pst::PolicyID::from("p");
        let policy = pst::StaticPolicy::try_from(policy.clone().with_id(id)).unwrap();
        let set = PolicySet::from_policies([Policy::from_pst(policy.into()).unwrap()]).unwrap();
        let uid = || "A::\"\"".parse().unwrap();
        let request = Request::new(uid(), uid(), uid(), Context::empty(), None).unwrap();
        let response = Authorizer::new().is_authorized(&request, &set, &Entities::empty());
        let errors: Vec<_> = response.diagnostics().errors().map(ToString::to_string).collect();
        (response.decision() == cedar_policy::Decision::Allow, errors.concat())
    }

    fn condition() -> impl Strategy<Value = String> {
        // `1` is not a boolean, `context.x` is not there: both are errors.
        let leaf = prop::sample::select(vec!["true", "false", "1", "context.x"]);
        leaf.prop_map(str::to_owned).prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..5).prop_map(|terms| terms.join(" && ")),
                prop::collection::vec(inner.clone(), 2..5).prop_map(|terms| terms.join(" || ")),
                inner.clone().prop_map(|term| format!("!({term})")),
                inner.clone().prop_map(|term| format!("({term})")),
                (inner.clone(), inner.clone(), inner)
                    .prop_map(|(a, b, c)| format!("(if {a} then {b} else {c})")),
            ]
        })
    }

    proptest! {
        /// Decision and error stay.
        #[test]
        fn balanced_means_the_same(condition in condition()) {
            let before = template(&condition);
            let after = balance(&before).unwrap();
            prop_assert_eq!(outcome(&before), outcome(&after));
        }
    }
}
