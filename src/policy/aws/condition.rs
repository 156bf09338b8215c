//! The `Condition` of a statement: every operator and key of it must hold.
//!
//! | AWS | Cedar; H is `context has key`, V is `context.key` |
//! |---|---|
//! | an operator on a key, any of its values | `H && …V…` |
//! | its opposite | `!(H && …V…)`: true of a key that is absent |
//! | `…IfExists` | `if H then …V… else true` |
//! | `ForAllValues:` | `if H then …every one of V… else true` |
//! | `ForAnyValue:` | `H && …one of V…` |
//! | `Null` | `!H`, or `H` |
//! | `"${aws:username}"` as a value | `V2`, and H2 before everything else |
//!
//! V under an ARN operator is the parts of the ARN, with an H of their own.
//! `!=` is never written: on an absent key it is an error, not true.

use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Expr, PatternElem, PstConstructionError, UnaryOp};

use super::atom::{self, Atom};
use super::budget::PatternBudget;
use super::expr::{Truth, attribute, binary, chain, context, like, long, set, string, unary};
use super::json::Node;
use super::literal::{self, Number};
use super::operand::{Claim, Operand};
use super::operator::{Compare, Operator, Quantifier, Test};
use super::text::{Piece, Reading, Text, Variable};
use crate::base::timestamp;
use crate::policy::condition_key::ConditionKey;
use crate::policy::document::Usage;
use crate::policy::fact::{Fact, Kind};
use crate::policy::label::Label;

/// One key under one operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// `StringEquals kms:ViaService`
    pub(super) label: String,
    operator: Operator,
    operand: Operand,
    values: Vec<String>,
    variables: bool,
}

/// What a condition means.
pub(super) struct Meaning {
    pub(super) truth: Truth,
    pub(super) atom: Option<Arc<Atom>>,
}

/// What a refusal says: the place in `Condition`, and why.
pub(super) type Refusal = (String, String);

/// A key policy, or a trust policy with the providers it names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    pub(super) usage: Usage,
    pub(super) variables: bool,
    /// Of OpenID Connect, without their scheme.
    pub(super) providers: &'a [String],
}

/// Reads the element.
pub(super) fn parse(node: Node, scene: Scene<'_>) -> Result<Vec<Condition>, Refusal> {
    let at = |place: &str, reason: &str| (format!("Condition{place}"), reason.to_owned());
    let Node::Object(operators) = node else { return Err(at("", "must be an object")) };
    let mut conditions = Vec::new();
    for (name, keys) in operators {
        let operator =
            Operator::parse(&name).map_err(|reason| at("", &format!("{name:?} {reason}")))?;
        let Node::Object(keys) = keys else {
            return Err(at(&format!(".{name}"), "must be an object"));
        };
        for (key, values) in keys {
            let place = format!(".{name}.{key}");
            let (operand, spelled) = parse_key(&key, scene).map_err(|why| at(&place, why))?;
            let values = parse_values(values).map_err(|why| at(&place, why))?;
            let condition = Condition {
                label: format!("{name} {spelled}"),
                operator,
                operand,
                values,
                variables: scene.variables,
            };
            condition.check().map_err(|why| at(&place, &why))?;
            conditions.push(condition);
        }
    }
    Ok(conditions)
}

/// What the key reads, and its name as AWS spells it.
fn parse_key(key: &str, scene: Scene<'_>) -> Result<(Operand, String), &'static str> {
    if let Some(known) = ConditionKey::parse(key) {
        return Ok((Operand::of(&known), known.name()));
    }
    let claim = key.rsplit_once(':').and_then(|(provider, claim)| {
        let known = scene.providers.iter().find(|known| known.eq_ignore_ascii_case(provider));
        let provider =
            known.cloned().or_else(|| provider.contains('.').then(|| provider.to_owned()));
        Some(Operand::Claim { provider: provider?, claim: Claim::parse(claim)? })
    });
    match claim {
        Some(operand) if scene.usage == Usage::Trust => Ok((operand, key.to_owned())),
        Some(_) => Err("is a key of trust policies only"),
        None => Err("is no condition key that is known here"),
    }
}

fn parse_values(node: Node) -> Result<Vec<String>, &'static str> {
    let one = |node| match node {
        Node::Text(text) | Node::Number(text) => Ok(text),
        Node::Bool(value) => Ok(value.to_string()),
        Node::Null | Node::List(_) | Node::Object(_) => {
            Err("a value must be a string, a number or a boolean")
        }
    };
    let values = match node {
        Node::List(items) => items.into_iter().map(one).collect::<Result<Vec<_>, _>>()?,
        node => vec![one(node)?],
    };
    if values.is_empty() { Err("there must be a value") } else { Ok(values) }
}

