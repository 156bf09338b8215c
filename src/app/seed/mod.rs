//! What a server starts with, from a file: accounts, groups, users, roles, keys
//! and grants with given ids, secrets and key material, so that a test or a
//! demonstration begins where it wants to. Each thing is made once: what the file
//! asked for before is not made again, even if it has been changed or deleted
//! since.
//!
//! Deliberately absent: a way to change what is there already.

mod dev;
mod file;
mod grant;
mod identities;

use std::sync::Arc;

use serde_json::json;
use serde_json::value::to_raw_value;

pub(super) use dev::open_to_developers;
pub use dev::{ACCESS_KEY as DEV_ACCESS_KEY, ACCOUNT as DEV_ACCOUNT};
use file::{At, SeedKey};
pub use file::{Seed, SeedError};
use identities::{ensure_account, seed_account, seed_identity};

use super::error::Error;
use super::init::{caller, first_record, random};
use crate::audit::{self, Record, Resource};
use crate::base::arn::{AliasArn, KeyArn};
use crate::base::ids::{AccountId, Realm, Region};
use crate::base::spec::{KeyManager, KeyState, MaterialState, MultiRegionRole, Origin};
use crate::hsm;
use crate::keys::changes::{CreateKey, PutAlias};
use crate::keys::create::generate_material;
use crate::keys::key::{Alias, Key, Material};
use crate::ops::ctx::Ctx;
use crate::policy::builtin::default_key_policy;
use crate::store::{self, Change, Tx, Unit, meta};

/// Makes what the seed asks for and was not made before. One commit a thing,
/// so that a crash in the middle is made good by the next start.
///
/// # Errors
/// [`Error::Seed`] with the line of the first thing that cannot be made; those
/// before it are.
pub(super) async fn apply(ctx: &Ctx, seed: &Seed) -> Result<(), Error> {
    let mut made = 0_usize;
    for account in &seed.accounts {
        made = made.saturating_add(apply_one(ctx, seed, account, seed_account).await?);
    }
    for identity in &seed.identities {
        made = made.saturating_add(apply_one(ctx, seed, identity, seed_identity).await?);
    }
    for key in &seed.keys {
        made = made.saturating_add(apply_one(ctx, seed, key, seed_key).await?);
    }
    for grant in &seed.grants {
        made = made.saturating_add(apply_one(ctx, seed, grant, grant::seed_grant).await?);
    }
    tracing::info!(made, seed = %seed.path.display(), "the seed is applied");
    Ok(())
}

/// The things that one entry stands for.
type Things<'a> = Result<Vec<Thing<'a>>, Problem>;

/// What makes a thing. It is found out when the thing is to be made and no
/// sooner: what was made before may name things that are gone.
type Changes<'a> = Box<dyn FnOnce() -> Result<Vec<Box<dyn Change>>, Problem> + Send + 'a>;

/// One thing to make, and how it is remembered.
struct Thing<'a> {
    /// In the `meta` table, behind `seed/`.
    name: String,
    arn: String,
    account: AccountId,
    region: Region,
    changes: Changes<'a>,
    /// Whether the user, role, group or key that the entry is about is there now.
    is_there: bool,
    /// Why it cannot be made.
    conflict: Option<&'static str>,
}

