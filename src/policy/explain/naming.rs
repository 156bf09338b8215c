//! What principals, documents and requests are called in a story.

use std::collections::BTreeMap;

use cedar_policy::{ActionConstraint, EntityUid, PrincipalConstraint, ResourceConstraint};

use super::{Names, ScopePart};
use crate::base::caller::Principal;
use crate::base::timestamp;
use crate::policy::decision::Source;
use crate::policy::document::{Document, Rule};
use crate::policy::engine::Engine;
use crate::policy::principal::PrincipalId;
use crate::policy::question::{Question, Resource};

/// The caller in a few words.
pub(super) fn principal(principal: &Principal) -> String {
    match principal {
        Principal::Root { account } => format!("the root principal of account {account}"),
        Principal::User { name, .. } => format!("user {name}"),
        Principal::RoleSession { role_name, name, .. } => {
            format!("session {name} of role {role_name}")
        }
        Principal::WebIdentity { provider, subject, .. } => format!("{subject} of {provider}"),
        Principal::System { .. } => "the server itself".to_owned(),
        Principal::Anonymous { .. } => "nobody".to_owned(),
    }
}

/// A document in a few words: as its owner calls it, or by its id.
pub(super) fn document(
    engine: &Engine,
    source: Source,
    document: &Document,
    question: &Question<'_>,
    names: &Names,
) -> String {
    let id = document.id();
    if let Some(called) = names.documents.get(&(source, id.to_owned())) {
        return called.join(" and ");
    }
    let caller = principal(&question.caller.principal);
    match source {
        Source::Builtin => format!("what {caller} may always do"),
        Source::Guardrail => format!("guardrail {}", engine.guardrails.name_of(id)),
        Source::Identity => format!("identity policy of {caller}"),
        Source::Boundary => format!("permissions boundary of {caller}"),
        Source::SessionPolicy => format!("session policy of {caller}"),
        Source::KeyPolicy => "key policy".to_owned(),
        Source::TrustPolicy => match question.resource {
            Resource::Role { name, .. } => format!("trust policy of role {name}"),
            _ => "trust policy".to_owned(),
        },
        Source::Grant => "grants".to_owned(),
    }
}

/// What the request says beside who, what and on what.
pub(super) fn request(question: &Question<'_>) -> BTreeMap<String, String> {
    let Question { caller, request, standing, .. } = question;
    let mut said = BTreeMap::new();
    let mut say = |name: String, value: String| {
        said.insert(name, value);
    };
    for (key, value) in request.encryption_context.into_iter().flat_map(|pairs| pairs.iter()) {
        say(format!("encryption context {key}"), value.to_owned());
    }
    for (key, value) in &standing.tags {
        say(format!("principal tag {key}"), value.clone());
    }
    if let Some(address) = caller.source_ip {
        say("source IP".to_owned(), address.to_string());
    }
    if let Some(service) = &caller.via_service {
        say("via service".to_owned(), service.to_string());
    }
    if let Some(alias) = request.request_alias {
        say("request alias".to_owned(), alias.to_owned());
    }
    say("TLS".to_owned(), if caller.secure_transport { "yes" } else { "no" }.to_owned());
    say("time".to_owned(), timestamp::event_time(request.now_ms));
    said
}

/// What a policy names in one part of its scope.
pub(in crate::policy) fn scope(document: &Document, rule: &Rule, part: ScopePart) -> Vec<String> {
    match part {
        ScopePart::Principal => match rule.policy.principal_constraint() {
            PrincipalConstraint::Any => vec!["everybody".to_owned()],
            PrincipalConstraint::Is(kind) => vec![format!("every {kind}")],
            PrincipalConstraint::Eq(uid) | PrincipalConstraint::In(uid) => {
                vec![entity(document, &uid)]
            }
            PrincipalConstraint::IsIn(kind, uid) => {
                vec![format!("every {kind} in {}", entity(document, &uid))]
            }
        },
        ScopePart::Action => match rule.policy.action_constraint() {
            ActionConstraint::Any => vec!["every action".to_owned()],
            ActionConstraint::Eq(uid) => vec![id(&uid)],
            ActionConstraint::In(uids) => uids.iter().map(id).collect(),
        },
        ScopePart::Resource => match rule.policy.resource_constraint() {
            ResourceConstraint::Any => vec!["everything".to_owned()],
            ResourceConstraint::Is(kind) => vec![format!("every {kind}")],
            ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) => {
                vec![entity(document, &uid)]
            }
            ResourceConstraint::IsIn(kind, uid) => {
                vec![format!("every {kind} in {}", entity(document, &uid))]
            }
        },
    }
}

/// The account that a name of a principal speaks of, if it speaks of one.
pub(super) fn account_in(name: &str) -> Option<&str> {
    let after = |mark: &str| name.split_once(mark).map(|(_, after)| after);
    let account = after("account ").or_else(|| after(":iam::"))?.get(..12)?;
    account.bytes().all(|byte| byte.is_ascii_digit()).then_some(account)
}

/// Where a statement stands: ``statement 0 ("Sid") of the key policy``.
pub(super) fn place(document: &str, statement: usize, sid: Option<&str>) -> String {
    // A policy with a name of its own, and what is always so, need no article.
    let article = match document.starts_with("policy ") || document.starts_with("what ") {
        true => "",
        false => "the ",
    };
    match sid {
        Some(sid) => format!("statement {statement} ({sid:?}) of {article}{document}"),
        None => format!("statement {statement} of {article}{document}"),
    }
}

fn id(uid: &EntityUid) -> String {
    uid.id().unescaped().to_owned()
}

/// A principal by its ARN where the document knows it, anything else by its id.
fn entity(document: &Document, uid: &EntityUid) -> String {
    let id = id(uid);
    let arn = |wanted: &str, kind: fn(&PrincipalId) -> bool| {
        let mut resolved = document.resolved().iter();
        let found = resolved.find(|(_, id)| kind(id) && id.as_str() == wanted);
        found.map(|(arn, _)| arn.clone())
    };
    let user = |id: &PrincipalId| matches!(id, PrincipalId::User(_));
    let role = |id: &PrincipalId| matches!(id, PrincipalId::Role(_));
    match uid.type_name().basename() {
        "Account" => format!("account {id}"),
        "Root" => format!("the root principal of account {id}"),
        "User" => arn(&id, user).unwrap_or_else(|| uid.to_string()),
        "Role" => arn(&id, role).unwrap_or_else(|| uid.to_string()),
        "RoleSession" => {
            let split = id.split_once(':');
            let known = split.and_then(|(id, name)| Some((arn(id, role)?, name)));
            known.map_or_else(|| uid.to_string(), |(arn, name)| format!("session {name} of {arn}"))
        }
        "Service" | "Key" | "Alias" => id,
        _ => uid.to_string(),
    }
}
