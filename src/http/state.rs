//! What all doors share.

use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use tokio::sync::{Semaphore, watch};

use super::large_calls::LargeCalls;
use super::request::{Incoming, Share};
use super::respond;
use crate::base::caller::{Caller, Principal};
use crate::base::ids::{Region, RequestId};
use crate::base::limits;
use crate::identity::authenticate::{Authenticated, Authenticator};
use crate::ops::call::{Answer, Call};
use crate::ops::ctx::Ctx;
use crate::ops::operation::{BoundOperation, Description, Service};
use crate::ops::pipeline::{self, Refusal};
use crate::ops::rates::throttled;
use crate::wire::error::ApiError;

/// How calls come to this server.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// Over TLS.
    pub tls: bool,
    /// To an address that only this machine has.
    pub loopback: bool,
}

impl Way {
    /// The way to `listener`.
    ///
    /// # Errors
    /// If it has no address.
    pub fn to(listener: &TcpListener, tls: bool) -> io::Result<Self> {
        Ok(Self { tls, loopback: listener.local_addr()?.ip().is_loopback() })
    }

    /// Whether nobody between can change what no signature covers. It is not asked where
    /// a call seems to come from: a proxy on this machine passes on those of others.
    pub(super) const fn is_safe(self) -> bool {
        self.tls || self.loopback
    }
}

/// The handles of the HTTP server. Made once by `app`.
pub struct State {
    pub(super) ctx: Arc<Ctx>,
    pub(super) authenticator: Authenticator,
    /// Every operation that can be called from outside, by name.
    pub(super) operations: BTreeMap<&'static str, Arc<BoundOperation>>,
    pub(super) way: Way,
    /// Metrics in Prometheus's text form.
    pub(super) metrics: Box<dyn Fn() -> String + Send + Sync>,
    in_flight: Arc<Semaphore>,
    /// Room for large bodies, in bytes.
    pub(super) large_bodies: Arc<Semaphore>,
    large_calls: LargeCalls,
    /// True once no more calls are taken.
    closing: watch::Sender<bool>,
}

impl State {
    /// The doors to these operations; calls with large bodies have so many `threads` of
    /// their own.
    ///
    /// # Errors
    /// If the system has no threads left.
    pub fn new(
        ctx: Arc<Ctx>,
        authenticator: Authenticator,
        operations: Vec<BoundOperation>,
        way: Way,
        threads: usize,
        metrics: Box<dyn Fn() -> String + Send + Sync>,
    ) -> io::Result<Self> {
        let by_name = |operation: BoundOperation| (operation.description.name, Arc::new(operation));
        Ok(Self {
            ctx,
            authenticator,
            operations: operations.into_iter().map(by_name).collect(),
            way,
            metrics,
            in_flight: Arc::new(Semaphore::new(limits::IN_FLIGHT_CALLS)),
            large_bodies: Arc::new(Semaphore::new(limits::LARGE_BODIES_BYTES)),
            large_calls: LargeCalls::start(threads)?,
            closing: watch::Sender::new(false),
        })
    }

    /// A new request id. Without randomness there is no call: the id of the
    /// refusal is all zeros then.
    pub(super) fn request_id(&self) -> Result<RequestId, ApiError> {
        let mut random = [0; 16];
        self.ctx.hsm.fill_random(&mut random).map_err(ApiError::internal)?;
        Ok(RequestId::from_random(random))
    }

    /// Runs a call to its end, whatever becomes of the client: the server drops
    /// a handler when its client resets the connection, but not a task of its
    /// own. A crash is recorded as a failure.
    pub(super) async fn run(&self, operation: &Arc<BoundOperation>, call: Call) -> Answer {
        self.run_large(operation, call, Share::of(&self.large_bodies)).await.0
    }

