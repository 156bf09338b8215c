//! From JSON to statements. Every element that is not understood is refused,
//! naming the statement, its `Sid`, the element and the reason.

use std::collections::BTreeMap;

use super::condition::{self, Condition, Scene};
use super::json::Node;
use crate::base::arn::{Arn, PARTITION};
use crate::base::ids::AccountId;
use crate::base::limits::POLICY_STATEMENTS;
use crate::policy::compile::place;
use crate::policy::document::Usage;
use crate::policy::error::CompileError;
use crate::policy::principal::{PrincipalDirectory, PrincipalId};

/// A policy document whose form is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Policy {
    pub(super) usage: Usage,
    pub(super) statements: Vec<Statement>,
    /// Whether `${...}` is a variable: since version 2012-10-17.
    pub(super) variables: bool,
}

/// One statement. A list is never empty; `None` is an element that is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Position in the document, counted from 0.
    pub(super) index: usize,
    pub(super) sid: Option<String>,
    pub(super) effect: Effect,
    pub(super) principals: Principals,
    /// Whether they are the actions that it is not about.
    pub(super) not_action: bool,
    pub(super) actions: Option<Vec<String>>,
    pub(super) resources: Option<Vec<String>>,
    pub(super) conditions: Vec<Condition>,
}

/// Whom a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Principals {
    /// Whom the policy is attached to.
    Attached,
    These(Vec<Named>),
    /// `NotPrincipal`
    NotThese(Vec<Named>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// A principal as a policy names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    /// `*`
    Everyone,
    /// An account id or the ARN of its root.
    Account(AccountId),
    /// The ARN of a user or role.
    Entity(String),
    /// A session of the role with this ARN.
    Session { role: String, name: String },
    /// An AWS service, such as `logs.amazonaws.com`.
    Service(String),
    /// Somebody for whom the OpenID Connect provider with this ARN vouches.
    Federated(String),
}

/// Reads a policy document.
pub(in crate::policy) fn parse(text: &str, usage: Usage) -> Result<Policy, CompileError> {
    let root: Node = serde_json::from_str(text).map_err(|error| {
        CompileError::Malformed(format!("the policy is not valid JSON: {error}"))
    })?;
    let Node::Object(members) = root else {
        return Err(malformed("the policy is not a JSON object"));
    };
    let mut statements = None;
    let mut variables = false;
    for (name, value) in members {
        match (name.as_str(), value) {
            ("Version", Node::Text(version))
                if version == "2012-10-17" || version == "2008-10-17" =>
            {
                variables = version == "2012-10-17";
            }
            ("Version", _) => {
                return Err(malformed("Version: must be \"2012-10-17\" or \"2008-10-17\""));
            }
            ("Id", Node::Text(_)) => {}
            ("Id", _) => return Err(malformed("Id: must be a string")),
            ("Statement", Node::List(list)) => statements = Some(list),
            ("Statement", object @ Node::Object(_)) => statements = Some(vec![object]),
            ("Statement", _) => return Err(malformed("Statement: must be an object or a list")),
            (other, _) => return Err(malformed(&format!("{other:?}: no such element"))),
        }
    }
    let statements = statements.unwrap_or_default();
    if statements.is_empty() {
        return Err(malformed("Statement: there must be at least one"));
    }
    if statements.len() > POLICY_STATEMENTS {
        return Err(CompileError::TooLarge { limit: POLICY_STATEMENTS, unit: "statements" });
    }
    let providers: Vec<String> = statements.iter().flat_map(providers).collect();
    let scene = Scene { usage, variables, providers: &providers };
    let statements = statements
        .into_iter()
        .enumerate()
        .map(|(index, node)| Statement::parse(index, node, scene))
        .collect::<Result<_, _>>()?;
    Ok(Policy { usage, statements, variables })
}

impl Policy {
    /// The users and roles that the policy names, by ARN.
    pub(in crate::policy) fn resolve(
        &self,
        directory: &dyn PrincipalDirectory,
    ) -> Result<BTreeMap<String, PrincipalId>, CompileError> {
        let named = self.statements.iter().flat_map(|statement| statement.principals.named());
        let arns = named.filter_map(|named| match named {
            Named::Entity(arn) | Named::Session { role: arn, .. } => Some((named, arn)),
            Named::Everyone | Named::Account(_) | Named::Service(_) | Named::Federated(_) => None,
        });
        let mut resolved = BTreeMap::new();
        for (named, arn) in arns {
            let id = directory.resolve(arn).ok_or_else(|| invalid_principal(arn))?;
            let session = matches!(named, Named::Session { .. });
            if session && !matches!(id, PrincipalId::Role(_)) {
                return Err(invalid_principal(arn));
            }
            resolved.insert(arn.clone(), id);
        }
        Ok(resolved)
    }
}

