//! ListTrails: the name of the trail, if there is one.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListTrails.html>

use serde::{Deserialize, Serialize};

use super::shapes;
use crate::audit::trail;
use crate::base::limits;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

pub(super) struct ListTrails;

#[derive(Deserialize)]
pub(super) struct Input {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    trails: Vec<Listed>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    #[serde(rename = "TrailARN")]
    arn: String,
    name: &'static str,
    home_region: String,
}

impl Operation for ListTrails {
    const DESCRIPTION: Description = Description {
        name: "ListTrails",
        service: Service::Cloudtrail,
        read_only: true,
        // There is never a second page, so no token was given out.
        input: &[Member::optional("NextToken", text(0, limits::LOOKUP_VALUE_CHARS)).unrecorded()],
        output: &[Member::optional(
            "Trails",
            Shape::List {
                of: &Shape::Structure(&[
                    out_text("TrailARN"),
                    out_text("Name"),
                    out_text("HomeRegion"),
                ]),
                min: 0,
                max: usize::MAX,
            },
        )],
        errors: &[],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        _input: Input,
    ) -> Result<Done<Output>, ApiError> {
        shapes::permit(access, Action::LIST_TRAILS)?;
        let account = access.call().caller.principal.account();
        let listed = |trail: &trail::Trail| Listed {
            arn: trail.arn(account),
            name: trail::NAME,
            home_region: trail.home().to_string(),
        };
        Ok(Done::read(Output { trails: ctx.trail.iter().map(|trail| listed(trail)).collect() }))
    }
}
