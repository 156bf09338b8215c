//! What the alias operations share: the rules for names.

use super::ctx::Ctx;
use crate::base::ids::{AliasName, KeyId, Realm};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{ALIAS, Member, matching};

/// `AliasName`.
pub(super) const ALIAS_NAME: Member = Member::required("AliasName", matching(1, 256, ALIAS));

/// The name that a caller sent, if it may be created, changed or deleted.
pub(super) fn parse(text: &str) -> Result<AliasName, ApiError> {
    if !text.starts_with("alias/") {
        return Err(ApiError::validation(
            "Alias must start with the prefix \"alias/\". Please see \
             https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        ));
    }
    let Some(name) = AliasName::parse(text) else {
        let text = format!("{text} contains invalid characters for an alias");
        return Err(ApiError::new(Code::InvalidAliasNameException, text));
    };
    if name.is_reserved() {
        return Err(ApiError::bare(Code::NotAuthorizedException));
    }
    Ok(name)
}

/// Refuses an alias where the target of an alias should be.
pub(super) fn refuse_alias_target(target: &str) -> Result<(), ApiError> {
    if target.starts_with("alias/") || target.contains(":alias/") {
        return Err(ApiError::validation("Aliases must refer to keys. Not aliases"));
    }
    Ok(())
}

/// Checks that a key may have one more alias.
pub(super) fn check_room(ctx: &Ctx, realm: &Realm, key: KeyId) -> Result<(), ApiError> {
    let quota = ctx.quotas.aliases_per_key;
    let held = ctx.keys.list_aliases(realm, Some(key), None, quota);
    if held.len() < quota {
        return Ok(());
    }
    let text = format!("The key already has {quota} aliases.");
    Err(ApiError::new(Code::LimitExceededException, text))
}