impl Condition {
    /// What it says.
    pub(super) fn words(&self) -> Label {
        let (text, wanted) = (self.label.as_str().into(), self.values.as_slice().into());
        Label { text, wanted, variables: self.variables }
    }

    /// Whether it is of a key that no request has.
    pub(super) fn is_of_absent_key(&self) -> bool {
        self.operand == Operand::Absent
    }

    /// Refuses an operator that does not go with its key.
    fn check(&self) -> Result<(), String> {
        let Operator { quantifier, test, .. } = self.operator;
        let overly_permissive = matches!(
            &self.operand,
            Operand::Pair { fact: Fact::FoldedEncryptionContext | Fact::RequestTags, .. }
        );
        if quantifier == Quantifier::ForAllValues && overly_permissive {
            return Err(OVERLY_PERMISSIVE.to_owned());
        }
        let Some(kind) = self.operand.kind() else { return Ok(()) };
        let fits = match test {
            Test::Null => true,
            Test::StringEquals => matches!(kind, Kind::Text | Kind::Texts | Kind::Bool),
            Test::StringEqualsIgnoreCase | Test::StringLike => {
                matches!(kind, Kind::Text | Kind::Texts)
            }
            Test::Bool => kind == Kind::Bool,
            Test::Date(_) => kind == Kind::Date,
            Test::IpAddress => kind == Kind::Ip,
            Test::Numeric(_) => matches!(kind, Kind::Number | Kind::Date),
            // AWS's own examples have ARNs in encryption contexts.
            Test::ArnLike => {
                matches!(self.operand, Operand::Pair { .. }) || self.arn_parts().is_some()
            }
        };
        if !fits {
            let kind = match kind {
                Kind::Bool => "a boolean",
                Kind::Number => "a number",
                Kind::Date => "a date",
                Kind::Ip => "an IP address",
                Kind::Text => "a text",
                Kind::Texts => "a list of texts",
                Kind::Arn => "an ARN",
                Kind::Tags => "a list of pairs",
            };
            return Err(format!("the operator does not go with a key that holds {kind}"));
        }
        if kind == Kind::Texts && quantifier == Quantifier::None && test != Test::Null {
            return Err("holds several values: write ForAnyValue: or ForAllValues: before the \
                        operator"
                .to_owned());
        }
        Ok(())
    }

    /// The same operand as the parts of an ARN.
    fn arn_parts(&self) -> Option<Fact> {
        match self.operand {
            Operand::Fact(fact) => fact.twin().filter(|twin| twin.kind() == Kind::Arn),
            _ => None,
        }
    }

    /// What it means, or why it cannot be said.
    pub(super) fn compile(&self, patterns: &mut PatternBudget<'_>) -> Result<Meaning, String> {
        match self.operator.test {
            Test::Null => self.compile_null(),
            Test::Bool => self.compile_bool(),
            Test::StringEquals if self.operand.kind() == Some(Kind::Bool) => self.compile_bool(),
            Test::Numeric(compare) => self.compile_numbers(compare),
            Test::Date(compare) => self.compile_dates(compare),
            Test::IpAddress => self.compile_ranges(),
            Test::StringEquals
            | Test::StringEqualsIgnoreCase
            | Test::StringLike
            | Test::ArnLike => self.compile_texts(patterns),
        }
    }

