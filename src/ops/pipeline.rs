//! The life of a call, the same for every operation: read the input, check it,
//! run the operation (which decides on its way), commit its changes together
//! with its record, and only then answer.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::{MutexGuard, OwnedMutexGuard};
use tracing::{Instrument, Span};

use super::access::Access;
use super::call::{Answer, Call};
use super::ctx::{Ctx, Ended};
use super::facts::Facts;
use super::feed::Feed;
use super::grants;
use super::operation::{Description, Done, Further, Operation, ReadInput};
use super::rates::{Counted, is_administrative};
use super::recording::{Place, generate_event_id, owners, record, record_further};
use super::{sts, system};
use crate::base::caller::{Caller, Principal};
use crate::base::ids::{Region, RequestId};
use crate::base::managed::ManagedService;
use crate::keys::backend::RemoteCalls;
use crate::policy::decision::Explanation;
use crate::store::{self, Change, NewEvent, Receipt, Unit};
use crate::wire::codes::Code;
use crate::wire::error::{ApiError, chain};
use crate::wire::json;
use crate::wire::record::request_parameters;
use crate::wire::shape::{Member, Shape};
use crate::wire::validate;

/// How often a call is run again because its change met another one.
const ATTEMPTS: usize = 8;

/// Runs one call of the operation `O` to its end.
pub(super) async fn call<O: Operation>(ctx: Arc<O::Context>, call: Call) -> Answer {
    let work = commit::<O>(&ctx, &call);
    watch((*ctx).as_ref(), &O::DESCRIPTION, call.caller.request_id, work).await
}

/// Runs one call of a system operation to its end, for somebody who has the
/// turn already.
pub(super) async fn call_in_turn<O: Operation<Context = Ctx>>(ctx: &Ctx, call: &Call) -> Answer {
    let work = async {
        let none = || ApiError::internal("the server itself names no key of a service");
        let settled = settle::<O>(ctx, call, None, &mut RemoteCalls::default()).await;
        settled.unwrap_or_else(|_| unrecorded(call, none()))
    };
    watch(ctx, &O::DESCRIPTION, call.caller.request_id, work).await
}

/// The answer of a call, and the facts that its record was made from.
type Settled = (Answer, Facts);

fn unrecorded(call: &Call, cause: impl Into<Cause>) -> Settled {
    (Answer::unrecorded(call.caller.request_id, cause), Facts::default())
}

/// Follows a call from its beginning to its end.
async fn watch(
    ctx: &Ctx,
    description: &Description,
    request_id: RequestId,
    work: impl Future<Output = Settled>,
) -> Answer {
    let started = ctx.clock.elapsed();
    async {
        let (answer, facts) = work.await;
        end(ctx, description, started, &facts, answer)
    }
    .instrument(span(description, request_id))
    .await
}

/// Runs the call when it is its turn. If it names the key of a service that has
/// none yet, that is made, and the call run again.
async fn commit<O: Operation>(ctx: &O::Context, call: &Call) -> Settled {
    let shared: &Ctx = ctx.as_ref();
    if shared.store.is_on_reserve() && !is_administrative(&O::DESCRIPTION) {
        return unrecorded(call, store::Error::OnReserve);
    }
    if let Counted::In(group) = shared.rates.counted(&O::DESCRIPTION)
        && let Err(error) = shared.rates.count(call, group)
    {
        let none = RemoteCalls::default();
        return settle_refusal(shared, &O::DESCRIPTION, call, error, none).await;
    }
    let mut remote_calls = RemoteCalls::default();
    // Once for each such key that the call names, of which there are two at most.
    for _ in 0..ATTEMPTS {
        let turn = match O::TAKES_TURN {
            true => Some(O::turn(ctx).lock().await),
            false => None,
        };
        let service = match settle::<O>(ctx, call, turn, &mut remote_calls).await {
            Ok(settled) => return settled,
            Err(service) => service,
        };
        if let Err(error) = system::make_managed_key(shared, call, service).await {
            let error = ApiError::internal(error);
            return settle_refusal(shared, &O::DESCRIPTION, call, error, remote_calls).await;
        }
    }
    let error = ApiError::internal("the key of a service was made and is not found");
    settle_refusal(shared, &O::DESCRIPTION, call, error, remote_calls).await
}

