//! The key of a service before it is there. Naming it makes it, so that whoever could
//! not use it is refused first.

use super::ctx::Ctx;
use crate::base::arn::{AliasArn, KeyArn};
use crate::base::caller::Caller;
use crate::base::ids::{KeyId, Realm};
use crate::base::managed::ManagedService;
use crate::base::spec::{KeySpec, KeyUsage, Origin};
use crate::policy::actions::Action;
use crate::policy::builtin::managed_key_policy;
use crate::policy::decision::Decision;
use crate::policy::grant::NoGrants;
use crate::policy::question::{
    Aliases, KeyResource, NO_TAGS, Question, RequestFacts, Resource, Standing,
};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

/// Who asks, and for what.
pub(super) struct Asked<'a> {
    pub(super) caller: &'a Caller,
    pub(super) standing: &'a Standing,
    pub(super) action: Action,
    pub(super) request: &'a RequestFacts<'a>,
}

/// The only alias of a key.
struct Only<'a>(&'a AliasArn);

impl Aliases for Only<'_> {
    fn aliases_of(&self, _key: &KeyArn, limit: usize) -> Vec<String> {
        std::iter::once(self.0.name.as_str().to_owned()).take(limit).collect()
    }
}

/// Decides as if the key were there. It has no id yet: all zeros stand for it.
pub(super) fn decide(
    ctx: &Ctx,
    service: ManagedService,
    alias: &AliasArn,
    asked: &Asked<'_>,
) -> Result<Decision, ApiError> {
    let AliasArn { region, account, .. } = alias.clone();
    let policy = ctx.engine.managed_key_policy(&managed_key_policy(service, &account, &region))?;
    let arn = KeyArn { region, account, id: KeyId::from_random([0; 16]) };
    let key = KeyResource {
        arn: &arn,
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsage::EncryptDecrypt,
        origin: Origin::AwsKms,
        multi_region: None,
        tags: &NO_TAGS,
        aliases: &Only(alias),
        policy: &policy,
    };
    Ok(ctx.engine.decide(&Question {
        caller: asked.caller,
        action: asked.action,
        resource: Resource::Key(key),
        standing: asked.standing,
        grants: &NoGrants,
        request: asked.request,
    }))
}

/// The alias of a service's key in a realm.
pub(super) fn alias(service: ManagedService, Realm { account, region }: Realm) -> Option<AliasArn> {
    Some(AliasArn { region, account, name: service.alias()? })
}

/// The refusal of somebody who could not use the key.
pub(super) fn refusal(alias: &AliasArn, asked: &Asked<'_>, reason: &str) -> ApiError {
    let (principal, action) = (&asked.caller.principal, asked.action);
    let text = format!(
        "User: {principal} is not authorized to perform: {action} on resource: {alias} {reason}"
    );
    ApiError::new(Code::AccessDeniedException, text)
}