impl Statement {
    fn parse(index: usize, node: Node, scene: Scene<'_>) -> Result<Self, CompileError> {
        let usage = scene.usage;
        let Node::Object(members) = node else {
            return Err(malformed(&format!("{}: must be an object", place(index, None))));
        };
        let sid = members.iter().find_map(|(name, value)| match value {
            Node::Text(sid) if name == "Sid" => Some(sid.clone()),
            _ => None,
        });
        let place = place(index, sid.as_deref());
        let refuse = |element: &str, reason: &str| {
            CompileError::Malformed(format!("{place}: {element}: {reason}"))
        };
        let mut effect = None;
        let mut principals = None;
        let (mut actions, mut not_action, mut resources) = (None, false, None);
        let mut conditions = Vec::new();
        if let Some((one, other)) = find_exclusive(&members) {
            return Err(refuse(other, &format!("cannot stand beside {one}")));
        }
        for (name, value) in members {
            match name.as_str() {
                "Sid" if sid.is_some() => {}
                "Sid" => return Err(refuse("Sid", "must be a string")),
                "Effect" => {
                    let parsed = Effect::parse(&value);
                    let wrong = || refuse("Effect", "must be \"Allow\" or \"Deny\"");
                    effect = Some(parsed.ok_or_else(wrong)?);
                }
                "Principal" | "NotPrincipal" if usage == Usage::Identity => {
                    return Err(refuse(&name, "a policy of a user or role cannot name one"));
                }
                "Principal" | "NotPrincipal" => {
                    let named = parse_principals(&name, value, usage, &refuse)?;
                    principals = Some(match name.as_str() {
                        "Principal" => Principals::These(named),
                        _ => Principals::NotThese(named),
                    });
                }
                "Action" | "NotAction" => {
                    actions = parse_texts(value).map_err(|reason| refuse(&name, reason))?;
                    not_action = name == "NotAction";
                }
                "Resource" => {
                    resources = parse_texts(value).map_err(|reason| refuse("Resource", reason))?;
                }
                "NotResource" => return Err(refuse(&name, "is not supported")),
                "Condition" => {
                    conditions = condition::parse(value, scene)
                        .map_err(|(place, reason)| refuse(&place, &reason))?;
                }
                other => return Err(refuse(&format!("{other:?}"), "no such element")),
            }
        }
        let effect = effect.ok_or_else(|| refuse("Effect", "is missing"))?;
        let principals = match (principals, usage) {
            (Some(principals), _) => principals,
            (None, Usage::Identity) => Principals::Attached,
            (None, _) => return Err(refuse("Principal", "is missing")),
        };
        if effect == Effect::Allow && matches!(principals, Principals::NotThese(_)) {
            return Err(refuse(
                "NotPrincipal",
                "cannot allow: it would allow all others, of every account",
            ));
        }
        let resources =
            own_resource(usage, resources).map_err(|reason| refuse("Resource", reason))?;
        Ok(Self { index, sid, effect, principals, not_action, actions, resources, conditions })
    }

    /// Where the statement stands, for error texts.
    pub(super) fn place(&self) -> String {
        place(self.index, self.sid.as_deref())
    }
}

impl Effect {
    fn parse(node: &Node) -> Option<Self> {
        match node {
            Node::Text(text) if text == "Allow" => Some(Self::Allow),
            Node::Text(text) if text == "Deny" => Some(Self::Deny),
            _ => None,
        }
    }
}

/// The resources, or the role of a trust policy.
fn own_resource(
    usage: Usage,
    resources: Option<Vec<String>>,
) -> Result<Option<Vec<String>>, &'static str> {
    match (resources, usage) {
        (Some(_), Usage::Trust) => Err("a trust policy has none: it is about its role"),
        (None, Usage::Trust) => Ok(Some(vec!["*".to_owned()])),
        (resources, _) => Ok(resources),
    }
}

/// An element that stands beside its opposite.
fn find_exclusive(members: &[(String, Node)]) -> Option<(&'static str, &'static str)> {
    let has = |wanted: &str| members.iter().any(|(name, _)| name == wanted);
    let pairs =
        [("Action", "NotAction"), ("Principal", "NotPrincipal"), ("Resource", "NotResource")];
    pairs.into_iter().find(|(one, other)| has(one) && has(other))
}

/// One string or a list of strings; an empty list is as good as none.
fn parse_texts(node: Node) -> Result<Option<Vec<String>>, &'static str> {
    let list = match node {
        Node::Text(text) => vec![text],
        Node::List(items) => items
            .into_iter()
            .map(|item| match item {
                Node::Text(text) => Ok(text),
                _ => Err("must be a string or a list of strings"),
            })
            .collect::<Result<_, _>>()?,
        _ => return Err("must be a string or a list of strings"),
    };
    Ok((!list.is_empty()).then_some(list))
}

