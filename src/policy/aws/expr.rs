//! Cedar expressions, and truths that need none.

use cedar_policy::pst::{BinaryOp, Expr, Literal, NonEmpty, PatternElem, SmolStr, UnaryOp, Var};

/// Whether something holds, as far as it is known when a policy is compiled.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Truth {
    Always,
    Never,
    When(Expr),
}

impl Truth {
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Always, truth) | (truth, Self::Always) => truth,
            (Self::When(left), Self::When(right)) => Self::When(binary(BinaryOp::And, left, right)),
        }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::When(expr) => Self::When(not(expr)),
        }
    }

    /// `then` where it holds, true where it does not.
    pub(super) fn then_or_true(self, then: Self) -> Self {
        match (self, then) {
            (Self::Always, then) => then,
            (Self::Never, _) | (_, Self::Always) => Self::Always,
            (Self::When(cond), Self::Never) => Self::When(not(cond)),
            (Self::When(cond), Self::When(then)) => Self::When(Expr::IfThenElse {
                cond: cond.into(),
                then_expr: then.into(),
                else_expr: Expr::Literal(Literal::Bool(true)).into(),
            }),
        }
    }

    /// Whether any of them holds; a shallow tree.
    pub(super) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut exprs = Vec::new();
        for truth in truths {
            match truth {
                Self::Always => return Self::Always,
                Self::Never => {}
                Self::When(expr) => exprs.push(expr),
            }
        }
        chain(BinaryOp::Or, exprs).map_or(Self::Never, Self::When)
    }
}

/// `a op b op c`, as a shallow tree; `None` of nothing.
pub(super) fn chain(op: BinaryOp, mut exprs: Vec<Expr>) -> Option<Expr> {
    while exprs.len() > 1 {
        let mut pairs = Vec::with_capacity(exprs.len().div_ceil(2));
        let mut rest = exprs.into_iter();
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => binary(op, left, right),
                None => left,
            });
        }
        exprs = pairs;
    }
    exprs.pop()
}

pub(super) fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    Expr::BinaryOp { op, left: left.into(), right: right.into() }
}

pub(super) fn unary(op: UnaryOp, expr: Expr) -> Expr {
    Expr::UnaryOp { op, expr: expr.into() }
}

pub(super) fn not(expr: Expr) -> Expr {
    unary(UnaryOp::Not, expr)
}

pub(super) fn string(text: &str) -> Expr {
    Expr::Literal(Literal::String(SmolStr::from(text)))
}

pub(super) fn long(number: i64) -> Expr {
    Expr::Literal(Literal::Long(number))
}

pub(super) fn set(items: impl IntoIterator<Item = Expr>) -> Expr {
    Expr::Set(items.into_iter().map(Into::into).collect())
}

/// `expr.name`
pub(super) fn attribute(expr: Expr, name: &str) -> Expr {
    Expr::GetAttr { expr: expr.into(), attr: SmolStr::from(name) }
}

/// `context.name`
pub(super) fn context(name: &str) -> Expr {
    attribute(Expr::Var(Var::Context), name)
}

/// `context has name`
pub(super) fn context_has(name: &str) -> Expr {
    let attrs = NonEmpty::new(SmolStr::from(name));
    Expr::HasAttr { expr: Expr::Var(Var::Context).into(), attrs }
}

/// `expr == text`, or `expr like text` if it has wildcards; nothing of a
/// lone `*`, which is like all.
pub(super) fn like(expr: Expr, pattern: Vec<PatternElem>) -> Option<Expr> {
    if pattern.iter().all(|element| *element == PatternElem::Wildcard) && !pattern.is_empty() {
        return None;
    }
    let chars = pattern.iter().map(|element| match element {
        PatternElem::Char(c) => Some(*c),
        PatternElem::Wildcard => None,
    });
    Some(match chars.collect::<Option<String>>() {
        Some(text) => binary(BinaryOp::Eq, expr, string(&text)),
        None => Expr::Like { expr: expr.into(), pattern },
    })
}
