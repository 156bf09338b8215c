//! Accounts, groups, users and roles of a seed.

use std::sync::Arc;

use super::file::{SeedAccount, SeedIdentity};
use super::{Changes, Problem, Thing, Things, home_region};
use crate::base::arn::PARTITION;
use crate::base::ids::AccountId;
use crate::base::limits::GROUPS_PER_USER;
use crate::identity::changes::{
    CreateAccessKey, CreateIdentity, EnsureAccount, SetMembership, SetPolicy,
};
use crate::identity::credentials;
use crate::identity::directory::{AccessKey, Account, Identity, Kind, RoleTerms};
use crate::ops::ctx::Ctx;
use crate::policy::builtin::default_trust_policy;
use crate::store::Change;

/// An account with a name.
pub(super) fn seed_account<'a>(ctx: &'a Ctx, seed: &'a SeedAccount) -> Things<'a> {
    let (region, created_ms) = (home_region(ctx)?, ctx.clock.now_ms());
    let arn = format!("arn:{PARTITION}:organizations::{}:account/{}", ctx.account, seed.id);
    let changes: Changes<'a> = Box::new(move || {
        let account = Account { id: seed.id.clone(), name: seed.name.clone(), created_ms };
        let directory = Arc::clone(&ctx.directory);
        Ok(vec![Box::new(EnsureAccount { directory, account })])
    });
    let is_there = ctx.directory.find_account(&seed.id).is_some();
    let conflict = is_there.then_some("the account is there already");
    let (name, account) = (arn.clone(), seed.id.clone());
    Ok(vec![Thing { name, arn, account, region, changes, is_there: true, conflict }])
}

/// A user, role or group with everything that hangs on it, and each access key.
pub(super) fn seed_identity<'a>(ctx: &'a Ctx, seed: &'a SeedIdentity) -> Things<'a> {
    let account = seed.account.clone().unwrap_or_else(|| ctx.account.clone());
    let (region, now_ms) = (home_region(ctx)?, ctx.clock.now_ms());
    let held = ctx.directory.find_by_name(&account, seed.kind, &seed.name);
    let is_there = held.is_some();
    let unique_id = match held {
        Some(held) => held.unique_id.clone(),
        None => match seed.kind {
            Kind::User => credentials::user_id(&ctx.hsm)?,
            Kind::Role => credentials::role_id(&ctx.hsm)?,
            Kind::Group => credentials::group_id(&ctx.hsm)?,
        },
    };
    let identity =
        Identity::new(seed.kind, unique_id.clone(), account.clone(), seed.name.clone(), now_ms);
    let arn = identity.arn();
    let thing = |name: String, changes: Changes<'a>| {
        let (arn, account, region) = (arn.clone(), account.clone(), region.clone());
        Thing { name, arn, account, region, changes, is_there: true, conflict: None }
    };
    let owner = thing(arn.clone(), Box::new(move || create(ctx, seed, identity)));
    let mut things = vec![Thing { is_there, ..owner }];
    for (id, secret) in &seed.access_keys {
        let user_id = unique_id.clone();
        let changes: Changes<'a> = Box::new(move || {
            let key = credentials::given_access_key(&ctx.hsm, &user_id, id, secret, now_ms)?;
            let key = Arc::new(AccessKey { active: seed.active, ..key });
            let directory = Arc::clone(&ctx.directory);
            Ok(vec![Box::new(CreateAccessKey { directory, key })])
        });
        things.push(thing(format!("access-key/{id}"), changes));
    }
    Ok(things)
}

/// What makes the owner of a policy, with its policies and groups.
fn create(
    ctx: &Ctx,
    seed: &SeedIdentity,
    identity: Identity,
) -> Result<Vec<Box<dyn Change>>, Problem> {
    let directory = || Arc::clone(&ctx.directory);
    let boundary = seed.boundary.as_deref().map(|text| ctx.engine.compile_identity_policy(text));
    let role = match seed.kind {
        Kind::Role => Some(terms(ctx, seed, &identity.account)?),
        Kind::User | Kind::Group => None,
    };
    let account = identity.account.clone();
    let owner_id = identity.unique_id.clone();
    let mut changes = vec![ensure_account(ctx, account.clone(), identity.created_ms)];
    let tags = seed.tags.clone();
    let identity = Arc::new(Identity { boundary: boundary.transpose()?, tags, role, ..identity });
    changes.push(Box::new(CreateIdentity { directory: directory(), identity }));
    for (name, text) in &seed.policies {
        changes.push(Box::new(SetPolicy {
            directory: directory(),
            owner_id: owner_id.clone(),
            name: name.clone(),
            document: Some(ctx.engine.compile_identity_policy(text)?),
        }));
    }
    if seed.groups.len() > GROUPS_PER_USER {
        return Err(Problem::Refused(format!("a user is in {GROUPS_PER_USER} groups at most")));
    }
    for name in &seed.groups {
        let group = ctx.directory.find_by_name(&account, Kind::Group, name);
        let unknown = || Problem::Refused(format!("there is no group `{name}`"));
        changes.push(Box::new(SetMembership {
            directory: directory(),
            user_id: owner_id.clone(),
            group_id: group.ok_or_else(unknown)?.unique_id.clone(),
            joins: true,
        }));
    }
    Ok(changes)
}

fn terms(ctx: &Ctx, seed: &SeedIdentity, account: &AccountId) -> Result<RoleTerms, Problem> {
    let default;
    let trust = match &seed.trust {
        Some(text) => text,
        None => {
            default = default_trust_policy(account);
            &default
        }
    };
    Ok(RoleTerms {
        trust: ctx.engine.compile_trust_policy(trust, ctx.directory.as_ref())?,
        max_session_s: seed.max_session_s,
    })
}

/// Makes the account of a thing known, if nobody has before.
pub(super) fn ensure_account(ctx: &Ctx, id: AccountId, created_ms: i64) -> Box<dyn Change> {
    let account = Account { id, name: String::new(), created_ms };
    Box::new(EnsureAccount { directory: Arc::clone(&ctx.directory), account })
}
