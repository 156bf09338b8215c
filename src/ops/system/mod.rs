//! What the server does by itself: deletion of keys whose window has passed and
//! of imported material that has expired, rotation of keys and of the domain key,
//! resealing under it, the keys of services when they are first named, and the custom
//! key stores of remotes. Through the same pipeline as every call, as the principal `System`, so that it is decided
//! and recorded.
//!
//! Deliberately absent: the clock's ticking. `app` calls [`run_due`] now and then.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::ctx::Ctx;
use super::facts::Facts;
use super::operation::{Description, Entry, Service};
use super::pipeline::{self, Cause, End};
use super::recording::{Place, record as record_of};
use crate::base::caller::{Caller, Principal};
use crate::base::ids::{AccountId, Realm, Region, RequestId};
use crate::base::managed::ManagedService;
use crate::base::timestamp::{self, DAY_MS};
use crate::hsm;
use crate::store::NewEvent;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

mod create_custom_key_store;
mod create_managed_key;
mod create_trail_key;
mod delete_expired_key_material;
mod delete_key;
mod reseal;
mod rotate_domain_key;
mod rotate_key;

use create_managed_key::CreateManagedKey;

static CREATE_CUSTOM_KEY_STORE: Entry<Ctx> =
    Entry::of::<create_custom_key_store::CreateCustomKeyStore>();
static CREATE_MANAGED_KEY: Entry<Ctx> = Entry::of::<CreateManagedKey>();
static CREATE_TRAIL_KEY: Entry<Ctx> = Entry::of::<create_trail_key::CreateTrailKey>();
static DELETE_EXPIRED_KEY_MATERIAL: Entry<Ctx> =
    Entry::of::<delete_expired_key_material::DeleteExpiredKeyMaterial>();
static DELETE_KEY: Entry<Ctx> = Entry::of::<delete_key::DeleteKey>();
static RESEAL: Entry<Ctx> = Entry::of::<reseal::Reseal>();
static ROTATE_DOMAIN_KEY: Entry<Ctx> = Entry::of::<rotate_domain_key::RotateDomainKey>();
static ROTATE_KEY: Entry<Ctx> = Entry::of::<rotate_key::RotateKey>();

/// The operations, sorted by name. None can be called from outside.
pub static TABLE: [&Entry<Ctx>; 8] = [
    &CREATE_CUSTOM_KEY_STORE,
    &CREATE_MANAGED_KEY,
    &CREATE_TRAIL_KEY,
    &DELETE_EXPIRED_KEY_MATERIAL,
    &DELETE_KEY,
    &RESEAL,
    &ROTATE_DOMAIN_KEY,
    &ROTATE_KEY,
];

/// Records that the server starts to answer; `details` says with which settings.
///
/// # Errors
/// If the record cannot be made.
pub async fn record_start(ctx: &Ctx, details: Value) -> Result<(), ApiError> {
    record_event(ctx, "ServiceStart", Some(details)).await
}

/// Records that the server no longer answers.
///
/// # Errors
/// If the record cannot be made.
pub async fn record_stop(ctx: &Ctx) -> Result<(), ApiError> {
    record_event(ctx, "ServiceStop", None).await
}

/// Records that everybody on this machine is let in as an administrator.
///
/// # Errors
/// If the record cannot be made.
pub async fn record_development(ctx: &Ctx) -> Result<(), ApiError> {
    record_event(ctx, "DevelopmentMode", None).await
}

/// Records which guardrails of the operator are in force: `details` says which
/// file is which document, and which file is refused.
///
/// # Errors
/// If the record cannot be made.
pub async fn record_guardrails(ctx: &Ctx, details: Value) -> Result<(), ApiError> {
    record_event(ctx, "LoadGuardrails", Some(details)).await
}

/// Records the sum of the refusals of unknown callers that have no records of
/// their own, when it is due, or `now`.
///
/// # Errors
/// If the record cannot be made; the sum is kept then.
pub async fn record_noise(ctx: &Ctx, now: bool) -> Result<(), ApiError> {
    let Some(sum) = ctx.noise.take(now) else { return Ok(()) };
    let recorded = record_event(ctx, "UnauthenticatedCalls", Some(sum.details())).await;
    if recorded.is_err() {
        ctx.noise.put_back(sum);
    }
    recorded
}

/// Records something that happened to the server itself.
///
/// # Errors
/// If the record cannot be made.
pub async fn record_event(
    ctx: &Ctx,
    name: &'static str,
    service_event_details: Option<Value>,
) -> Result<(), ApiError> {
    let Some(region) = ctx.regions.first() else { return Ok(()) };
    let description = description(name);
    let caller = caller(ctx, &ctx.account)?;
    let facts = Facts { service_event_details, ..Facts::default() };
    pipeline::note(ctx, &description, &caller, region, &facts).await
}