    /// [`Self::run`] for a call whose body has a share of the room for large ones. The
    /// answer has it from then on, as far as it needs one.
    pub(super) async fn run_large(
        &self,
        operation: &Arc<BoundOperation>,
        call: Call,
        mut share: Share,
    ) -> (Answer, Share) {
        let (caller, region) = (call.caller.clone(), call.region.clone());
        let decided = call.decided.clone();
        let refusal = |error: ApiError| Refusal { decided, ..error.into() };
        let Ok(place) = Arc::clone(&self.in_flight).try_acquire_owned() else {
            let refusal = refusal(throttled());
            let answer = self.refuse(&operation.description, caller, region, refusal).await;
            return (answer, Share::of(&self.large_bodies));
        };
        let is_large = LargeCalls::is_large(&call);
        let running = operation.call(call);
        let running = async move {
            let answer = running.await;
            drop(place);
            share.fit(answer.result().map_or(0, <[u8]>::len));
            (answer, share)
        };
        let task = if is_large { self.large_calls.spawn(running) } else { tokio::spawn(running) };
        match task.await {
            Ok(answered) => answered,
            Err(crash) => {
                let refusal = refusal(ApiError::internal(crash));
                let answer = self.refuse(&operation.description, caller, region, refusal).await;
                (answer, Share::of(&self.large_bodies))
            }
        }
    }

    /// Hears when no more calls are taken.
    pub(super) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Waits until every call in flight has ended, `at_most` so long. Calls
    /// that come from then on are throttled, and answers without an end end.
    pub async fn finish_calls(&self, at_most: Duration) {
        self.closing.send_replace(true);
        let all = u32::try_from(limits::IN_FLIGHT_CALLS).unwrap_or(u32::MAX);
        match tokio::time::timeout(at_most, self.in_flight.acquire_many(all)).await {
            Ok(Ok(places)) => places.forget(),
            _ => tracing::warn!("calls are still in flight"),
        }
    }

    /// Records a refusal in a task of its own and answers it.
    pub(super) async fn refuse(
        &self,
        description: &Description,
        caller: Caller,
        region: Region,
        refusal: Refusal,
    ) -> Answer {
        let (ctx, description, request_id) =
            (Arc::clone(&self.ctx), *description, caller.request_id);
        let task = tokio::spawn(async move {
            pipeline::refuse(&ctx, &description, &caller, &region, refusal).await
        });
        match task.await {
            Ok(answer) => answer,
            Err(crash) => Answer::unrecorded(request_id, crash),
        }
    }

    /// The caller of a request whose signature was verified.
    pub(super) fn caller(&self, incoming: &Incoming, who: Authenticated) -> (Caller, Region) {
        let caller = Caller {
            access_key_id: Some(who.access_key_id),
            session: who.session,
            ..self.caller_as(incoming, who.principal)
        };
        (caller, who.region)
    }

    /// Somebody without a credential, at the place the request came from.
    pub(super) fn caller_as(&self, incoming: &Incoming, principal: Principal) -> Caller {
        Caller {
            principal,
            access_key_id: None,
            session: None,
            source_ip: incoming.source_ip,
            user_agent: incoming.user_agent.clone(),
            secure_transport: self.way.tls,
            tls: incoming.tls.clone(),
            request_id: incoming.request_id,
            via_service: None,
        }
    }

    /// Records and answers a request that was refused before it was known who
    /// sent it.
    pub(super) async fn refuse_nobody(
        &self,
        description: &Description,
        incoming: &Incoming,
        refusal: Refusal,
        answer: fn(&Answer) -> HttpResponse,
    ) -> HttpResponse {
        let refused = self.refuse_early(description, incoming, None, refusal).await;
        refused.as_ref().map_or_else(|| respond::bare_internal(incoming.request_id), answer)
    }

    /// Records a request that was refused before it was known whether it may be
    /// made; `caller` is nobody if that is not known either. `None` if the server
    /// has no Region, which does not happen.
    pub(super) async fn refuse_early(
        &self,
        description: &Description,
        incoming: &Incoming,
        caller: Option<Box<Caller>>,
        refusal: Refusal,
    ) -> Option<Answer> {
        let region = self.ctx.regions.first().cloned()?;
        let nobody = Principal::Anonymous { account: self.ctx.account.clone() };
        let caller = caller.map_or_else(|| self.caller_as(incoming, nobody), |caller| *caller);
        Some(self.refuse(description, caller, region, refusal).await)
    }
}

/// How a request for an operation that does not exist is recorded. The name is
/// fixed: strangers do not choose what stands in the book.
pub(super) const UNKNOWN_OPERATION: Description = Description {
    name: "UnknownOperation",
    service: Service::Kms,
    read_only: true,
    input: &[],
    output: &[],
    errors: &[],
};