/// What is wrong with an entry.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{0}")]
    Refused(String),
    #[error("the policy is refused: {0}")]
    Policy(#[from] crate::policy::error::CompileError),
    #[error("the key material does not fit the spec of the key")]
    Material,
    #[error("the software HSM failed")]
    Hsm(#[from] hsm::Error),
    #[error("the database cannot be read")]
    Store(#[from] store::Error),
}

async fn apply_one<T>(
    ctx: &Ctx,
    seed: &Seed,
    entry: &At<T>,
    things: for<'a> fn(&'a Ctx, &'a T) -> Things<'a>,
) -> Result<usize, Error> {
    let refused = |problem: String| {
        let (path, line) = (seed.path.clone(), entry.line);
        Error::Seed(SeedError::Line { path, line, problem })
    };
    let mut made = 0_usize;
    for thing in things(ctx, &entry.what).map_err(|problem| refused(problem.to_string()))? {
        if is_made(ctx, &thing.name)? {
            if thing.is_there {
                continue;
            }
            // What an entry is about was deleted since: the rest of it has no home.
            return Ok(made);
        }
        if let Some(conflict) = thing.conflict {
            return Err(refused(conflict.to_owned()));
        }
        let Thing { name, arn, account, region, changes, .. } = thing;
        let changes = changes().map_err(|problem| refused(problem.to_string()))?;
        let marker = marker(&name);
        let place = Place { arn: &arn, account: &account, region: &region };
        match make(ctx, marker, place, changes).await {
            Ok(()) => made = made.saturating_add(1),
            Err(Error::Store(store::Error::Duplicate)) => {
                return Err(refused(format!("{arn} exists already, and not by this seed")));
            }
            Err(other) => return Err(other),
        }
    }
    Ok(made)
}

/// Under what it is remembered that a thing was made.
fn marker(name: &str) -> String {
    format!("seed/{name}")
}

fn is_made(ctx: &Ctx, name: &str) -> Result<bool, store::Error> {
    Ok(ctx.store.read(|tx| meta::find(tx, &marker(name)))?.is_some())
}

/// Where a thing is made.
#[derive(Clone, Copy)]
struct Place<'a> {
    arn: &'a str,
    account: &'a AccountId,
    region: &'a Region,
}

/// Commits a thing with its record.
async fn make(
    ctx: &Ctx,
    marker: String,
    place: Place<'_>,
    mut changes: Vec<Box<dyn Change>>,
) -> Result<(), Error> {
    let Place { arn, account, region } = place;
    changes.push(Box::new(Marker(marker)));
    let caller = caller(&ctx.hsm, account)?;
    let details = to_raw_value(&json!({ "arn": arn })).map_err(audit::Error::Encode)?;
    let resources = [Resource { account: account.as_str(), kind: kind_of(arn), arn }];
    let now_ms = ctx.clock.now_ms();
    let event = audit::prepare(&Record {
        event_name: "Seed",
        service_event_details: Some(&details),
        resources: &resources,
        event_id: random(&ctx.hsm)?,
        salt: random(&ctx.hsm)?,
        ..first_record(&caller, account, region, now_ms)
    })?;
    ctx.store.commit(Unit { changes, event, further: Vec::new() }).await?;
    Ok(())
}

/// CloudTrail's type of a resource.
fn kind_of(arn: &str) -> &'static str {
    match arn {
        _ if arn.contains(":user/") => "AWS::IAM::User",
        _ if arn.contains(":role/") => "AWS::IAM::Role",
        _ if arn.contains(":group/") => "AWS::IAM::Group",
        _ if arn.contains(":account/") => "AWS::Organizations::Account",
        _ => "AWS::KMS::Key",
    }
}

/// Remembers that a thing was made.
struct Marker(String);

impl Change for Marker {
    fn write(&self, tx: &mut dyn Tx) -> Result<(), store::Error> {
        meta::insert(tx, &self.0, "made")
    }

    fn publish(&self) {}
}

