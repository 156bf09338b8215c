//! What several operations on the trail share.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::audit::trail::{self, Trail};
use crate::base::limits;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

/// The name or the ARN of a trail.
pub(super) const NAME: Member = Member::required("Name", NAME_SHAPE);
pub(super) const NAME_SHAPE: Shape = text(0, limits::LOOKUP_VALUE_CHARS);

/// A trail of the output.
pub(super) const TRAIL: Shape = Shape::Structure(&[
    out_text("Name"),
    out_text("S3BucketName"),
    out_text("S3KeyPrefix"),
    Member::optional("IncludeGlobalServiceEvents", Shape::Boolean),
    Member::optional("IsMultiRegionTrail", Shape::Boolean),
    out_text("HomeRegion"),
    out_text("TrailARN"),
    Member::optional("LogFileValidationEnabled", Shape::Boolean),
    Member::optional("HasCustomEventSelectors", Shape::Boolean),
    Member::optional("HasInsightSelectors", Shape::Boolean),
    Member::optional("IsOrganizationTrail", Shape::Boolean),
]);

/// The errors of operations that name a trail.
pub(super) const NAME_ERRORS: &[Code] = &[
    Code::CloudTrailARNInvalidException,
    Code::InvalidTrailNameException,
    Code::TrailNotFoundException,
];

/// The input of operations on one trail.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Named {
    pub(super) name: String,
}

/// A trail as AWS describes it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Described {
    name: &'static str,
    #[serde(rename = "S3BucketName")]
    bucket: String,
    #[serde(rename = "S3KeyPrefix", skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    include_global_service_events: bool,
    is_multi_region_trail: bool,
    home_region: String,
    #[serde(rename = "TrailARN")]
    arn: String,
    log_file_validation_enabled: bool,
    has_custom_event_selectors: bool,
    has_insight_selectors: bool,
    is_organization_trail: bool,
}

impl Described {
    pub(super) fn of(trail: &Trail, access: &Access<'_>) -> Self {
        Self {
            name: trail::NAME,
            bucket: trail.bucket().to_owned(),
            prefix: trail.prefix().map(str::to_owned),
            include_global_service_events: true,
            is_multi_region_trail: true,
            home_region: trail.home().to_string(),
            arn: trail.arn(access.call().caller.principal.account()),
            log_file_validation_enabled: true,
            has_custom_event_selectors: false,
            has_insight_selectors: false,
            is_organization_trail: false,
        }
    }
}

/// Asks whether the caller may do this with the book.
pub(super) fn permit(access: &mut Access<'_>, action: Action) -> Result<(), ApiError> {
    let account = access.call().caller.principal.account();
    access.resource(action, Resource::AuditLog { account }).map(drop)
}

/// Finds the trail that `name` names, by its name or its ARN.
///
/// # Errors
/// Those of [`NAME_ERRORS`].
pub(super) fn find<'a>(
    ctx: &'a Ctx,
    access: &Access<'_>,
    name: &str,
) -> Result<&'a Arc<Trail>, ApiError> {
    let account = access.call().caller.principal.account();
    if name.starts_with("arn:") {
        let is_trail = name.split(':').nth(2) == Some("cloudtrail") && name.contains(":trail/");
        if !is_trail {
            let text = format!("The trail ARN {name} is not valid.");
            return Err(ApiError::new(Code::CloudTrailARNInvalidException, text));
        }
    } else if !is_trail_name(name) {
        let text = "Trail name must have 3 to 128 characters: letters, digits, periods, \
                    underscores and dashes.";
        return Err(ApiError::new(Code::InvalidTrailNameException, text));
    }
    let named = ctx.trail.as_ref().filter(|trail| is_named(trail, access, name));
    named.ok_or_else(|| {
        let text = format!("Unknown trail: {name} for the user: {account}");
        ApiError::new(Code::TrailNotFoundException, text)
    })
}

/// Whether the caller means this trail.
pub(super) fn is_named(trail: &Trail, access: &Access<'_>, name: &str) -> bool {
    name == trail::NAME || name == trail.arn(access.call().caller.principal.account())
}

fn is_trail_name(name: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (3..=128).contains(&name.len()) && name.bytes().all(is_sign)
}
