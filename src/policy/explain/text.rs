//! A story as people read it: the verdict, the request, then every policy that
//! was asked with each of its statements.

use std::fmt::{self, Display, Formatter};

use super::{
    ClauseStory, Effect, GrantOutcome, Outcome, PolicyStory, Says, ScopePart, StatementStory, Story,
};

/// Names shown of a long list.
const NAMES_SHOWN: usize = 4;

impl Display for Story {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.verdict)?;
        if let Some(remedy) = &self.remedy {
            writeln!(f, "{remedy}")?;
        }
        writeln!(f)?;
        writeln!(f, "  who   {}", self.principal)?;
        writeln!(f, "  what  {}", self.action)?;
        writeln!(f, "  on    {}", self.resource)?;
        for (at, (name, value)) in self.request.iter().enumerate() {
            let head = if at == 0 { "with" } else { "" };
            writeln!(f, "  {head:<4}  {name}: {value}")?;
        }
        for policy in &self.policies {
            write!(f, "\n{policy}")?;
        }
        if !self.grants.is_empty() {
            writeln!(f, "\ngrants of the key")?;
        }
        for grant in &self.grants {
            write!(f, "  {} {}", mark(grant.outcome == GrantOutcome::Allows), grant.grant_id)?;
            match &grant.name {
                Some(name) => writeln!(f, " {name:?}")?,
                None => writeln!(f)?,
            }
            writeln!(f, "      for {}: {}", grant.grantee, grant.outcome)?;
        }
        for note in &self.notes {
            writeln!(f, "\nnote: {note}")?;
        }
        Ok(())
    }
}

impl Display for PolicyStory {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let says = match self.says {
            Says::Allows => "allows it",
            Says::Denies => "FORBIDS it",
            Says::Nothing => "does not allow it",
            Says::Fails => "CANNOT BE EVALUATED, which denies",
        };
        writeln!(f, "{} ({}): {says}", self.name, self.document)?;
        self.statements.iter().try_for_each(|statement| write!(f, "{statement}"))
    }
}

impl Display for StatementStory {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let effect = match self.effect {
            Some(Effect::Allow) => "Allow",
            Some(Effect::Deny) => "Deny",
            None => "-",
        };
        write!(f, "  {} {} {effect}", mark(self.outcome == Outcome::Applies), self.statement)?;
        if let Some(sid) = &self.sid {
            write!(f, " {sid:?}")?;
        }
        writeln!(f, ": {}", self.outcome)
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applies => f.write_str("applies"),
            Self::OutOfScope { part, names } => {
                let about = match part {
                    ScopePart::Principal => "is about somebody else",
                    ScopePart::Action => "is about other actions",
                    ScopePart::Resource => "is about something else",
                };
                write!(f, "{about}: {}", listed(names))
            }
            Self::Delegates { to, stopped_by: Some(limit) } => write!(
                f,
                "trusts {to}, whose policies together do not allow this call ({limit} stops it)"
            ),
            Self::Delegates { to, stopped_by: None } => {
                write!(f, "trusts {to}, whose own policies do not allow this call to the caller")
            }
            Self::ConditionIsFalse { clauses } => {
                f.write_str("would apply, but")?;
                clauses.iter().try_for_each(|clause| write!(f, "\n      {clause}"))
            }
            Self::CannotBeEvaluated { clause, error } if clause.is_empty() => {
                write!(f, "cannot be evaluated: {error}")
            }
            Self::CannotBeEvaluated { clause, error } => {
                write!(f, "cannot be evaluated\n      {clause}: {error}")
            }
            Self::HasNoEffect { reason } => f.write_str(reason),
        }
    }
}

impl Display for ClauseStory {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(has) = &self.has {
            return write!(f, "{}: {has}", self.text);
        }
        write!(f, "{} is false", self.text)?;
        if self.values.is_empty() {
            return Ok(());
        }
        let values = self.values.iter().map(|(name, value)| match value.as_str() {
            "absent" => format!("{name} is absent"),
            _ => format!("{name} is {value}"),
        });
        write!(f, " ({})", values.collect::<Vec<_>>().join(", "))
    }
}

impl Display for GrantOutcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allows => f.write_str("allows it"),
            Self::IsForSomebodyElse => f.write_str("the caller is somebody else"),
            Self::HasOtherOperations { operations } => {
                write!(f, "allows other operations: {}", listed(operations))
            }
            Self::IsConstrained { constraint, has: Some(has) } => {
                write!(f, "its constraint needs {constraint}; the call has {has}")
            }
            Self::IsConstrained { constraint, has: None } => {
                write!(f, "its constraint does not hold: {constraint}")
            }
            Self::IsLimited => f.write_str(
                "would allow it, but the caller's own policies or their limits do not let it pass",
            ),
            Self::CannotBeEvaluated { error } => write!(f, "cannot be evaluated: {error}"),
        }
    }
}

const fn mark(applies: bool) -> char {
    if applies { '*' } else { '-' }
}

/// The first names, and how many more there are.
fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
