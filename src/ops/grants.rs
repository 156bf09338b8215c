//! What the grant operations share: the members that describe a grant, and
//! their rules.

use serde::Serialize;

use super::ctx::Ctx;
use super::shapes::{Nothing, out_text};
use crate::base::arn::{Arn, PARTITION};
use crate::base::grant::GrantOperation;
use crate::base::hex;
use crate::base::ids::AccountId;
use crate::policy::principal::PrincipalDirectory;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
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

/// A page of a list of grants: there are none yet.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NoGrants {
    grants: [Nothing; 0],
    truncated: bool,
}

impl NoGrants {
    pub(super) const PAGE: Self = Self { grants: [], truncated: false };
}

/// Refuses what is no id of a grant: 64 lower-case hex digits.
pub(super) fn check_id(id: &str) -> Result<(), ApiError> {
    match hex::decode::<32>(id) {
        Some(_) => Ok(()),
        None => Err(ApiError::new(Code::InvalidGrantIdException, "The grant ID is not valid.")),
    }
}

/// No grant has this id.
pub(super) fn not_found(id: &str) -> ApiError {
    ApiError::new(Code::NotFoundException, format!("Grant ID {id} not found"))
}

/// Refuses what is no principal that a grant can name: an account, a user, a
/// role, or a session of a role. Those of this account must exist.
pub(super) fn check_principal(
    ctx: &Ctx,
    account: &AccountId,
    principal: Option<&str>,
) -> Result<(), ApiError> {
    let Some(principal) = principal else { return Ok(()) };
    let refused = || {
        let text = format!("ARN does not refer to a valid principal: {principal}");
        ApiError::new(Code::InvalidArnException, text)
    };
    let known = |arn: &Arn<'_>| arn.partition == PARTITION && arn.region.is_empty();
    let arn = Arn::parse(principal).filter(known).ok_or_else(refused)?;
    let home = AccountId::parse(arn.account).ok_or_else(refused)?;
    let named = match (arn.service, arn.resource.split_once('/')) {
        ("iam", None) if arn.resource == "root" => return Ok(()),
        ("iam", Some(("user" | "role", _))) => principal.to_owned(),
        ("sts", Some(("assumed-role", session))) => {
            let (role, _) = session.split_once('/').ok_or_else(refused)?;
            format!("arn:{PARTITION}:iam::{home}:role/{role}")
        }
        _ => return Err(refused()),
    };
    match home == *account && ctx.directory.resolve(&named).is_none() {
        true => Err(refused()),
        false => Ok(()),
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