/// A key with its materials, and each alias.
fn seed_key<'a>(ctx: &'a Ctx, seed: &'a SeedKey) -> Things<'a> {
    let account = seed.account.clone().unwrap_or_else(|| ctx.account.clone());
    let region = match &seed.region {
        Some(region) => region.clone(),
        None => home_region(ctx)?,
    };
    let arn = KeyArn { region: region.clone(), account: account.clone(), id: seed.id };
    let now_ms = ctx.clock.now_ms();
    let thing = |arn: String, changes: Changes<'a>| Thing {
        name: arn.clone(),
        arn,
        account: account.clone(),
        region: region.clone(),
        changes,
        is_there: true,
        conflict: None,
    };
    let is_elsewhere = ctx.keys.related(&account, arn.id).iter().any(|key| key.arn != arn);
    let conflict = is_elsewhere.then_some(
        "a multi-Region key with this id is in another Region already: ReplicateKey makes replicas",
    );
    let is_there = ctx.keys.find(&region, arn.id).is_some();
    let key_arn = arn.clone();
    let create: Changes<'a> = Box::new(move || {
        let key = Arc::new(new_key(ctx, seed, key_arn, now_ms)?);
        let account = key.arn.account.clone();
        Ok(vec![
            ensure_account(ctx, account, now_ms),
            Box::new(CreateKey { registry: Arc::clone(&ctx.keys), key, store: None }),
        ])
    });
    let owner = thing(arn.to_string(), create);
    let mut things = vec![Thing { is_there, conflict, ..owner }];
    let realm = Realm { account: account.clone(), region: region.clone() };
    for name in &seed.aliases {
        let alias = Alias {
            realm: realm.clone(),
            name: name.clone(),
            target: arn.id,
            created_ms: now_ms,
            updated_ms: now_ms,
            version: 1,
        };
        let (region, account, name) = (region.clone(), account.clone(), name.clone());
        let alias_arn = AliasArn { region, account, name }.to_string();
        let put = PutAlias { registry: Arc::clone(&ctx.keys), alias };
        things.push(thing(alias_arn, Box::new(|| Ok(vec![Box::new(put)]))));
    }
    Ok(things)
}

fn new_key(ctx: &Ctx, seed: &SeedKey, arn: KeyArn, now_ms: i64) -> Result<Key, Problem> {
    let default;
    let policy = match &seed.policy {
        Some(text) => text,
        None => {
            default = default_key_policy(&arn.account);
            &default
        }
    };
    Ok(Key {
        spec: seed.spec,
        usage: seed.usage,
        origin: Origin::AwsKms,
        manager: KeyManager::Customer,
        state: if seed.enabled { KeyState::Enabled } else { KeyState::Disabled },
        description: seed.description.clone(),
        created_ms: now_ms,
        deletion_ms: None,
        pending_window_days: None,
        policy: ctx.engine.compile_key_policy(policy, ctx.directory.as_ref())?,
        tags: seed.tags.clone(),
        multi_region: arn.id.is_multi_region().then_some(MultiRegionRole::Primary),
        rotation: None,
        on_demand_ms: None,
        policy_tests: None,
        remote: None,
        materials: materials(ctx, &arn, seed, now_ms)?,
        version: 1,
        arn,
    })
}

/// The given materials, the last of them current, or fresh material.
fn materials(
    ctx: &Ctx,
    arn: &KeyArn,
    seed: &SeedKey,
    now_ms: i64,
) -> Result<Vec<Material>, Problem> {
    if seed.materials.is_empty() {
        return Ok(vec![generate_material(&ctx.hsm, arn, seed.spec, now_ms)?]);
    }
    let mut materials = Vec::new();
    for given in &seed.materials {
        let imported = ctx.hsm.import_key(&arn.region, &arn.account, arn.id, seed.spec, given);
        let imported = imported.map_err(|error| match error {
            hsm::Error::KeyMaterial => Problem::Material,
            other => Problem::Hsm(other),
        })?;
        materials.push(Material {
            id: imported.material_id,
            token: Some(imported.token),
            created_ms: now_ms,
            state: MaterialState::NonCurrent,
            description: None,
            expires_ms: None,
            rotated: None,
        });
    }
    if let Some(last) = materials.last_mut() {
        last.state = MaterialState::Current;
    }
    Ok(materials)
}

fn home_region(ctx: &Ctx) -> Result<Region, Problem> {
    let home = ctx.regions.first().cloned();
    home.ok_or_else(|| Problem::Refused("the server has no Region".to_owned()))
}
