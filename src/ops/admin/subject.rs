//! The user, role or group that an administrative call is about.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::ids::AccountId;
use crate::base::limits;
use crate::identity::changes::DeleteIdentity;
use crate::identity::directory::{Identity, Kind};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::Done;
use crate::ops::shapes::{Nothing, out_text};
use crate::policy::actions::Action;
use crate::policy::question::{NO_TAGS, Resource};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, POLICY_TEXT, Pattern, Shape, matching};

/// The characters of user, role, group, policy and session names (IAM API Reference).
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
/// A group's name, of 1 to 128 characters.
const GROUP_SHAPE: Shape = matching(1, 128, NAME);
/// `groupName`, required.
pub(super) const GROUP_NAME: Member = Member::required("groupName", GROUP_SHAPE);
/// `userName`, `roleName` and `groupName`, of which a call has one.
pub(super) const ONE_OF_USER: Member = Member::optional("userName", NAME_SHAPE);
pub(super) const ONE_OF_ROLE: Member = Member::optional("roleName", NAME_SHAPE);
pub(super) const ONE_OF_GROUP: Member = Member::optional("groupName", GROUP_SHAPE);
/// `assumeRolePolicyDocument`: a trust policy.
pub(super) const TRUST: Member =
    Member::optional("assumeRolePolicyDocument", matching(1, limits::POLICY_BYTES, POLICY_TEXT));
/// `maxSessionDurationSeconds`.
pub(super) const MAX_SESSION: Member = Member::optional(
    "maxSessionDurationSeconds",
    Shape::Integer { min: limits::MAX_SESSION_SECONDS_MIN, max: limits::MAX_SESSION_SECONDS_MAX },
);
/// `policyName`, required.
pub(super) const POLICY_NAME: Member = Member::required("policyName", matching(1, 128, NAME));
/// `accessKeyId`, required.
pub(super) const ACCESS_KEY_ID: Member = Member::required("accessKeyId", matching(16, 128, NAME));

/// The members by which a call names whom it is about: exactly one of them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Named {
    user_name: Option<String>,
    role_name: Option<String>,
    group_name: Option<String>,
}

/// Finds a user, role or group of the caller's account and asks for `action` on
/// it. The question is asked for names that do not exist as well: who may not
/// ask does not learn which do.
pub(super) fn find(
    ctx: &Ctx,
    access: &mut Access<'_>,
    action: Action,
    kind: Kind,
    name: &str,
) -> Result<Arc<Identity>, ApiError> {
    let account = access.call().caller.principal.account();
    let found = ctx.directory.find_by_name(account, kind, name);
    ask(access, action, account, kind, name, found.as_deref())?;
    found.ok_or_else(|| unknown(kind, name))
}

/// Finds the user, role or group that a call names.
pub(super) fn find_named(
    ctx: &Ctx,
    access: &mut Access<'_>,
    action: Action,
    named: &Named,
) -> Result<Arc<Identity>, ApiError> {
    let Named { user_name, role_name, group_name } = named;
    match (user_name, role_name, group_name) {
        (Some(name), None, None) => find(ctx, access, action, Kind::User, name),
        (None, Some(name), None) => find(ctx, access, action, Kind::Role, name),
        (None, None, Some(name)) => find(ctx, access, action, Kind::Group, name),
        _ => {
            let text = "Specify exactly one of userName, roleName and groupName.";
            Err(ApiError::validation(text))
        }
    }
}

/// What was found, as it is now that it is the caller's turn.
pub(super) fn as_of_now(ctx: &Ctx, found: &Identity) -> Result<Arc<Identity>, ApiError> {
    let now = ctx.directory.find(&found.unique_id);
    now.ok_or_else(|| unknown(found.kind, &found.name))
}

/// Finds a user of the caller's account for somebody who was asked already.
pub(super) fn load_user(
    ctx: &Ctx,
    access: &Access<'_>,
    name: &str,
) -> Result<Arc<Identity>, ApiError> {
    let account = access.call().caller.principal.account();
    let found = ctx.directory.find_by_name(account, Kind::User, name);
    found.ok_or_else(|| unknown(Kind::User, name))
}

fn unknown(kind: Kind, name: &str) -> ApiError {
    let text = format!("The {} with name {name} cannot be found.", kind.as_str());
    ApiError::new(Code::NotFoundException, text)
}

/// Asks for `action` on the first account of the server, which alone may do
/// something about accounts.
pub(in crate::ops) fn ask_first_account(
    ctx: &Ctx,
    access: &mut Access<'_>,
    action: Action,
) -> Result<(), ApiError> {
    let region = &access.call().region;
    access.resource(action, Resource::Account { account: &ctx.account, region }).map(drop)
}

/// Asks for `action` on the identity of this name, which may not be there.
fn ask(
    access: &mut Access<'_>,
    action: Action,
    account: &AccountId,
    kind: Kind,
    name: &str,
    found: Option<&Identity>,
) -> Result<(), ApiError> {
    let unique_id = found.map_or("", |identity| identity.unique_id.as_str());
    let tags = found.map_or(&NO_TAGS, |identity| &identity.tags);
    let resource = match kind {
        Kind::User => Resource::User { account, unique_id, name, tags },
        Kind::Role => {
            let terms = found.and_then(|role| role.role.as_ref());
            let trust = terms.map(|terms| &terms.trust);
            Resource::Role { account, unique_id, name, tags, trust }
        }
        Kind::Group => Resource::Group { account, unique_id, name },
    };
    access.resource(action, resource).map(drop)
}

/// Deletes a user, role or group, with everything that hangs on it.
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

/// Checks that an account may have one more user, role or group of this name.
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
    let limit = match kind {
        Kind::User | Kind::Role => limits::PRINCIPALS_PER_ACCOUNT,
        Kind::Group => limits::GROUPS_PER_ACCOUNT,
    };
    if ctx.directory.list(account, kind).len() >= limit {
        let text = format!("The account already has {limit} {kind_name}s.");
        return Err(ApiError::new(Code::LimitExceededException, text));
    }
    Ok(())
}

/// An access key without its secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Key {
    access_key_id: String,
    status: &'static str,
}

/// The shape of a [`Key`].
pub(super) const KEY: Shape = Shape::Structure(&[out_text("accessKeyId"), out_text("status")]);

/// The access keys of a user.
pub(super) fn access_keys(ctx: &Ctx, user: &Identity) -> Vec<Key> {
    let keys = ctx.directory.access_keys_of(&user.unique_id);
    keys.iter()
        .map(|key| Key {
            access_key_id: key.id.clone(),
            status: if key.active { "Active" } else { "Inactive" },
        })
        .collect()
}

/// The names of users or groups.
pub(super) fn names(identities: &[Arc<Identity>]) -> Vec<String> {
    identities.iter().map(|identity| identity.name.clone()).collect()
}
