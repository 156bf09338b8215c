//! The evaluator: what AWS's documentation says, sentence by sentence.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use crate::policy::actions::Action;
use crate::policy::decision::DenialKind;

/// The request context as AWS describes it: keys in lower case, each with its
/// values.
pub(super) type Context = BTreeMap<String, Vec<String>>;

/// A request in AWS's terms.
pub(super) struct Request {
    /// The ARNs by which a policy can name the caller itself: the user; the
    /// session and its role. None of the root user, who is the account.
    pub(super) itself: Vec<String>,
    pub(super) account: String,
    pub(super) is_root: bool,
    pub(super) action: &'static str,
    pub(super) resource: String,
    pub(super) context: Context,
}

/// How a statement's `Principal` fits the caller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    No,
    /// By its account.
    Account,
    /// By itself.
    Itself,
}

impl Request {
    /// Whether the call is allowed; `Err` names the side that forbids it.
    pub(super) fn decide(
        &self,
        key_policy: &Value,
        identity: &[Value],
    ) -> Result<bool, DenialKind> {
        let mut identity_allows = self.is_root;
        for policy in identity {
            for statement in statements(policy).filter(|s| self.speaks_of(policy, s)) {
                if statement["Effect"] == "Deny" {
                    return Err(DenialKind::ExplicitIdentity);
                }
                identity_allows = true;
            }
        }
        let (mut itself, mut account) = (false, false);
        for statement in statements(key_policy).filter(|s| self.speaks_of(key_policy, s)) {
            let fit = self.principal_fits(statement);
            if statement["Effect"] == "Deny" && fit != Fit::No {
                return Err(DenialKind::ExplicitResourcePolicy);
            }
            itself |= fit == Fit::Itself;
            account |= fit == Fit::Account;
        }
        let foreign = !self.resource.contains(&format!(":{}:", self.account));
        if foreign && !Action::find(self.action).unwrap().crosses_accounts() {
            return Ok(false);
        }
        // Who may retire a grant is said by the grant (API_RetireGrant).
        if self.action == "kms:RetireGrant" {
            return Ok(false);
        }
        Ok(if foreign || !itself { (itself || account) && identity_allows } else { true })
    }

    /// Action, resource and conditions; a statement of identity policies has no
    /// more.
    fn speaks_of(&self, policy: &Value, statement: &Value) -> bool {
        let variables = policy["Version"] == "2012-10-17";
        self.action_fits(statement)
            && self.resource_fits(statement, variables)
            && self.conditions_hold(statement, variables)
    }

    fn principal_fits(&self, statement: &Value) -> Fit {
        let named = |element: &Value| -> Vec<String> {
            if element == "*" { vec!["*".to_owned()] } else { texts(&element["AWS"]) }
        };
        if let Some(spared) = statement.get("NotPrincipal") {
            // Whoever is to be spared is named with all that it is part of.
            let spared = named(spared);
            let names_account = spared.iter().any(|arn| self.is_account(arn));
            let is_spared = names_account && self.itself.iter().all(|arn| spared.contains(arn));
            return if is_spared { Fit::No } else { Fit::Itself };
        }
        let fits = named(&statement["Principal"]).into_iter().map(|arn| {
            if arn == "*" || self.itself.contains(&arn) {
                Fit::Itself
            } else if self.is_account(&arn) {
                if self.is_root { Fit::Itself } else { Fit::Account }
            } else {
                Fit::No
            }
        });
        fits.max().unwrap_or(Fit::No)
    }

    fn is_account(&self, named: &str) -> bool {
        named == self.account || named == format!("arn:aws:iam::{}:root", self.account)
    }

    fn action_fits(&self, statement: &Value) -> bool {
        let any = |element: &Value| {
            texts(element)
                .iter()
                .any(|pattern| fits(&wild(&pattern.to_lowercase()), &self.action.to_lowercase()))
        };
        match statement.get("NotAction") {
            Some(others) => !any(others),
            None => any(&statement["Action"]),
        }
    }

    fn resource_fits(&self, statement: &Value, variables: bool) -> bool {
        texts(&statement["Resource"]).iter().any(|pattern| {
            pattern == "*"
                || self
                    .expand(pattern, true, variables)
                    .is_some_and(|pattern| arn_fits(&pattern, &self.resource))
        })
    }

    /// Every operator, and every key of it. A variable that cannot be resolved
    /// makes the statement void.
    fn conditions_hold(&self, statement: &Value, variables: bool) -> bool {
        let Some(operators) = statement.get("Condition").and_then(Value::as_object) else {
            return true;
        };
        operators.iter().all(|(operator, keys)| {
            keys.as_object().unwrap().iter().all(|(key, values)| {
                self.condition_holds(operator, &key.to_lowercase(), &texts(values), variables)
                    .unwrap_or(false)
            })
        })
    }

    fn condition_holds(
        &self,
        operator: &str,
        key: &str,
        values: &[String],
        variables: bool,
    ) -> Option<bool> {
        let held = self.context.get(key).filter(|held| !held.is_empty());
        if operator == "Null" {
            return Some(values.iter().any(|value| (value == "true") == held.is_none()));
        }
        let (prefix, rest) = operator.split_once(':').unwrap_or(("", operator));
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        // "Not" turns the answer for all the values together.
        let negated = name.contains("Not");
        let name = name.replace("Not", "");
        let is_text = name.starts_with("String") || name.starts_with("Arn");
        let wildcards = name.ends_with("Like") || name.starts_with("Arn");
        let mut patterns = Vec::new();
        for value in values {
            patterns.push(self.expand(value, wildcards, variables && is_text)?);
        }
        let one = |held: &String| {
            let pairs = patterns.iter().zip(values);
            pairs.clone().any(|(pattern, value)| compare(&name, held, pattern, value)) != negated
        };
        Some(match (prefix, held) {
            ("ForAllValues", None) => true,
            ("ForAllValues", Some(held)) => held.iter().all(one),
            ("ForAnyValue", None) => if_exists,
            ("ForAnyValue", Some(held)) => held.iter().any(one),
            (_, None) => negated || if_exists,
            (_, Some(held)) => one(&held[0]),
        })
    }

