//! DescribeTrails: the trail, if there is one.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DescribeTrails.html>

use serde::{Deserialize, Serialize};

use super::shapes::{self, Described};
use crate::audit::trail::Trail;
use crate::base::limits;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::policy::actions::Action;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct DescribeTrails;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    trail_name_list: Option<Vec<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    trail_list: Vec<Described>,
}

impl Operation for DescribeTrails {
    const DESCRIPTION: Description = Description {
        name: "DescribeTrails",
        service: Service::Cloudtrail,
        read_only: true,
        input: &[
            Member::optional(
                "trailNameList",
                Shape::List { of: &shapes::NAME_SHAPE, min: 0, max: limits::AUDIT_PAGE_ROWS },
            ),
            // A trail shows in every Region either way: it is one for all of them.
            Member::optional("includeShadowTrails", Shape::Boolean),
        ],
        output: &[Member::optional(
            "trailList",
            Shape::List { of: &shapes::TRAIL, min: 0, max: usize::MAX },
        )],
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
        shapes::permit(access, Action::DESCRIBE_TRAILS)?;
        let names = input.trail_name_list.unwrap_or_default();
        let is_asked = |trail: &Trail| {
            names.is_empty() || names.iter().any(|name| shapes::is_named(trail, access, name))
        };
        let asked = ctx.trail.iter().filter(|trail| is_asked(trail));
        let trail_list = asked.map(|trail| Described::of(trail, access)).collect();
        Ok(Done::read(Output { trail_list }))
    }
}
