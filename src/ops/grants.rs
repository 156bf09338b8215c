//! What the grant operations share: the members that describe a grant, and
//! their rules.

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::ctx::Ctx;
use super::operation::Description;
use super::shapes::out_text;
use crate::base::arn::{Arn, PARTITION};
use crate::base::context::EncryptionContext;
use crate::base::grant::{GrantId, GrantOperation, GrantTerms};
use crate::base::ids::AccountId;
use crate::base::timestamp;
use crate::keys::grants::principal::{GrantPrincipal, NamedPrincipal};
use crate::keys::grants::{Grant, token};
use crate::policy::fact::Fact;
use crate::policy::principal::{PrincipalDirectory, PrincipalId};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::paging::Page;
use crate::wire::shape::{ALIAS, Member, Pattern, Shape, matching, secret, text};

/// A principal by ARN.
pub(super) const PRINCIPAL: Shape = matching(1, 256, PRINCIPAL_TEXT);
/// A service by its name, such as `rds.amazonaws.com`.
pub(super) const SERVICE_PRINCIPAL: Shape = matching(1, 128, SERVICE_TEXT);
/// The id of a grant.
pub(super) const GRANT_ID: Shape = text(1, 128);
/// The name of a grant: letters as in an alias.
pub(super) const GRANT_NAME: Shape = matching(1, 256, ALIAS);
/// `GrantToken` of an input: never recorded.
pub(super) const GRANT_TOKEN: Shape = secret(1, 8192, None);
/// `Operations`. AWS has no limit on their number; the shape's is there to
/// bound the work.
pub(super) const OPERATIONS: Shape =
    Shape::List { of: &Shape::Enum(GrantOperation::NAMES), min: 0, max: 64 };
/// `Constraints`.
pub(super) const CONSTRAINTS: Member = Member::optional(
    "Constraints",
    Shape::Structure(&[
        Member::optional("EncryptionContextSubset", Shape::Map),
        Member::optional("EncryptionContextEquals", Shape::Map),
        Member::optional("SourceArn", matching(20, 512, SOURCE_ARN)),
    ]),
);
/// The output of both lists.
pub(super) const PAGE: &[Member] = &[
    Member::optional("Grants", Shape::List { of: &ENTRY, min: 0, max: 100 }),
    out_text("NextMarker"),
    Member::optional("Truncated", Shape::Boolean),
];

const ENTRY: Shape = Shape::Structure(&[
    out_text("KeyId"),
    out_text("GrantId"),
    out_text("Name"),
    Member::optional("CreationDate", Shape::Timestamp),
    out_text("GranteePrincipal"),
    out_text("RetiringPrincipal"),
    out_text("IssuingAccount"),
    Member::optional("Operations", OPERATIONS),
    CONSTRAINTS,
    out_text("GranteeServicePrincipal"),
    out_text("RetiringServicePrincipal"),
]);

const PRINCIPAL_TEXT: Pattern = Pattern {
    text: r"^[\w+=,.@:/-]+$",
    matches: |text| {
        let known = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
        !text.is_empty() && text.bytes().all(known)
    },
};
const SERVICE_TEXT: Pattern = Pattern {
    text: r"^([A-Za-z0-9\-]+)\.([A-Za-z0-9\-]+)(\.[A-Za-z0-9\-]+)+$",
    matches: |text| {
        let part = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        text.split('.').count() >= 3 && text.split('.').all(part)
    },
};
const SOURCE_ARN: Pattern = Pattern {
    text: "^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$",
    matches: |text| {
        let word = |text: &str| {
            text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        Arn::parse(text).is_some_and(|arn| {
            arn.partition.starts_with("aws")
                && [arn.partition, arn.service, arn.region].into_iter().all(word)
                && !arn.service.is_empty()
                && AccountId::parse(arn.account).is_some()
                && !arn.resource.is_empty()
                // What `.` is not in Java.
                && !arn.resource.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
        })
    },
};

/// A page of a list of grants.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    grants: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key_id: String,
    grant_id: String,
    /// Empty for a grant without one, as AWS shows it.
    name: String,
    creation_date: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    grantee_principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retiring_principal: Option<String>,
    issuing_account: String,
    operations: Vec<GrantOperation>,
    #[serde(skip_serializing_if = "Constraints::is_empty")]
    constraints: Constraints,
    #[serde(skip_serializing_if = "Option::is_none")]
    grantee_service_principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retiring_service_principal: Option<String>,
}