/// The issuers of the OpenID Connect providers that a statement names.
fn providers(statement: &Node) -> Vec<String> {
    let member = |node: &Node, wanted: &str| match node {
        Node::Object(members) => {
            members.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
        }
        _ => None,
    };
    let federated = member(statement, "Principal").and_then(|node| member(&node, "Federated"));
    let arns = federated.and_then(|node| parse_texts(node).ok().flatten()).unwrap_or_default();
    let issuer =
        |arn: &String| arn.split_once(":oidc-provider/").map(|(_, issuer)| issuer.to_owned());
    arns.iter().filter_map(issuer).collect()
}

impl Principals {
    pub(super) fn named(&self) -> &[Named] {
        match self {
            Self::Attached => &[],
            Self::These(named) | Self::NotThese(named) => named,
        }
    }
}

fn parse_principals(
    element: &str,
    node: Node,
    usage: Usage,
    refuse: &dyn Fn(&str, &str) -> CompileError,
) -> Result<Vec<Named>, CompileError> {
    let members = match node {
        Node::Text(text) if text == "*" => return Ok(vec![Named::Everyone]),
        Node::Object(members) => members,
        _ => return Err(refuse(element, "must be \"*\" or an object")),
    };
    let mut principals = Vec::new();
    for (kind, value) in members {
        let element = format!("{element}.{kind}");
        let texts = parse_texts(value).map_err(|reason| refuse(&element, reason))?;
        for text in texts.unwrap_or_default() {
            principals.push(match kind.as_str() {
                "AWS" => Named::parse_aws(&text)?,
                "Service" => Named::parse_service(text)?,
                "Federated" if usage == Usage::Trust => Named::parse_federated(text)?,
                "Federated" | "CanonicalUser" => return Err(refuse(&element, "is not supported")),
                _ => return Err(refuse(&element, "no such kind of principal")),
            });
        }
    }
    if principals.is_empty() {
        return Err(refuse(element, "names nobody"));
    }
    Ok(principals)
}

impl Named {
    fn parse_aws(text: &str) -> Result<Self, CompileError> {
        if text == "*" {
            return Ok(Self::Everyone);
        }
        if let Some(account) = AccountId::parse(text) {
            return Ok(Self::Account(account));
        }
        Self::parse_arn(text).ok_or_else(|| invalid_principal(text))
    }

    /// Wildcards, groups and federated users are invalid, as on AWS or because
    /// there are none here.
    fn parse_arn(text: &str) -> Option<Self> {
        let arn = Arn::parse(text)?;
        let account = AccountId::parse(arn.account)?;
        if arn.partition != PARTITION || !arn.region.is_empty() || text.contains(['*', '?']) {
            return None;
        }
        match arn.service {
            "iam" if arn.resource == "root" => Some(Self::Account(account)),
            "iam" => {
                let (kind, name) = arn.resource.split_once('/')?;
                let known = matches!(kind, "user" | "role") && !name.is_empty();
                known.then(|| Self::Entity(text.to_owned()))
            }
            "sts" => {
                let (role, name) = arn.resource.strip_prefix("assumed-role/")?.split_once('/')?;
                let known = !role.is_empty() && !name.is_empty() && !name.contains('/');
                let role = format!("arn:{PARTITION}:iam::{account}:role/{role}");
                known.then(|| Self::Session { role, name: name.to_owned() })
            }
            _ => None,
        }
    }

    /// A provider of OpenID Connect; there are none of SAML here.
    fn parse_federated(text: String) -> Result<Self, CompileError> {
        let valid = Arn::parse(&text).is_some_and(|arn| {
            let issuer = arn.resource.strip_prefix("oidc-provider/");
            arn.partition == PARTITION
                && arn.service == "iam"
                && arn.region.is_empty()
                && AccountId::parse(arn.account).is_some()
                && issuer.is_some_and(|issuer| !issuer.is_empty() && !issuer.contains(['*', '?']))
        });
        if valid { Ok(Self::Federated(text)) } else { Err(invalid_principal(&text)) }
    }

    /// A name of at least two parts, as the KMS model has it for service
    /// principals; `*` is not one.
    fn parse_service(text: String) -> Result<Self, CompileError> {
        let part = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let valid = text.len() <= 128 && text.contains('.') && text.split('.').all(part);
        if valid { Ok(Self::Service(text)) } else { Err(invalid_principal(&text)) }
    }
}

fn invalid_principal(text: &str) -> CompileError {
    CompileError::InvalidPrincipal { principal: text.to_owned() }
}

fn malformed(text: &str) -> CompileError {
    CompileError::Malformed(text.to_owned())
}