/// The record that the wall clock was set back, for the book of the first
/// account; it follows the first record of the new time.
pub(super) fn clock_step(ctx: &Ctx, before_ms: i64, now_ms: i64) -> Result<NewEvent, Cause> {
    let caller = caller(ctx, &ctx.account)?;
    let region = ctx.regions.first().ok_or("the server has no Region")?;
    let details = json!({
        "lastRecordTime": timestamp::iso_8601(before_ms),
        "clockTime": timestamp::iso_8601(now_ms),
    });
    let facts = Facts { service_event_details: Some(details), ..Facts::default() };
    let ended = End::with_response(None);
    record_of(ctx, &description("ClockStep"), &caller, Place::of(&caller, region), &facts, &ended)
}

/// What the server notes without an operation of its own.
fn description(name: &'static str) -> Description {
    Description {
        name,
        service: Service::System,
        read_only: false,
        input: &[],
        output: &[],
        errors: &[],
    }
}

/// Makes the key of a service in the realm of `call`, unless somebody was
/// quicker.
///
/// # Errors
/// If the key or its record cannot be made.
pub(super) fn make_managed_key<'a>(
    ctx: &'a Ctx,
    call: &'a Call,
    service: ManagedService,
) -> Pin<Box<dyn Future<Output = Result<(), ApiError>> + Send + 'a>> {
    // Boxed, because a call may set off another one.
    Box::pin(async move {
        let _turn = ctx.changing.lock().await;
        let realm = call.realm();
        if service.alias().is_some_and(|name| ctx.keys.find_alias(&realm, &name).is_some()) {
            return Ok(());
        }
        let own = Call {
            caller: caller(ctx, &realm.account)?,
            region: realm.region,
            body: json!({ "Service": service }).to_string().into_bytes(),
            members: Vec::new(),
            decided: Vec::new(),
        };
        pipeline::call_in_turn::<CreateManagedKey>(ctx, &own).await.into_result().map(drop)
    })
}

/// Does everything that is due. What fails is tried again the next time; that
/// it failed stands in the book and in the log.
///
/// # Errors
/// If the HSM has no randomness for a request id.
pub async fn run_due(ctx: &Arc<Ctx>) -> Result<(), hsm::Error> {
    let now_ms = ctx.clock.now_ms();
    match doubtful_clock(ctx, now_ms) {
        None => delete_due(ctx, now_ms).await?,
        // Deletion cannot be undone: no clock that was set ahead may bring it
        // on. Expired material is refused meanwhile all the same.
        Some(why) => tracing::warn!(why, "no key and no key material is deleted for now"),
    }
    run_rotations(ctx).await?;
    let Some(region) = ctx.regions.first() else { return Ok(()) };
    if rotate_domain_key::is_due(ctx, now_ms) {
        let answer = call(ctx, &ROTATE_DOMAIN_KEY, &ctx.account, region, &json!({})).await?;
        report(&answer, "RotateDomainKey");
    }
    while reseal::is_due(ctx) {
        let answer = call(ctx, &RESEAL, &ctx.account, region, &json!({})).await?;
        report(&answer, "Reseal");
        if answer.result().is_err() {
            break;
        }
    }
    Ok(())
}

/// Does the rotations that are due, as [`run_due`] does. A doubtful clock does
/// not hold them up: a rotation that comes too early loses nothing, as every
/// material stays, and the schedule finds its way back by itself
/// (`Rotation::is_due`). One that never comes would break a promise.
///
/// # Errors
/// As [`run_due`].
pub async fn run_rotations(ctx: &Arc<Ctx>) -> Result<(), hsm::Error> {
    for key in ctx.keys.due_for_rotation(ctx.clock.now_ms()) {
        let input = json!({ "KeyId": key.arn.to_string() });
        let answer = call(ctx, &ROTATE_KEY, &key.arn.account, &key.arn.region, &input).await?;
        report(&answer, "RotateKey");
    }
    Ok(())
}

/// Makes the custom key stores of remotes that the settings have and no store is for
/// yet, in the home Region of each account that may use one. One that cannot be made
/// is told in the log, and the next start tries again.
///
/// # Errors
/// If the HSM has no randomness for a request id.
pub async fn make_custom_key_stores(ctx: &Arc<Ctx>) -> Result<(), hsm::Error> {
    let Some(region) = ctx.regions.first() else { return Ok(()) };
    for remote in ctx.remotes.iter() {
        for account in ctx.directory.list_accounts() {
            let realm = Realm { account: account.id.clone(), region: region.clone() };
            if !remote.settings().is_open_to(&realm.account, &ctx.account)
                || ctx.custom_key_stores.find_by_remote(&realm, remote.name()).is_some()
            {
                continue;
            }
            let input = json!({ "Remote": remote.name().as_str() });
            let answer =
                call(ctx, &CREATE_CUSTOM_KEY_STORE, &realm.account, region, &input).await?;
            report(&answer, "CreateCustomKeyStore");
        }
    }
    Ok(())
}

