//! Tests that Cedar's language has no words for, made in Rust: a compiled
//! statement asks `context.atoms.contains("<name>")`. A test is a whole
//! condition, with its rules for keys that are absent, so that nothing of its
//! meaning is left outside. Only those that a slice asks for are made.

use std::borrow::Cow;

use super::operand::Operand;
use super::operator::Quantifier;
use super::pattern::{self, Element};
use super::text::{Piece, Text};
use crate::policy::facts::Facts;

/// One such test.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct Atom {
    /// The condition as people know it: `StringLike kms:RequestAlias
    /// ["alias/a?"]`. Unique in its document.
    pub(super) name: String,
    pub(super) test: Test,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Test {
    Condition(Condition),
    /// The ARN of the resource is like this one.
    Resource(Box<[Text; 6]>),
}

/// A condition on texts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) operand: Operand,
    pub(super) quantifier: Quantifier,
    pub(super) negated: bool,
    pub(super) if_exists: bool,
    pub(super) ignore_case: bool,
    /// Whether the values are ARNs, whose parts are matched one by one.
    pub(super) arn: bool,
    pub(super) values: Vec<Text>,
}

/// A value whose variables have been looked up: one pattern, or one for each
/// part of an ARN.
type Pattern = Vec<Vec<Element>>;

impl Atom {
    pub(in crate::policy) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it holds of a request.
    ///
    /// # Errors
    ///
    /// A text where that cannot be told.
    pub(in crate::policy) fn holds(&self, facts: &Facts<'_>) -> Result<bool, String> {
        match &self.test {
            Test::Condition(condition) => condition.holds(facts),
            Test::Resource(parts) => {
                let pattern = parts.iter().map(|part| elements(part, false, facts));
                let pattern = pattern.collect::<Result<Option<Pattern>, _>>()?;
                let arn = facts.question.resource.label();
                pattern.map_or(Ok(false), |pattern| fits(&pattern, &arn, facts))
            }
        }
    }
}

impl Condition {
    fn holds(&self, facts: &Facts<'_>) -> Result<bool, String> {
        let mut patterns = Vec::with_capacity(self.values.len());
        for value in &self.values {
            // A variable that the request does not have makes the statement void.
            let Some(pattern) = self.pattern(value, facts)? else { return Ok(false) };
            patterns.push(pattern);
        }
        let texts = self.operand.texts(facts)?;
        let mut matched = Vec::new();
        for text in texts.iter().flatten() {
            matched.push(self.matches(&patterns, text, facts)? != self.negated);
        }
        let any = matched.iter().any(|matched| *matched);
        Ok(match (self.quantifier, texts.is_some()) {
            (Quantifier::None | Quantifier::ForAnyValue, true) => any,
            (Quantifier::None, false) => self.negated || self.if_exists,
            (Quantifier::ForAllValues, _) => matched.iter().all(|matched| *matched),
            (Quantifier::ForAnyValue, false) => self.if_exists,
        })
    }

    fn pattern(&self, value: &Text, facts: &Facts<'_>) -> Result<Option<Pattern>, String> {
        match value.arn_parts().filter(|_| self.arn) {
            Some(parts) => {
                parts.iter().map(|part| elements(part, self.ignore_case, facts)).collect()
            }
            None => Ok(elements(value, self.ignore_case, facts)?.map(|elements| vec![elements])),
        }
    }

    fn matches(&self, patterns: &[Pattern], text: &str, facts: &Facts<'_>) -> Result<bool, String> {
        let text = if self.ignore_case {
            text.chars().flat_map(char::to_lowercase).collect()
        } else {
            Cow::Borrowed(text)
        };
        for pattern in patterns {
            if fits(pattern, &text, facts)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether `text` fits the only pattern, or each part of an ARN its own.
fn fits(pattern: &[Vec<Element>], text: &str, facts: &Facts<'_>) -> Result<bool, String> {
    let parts: Vec<&str> = text.splitn(pattern.len(), ':').collect();
    if parts.len() != pattern.len() {
        return Ok(false);
    }
    for (pattern, part) in pattern.iter().zip(parts) {
        if !pattern::fits(pattern, part, &mut |steps| facts.spend(steps))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What it costs to look up a variable, beside its value.
const VARIABLE_STEPS: usize = 16;

/// `text` with its variables replaced; `None` if the request does not have one.
fn elements(text: &Text, lower: bool, facts: &Facts<'_>) -> Result<Option<Vec<Element>>, String> {
    let mut elements = Vec::with_capacity(text.0.len());
    let mut push = |element| match element {
        Element::Char(c) if lower => elements.extend(c.to_lowercase().map(Element::Char)),
        element => elements.push(element),
    };
    facts.spend(text.0.len())?;
    for piece in &text.0 {
        match piece {
            Piece::Char(c) => push(Element::Char(*c)),
            Piece::Many => push(Element::Many),
            Piece::One => push(Element::One),
            Piece::Variable(variable) => {
                let held = variable.operand.texts(facts)?.unwrap_or_default();
                let default = variable.default.as_deref().map(Cow::Borrowed);
                let Some(value) = held.into_iter().next().or(default) else { return Ok(None) };
                facts.spend(value.len().saturating_add(VARIABLE_STEPS))?;
                value.chars().map(Element::Char).for_each(&mut push);
            }
        }
    }
    Ok(Some(elements))
}
