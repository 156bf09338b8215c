//! The record of a call, from what the pipeline knows of it.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::to_raw_value;

use super::ctx::Ctx;
use super::facts::Facts;
use super::operation::{Description, Further, Service};
use super::pipeline::{Cause, End};
use crate::audit::{self, EventType, Failure, Record, Resource};
use crate::base::arn::Arn;
use crate::base::caller::Caller;
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
}

impl<'a> Place<'a> {
    /// In the caller's book.
    pub(super) fn of(caller: &'a Caller, region: &'a Region) -> Self {
        Self { account: caller.principal.account(), region, shared_id: None }
    }
}

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
    let additional = match facts.additional.is_empty() {
        true => None,
        false => Some(to_raw_value(&facts.additional)?),
    };
    let is_owner = place.account != caller.principal.account();
    let seen = facts.decisions.iter().filter_map(|one| one.seen_by(place.account, !is_owner));
    let decisions: Vec<Cow<'_, Explanation>> = seen.collect();
    let decision = match decisions.is_empty() {
        true => None,
        false => Some(to_raw_value(&Decisions { decisions: &decisions })?),
    };
    let resources: Vec<Resource<'_>> = facts.resources.iter().map(|arn| resource(arn)).collect();
    let by_itself = description.service == Service::System;
    Ok(audit::prepare(&Record {
        event_id: generate_event_id(ctx)?,
        time_ms: ctx.clock.now_ms(),
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
        tls: None,
        wardbook: decision.as_deref(),
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
    record(ctx, &description, &caller, Place::of(&caller, &further.region), &facts, &ended)
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

/// The `wardbook` member of a record.
#[derive(serde::Serialize)]
struct Decisions<'a> {
    decisions: &'a [Cow<'a, Explanation>],
}