    fn compile_null(&self) -> Result<Meaning, String> {
        let there = self.is_there()?;
        let nulls = self.read(literal::parse_bool, "true or false")?;
        Ok(cedar(match (nulls.contains(&true), nulls.contains(&false)) {
            (true, true) => Truth::Always,
            (true, false) => there.not(),
            (false, _) => there,
        }))
    }

    fn compile_bool(&self) -> Result<Meaning, String> {
        let booleans = self.read(literal::parse_bool, "true or false")?;
        let (yes, no) = (booleans.contains(&true), booleans.contains(&false));
        self.on_value(&self.operand, |value| match (yes, no) {
            (true, true) => Truth::Always,
            (true, false) => Truth::When(value),
            (false, _) => Truth::When(unary(UnaryOp::Not, value)),
        })
    }

    fn compile_numbers(&self, compare: Compare) -> Result<Meaning, String> {
        let numbers = self.read(Number::parse, "a number")?;
        let operand = match self.operand {
            Operand::Fact(fact) => Operand::Fact(match fact.kind() {
                Kind::Date => fact.twin().unwrap_or(fact),
                _ => fact,
            }),
            ref other => other.clone(),
        };
        self.on_value(&operand, |value| {
            Truth::any(numbers.into_iter().map(|number| compare_number(compare, &value, number)))
        })
    }

    fn compile_dates(&self, compare: Compare) -> Result<Meaning, String> {
        let dates = self.read(literal::parse_date, "a date as ISO 8601 has them")?;
        self.on_value(&self.operand, |value| {
            Truth::any(dates.into_iter().map(|ms| {
                let date = unary(UnaryOp::Datetime, string(&timestamp::iso_8601(ms)));
                Truth::When(binary(compare.in_cedar(), value.clone(), date))
            }))
        })
    }

    fn compile_ranges(&self) -> Result<Meaning, String> {
        let ranges = self.read(literal::parse_range, "an IP address or a range of them")?;
        self.on_value(&self.operand, |value| {
            Truth::any(ranges.into_iter().map(|range| {
                let range = unary(UnaryOp::Ip, string(&range));
                Truth::When(binary(BinaryOp::IsInRange, value.clone(), range))
            }))
        })
    }

    fn compile_texts(&self, patterns: &mut PatternBudget<'_>) -> Result<Meaning, String> {
        let test = self.operator.test;
        let reading = Reading {
            wildcards: matches!(test, Test::StringLike | Test::ArnLike),
            variables: self.variables,
        };
        let texts = self.values.iter().map(|value| Text::parse(value, reading));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let no_arn = |text: &&Text| test == Test::ArnLike && text.arn_parts().is_none();
        if let Some(at) = texts.iter().position(|text| no_arn(&text)) {
            let value = self.values.get(at).map_or("", String::as_str);
            return Err(format!("{value:?} is not an ARN of six parts"));
        }
        let variables: Vec<&Variable> = texts.iter().flat_map(Text::variables).collect();
        let meaning = match patterns.take(&texts) {
            true => self.in_cedar(&texts)?,
            false => None,
        };
        let Some(meaning) = meaning else { return Ok(self.as_atom(texts)) };
        // A variable that the request does not have makes the statement void.
        let mut truth = meaning.truth;
        for variable in variables.into_iter().filter(|variable| variable.default.is_none()) {
            truth = variable.operand.is_there().map_err(|error| internal(&error))?.and(truth);
        }
        Ok(cedar(truth))
    }