/// Runs the call until its outcome and its record are durable together. Whoever
/// calls this has the turn, if the operation changes something. What remotes were
/// asked goes with `remote_calls` from one attempt to the next: no attempt takes it back.
///
/// # Errors
/// The service whose key is missing; then nothing was changed or recorded.
async fn settle<O: Operation>(
    ctx: &O::Context,
    call: &Call,
    mut turn: Option<MutexGuard<'_, ()>>,
    remote_calls: &mut RemoteCalls,
) -> Result<Settled, ManagedService> {
    let shared: &Ctx = ctx.as_ref();
    let request_id = call.caller.request_id;
    for _ in 0..ATTEMPTS {
        let (decisions, before) = (call.decided.clone(), std::mem::take(remote_calls));
        let mut facts = Facts { decisions, remote_calls: before, ..Facts::default() };
        let attempted = attempt::<O>(ctx, call, &mut facts).await;
        let (result, late_turn) = match attempted {
            Ok((done, late_turn)) => (Ok(done), late_turn),
            Err(error) => (Err(error), None),
        };
        if let Some(service) = facts.missing_service {
            *remote_calls = facts.remote_calls;
            return Err(service);
        }
        if result.is_err() {
            // It changes nothing: the next may go on while its record is written.
            turn = None;
        }
        let mut ended = End::new(result);
        let feed = ended.feed.take();
        ended.result = match ended.result {
            Err(error) if is_summed(shared, &call.caller, &error) => {
                return Ok((Answer::summed(request_id, error), facts));
            }
            result => result,
        };
        let (unit, result) = match unit(shared, &O::DESCRIPTION, call, &facts, ended) {
            Ok(made) => made,
            Err(error) => return Ok((Answer::unrecorded(request_id, error), facts)),
        };
        let answer = match put(shared, unit).await {
            Ok(receipt) => Answer::recorded(request_id, result, &receipt).with_feed(feed),
            // Somebody else changed the same thing meanwhile: look again.
            Err(store::Error::Conflict | store::Error::Duplicate) => {
                *remote_calls = facts.remote_calls;
                continue;
            }
            Err(error) => Answer::unrecorded(request_id, error),
        };
        drop((turn, late_turn));
        return Ok((answer, facts));
    }
    let error = ApiError::internal("the call met other changes too often");
    let remote_calls = std::mem::take(remote_calls);
    Ok(settle_refusal(shared, &O::DESCRIPTION, call, error, remote_calls).await)
}

/// Refuses a call that was not run, or came to nothing but `remote_calls`.
async fn settle_refusal(
    ctx: &Ctx,
    description: &Description,
    call: &Call,
    error: ApiError,
    remote_calls: RemoteCalls,
) -> Settled {
    let refusal = Refusal { decided: call.decided.clone(), remote_calls, ..error.into() };
    let answer = commit_refusal(ctx, description, &call.caller, &call.region, refusal).await;
    (answer, Facts::default())
}

/// Why a record could not be made: a fault of the server.
pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What a call commits, and what it answers once that is durable.
fn unit(
    ctx: &Ctx,
    description: &Description,
    call: &Call,
    facts: &Facts,
    mut ended: End,
) -> Result<(Unit, Result<Vec<u8>, ApiError>), Cause> {
    let owners = owners(call, facts, &ended);
    let shared_id = match owners.is_empty() {
        true => None,
        false => Some(generate_event_id(ctx)?),
    };
    let own = Place { shared_id, ..Place::of(&call.caller, &call.region) };
    let record_in = |place| record(ctx, description, &call.caller, place, facts, &ended);
    let event = record_in(own)?;
    let copies = owners.iter().map(|account| Place { account, is_own: false, ..own });
    let mut further: Vec<_> = copies.map(record_in).collect::<Result<_, _>>()?;
    for set_off in std::mem::take(&mut ended.further) {
        further.push(record_further(ctx, &call.caller, set_off)?);
    }
    further.extend(clock_step(ctx, &event)?);
    Ok((Unit { changes: ended.changes, event, further }, ended.result))
}

/// Why a call is refused before it runs, and what is known of it until then.
#[derive(Debug)]
pub struct Refusal {
    pub error: ApiError,
    pub decided: Vec<Explanation>,
    pub request_parameters: Option<Box<Value>>,
    pub remote_calls: RemoteCalls,
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        let (decided, remote_calls) = (Vec::new(), RemoteCalls::default());
        Self { error, decided, request_parameters: None, remote_calls }
    }
}

impl Refusal {
    /// The same, of a call with this input. What is no input of the operation is
    /// not recorded.
    #[must_use]
    pub fn of_input(self, description: &Description, mut input: Map<String, Value>) -> Self {
        let is_valid = validate::check(&mut input, description.input).is_ok();
        let request_parameters =
            is_valid.then(|| request_parameters(&input, description.input, None)).flatten();
        Self { request_parameters: request_parameters.map(Box::new), ..self }
    }
}