/// `Constraints` of a grant.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Constraints {
    #[serde(default, skip_serializing_if = "EncryptionContext::is_empty")]
    pub(super) encryption_context_subset: EncryptionContext,
    #[serde(default, skip_serializing_if = "EncryptionContext::is_empty")]
    pub(super) encryption_context_equals: EncryptionContext,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source_arn: Option<String>,
}

impl Constraints {
    fn is_empty(&self) -> bool {
        self.encryption_context_subset.is_empty()
            && self.encryption_context_equals.is_empty()
            && self.source_arn.is_none()
    }
}

impl Output {
    pub(super) fn of(page: Page<Grant>) -> Self {
        Self {
            grants: page.entries.into_iter().map(Entry::of).collect(),
            truncated: page.next_marker.is_some(),
            next_marker: page.next_marker,
        }
    }
}

impl Entry {
    fn of(grant: Grant) -> Self {
        let (grantee_principal, grantee_service_principal) = shown(Some(grant.grantee));
        let (retiring_principal, retiring_service_principal) = shown(grant.retiring);
        Self {
            key_id: grant.key.to_string(),
            grant_id: grant.terms.id.to_string(),
            name: grant.name.unwrap_or_default(),
            creation_date: timestamp::epoch_seconds(grant.created_ms),
            grantee_principal,
            retiring_principal,
            issuing_account: format!("arn:{PARTITION}:iam::{}:root", grant.issuing_account),
            operations: grant.terms.operations.iter().collect(),
            constraints: Constraints {
                encryption_context_subset: grant.terms.subset,
                encryption_context_equals: grant.terms.equals,
                source_arn: grant.terms.source_arn,
            },
            grantee_service_principal,
            retiring_service_principal,
        }
    }
}

/// A principal in the member for principals, or that for services.
fn shown(principal: Option<NamedPrincipal>) -> (Option<String>, Option<String>) {
    match principal {
        None => (None, None),
        Some(NamedPrincipal { id: GrantPrincipal::Service(_), name }) => (None, Some(name.into())),
        Some(NamedPrincipal { name, .. }) => (Some(name.into()), None),
    }
}

/// Reads the id of a grant: 64 lower-case hex digits.
///
/// # Errors
/// `InvalidGrantIdException`.
pub(super) fn parse_id(id: &str) -> Result<GrantId, ApiError> {
    let refused = || ApiError::new(Code::InvalidGrantIdException, "The grant ID is not valid.");
    GrantId::parse(id).ok_or_else(refused)
}

/// No grant has this id.
pub(super) fn not_found(id: &GrantId) -> ApiError {
    ApiError::new(Code::NotFoundException, format!("Grant ID {id} not found"))
}

/// Refuses tokens that this server did not make, where the operation has an error
/// for that. Grants are in force as soon as they are made, so that good tokens,
/// too, have no further effect. Whether the call's key is there plays no part.
///
/// # Errors
/// `InvalidGrantTokenException`.
pub(super) fn check_tokens(
    ctx: &Ctx,
    description: &Description,
    tokens: &[String],
) -> Result<(), ApiError> {
    let invalid = Code::InvalidGrantTokenException;
    let is_checked = description.errors.contains(&invalid);
    match tokens.iter().any(|token| token::open(&ctx.hsm, token).is_none()) {
        true if is_checked => Err(ApiError::bare(invalid)),
        _ => Ok(()),
    }
}

