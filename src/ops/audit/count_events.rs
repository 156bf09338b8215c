//! CountEvents: how many events, by time or by what they have in common.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::selection::{self, FILTERS, Filters, TEXT, filters_and};
use crate::audit::{self, GROUPINGS};
use crate::base::{limits, timestamp};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::store::{Dimension, Group, Share};
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct CountEvents;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    #[serde(flatten)]
    filters: Filters,
    group_by: Option<String>,
    limit: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// One object a group: what it is counted by, and `events`.
    counts: Vec<Map<String, Value>>,
    /// All events of the selection, in whichever group.
    total: u64,
    /// Whether every group is listed.
    complete: bool,
}

const INPUT: [Member; FILTERS.len() + 2] =
    filters_and(&[Member::optional("groupBy", TEXT), Member::optional("limit", TEXT)]);

impl Operation for CountEvents {
    const DESCRIPTION: Description = Description {
        name: "CountEvents",
        service: Service::Audit,
        read_only: true,
        input: &INPUT,
        output: &[
            Member::required(
                "counts",
                Shape::List { of: &Shape::Document, min: 0, max: limits::AUDIT_PAGE_ROWS },
            ),
            Member::required("total", Shape::Integer { min: 0, max: i64::MAX }),
            Member::required("complete", Shape::Boolean),
        ],
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
        let account = access.call().caller.principal.account();
        access.resource(Action::COUNT_EVENTS, Resource::AuditLog { account })?;
        let account = account.clone();
        let selection = input.filters.selection(ctx, access)?;
        let by = grouping(input.group_by.as_deref().unwrap_or_default())?;
        let rows = selection::rows(input.limit.as_deref())?;
        let store = Arc::clone(&ctx.store);
        let dimensions = by.map(|by| by.map(|(_, dimension)| dimension));
        let count = move || audit::count(&store, &selection, dimensions, rows);
        let counts = ctx.audit_counts.make_for(&account, count).await??;
        let names: Vec<&str> = by.iter().flatten().map(|(name, _)| *name).collect();
        Ok(Done::read(Output {
            counts: counts.groups.into_iter().map(|group| row(&names, group)).collect(),
            total: counts.events,
            complete: counts.complete,
        }))
    }
}

type Grouping = (&'static str, Dimension);

/// Reads `name` or `name,name`.
fn grouping(text: &str) -> Result<[Option<Grouping>; 2], ApiError> {
    let mut by = [None, None];
    if text.is_empty() {
        return Ok(by);
    }
    let wrong = || {
        let names: Vec<&str> = GROUPINGS.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        ApiError::validation(format!("groupBy must be one or two different ones of {names}."))
    };
    let mut slots = by.iter_mut();
    for name in text.split(',') {
        let found = GROUPINGS.into_iter().find(|(known, _)| *known == name).ok_or_else(wrong)?;
        *slots.next().ok_or_else(wrong)? = Some(found);
    }
    if by[0] == by[1] {
        return Err(wrong());
    }
    Ok(by)
}

fn row(names: &[&str], group: Group) -> Map<String, Value> {
    let shares = group.shares.into_iter().map(|share| match share {
        Share::Time(ms) => Value::from(timestamp::event_time(ms)),
        Share::Text(text) => Value::from(text),
        Share::None => Value::Null,
    });
    let mut row: Map<String, Value> =
        names.iter().map(|name| (*name).to_owned()).zip(shares).collect();
    row.insert("events".to_owned(), Value::from(group.events));
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groupings_are_one_or_two() {
        let names = |text: &str| {
            let by = grouping(text).ok()?;
            Some(by.iter().flatten().map(|(name, _)| *name).collect::<Vec<_>>())
        };
        assert_eq!(names(""), Some(vec![]));
        assert_eq!(names("day"), Some(vec!["day"]));
        assert_eq!(names("principal,day"), Some(vec!["principal", "day"]));
        for wrong in ["x", "day,", ",day", "day,day", "day,key,principal", "Day", "day, key"] {
            assert_eq!(names(wrong), None, "{wrong}");
        }
    }
}
