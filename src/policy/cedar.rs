//! Policy documents written in Cedar.

use std::str::FromStr;
use std::thread;

use cedar_policy::{Policy, PolicySet, pst};

use super::compile::place;
use super::document::Draft;
use super::error::CompileError;
use super::expression::{self, asks_about_literal, balance, depth};
use super::scan;
use crate::base::limits::{POLICY_EVALUATION_DEPTH, POLICY_STATEMENTS};

/// The policies in `text`, in its order; their conditions are balanced and at
/// most [`POLICY_EVALUATION_DEPTH`] deep.
pub(super) fn parse(text: &str) -> Result<Vec<Draft>, CompileError> {
    scan::check_cedar(text)?;
    // The parser takes up to 50 KB of stack a level in an unoptimised build;
    // the caller's thread may have 2 MiB.
    thread::scope(|scope| {
        let parser = thread::Builder::new().stack_size(PARSER_STACK_BYTES);
        let parsed = parser.spawn_scoped(scope, || parse_here(text)).map(|thread| thread.join());
        match parsed {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(malformed("the parser failed")),
            Err(_) => Err(malformed("there is no thread to parse the policy")),
        }
    })
}

fn parse_here(text: &str) -> Result<Vec<Draft>, CompileError> {
    let set = PolicySet::from_str(text).map_err(|errors| malformed(&errors.to_string()))?;
    if set.templates().next().is_some() {
        return Err(malformed("templates are not supported"));
    }
    if set.is_empty() {
        return Err(malformed("the document holds no policy"));
    }
    if set.num_of_policies() > POLICY_STATEMENTS {
        return Err(CompileError::TooLarge { limit: POLICY_STATEMENTS, unit: "statements" });
    }
    set.policies().enumerate().map(|(statement, policy)| draft(statement, policy)).collect()
}

fn draft(statement: usize, policy: &Policy) -> Result<Draft, CompileError> {
    let named = |annotation| policy.annotation(annotation).filter(|name| !name.is_empty());
    let sid = named("sid").or_else(|| named("id")).map(str::to_owned);
    let refuse =
        |reason: &str| malformed(&format!("{}: {reason}", place(statement, sid.as_deref())));
    let policy = policy.to_pst().map_err(|error| refuse(&error.to_string()))?;
    let pst::Policy::Static(policy) = policy else {
        return Err(malformed("templates are not supported"));
    };
    let template = balance(policy.body()).map_err(|error| refuse(&error.to_string()))?;
    // The clauses of a policy are joined by `&&`.
    let mut deepest = 0;
    for clause in template.clauses() {
        let (pst::Clause::When(expr) | pst::Clause::Unless(expr)) = clause;
        deepest = deepest.max(depth(expr));
        if asks_about_literal(expr) {
            return Err(refuse("a condition asks about an entity that is not part of the request"));
        }
        expression::check_hand_written(expr).map_err(refuse)?;
    }
    if deepest.saturating_add(template.clauses().len()) > POLICY_EVALUATION_DEPTH {
        return Err(CompileError::TooLarge {
            limit: POLICY_EVALUATION_DEPTH,
            unit: "levels of nesting",
        });
    }
    let (labels, atoms) = (Vec::new(), Vec::new());
    Ok(Draft { statement, part: 0, sid, template, labels, atoms })
}

fn malformed(text: &str) -> CompileError {
    CompileError::Malformed(text.to_owned())
}

/// Stack of the thread that parses, bytes; only what is used takes memory.
const PARSER_STACK_BYTES: usize = 64 * 1024 * 1024;