    /// `None` where Cedar has no words for it.
    fn in_cedar(&self, texts: &[Text]) -> Result<Option<Meaning>, String> {
        match self.operator.test {
            _ if self.operand == Operand::Absent => {
                self.on_value(&self.operand, |_| Truth::Never).map(Some)
            }
            Test::StringEqualsIgnoreCase => Ok(None),
            _ if self.operand.kind() == Some(Kind::Texts) => {
                let literals = texts.iter().map(Text::literal).collect::<Option<Vec<_>>>();
                literals.map(|literals| self.on_members(&literals)).transpose()
            }
            Test::ArnLike => {
                let Some(parts) = self.arn_parts() else { return Ok(None) };
                let of = |value: &Expr| {
                    let truths = texts.iter().map(|text| match_arn(value, text));
                    truths.collect::<Option<Vec<_>>>().map(Truth::any)
                };
                // Whether they can be said does not depend on the value.
                if of(&context(parts.as_str())).is_none() {
                    return Ok(None);
                }
                let matched = |value: Expr| of(&value).unwrap_or(Truth::Never);
                self.on_value(&Operand::Fact(parts), matched).map(Some)
            }
            _ => {
                let literals: Vec<String> = texts.iter().filter_map(Text::literal).collect();
                let rest: Vec<&Text> = texts.iter().filter(|t| t.literal().is_none()).collect();
                if rest.iter().any(|text| match_text(&context(""), text).is_none()) {
                    return Ok(None);
                }
                let matched = |value: Expr| {
                    let equals = equals_any(value.clone(), &literals);
                    let others = rest.iter().filter_map(|text| match_text(&value, text));
                    Truth::any(equals.into_iter().chain(others))
                };
                self.on_value(&self.operand, matched).map(Some)
            }
        }
    }

    /// A key of one value: how presence, opposite and prefix go together. What is
    /// compared is `operand`, a form of the key that may be absent though the key
    /// is there: a text that is no ARN has no parts, and is like none.
    fn on_value(
        &self,
        operand: &Operand,
        matched: impl FnOnce(Expr) -> Truth,
    ) -> Result<Meaning, String> {
        let Operator { quantifier, negated, if_exists, .. } = self.operator;
        let form = operand.is_there().map_err(|error| internal(&error))?;
        let matched = operand.value().map_or(Truth::Never, matched);
        // Where absence is as good as no match, the form tells both.
        match (quantifier, negated) {
            (Quantifier::None, true) => return Ok(cedar(form.and(matched).not())),
            (Quantifier::None | Quantifier::ForAnyValue, false) if !if_exists => {
                return Ok(cedar(form.and(matched)));
            }
            _ => {}
        }
        let (there, matched) = match operand.kind() {
            Some(Kind::Arn) => (self.is_there()?, form.and(matched)),
            _ => (form, matched),
        };
        Ok(cedar(self.where_there(there, opposite_if(negated, matched))))
    }

    /// A key of several values, against these.
    fn on_members(&self, literals: &[String]) -> Result<Meaning, String> {
        let Operator { quantifier, negated, .. } = self.operator;
        let there = self.is_there()?;
        let held = self.operand.value().unwrap_or_else(|| set([]));
        let given = set(literals.iter().map(|text| string(text)));
        let all = |outer, inner| Truth::When(binary(BinaryOp::ContainsAll, outer, inner));
        let any = |one, other| Truth::When(binary(BinaryOp::ContainsAny, one, other));
        let holds = match (quantifier == Quantifier::ForAnyValue, negated) {
            (true, false) => any(held, given),
            (true, true) => all(given, held).not(),
            (false, false) => all(given, held),
            (false, true) => any(held, given).not(),
        };
        Ok(cedar(self.where_there(there, holds)))
    }

    /// `holds` of a key with a prefix or `IfExists`, wherever the key is there.
    fn where_there(&self, there: Truth, holds: Truth) -> Truth {
        let Operator { quantifier, if_exists, .. } = self.operator;
        match quantifier == Quantifier::ForAnyValue && !if_exists {
            true => there.and(holds),
            false => there.then_or_true(holds),
        }
    }

    fn as_atom(&self, values: Vec<Text>) -> Meaning {
        let Operator { quantifier, test, negated, if_exists } = self.operator;
        let condition = atom::Condition {
            operand: self.operand.clone(),
            quantifier,
            negated,
            if_exists,
            ignore_case: test == Test::StringEqualsIgnoreCase,
            arn: test == Test::ArnLike,
            values,
        };
        let name = format!("{} {:?}", self.label, self.values);
        Atom { name, test: atom::Test::Condition(condition) }.into()
    }

    fn is_there(&self) -> Result<Truth, String> {
        self.operand.is_there().map_err(|error| internal(&error))
    }

