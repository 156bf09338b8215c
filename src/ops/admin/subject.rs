//! The user or role that an administrative call is about.

use std::sync::Arc;

use crate::identity::changes::DeleteIdentity;
use crate::identity::directory::{Identity, Kind};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::Done;
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Pattern, Shape, matching};

/// The characters of user, role, policy and session names (IAM API Reference).
const NAME: Pattern = Pattern {
    text: r"[\w+=,.@-]+",
    // A name of dots only could not stand in a path.
    matches: |text| {
        !text.trim_matches('.').is_empty()
            && text.bytes().all(|b| {
                b.is_ascii_alphanumeric()
                    || matches!(b, b'_' | b'+' | b'=' | b',' | b'.' | b'@' | b'-')
            })
    },
};

/// A name of 1 to 64 characters.
pub(super) const NAME_SHAPE: Shape = matching(1, 64, NAME);
/// `userName`, required.
pub(super) const USER_NAME: Member = Member::required("userName", NAME_SHAPE);
/// `roleName`, required.
pub(super) const ROLE_NAME: Member = Member::required("roleName", NAME_SHAPE);
/// `policyName`, required.
pub(super) const POLICY_NAME: Member = Member::required("policyName", matching(1, 128, NAME));
/// `accessKeyId`, required.
pub(super) const ACCESS_KEY_ID: Member = Member::required("accessKeyId", matching(16, 128, NAME));

/// Finds a user or role of the caller's account and asks for `action` on it.
/// The question is asked for names that do not exist as well: who may not ask
/// does not learn which do.
pub(super) fn find(
    ctx: &Ctx,
    access: &mut Access<'_>,
    action: Action,
    kind: Kind,
    name: &str,
) -> Result<Arc<Identity>, ApiError> {
    let account = access.call().caller.principal.account();
    let found = ctx.directory.find_by_name(account, kind, name);
    let unique_id = found.as_ref().map_or("", |identity| identity.unique_id.as_str());
    let resource = match kind {
        Kind::User => Resource::User { account, unique_id, name },
        Kind::Role => Resource::Role { account, unique_id, name, trust: None },
    };
    access.resource(action, resource)?;
    found.ok_or_else(|| {
        let text = format!("The {} with name {name} cannot be found.", kind.as_str());
        ApiError::new(Code::NotFoundException, text)
    })
}

/// Finds the user or role that a call names by exactly one of two members.
pub(super) fn find_either(
    ctx: &Ctx,
    access: &mut Access<'_>,
    action: Action,
    user_name: Option<&str>,
    role_name: Option<&str>,
) -> Result<Arc<Identity>, ApiError> {
    match (user_name, role_name) {
        (Some(name), None) => find(ctx, access, action, Kind::User, name),
        (None, Some(name)) => find(ctx, access, action, Kind::Role, name),
        _ => Err(ApiError::validation("Specify either userName or roleName.")),
    }
}

/// Deletes a user or role, with everything that hangs on it.
pub(super) fn delete(
    ctx: &Ctx,
    access: &mut Access<'_>,
    action: Action,
    kind: Kind,
    name: &str,
) -> Result<Done<Nothing>, ApiError> {
    let identity = find(ctx, access, action, kind, name)?;
    let change = DeleteIdentity { directory: Arc::clone(&ctx.directory), identity };
    Ok(Done::changed(Nothing {}, vec![Box::new(change)], None))
}

/// Checks that an account may have one more user or role of this name.
pub(super) fn check_new(
    ctx: &Ctx,
    access: &Access<'_>,
    kind: Kind,
    name: &str,
) -> Result<(), ApiError> {
    let account = access.call().caller.principal.account();
    let kind_name = kind.as_str();
    if ctx.directory.find_by_name(account, kind, name).is_some() {
        let text = format!("The {kind_name} with name {name} already exists.");
        return Err(ApiError::new(Code::AlreadyExistsException, text));
    }
    let limit = crate::base::limits::PRINCIPALS_PER_ACCOUNT;
    if ctx.directory.list(account, kind).len() >= limit {
        let text = format!("The account already has {limit} {kind_name}s.");
        return Err(ApiError::new(Code::LimitExceededException, text));
    }
    Ok(())
}
