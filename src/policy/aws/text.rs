//! Texts of a policy: the values of conditions, and resources (IAM User Guide,
//! "IAM policy elements: Variables and tags").

use super::operand::Operand;
use crate::policy::condition_key::ConditionKey;
use crate::policy::fact::Kind;

/// A text as it is matched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Char(char),
    /// `*`: any text.
    Many,
    /// `?`: any one character.
    One,
    /// What the request has in its place. No wildcard of a policy comes out of
    /// it.
    Variable(Variable),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) operand: Operand,
    pub(super) default: Option<String>,
}

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// Whether `*` and `?` are wildcards.
    pub(super) wildcards: bool,
    /// Whether `${...}` is a variable: since version 2012-10-17.
    pub(super) variables: bool,
}

impl Text {
    pub(super) fn parse(text: &str, reading: Reading) -> Result<Self, String> {
        let mut pieces = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if reading.variables
                && let Some(inner) = rest.strip_prefix("${")
            {
                let (name, after) =
                    inner.split_once('}').ok_or_else(|| format!("{text:?} has an open `${{`"))?;
                pieces.extend(variable(name)?);
                rest = after;
                continue;
            }
            pieces.push(match c {
                '*' if reading.wildcards => Piece::Many,
                '?' if reading.wildcards => Piece::One,
                _ => Piece::Char(c),
            });
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        Ok(Self(pieces))
    }

    /// The text, if it stands for nothing but itself.
    pub(super) fn literal(&self) -> Option<String> {
        let chars = self.0.iter().map(|piece| match piece {
            Piece::Char(c) => Some(*c),
            _ => None,
        });
        chars.collect()
    }

    /// The variable that is the whole text.
    pub(super) fn sole_variable(&self) -> Option<&Variable> {
        match self.0.as_slice() {
            [Piece::Variable(variable)] => Some(variable),
            _ => None,
        }
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(variable),
            _ => None,
        })
    }

    /// Whether it begins with this and nothing but this.
    pub(super) fn starts_with(&self, prefix: &str) -> bool {
        let mut pieces = self.0.iter();
        prefix.chars().all(|c| pieces.next() == Some(&Piece::Char(c)))
    }

    /// Its parts between the first five colons, if it is an ARN by its shape.
    pub(super) fn arn_parts(&self) -> Option<[Self; 6]> {
        let mut parts: [Self; 6] = Default::default();
        let mut at = 0_usize;
        for piece in &self.0 {
            match piece {
                Piece::Char(':') if at < 5 => at = at.saturating_add(1),
                _ => parts.get_mut(at)?.0.push(piece.clone()),
            }
        }
        let is_arn = parts.first().and_then(Self::literal).is_some_and(|first| first == "arn");
        (at == 5 && is_arn).then_some(parts)
    }
}

/// What stands between `${` and `}`.
fn variable(text: &str) -> Result<Vec<Piece>, String> {
    if let "*" | "?" | "$" = text {
        return Ok(text.chars().map(Piece::Char).collect());
    }
    let (name, default) = match text.split_once(',') {
        None => (text, None),
        Some((name, default)) => {
            let quoted = default.trim().strip_prefix('\'').and_then(|d| d.strip_suffix('\''));
            let default = quoted.ok_or_else(|| {
                format!("the default of the policy variable ${{{text}}} does not stand in quotes")
            })?;
            (name, Some(default.to_owned()))
        }
    };
    let key = ConditionKey::parse(name.trim())
        .ok_or_else(|| format!("there is no policy variable ${{{name}}}"))?;
    let operand = Operand::of(&key);
    if !matches!(operand.kind(), None | Some(Kind::Text)) {
        return Err(format!("${{{name}}} cannot be a policy variable: it is not one text"));
    }
    match (operand, default) {
        (Operand::Absent, Some(default)) => Ok(default.chars().map(Piece::Char).collect()),
        (operand, default) => Ok(vec![Piece::Variable(Variable { operand, default })]),
    }
}