    /// The values as `parse` reads them.
    fn read<T>(&self, parse: impl Fn(&str) -> Option<T>, what: &str) -> Result<Vec<T>, String> {
        let one = |text: &String| {
            parse(text).ok_or_else(|| match self.variables && text.contains("${") {
                true => format!("{text:?}: a policy variable stands in texts and ARNs only"),
                false => format!("{text:?} is not {what}"),
            })
        };
        self.values.iter().map(one).collect()
    }
}

impl From<Atom> for Meaning {
    fn from(atom: Atom) -> Self {
        let holds = binary(BinaryOp::Contains, context(Fact::Atoms.as_str()), string(atom.name()));
        Self { truth: Truth::When(holds), atom: Some(Arc::new(atom)) }
    }
}

fn cedar(truth: Truth) -> Meaning {
    Meaning { truth, atom: None }
}

fn opposite_if(negated: bool, truth: Truth) -> Truth {
    if negated { truth.not() } else { truth }
}

fn internal(error: &PstConstructionError) -> String {
    error.to_string()
}

/// `value == text`, or `[text, …].contains(value)`.
fn equals_any(value: Expr, texts: &[String]) -> Option<Truth> {
    Some(Truth::When(match texts {
        [] => return None,
        [text] => binary(BinaryOp::Eq, value, string(text)),
        _ => binary(BinaryOp::Contains, set(texts.iter().map(|text| string(text))), value),
    }))
}

/// Whether `value` is the variable, or like the pattern; `None` where Cedar has
/// no words for it.
fn match_text(value: &Expr, text: &Text) -> Option<Truth> {
    if let Some(Variable { operand, default }) = text.sole_variable() {
        let mut other = operand.value()?;
        if let Some(default) = default {
            let Truth::When(there) = operand.is_there().ok()? else { return None };
            other = Expr::IfThenElse {
                cond: there.into(),
                then_expr: other.into(),
                else_expr: string(default).into(),
            };
        }
        return Some(Truth::When(binary(BinaryOp::Eq, value.clone(), other)));
    }
    Some(like(value.clone(), pattern(text)?).map_or(Truth::Always, Truth::When))
}

/// The pattern of Cedar; `None` for what it does not have.
pub(super) fn pattern(text: &Text) -> Option<Vec<PatternElem>> {
    let element = |piece: &Piece| match piece {
        Piece::Char(c) => Some(PatternElem::Char(*c)),
        Piece::Many => Some(PatternElem::Wildcard),
        Piece::One | Piece::Variable(_) => None,
    };
    text.0.iter().map(element).collect()
}

/// Whether the parts of an ARN are each like those of `text`.
fn match_arn(value: &Expr, text: &Text) -> Option<Truth> {
    let [_, partition, service, region, account, resource] = text.arn_parts()?;
    let parts = [
        ("partition", partition),
        ("service", service),
        ("region", region),
        ("account", account),
        ("resource", resource),
    ];
    let mut exprs = Vec::new();
    for (name, part) in parts {
        exprs.extend(like(attribute(value.clone(), name), pattern(&part)?));
    }
    Some(chain(BinaryOp::And, exprs).map_or(Truth::Always, Truth::When))
}

/// A whole number against a decimal one.
fn compare_number(compare: Compare, value: &Expr, number: Number) -> Truth {
    let compare = match (compare, number.whole) {
        (Compare::Equals, false) => return Truth::Never,
        // Below 5.5 is 5 or below; 5.5 or above is above 5.
        (Compare::Less, false) => Compare::LessEquals,
        (Compare::GreaterEquals, false) => Compare::Greater,
        (compare, _) => compare,
    };
    Truth::When(binary(compare.in_cedar(), value.clone(), long(number.floor)))
}

/// AWS's own words (AWS KMS Developer Guide, "AWS KMS condition keys").
const OVERLY_PERMISSIVE: &str = "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued \
     condition key matches requests without the specified [encryption context or tag] or with an \
     unspecified [encryption context or tag]. To fix, remove ForAllValues.";