/// The encryption context that a grant is constrained to: what conditions on the
/// encryption context mean of CreateGrant and RetireGrant.
pub(super) fn constraint(terms: &GrantTerms) -> EncryptionContext {
    let pairs = terms.subset.iter().chain(terms.equals.iter());
    EncryptionContext::new(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

/// Says that no service asks for its own resource: callers come by themselves.
pub(super) fn says_direct(access: &mut Access<'_>) {
    access.says(Fact::GrantIsForAwsResource, false);
}

/// Says to the policy what a grant is constrained to.
pub(super) fn says_constraints(access: &mut Access<'_>, terms: &GrantTerms) {
    let kinds = [
        ("EncryptionContextEquals", !terms.equals.is_empty()),
        ("EncryptionContextSubset", !terms.subset.is_empty()),
        ("SourceArn", terms.source_arn.is_some()),
    ];
    if let Some((kind, _)) = kinds.into_iter().find(|(_, is_there)| *is_there) {
        access.says(Fact::GrantConstraintType, kind);
    }
}

/// The principal that a grant is to name by this ARN: an account, a user, a role,
/// or a session of a role. Users and roles must exist.
///
/// # Errors
/// `InvalidArnException`.
pub(super) fn principal(ctx: &Ctx, name: &str) -> Result<NamedPrincipal, ApiError> {
    let id = resolve(ctx, name).ok_or_else(|| no_principal(name))?;
    Ok(NamedPrincipal { id, name: name.into() })
}

/// A service that a grant is to name.
pub(super) fn service(name: &str) -> NamedPrincipal {
    NamedPrincipal { id: GrantPrincipal::Service(name.into()), name: name.into() }
}

/// `InvalidArnException` for what is no principal.
pub(super) fn no_principal(name: &str) -> ApiError {
    let text = format!("ARN does not refer to a valid principal: {name}");
    ApiError::new(Code::InvalidArnException, text)
}

fn resolve(ctx: &Ctx, name: &str) -> Option<GrantPrincipal> {
    let known = |arn: &Arn<'_>| arn.partition == PARTITION && arn.region.is_empty();
    let arn = Arn::parse(name).filter(known)?;
    let account = AccountId::parse(arn.account)?;
    let find = |arn: &str| match ctx.directory.resolve(arn)? {
        PrincipalId::User(id) => Some(GrantPrincipal::User(id.into())),
        PrincipalId::Role(id) => Some(GrantPrincipal::Role(id.into())),
    };
    match (arn.service, arn.resource.split_once('/')) {
        ("iam", None) if arn.resource == "root" => Some(GrantPrincipal::Account(account)),
        ("iam", Some(("user" | "role", _))) => find(name),
        ("sts", Some(("assumed-role", session))) => {
            let (role, session) = session.split_once('/')?;
            match find(&format!("arn:{PARTITION}:iam::{account}:role/{role}"))? {
                GrantPrincipal::Role(role_id) if !session.is_empty() => {
                    Some(GrantPrincipal::Session { role_id, name: session.into() })
                }
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: Pattern, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!((pattern.matches)(text), "{text}");
        }
        for text in bad {
            assert!(!(pattern.matches)(text), "{text}");
        }
    }

    #[test]
    fn patterns() {
        check(
            PRINCIPAL_TEXT,
            &["arn:aws:iam::111122223333:user/a.b@c=d,e+f_g-h"],
            &["", "a b", "*"],
        );
        check(
            SERVICE_TEXT,
            &["rds.amazonaws.com", "a-1.b.c.d"],
            &["", "amazonaws.com", "a..b.c", "a_b.c.d"],
        );
        check(
            SOURCE_ARN,
            &["arn:aws:rds:eu-central-1:111122223333:db:x", "arn:aws-cn:s3::111122223333:x"],
            &[
                "arn:aws:rds:eu-central-1:1:db:x",
                "arn:aws:rds:eu-central-1:111122223333:",
                "arn:other:rds:eu-central-1:111122223333:x",
                "arn:aws::eu-central-1:111122223333:x",
            ],
        );
    }
}
