//! The record of a call, from what the pipeline knows of it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::value::to_raw_value;

use super::call::Call;
use super::ctx::Ctx;
use super::facts::Facts;
use super::item_context;
use super::operation::{Description, Further, Service};
use super::pipeline::{Cause, End};
use crate::audit::{self, EventType, Failure, FieldReads, Own, Record, Resource, Tls};
use crate::base::arn::Arn;
use crate::base::caller::{self, Caller};
use crate::base::ids::{AccountId, Region, RequestId};
use crate::policy::decision::Explanation;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::{hsm, store};

/// In whose book a record stands, and of which Region.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) account: &'a AccountId,
    pub(super) region: &'a Region,
    /// Shared with the records of the same call in the books of others.
    pub(super) shared_id: Option<[u8; 16]>,
    /// Whether this is the call's own record, of which there is one.
    pub(super) is_own: bool,
}

impl<'a> Place<'a> {
    /// In the caller's book.
    pub(super) fn of(caller: &'a Caller, region: &'a Region) -> Self {
        Self { account: caller.principal.account(), region, shared_id: None, is_own: true }
    }
}

/// The other accounts whose keys or roles the call used: each has a copy of its record
/// (AWS CloudTrail User Guide, `sharedEventID`). Of a call that a policy denies only
/// the caller's own account is told; what a remote denies has been allowed here.
pub(super) fn owners(call: &Call, facts: &Facts, ended: &End) -> BTreeSet<AccountId> {
    let code = ended.result.as_ref().err().map(ApiError::code);
    let is_denied = || facts.decisions.last().is_some_and(|last| last.denied.is_some());
    if code == Some(Code::AccessDeniedException) && is_denied() {
        return BTreeSet::new();
    }
    let own = call.caller.principal.account().as_str();
    let accounts = facts.resources.iter().filter_map(|arn| Some(Arn::parse(arn)?.account));
    accounts.filter(|account| *account != own).filter_map(AccountId::parse).collect()
}

/// An id for a record that is not a call's own: that one has the call's.
pub(super) fn generate_event_id(ctx: &Ctx) -> Result<[u8; 16], hsm::Error> {
    let mut random = [0; 16];
    ctx.hsm.fill_random(&mut random)?;
    Ok(*RequestId::from_random(random).as_bytes())
}

/// The record of a call.
pub(super) fn record(
    ctx: &Ctx,
    description: &Description,
    caller: &Caller,
    place: Place<'_>,
    facts: &Facts,
    ended: &End,
) -> Result<store::NewEvent, Cause> {
    let raw = |value: &Option<Value>| value.as_ref().map(to_raw_value).transpose();
    let parameters = raw(&facts.request_parameters)?;
    let response = raw(&ended.response_elements)?;
    let service_event = raw(&facts.service_event_details)?;
    let additional = facts.additional_event_data(place.account);
    let additional = additional.as_deref().map(to_raw_value).transpose()?;
    let is_owner = place.account != caller.principal.account();
    let seen = facts.decisions.iter().filter_map(|one| one.seen_by(place.account, !is_owner));
    let decisions: Vec<Cow<'_, Explanation>> = seen.collect();
    let decisions = match decisions.is_empty() {
        true => None,
        false => Some(to_raw_value(&decisions)?),
    };
    let time = ctx.record_times.next(ctx.clock.as_ref());
    let materials: Vec<String> = match ended.result {
        Ok(_) => facts.unseen_materials.iter().map(ToString::to_string).collect(),
        Err(_) => Vec::new(),
    };
    let item = item_context::find(facts.request_parameters.as_ref(), &facts.resources);
    let item = item.as_ref().map(to_raw_value).transpose()?;
    // A copy for another account is about a key, not about items.
    let reads = facts.field_reads.as_ref().filter(|_| place.is_own);
    let reads = reads.map(FieldReads::pack).transpose()?.flatten();
    let resources: Vec<Resource<'_>> = facts.resources.iter().map(|arn| resource(arn)).collect();
    let by_itself = description.service == Service::System;
    let mut salt = [0; 16];
    ctx.hsm.fill_random(&mut salt)?;
    // What a service does for a caller has the request id of the caller's call.
    let is_call = place.is_own && !by_itself && caller.via_service.is_none();
    let event_id = match is_call {
        true => *caller.request_id.as_bytes(),
        false => generate_event_id(ctx)?,
    };
    Ok(audit::prepare(&Record {
        event_id,
        time_ms: time.now_ms,
        caller,
        account: place.account,
        region: place.region,
        event_source: description.service.event_source(),
        event_name: description.name,
        error: ended.result.as_ref().err().map(failure),
        request_parameters: parameters.as_deref(),
        response_elements: response.as_deref(),
        additional_event_data: additional.as_deref(),
        service_event_details: service_event.as_deref(),
        read_only: description.read_only,
        resources: &resources,
        event_type: if by_itself { EventType::AwsServiceEvent } else { EventType::AwsApiCall },
        shared_event_id: place.shared_id,
        // CloudTrail leaves it out where a service calls for somebody.
        tls: caller.tls.as_ref().filter(|_| caller.via_service.is_none()).map(tls),
        own: Own {
            decisions: decisions.as_deref(),
            key_material_ids: &materials,
            item: item.as_deref(),
            field_reads: reads.as_ref(),
            purpose: facts.request_parameters.as_ref().and_then(|of| of.get("purpose")?.as_str()),
            latest_record_ms: time.behind_ms,
        },
        key_material: facts.additional.get("keyMaterialId").and_then(Value::as_str),
        salt,
    })?)
}

/// The record of what a call set off elsewhere. The decisions on it stand in
/// the call's own record, which has the same request id.
pub(super) fn record_further(
    ctx: &Ctx,
    caller: &Caller,
    further: Further,
) -> Result<store::NewEvent, Cause> {
    let description = Description {
        name: further.name,
        service: Service::Kms,
        read_only: false,
        input: &[],
        output: &[],
        errors: &[],
    };
    let caller = Caller { via_service: Some(Service::Kms.event_source().into()), ..caller.clone() };
    let facts = Facts {
        request_parameters: further.request_parameters,
        resources: further.resources.iter().map(ToString::to_string).collect(),
        ..Facts::default()
    };
    let ended = End::with_response(further.response_elements);
    let place = Place { is_own: false, ..Place::of(&caller, &further.region) };
    record(ctx, &description, &caller, place, &facts, &ended)
}

/// CloudTrail shortens the code of a denial, and of that alone.
fn failure(error: &ApiError) -> Failure<'_> {
    let code = match error.code() {
        Code::AccessDeniedException => "AccessDenied",
        other => other.as_str(),
    };
    Failure { code, message: error.message().unwrap_or_default() }
}

/// CloudTrail lists keys and aliases with the same type.
fn resource(arn: &str) -> Resource<'_> {
    let (account, service) = Arn::parse(arn).map_or(("", ""), |arn| (arn.account, arn.service));
    let kind = if service == "iam" { "AWS::IAM::Role" } else { "AWS::KMS::Key" };
    Resource { account, kind, arn }
}

fn tls(of_connection: &caller::Tls) -> Tls<'_> {
    Tls {
        version: of_connection.version,
        cipher_suite: of_connection.cipher_suite,
        key_exchange: of_connection.key_exchange,
        host: of_connection.host.as_deref(),
    }
}