    /// `text` with its variables replaced; `None` if one cannot be.
    fn expand(&self, text: &str, wildcards: bool, variables: bool) -> Option<Vec<Char>> {
        let mut pattern = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if variables && rest.starts_with("${") {
                let (inner, after) = rest[2..].split_once('}').unwrap();
                rest = after;
                if ["*", "?", "$"].contains(&inner) {
                    pattern.extend(inner.chars().map(Char::Itself));
                    continue;
                }
                let (name, default) = match inner.split_once(", '") {
                    Some((name, default)) => (name, Some(default.trim_end_matches('\''))),
                    None => (inner, None),
                };
                let held = self.context.get(&name.to_lowercase()).map(|held| held[0].as_str());
                pattern.extend(held.or(default)?.chars().map(Char::Itself));
                continue;
            }
            let c = rest.chars().next().unwrap();
            rest = &rest[c.len_utf8()..];
            pattern.push(match c {
                '*' if wildcards => Char::Many,
                '?' if wildcards => Char::One,
                c => Char::Itself(c),
            });
        }
        Some(pattern)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Char {
    Itself(char),
    One,
    Many,
}

fn wild(pattern: &str) -> Vec<Char> {
    let char = |c| match c {
        '*' => Char::Many,
        '?' => Char::One,
        c => Char::Itself(c),
    };
    pattern.chars().map(char).collect()
}

fn fits(pattern: &[Char], text: &str) -> bool {
    let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    match pattern.split_first() {
        None => text.is_empty(),
        Some((Char::Many, rest)) => ends.any(|at| fits(rest, &text[at..])),
        Some((first, rest)) => text.chars().next().is_some_and(|c| {
            (*first == Char::One || *first == Char::Itself(c)) && fits(rest, &text[c.len_utf8()..])
        }),
    }
}

/// Each of the six parts by itself. (No value of a variable here has a colon.)
fn arn_fits(pattern: &[Char], arn: &str) -> bool {
    let patterns: Vec<_> = pattern.splitn(6, |c| *c == Char::Itself(':')).collect();
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    patterns.len() == 6
        && parts.len() == 6
        && patterns.iter().zip(parts).all(|(pattern, part)| fits(pattern, part))
}

fn compare(name: &str, held: &str, pattern: &[Char], value: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().unwrap();
    let order = |name: &str, held: f64, value: f64| match name {
        "Equals" => held == value,
        "LessThan" => held < value,
        "LessThanEquals" => held <= value,
        "GreaterThan" => held > value,
        "GreaterThanEquals" => held >= value,
        _ => panic!("{name}"),
    };
    if let Some(name) = name.strip_prefix("Numeric") {
        // Of a date, whole seconds since 1970.
        let held = if held.contains('T') { date(held).floor() } else { number(held) };
        return order(name, held, number(value));
    }
    if let Some(name) = name.strip_prefix("Date") {
        return order(name, date(held), date(value));
    }
    match name {
        "StringEquals" | "StringLike" => fits(pattern, held),
        "StringEqualsIgnoreCase" => {
            let lower = pattern.iter().flat_map(|c| match c {
                Char::Itself(c) => c.to_lowercase().map(Char::Itself).collect(),
                other => vec![*other],
            });
            fits(&lower.collect::<Vec<_>>(), &held.to_lowercase())
        }
        "Bool" => held == value.to_lowercase(),
        "ArnEquals" | "ArnLike" => arn_fits(pattern, held),
        "IpAddress" => in_range(held, value),
        _ => panic!("{name}"),
    }
}

/// Seconds since 1970 of `2026-11-02T10:11:12.345Z`, `2026-11-02`, or a number.
fn date(text: &str) -> f64 {
    if let Ok(seconds) = text.parse() {
        return seconds;
    }
    let (day, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let [year, month, day] =
        [0, 5, 8].map(|at| day[at..].split('-').next().unwrap().parse::<u32>().unwrap());
    let leap = |year: u32| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let months = [31, 28 + u32::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years = (1970..year).map(|year| 365 + u32::from(leap(year)));
    let days = years.chain(months[..month as usize - 1].iter().copied()).sum::<u32>() + day - 1;
    let mut seconds = 0.0;
    for part in time.trim_end_matches('Z').split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>().unwrap();
    }
    f64::from(days) * 86_400.0 + seconds
}

fn in_range(held: &str, range: &str) -> bool {
    let (network, bits) = range.split_once('/').unwrap_or((range, ""));
    match (held.parse().unwrap(), network.parse().unwrap()) {
        (IpAddr::V4(held), IpAddr::V4(network)) => {
            let bits = bits.parse().unwrap_or(32);
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            (held.to_bits() ^ network.to_bits()) & mask == 0
        }
        (IpAddr::V6(held), IpAddr::V6(network)) => {
            let bits = bits.parse().unwrap_or(128);
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            (held.to_bits() ^ network.to_bits()) & mask == 0
        }
        _ => false,
    }
}

fn statements(policy: &Value) -> impl Iterator<Item = &Value> {
    policy["Statement"].as_array().unwrap().iter()
}

/// A value, or a list of them, or nothing.
fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    list.iter().filter_map(text).collect()
}
