//! Condition operators, by name (IAM User Guide, "IAM JSON policy elements:
//! Condition operators").

use cedar_policy::pst::BinaryOp;

/// An operator with its prefix and suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    pub(super) quantifier: Quantifier,
    /// The test that it makes, or makes the opposite of.
    pub(super) test: Test,
    pub(super) negated: bool,
    /// `IfExists`: true of a key that the request does not have.
    pub(super) if_exists: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    None,
    ForAllValues,
    ForAnyValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Compare),
    Date(Compare),
    Bool,
    IpAddress,
    /// `ArnEquals` and `ArnLike` are one.
    ArnLike,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Equals,
    Less,
    LessEquals,
    Greater,
    GreaterEquals,
}

impl Compare {
    pub(super) const fn in_cedar(self) -> BinaryOp {
        match self {
            Self::Equals => BinaryOp::Eq,
            Self::Less => BinaryOp::Less,
            Self::LessEquals => BinaryOp::LessEq,
            Self::Greater => BinaryOp::Greater,
            Self::GreaterEquals => BinaryOp::GreaterEq,
        }
    }
}

impl Operator {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (quantifier, rest) = match text.split_once(':') {
            None => (Quantifier::None, text),
            Some(("ForAllValues", rest)) => (Quantifier::ForAllValues, rest),
            Some(("ForAnyValue", rest)) => (Quantifier::ForAnyValue, rest),
            Some(_) => return Err("has a prefix that is neither ForAllValues nor ForAnyValue"),
        };
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        if name == "BinaryEquals" {
            return Err("is not supported: no condition key here holds bytes");
        }
        let (_, test, negated) =
            *NAMES.iter().find(|(known, ..)| *known == name).ok_or("is no condition operator")?;
        if test == Test::Null && (if_exists || quantifier != Quantifier::None) {
            return Err("is no condition operator: Null takes no prefix and no IfExists");
        }
        Ok(Self { quantifier, test, negated, if_exists })
    }
}

/// Names, the tests they make, and whether they make the opposite.
const NAMES: &[(&str, Test, bool)] = &[
    ("StringEquals", Test::StringEquals, false),
    ("StringNotEquals", Test::StringEquals, true),
    ("StringEqualsIgnoreCase", Test::StringEqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Test::StringEqualsIgnoreCase, true),
    ("StringLike", Test::StringLike, false),
    ("StringNotLike", Test::StringLike, true),
    ("NumericEquals", Test::Numeric(Compare::Equals), false),
    ("NumericNotEquals", Test::Numeric(Compare::Equals), true),
    ("NumericLessThan", Test::Numeric(Compare::Less), false),
    ("NumericLessThanEquals", Test::Numeric(Compare::LessEquals), false),
    ("NumericGreaterThan", Test::Numeric(Compare::Greater), false),
    ("NumericGreaterThanEquals", Test::Numeric(Compare::GreaterEquals), false),
    ("DateEquals", Test::Date(Compare::Equals), false),
    ("DateNotEquals", Test::Date(Compare::Equals), true),
    ("DateLessThan", Test::Date(Compare::Less), false),
    ("DateLessThanEquals", Test::Date(Compare::LessEquals), false),
    ("DateGreaterThan", Test::Date(Compare::Greater), false),
    ("DateGreaterThanEquals", Test::Date(Compare::GreaterEquals), false),
    ("Bool", Test::Bool, false),
    ("IpAddress", Test::IpAddress, false),
    ("NotIpAddress", Test::IpAddress, true),
    ("ArnEquals", Test::ArnLike, false),
    ("ArnLike", Test::ArnLike, false),
    ("ArnNotEquals", Test::ArnLike, true),
    ("ArnNotLike", Test::ArnLike, true),
    ("Null", Test::Null, false),
];