/// Records and answers a call that was refused before it ran: not
/// authenticated, throttled, or of an unknown operation.
pub async fn refuse(
    ctx: &Ctx,
    description: &Description,
    caller: &Caller,
    region: &Region,
    refusal: Refusal,
) -> Answer {
    let work = async {
        (commit_refusal(ctx, description, caller, region, refusal).await, Facts::default())
    };
    watch(ctx, description, caller.request_id, work).await
}

async fn commit_refusal(
    ctx: &Ctx,
    description: &Description,
    caller: &Caller,
    region: &Region,
    refusal: Refusal,
) -> Answer {
    let Refusal { error, decided, request_parameters, remote_calls } = refusal;
    if is_summed(ctx, caller, &error) {
        return Answer::summed(caller.request_id, error);
    }
    let request_parameters = request_parameters.map(|value| *value);
    let facts = Facts { decisions: decided, request_parameters, remote_calls, ..Facts::default() };
    match put_down(ctx, description, caller, region, &facts, Err(error)).await {
        Ok((result, receipt)) => Answer::recorded(caller.request_id, result, &receipt),
        Err(error) => Answer::unrecorded(caller.request_id, error),
    }
}

/// Counts the refusal of somebody unknown, or of a web identity, which any customer of its
/// provider is, before a role trusts it. Answers whether that is all that will
/// be recorded of it: there were too many of late. While nothing can be recorded,
/// this is no way around it.
fn is_summed(ctx: &Ctx, caller: &Caller, error: &ApiError) -> bool {
    matches!(caller.principal, Principal::Anonymous { .. } | Principal::WebIdentity { .. })
        && ctx.store.is_writable()
        && ctx.noise.absorbs(caller.source_ip, error.code(), !ctx.store.is_on_reserve())
}

/// Records something that happened without a call.
pub(super) async fn note(
    ctx: &Ctx,
    description: &Description,
    caller: &Caller,
    region: &Region,
    facts: &Facts,
) -> Result<(), ApiError> {
    let noted = put_down(ctx, description, caller, region, facts, Ok(Vec::new())).await;
    noted.map(drop).map_err(ApiError::internal)
}

/// Makes the record of something that changed nothing durable, and hands back
/// how it ended.
async fn put_down(
    ctx: &Ctx,
    description: &Description,
    caller: &Caller,
    region: &Region,
    facts: &Facts,
    result: Result<Vec<u8>, ApiError>,
) -> Result<(Result<Vec<u8>, ApiError>, Receipt), Cause> {
    let ended = End::without_effect(result);
    let place = Place::of(caller, region);
    let event = record(ctx, description, caller, place, facts, &ended)?;
    let further = clock_step(ctx, &event)?.into_iter().collect();
    let receipt = put(ctx, Unit { changes: ended.changes, event, further }).await?;
    Ok((ended.result, receipt))
}

/// The record that says so, if the clock was set back before this event.
fn clock_step(ctx: &Ctx, event: &NewEvent) -> Result<Option<NewEvent>, Cause> {
    let before_ms = ctx.record_times.step_back(event.time_ms);
    before_ms.map(|before_ms| system::clock_step(ctx, before_ms, event.time_ms)).transpose()
}

/// Makes a unit durable.
async fn put(ctx: &Ctx, unit: Unit) -> Result<Receipt, store::Error> {
    let time_ms = unit.event.time_ms;
    let receipt = ctx.store.commit(unit).await?;
    ctx.record_times.committed(time_ms);
    Ok(receipt)
}

/// How a call ended, before that is durable.
pub(super) struct End {
    pub(super) result: Result<Vec<u8>, ApiError>,
    changes: Vec<Box<dyn Change>>,
    pub(super) response_elements: Option<Value>,
    further: Vec<Further>,
    feed: Option<Feed>,
}

impl End {
    fn without_effect(result: Result<Vec<u8>, ApiError>) -> Self {
        let (changes, further) = (Vec::new(), Vec::new());
        Self { result, changes, response_elements: None, further, feed: None }
    }

    /// Something that succeeded and changed nothing here.
    pub(super) fn with_response(response_elements: Option<Value>) -> Self {
        Self { response_elements, ..Self::without_effect(Ok(Vec::new())) }
    }

    fn new<T: serde::Serialize>(result: Result<Done<T>, ApiError>) -> Self {
        match result {
            Ok(done) => match serde_json::to_vec(&done.output) {
                Ok(output) => Self {
                    result: Ok(output),
                    changes: done.changes,
                    response_elements: done.response_elements,
                    further: done.further,
                    feed: done.feed,
                },
                Err(error) => Self::without_effect(Err(ApiError::internal(error))),
            },
            Err(error) => Self::without_effect(Err(error)),
        }
    }
}

