//! FollowEvents: events as they come, as server-sent events (HTML Living
//! Standard, section 9.2). One call, one record.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::selection::{FILTERS, Filters, TEXT, TEXTS, filters_and};
use crate::audit::{self, Filter, News};
use crate::base::limits;
use crate::ops::access::Access;
use crate::ops::call::Call;
use crate::ops::ctx::Ctx;
use crate::ops::facts::Facts;
use crate::ops::feed::{Feed, Next, Pieces};
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::rates::throttled;
use crate::ops::seats::Seat;
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct FollowEvents;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    #[serde(flatten)]
    filters: Filters,
    #[serde(default)]
    text: Vec<String>,
    last_event_id: Option<String>,
}

/// The answer is the stream.
#[derive(Serialize)]
pub(super) struct Output {}

const INPUT: [Member; FILTERS.len() + 2] =
    filters_and(&[Member::optional("text", TEXTS), Member::optional("lastEventId", TEXT)]);

impl Operation for FollowEvents {
    const DESCRIPTION: Description = Description {
        name: "FollowEvents",
        service: Service::Audit,
        read_only: true,
        input: &INPUT,
        output: &[],
        errors: &[],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        ask(access)?;
        let after = place(ctx, input.last_event_id.as_deref())?;
        let selection = input.filters.selection(ctx, access)?;
        let filter = Filter { selection, text: input.text, ..Filter::default() };
        let Call { caller, region, .. } = access.call();
        let seat = ctx.audit_followers.take(caller.principal.account()).ok_or_else(throttled)?;
        let (caller, region) = (caller.clone(), region.clone());
        let (body, members, decided) = (Vec::new(), Vec::new(), Vec::new());
        let call = Call { caller, region, body, members, decided };
        let now = ctx.clock.elapsed();
        let follower = Follower {
            has_own_key: has_own_key(ctx, &call),
            call,
            filter: Arc::new(filter),
            after,
            begun: now,
            asked: now,
            spoke: None,
            is_over: false,
            _seat: seat,
        };
        Ok(Done::feed(Output {}, Feed::new("text/event-stream", true, follower)))
    }
}

/// Asks for the permission.
fn ask(access: &mut Access<'_>) -> Result<(), ApiError> {
    let account = access.call().caller.principal.account();
    access.resource(Action::FOLLOW_EVENTS, Resource::AuditLog { account }).map(drop)
}

/// The place to begin behind: the end of the book, if none is named.
fn place(ctx: &Ctx, named: Option<&str>) -> Result<i64, ApiError> {
    let last = ctx.store.health().last_seq;
    let Some(text) = named else { return Ok(last) };
    let place = text.parse().ok().filter(|place| (0..=last).contains(place));
    place.ok_or_else(|| {
        ApiError::validation("lastEventId must be the place of a record that there is, or 0.")
    })
}

/// Whether the caller's access key is one that is kept here and in use; those
/// of sessions are not kept.
fn has_own_key(ctx: &Ctx, call: &Call) -> bool {
    let id = call.caller.access_key_id.as_deref();
    let key = id.and_then(|id| ctx.directory.find_access_key(id));
    key.is_some_and(|key| key.active)
}

struct Follower {
    call: Call,
    filter: Arc<Filter>,
    /// The place that was looked at last.
    after: i64,
    has_own_key: bool,
    begun: Duration,
    /// When it was asked last whether the caller may.
    asked: Duration,
    /// When something was sent last.
    spoke: Option<Duration>,
    /// Whether nothing more can come.
    is_over: bool,
    _seat: Seat,
}

impl Pieces for Follower {
    fn next<'a>(&'a mut self, ctx: &'a Ctx) -> Next<'a> {
        Box::pin(self.look(ctx))
    }
}

impl Follower {
    async fn look(&mut self, ctx: &Ctx) -> Result<Option<Vec<u8>>, ApiError> {
        loop {
            let now = ctx.clock.elapsed();
            if self.is_over {
                return Ok(None);
            }
            if self.spoke.is_none() {
                self.spoke = Some(now);
                return Ok(Some(self.sign_of_life()));
            }
            if !self.may_go_on(ctx, now) {
                return Ok(None);
            }
            let is_behind = ctx.store.health().last_seq > self.after;
            if is_behind {
                let news = self.news(ctx).await?;
                self.after = news.seq;
                if !news.records.is_empty() {
                    self.spoke = Some(now);
                    return Ok(Some(events(&news)));
                }
            }
            if since(self.spoke, now) >= Duration::from_secs(limits::AUDIT_FOLLOW_HEARTBEAT_S) {
                self.spoke = Some(now);
                return Ok(Some(self.sign_of_life()));
            }
            if is_behind {
                continue;
            }
            if self.filter.selection.to_ms.is_some_and(|to_ms| ctx.clock.now_ms() >= to_ms) {
                self.is_over = true;
                return Ok(Some(END.to_vec()));
            }
            tokio::time::sleep(Duration::from_millis(limits::AUDIT_FOLLOW_LOOK_MS)).await;
        }
    }

    async fn news(&self, ctx: &Ctx) -> Result<News, ApiError> {
        let (store, filter) = (Arc::clone(&ctx.store), Arc::clone(&self.filter));
        let after = self.after;
        let look = move || audit::newer(&store, &filter, after);
        Ok(tokio::task::spawn_blocking(look).await.map_err(ApiError::internal)??)
    }

    /// Whether the caller may still follow. Now and then the policies are asked
    /// again; after a while the caller has to come anew, since a session may have
    /// ended.
    fn may_go_on(&mut self, ctx: &Ctx, now: Duration) -> bool {
        if since(Some(self.begun), now) >= Duration::from_secs(limits::AUDIT_FOLLOW_S) {
            return false;
        }
        if since(Some(self.asked), now) < Duration::from_secs(limits::AUDIT_FOLLOW_ASK_S) {
            return true;
        }
        self.asked = now;
        if self.has_own_key && !has_own_key(ctx, &self.call) {
            return false;
        }
        let mut facts = Facts::default();
        let access = &mut Access::new(ctx, &FollowEvents::DESCRIPTION, &self.call, &mut facts);
        ask(access).is_ok()
    }

    /// A comment, and an id without data: nothing to show, but the place from
    /// which a client that lost its connection goes on.
    fn sign_of_life(&self) -> Vec<u8> {
        format!(":\nid: {}\n\n", self.after).into_bytes()
    }
}

/// Tells that `to` has passed, so that nobody comes again: clients of server-sent
/// events do that whenever a stream ends.
const END: &[u8] = b"event: end\ndata: {}\n\n";

fn since(then: Option<Duration>, now: Duration) -> Duration {
    now.saturating_sub(then.unwrap_or_default())
}

/// A record is one line, so it is the data as it is.
fn events(news: &News) -> Vec<u8> {
    let mut text = String::new();
    for recorded in &news.records {
        let (seq, record) = (recorded.position.seq, &recorded.record);
        text.push_str(&format!("id: {seq}\ndata: {record}\n\n"));
    }
    text.into_bytes()
}
