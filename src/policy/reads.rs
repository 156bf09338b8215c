//! Which facts of a request the conditions of a policy read. Only those are
//! built: building a request costs more than deciding it.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::pst::{Clause, Expr, Template, Var};

use super::aws::atom::Atom;
use super::expression::children;
use super::fact::Fact;

/// Everything that the conditions of some policies read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reads {
    /// Attributes or parents of the principal.
    pub(super) principal: bool,
    /// Attributes or parents of the resource.
    pub(super) resource: bool,
    /// The groups of the action.
    pub(super) action: bool,
    pub(super) context: BTreeSet<Fact>,
    /// The tests behind `context.atoms`.
    pub(super) atoms: Vec<Arc<Atom>>,
}

impl Reads {
    /// What the conditions of `policy` read; never less than they do.
    pub(super) fn of(policy: &Template) -> Self {
        let mut reads = Self::default();
        policy.clauses().iter().for_each(|clause| reads.note_clause(clause));
        reads
    }

    /// What one condition reads.
    pub(super) fn of_clause(clause: &Clause) -> Self {
        let mut reads = Self::default();
        reads.note_clause(clause);
        reads
    }

    fn note_clause(&mut self, clause: &Clause) {
        let (Clause::When(expr) | Clause::Unless(expr)) = clause;
        self.note(expr);
    }

    /// Adds what `other` reads.
    pub(super) fn merge(&mut self, other: &Self) {
        self.principal |= other.principal;
        self.resource |= other.resource;
        self.action |= other.action;
        self.context.extend(&other.context);
        self.atoms.extend(other.atoms.iter().cloned());
    }

    /// Recurses as deep as the expression, which the compiler has bounded.
    fn note(&mut self, expr: &Expr) {
        match expr {
            Expr::Var(var) => self.note_var(var),
            Expr::GetAttr { expr, attr } if **expr == Expr::Var(Var::Context) => {
                self.note_fact(attr);
            }
            Expr::HasAttr { expr, attrs } if **expr == Expr::Var(Var::Context) => {
                self.note_fact(&attrs.head);
            }
            _ => match children(expr) {
                Some(children) => children.into_iter().for_each(|child| self.note(child)),
                None => self.note_everything(),
            },
        }
    }

    fn note_var(&mut self, var: &Var) {
        match var {
            Var::Principal => self.principal = true,
            Var::Resource => self.resource = true,
            Var::Action => self.action = true,
            Var::Context => self.context.extend(Fact::ALL),
        }
    }

    fn note_fact(&mut self, name: &str) {
        match Fact::ALL.iter().copied().find(|fact| fact.as_str() == name) {
            Some(fact) => {
                self.context.insert(fact);
            }
            None => self.context.extend(Fact::ALL),
        }
    }

    fn note_everything(&mut self) {
        for var in [Var::Principal, Var::Resource, Var::Action, Var::Context] {
            self.note_var(&var);
        }
    }
}
