//! LookupEvents: what happened in the caller's account and Region, newest first.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::shapes;
use crate::audit;
use crate::audit::lookup::{self, Attribute, Event, Events, Lookup};
use crate::base::limits;
use crate::base::timestamp::{DAY_MS, epoch_seconds, from_epoch_seconds};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

pub(super) struct LookupEvents;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    lookup_attributes: Option<Vec<Given>>,
    start_time: Option<f64>,
    end_time: Option<f64>,
    event_category: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Given {
    attribute_key: String,
    attribute_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    events: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// An event as AWS shows it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    event_id: String,
    event_name: String,
    /// `true` or `false`, a text.
    read_only: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    event_time: f64,
    event_source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    resources: Vec<ShownResource>,
    cloud_trail_event: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownResource {
    resource_type: String,
    resource_name: String,
}

const ATTRIBUTE: Shape = Shape::Structure(&[
    Member::required("AttributeKey", text(0, limits::LOOKUP_VALUE_CHARS)),
    Member::required("AttributeValue", text(1, limits::LOOKUP_VALUE_CHARS)),
]);

const SHOWN: Shape = Shape::Structure(&[
    out_text("EventId"),
    out_text("EventName"),
    out_text("ReadOnly"),
    out_text("AccessKeyId"),
    Member::optional("EventTime", Shape::Timestamp),
    out_text("EventSource"),
    out_text("Username"),
    Member::optional(
        "Resources",
        Shape::List {
            of: &Shape::Structure(&[out_text("ResourceType"), out_text("ResourceName")]),
            min: 0,
            max: usize::MAX,
        },
    ),
    out_text("CloudTrailEvent"),
]);

impl Operation for LookupEvents {
    const DESCRIPTION: Description = Description {
        name: "LookupEvents",
        service: Service::Cloudtrail,
        read_only: true,
        input: &[
            Member::optional(
                "LookupAttributes",
                Shape::List { of: &ATTRIBUTE, min: 0, max: limits::AUDIT_PAGE_ROWS },
            ),
            Member::optional("StartTime", Shape::Timestamp),
            Member::optional("EndTime", Shape::Timestamp),
            Member::optional("EventCategory", text(0, limits::LOOKUP_VALUE_CHARS)),
            // What is out of range has an error of its own.
            Member::optional("MaxResults", Shape::Integer { min: i64::MIN, max: i64::MAX }),
            Member::optional("NextToken", text(0, limits::LOOKUP_VALUE_CHARS)),
        ],
        output: &[
            Member::optional("Events", Shape::List { of: &SHOWN, min: 0, max: usize::MAX }),
            out_text("NextToken"),
        ],
        errors: &[
            Code::InvalidEventCategoryException,
            Code::InvalidLookupAttributesException,
            Code::InvalidMaxResultsException,
            Code::InvalidNextTokenException,
            Code::InvalidTimeRangeException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        shapes::permit(access, Action::LOOKUP_EVENTS)?;
        let is_insight = is_insight(input.event_category.as_deref())?;
        let lookup = lookup(ctx, access, input)?;
        if is_insight {
            // Nothing here looks for unusual activity, so there are no such events.
            return Ok(Done::read(Output { events: Vec::new(), next_token: None }));
        }
        let store = Arc::clone(&ctx.store);
        // Reading blocks, and may take a while on a cold file.
        let found = tokio::task::spawn_blocking(move || lookup::lookup(&store, &lookup));
        let Events { events, next } =
            found.await.map_err(ApiError::internal)?.map_err(|error| match error {
                audit::Error::Cursor => refusal(
                    Code::InvalidNextTokenException,
                    "The token is not valid for these parameters.",
                ),
                other => other.into(),
            })?;
        let events = events.into_iter().map(Shown::of).collect();
        Ok(Done::read(Output { events, next_token: next }))
    }
}

fn refusal(code: Code, text: &str) -> ApiError {
    ApiError::new(code, text)
}

fn is_insight(category: Option<&str>) -> Result<bool, ApiError> {
    match category {
        None => Ok(false),
        Some("insight") => Ok(true),
        Some(_) => Err(refusal(
            Code::InvalidEventCategoryException,
            "The event category must be insight, or left out for management events.",
        )),
    }
}

fn lookup(ctx: &Ctx, access: &Access<'_>, input: Input) -> Result<Lookup, ApiError> {
    const EVENTS_OF_DAYS: i64 = 90;
    let realm = access.call().realm();
    let attribute = attribute(input.lookup_attributes.unwrap_or_default())?;
    let most = limits::LOOKUP_EVENTS;
    let limit = input.max_results.unwrap_or(most);
    let limit = usize::try_from(limit).ok().filter(|_| (1..=most).contains(&limit));
    let limit = limit.ok_or_else(|| {
        let text = format!("The maximum number of results must be between 1 and {most}.");
        ApiError::new(Code::InvalidMaxResultsException, text)
    })?;
    // Events have times in whole seconds, and both ends belong to the range.
    let second = |given: Option<f64>| {
        let ms = given.map(|seconds| from_epoch_seconds(seconds).ok_or(seconds)).transpose();
        let ms =
            ms.map_err(|_no_date| refusal(Code::InvalidTimeRangeException, "No such time."))?;
        Ok::<_, ApiError>(ms.map(|ms| ms.div_euclid(1_000).saturating_mul(1_000)))
    };
    let (start, end) = (second(input.start_time)?, second(input.end_time)?);
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        let text = "The start time must not be after the end time.";
        return Err(refusal(Code::InvalidTimeRangeException, text));
    }
    Ok(Lookup {
        account: realm.account.to_string(),
        region: realm.region.to_string(),
        from_ms: start,
        usual_from_ms: ctx.clock.now_ms().saturating_sub(EVENTS_OF_DAYS.saturating_mul(DAY_MS)),
        to_ms: end.map_or(i64::MAX, |end| end.saturating_add(1_000)),
        attribute,
        limit,
        cursor: input.next_token,
    })
}

/// AWS takes several and looks at the first alone; a filter that does not filter
/// is refused here.
fn attribute(given: Vec<Given>) -> Result<Option<Attribute>, ApiError> {
    let refused = |text: &str| Err(refusal(Code::InvalidLookupAttributesException, text));
    if given.len() > 1 {
        return refused("Only one lookup attribute can be specified.");
    }
    let Some(Given { attribute_key, attribute_value }) = given.into_iter().next() else {
        return Ok(None);
    };
    Ok(Some(match attribute_key.as_str() {
        "EventId" => Attribute::EventId(attribute_value),
        "EventName" => Attribute::EventName(attribute_value),
        "ReadOnly" => match attribute_value.as_str() {
            "true" => Attribute::ReadOnly(true),
            "false" => Attribute::ReadOnly(false),
            _ => return refused("The value of ReadOnly must be true or false."),
        },
        "Username" => Attribute::Username(attribute_value),
        "ResourceType" => Attribute::ResourceType(attribute_value),
        "ResourceName" => Attribute::ResourceName(attribute_value),
        "EventSource" => Attribute::EventSource(attribute_value),
        "AccessKeyId" => Attribute::AccessKeyId(attribute_value),
        _ => {
            return refused(
                "The lookup attribute key must be one of EventId, EventName, ReadOnly, Username, \
                 ResourceType, ResourceName, EventSource and AccessKeyId.",
            );
        }
    }))
}

impl Shown {
    fn of(event: Event) -> Self {
        let resource =
            |(resource_type, resource_name)| ShownResource { resource_type, resource_name };
        Self {
            event_id: event.event_id,
            event_name: event.event_name,
            read_only: event.read_only.to_string(),
            access_key_id: event.access_key_id,
            event_time: epoch_seconds(event.time_ms.div_euclid(1_000).saturating_mul(1_000)),
            event_source: event.event_source,
            username: event.username,
            resources: event.resources.into_iter().map(resource).collect(),
            cloud_trail_event: event.record,
        }
    }
}