/// Makes a key that signs digests of the trail, if there is none that does.
///
/// # Errors
/// If the key or its record cannot be made, or the HSM has no randomness.
pub async fn make_trail_key(ctx: &Arc<Ctx>) -> Result<(), ApiError> {
    let Some(region) = ctx.regions.first() else { return Ok(()) };
    if !create_trail_key::is_due(ctx)? {
        return Ok(());
    }
    let answer = call(ctx, &CREATE_TRAIL_KEY, &ctx.account, region, &json!({})).await?;
    answer.into_result().map(drop)
}

/// Deletes keys and imported material whose time is over.
async fn delete_due(ctx: &Arc<Ctx>, now_ms: i64) -> Result<(), hsm::Error> {
    let keys = ctx.keys.due_for_deletion(now_ms).into_iter().map(|key| key.arn.clone());
    let expirations = ctx.keys.material_expirations(usize::MAX).into_iter();
    let expired = expirations.take_while(|(_, at)| *at <= now_ms).map(|(arn, _)| arn);
    let keys = keys.map(|arn| (&DELETE_KEY, arn));
    let due = expired.map(|arn| (&DELETE_EXPIRED_KEY_MATERIAL, arn)).chain(keys);
    for (entry, arn) in due.collect::<Vec<_>>() {
        let input = json!({ "KeyId": arn.to_string() });
        let answer = call(ctx, entry, &arn.account, &arn.region, &input).await?;
        report(&answer, entry.description.name);
    }
    Ok(())
}

/// Why the wall clock should not be believed, or what is stored be outdated, if
/// so. A key is deleted up to a day late, as with AWS, rather than ever too early.
fn doubtful_clock(ctx: &Ctx, now_ms: i64) -> Option<&'static str> {
    const HOUR_MS: i64 = 3_600_000;
    let start = ctx.start;
    let up = ctx.clock.elapsed().saturating_sub(start.elapsed).as_millis();
    let up_ms = i64::try_from(up).unwrap_or(i64::MAX);
    let shown_ms = now_ms.saturating_sub(start.wall_ms);
    if shown_ms.abs_diff(up_ms) > HOUR_MS.unsigned_abs() {
        return Some("the clock was set while the server ran: restart it");
    }
    if start.restored_ms.is_some_and(|then_ms| now_ms.saturating_sub(then_ms) < DAY_MS) {
        // Whoever cancelled a deletion after the backup has to do it again.
        return Some("the folder was restored less than a day ago");
    }
    let before_ms = start.served_until_ms.unwrap_or(start.wall_ms);
    let gap_ms = start.wall_ms.saturating_sub(before_ms);
    if gap_ms > DAY_MS && up_ms < DAY_MS {
        return Some(
            "the last record is more than a day old: waiting a day to be sure of the clock",
        );
    }
    None
}

async fn call(
    ctx: &Arc<Ctx>,
    entry: &'static Entry<Ctx>,
    account: &AccountId,
    region: &Region,
    input: &Value,
) -> Result<Answer, hsm::Error> {
    let body = input.to_string().into_bytes();
    let caller = caller(ctx, account)?;
    let region = region.clone();
    let call = Call { caller, region, body, members: Vec::new(), decided: Vec::new() };
    Ok(entry.bind(Arc::clone(ctx)).call(call).await)
}

/// The server itself.
fn caller(ctx: &Ctx, account: &AccountId) -> Result<Caller, hsm::Error> {
    let mut random = [0; 16];
    ctx.hsm.fill_random(&mut random)?;
    Ok(Caller {
        principal: Principal::System { account: account.clone() },
        access_key_id: None,
        session: None,
        source_ip: None,
        user_agent: None,
        secure_transport: false,
        tls: None,
        request_id: RequestId::from_random(random),
        via_service: None,
    })
}

/// Faults are logged by the pipeline; what is left is a refusal, which means
/// that somebody was quicker (a deletion was cancelled meanwhile).
fn report(answer: &Answer, operation: &'static str) {
    if let Err(error) = answer.result()
        && error.code() != Code::KMSInternalException
    {
        tracing::warn!(operation, %error, "a timer's call was refused");
    }
}