/// Runs the operation, once. If it took its turn only on the way, that is still its own.
async fn attempt<O: Operation>(
    ctx: &O::Context,
    call: &Call,
    facts: &mut Facts,
) -> Result<(Done<O::Output>, Option<OwnedMutexGuard<()>>), ApiError> {
    let input = O::Input::read(&O::DESCRIPTION, call, facts)?;
    sts::check_user_session(&O::DESCRIPTION, &call.caller)?;
    grants::check_tokens(ctx.as_ref(), &O::DESCRIPTION, &facts.grant_tokens)?;
    let access = &mut Access::new(ctx.as_ref(), &O::DESCRIPTION, call, facts);
    let done = O::run(ctx, access, input).await?;
    let late_turn = access.turn.take();
    // INVARIANT: nothing succeeds that no policy was asked about.
    if O::NEEDS_PERMIT && facts.decisions.len() == call.decided.len() {
        return Err(ApiError::internal("the operation made no decision"));
    }
    if facts.dry_run {
        let text = "The request would have succeeded, but the DryRun option is set.";
        return Err(ApiError::new(Code::DryRunOperationException, text));
    }
    Ok((done, late_turn))
}

/// Reads an input by its operation's member table.
///
/// # Errors
/// `SerializationException` or `ValidationException`.
pub(super) fn read_members<T: DeserializeOwned>(
    description: &Description,
    call: &Call,
    facts: &mut Facts,
) -> Result<T, ApiError> {
    let mut input = json::object(&call.body)?;
    add_members(&mut input, description.input, &call.members);
    validate::check(&mut input, description.input)?;
    facts.request_parameters = request_parameters(&input, description.input, None);
    let can_dry_run = description.input.iter().any(|member| member.name == "DryRun");
    facts.dry_run = can_dry_run && input.get("DryRun") == Some(&Value::Bool(true));
    if let Some(Value::Array(tokens)) = input.get("GrantTokens") {
        facts.grant_tokens = tokens.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    serde_json::from_value(Value::Object(input))
        .map_err(|_mismatch| ApiError::bare(Code::SerializationException))
}

/// Puts members that stand elsewhere than in the body in the place of the
/// body's. Those of one name are the entries of a list.
fn add_members(input: &mut Map<String, Value>, described: &[Member], members: &[(String, String)]) {
    for (name, _) in members {
        input.remove(name);
    }
    for (name, value) in members {
        let value = Value::from(value.as_str());
        let is_list =
            |member: &Member| member.name == name && matches!(member.shape, Shape::List { .. });
        match input.get_mut(name) {
            Some(Value::Array(entries)) => entries.push(value),
            _ if described.iter().any(is_list) => {
                input.insert(name.clone(), Value::Array(vec![value]));
            }
            _ => {
                input.insert(name.clone(), value);
            }
        }
    }
}

/// Reads one text member that stands in the path, for inputs that are not read
/// by their whole member table.
///
/// # Errors
/// `ValidationException`.
pub fn path_member(call: &Call, member: &Member) -> Result<String, ApiError> {
    let found = call.members.iter().find(|(name, _)| name == member.name);
    let mut input: Map<String, Value> =
        found.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    validate::check(&mut input, &[*member])?;
    match input.remove(member.name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(ApiError::bare(Code::SerializationException)),
    }
}

/// The span of a call: what was asked for and how it ended, never by whom or
/// with what. At DEBUG, so that it costs next to nothing until somebody traces.
fn span(description: &Description, request_id: RequestId) -> Span {
    tracing::debug_span!(
        "call",
        otel.name = description.name,
        otel.kind = "server",
        wardbook.service = description.service.as_str(),
        wardbook.operation = description.name,
        aws.request_id = %request_id,
        error.type = tracing::field::Empty,
        otel.status_code = tracing::field::Empty,
    )
}

/// The last thing that happens to a call: it is counted, and a fault of the
/// server is logged with its cause, which the caller does not see.
fn end(
    ctx: &Ctx,
    description: &Description,
    started: Duration,
    facts: &Facts,
    answer: Answer,
) -> Answer {
    let error = answer.result().err();
    let took = ctx.clock.elapsed().saturating_sub(started);
    let code = error.map(ApiError::code);
    if let Some(cause) = error.and_then(ApiError::cause) {
        tracing::error!(
            request_id = %answer.request_id(),
            operation = description.name,
            cause = chain(cause),
            "a call failed"
        );
    }
    if let Some(code) = code {
        let span = Span::current();
        span.record("error.type", code.as_str());
        // A refusal is no error of the server.
        if code.kms_status() >= 500 {
            span.record("otel.status_code", "ERROR");
        }
    }
    let resources = &facts.resources;
    ctx.observer.call_ended(&Ended { operation: description, error: code, took, resources });
    answer
}
