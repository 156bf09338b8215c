//! GetTrail: the settings of the trail.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrail.html>

use serde::Serialize;

use super::shapes::{self, Described, Named};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::policy::actions::Action;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct GetTrail;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    trail: Described,
}

impl Operation for GetTrail {
    const DESCRIPTION: Description = Description {
        name: "GetTrail",
        service: Service::Cloudtrail,
        read_only: true,
        input: &[shapes::NAME],
        output: &[Member::optional("Trail", shapes::TRAIL)],
        errors: shapes::NAME_ERRORS,
    };

    type Context = Ctx;
    type Input = Named;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Named,
    ) -> Result<Done<Output>, ApiError> {
        shapes::permit(access, Action::GET_TRAIL)?;
        let trail = shapes::find(ctx, access, &input.name)?;
        Ok(Done::read(Output { trail: Described::of(trail, access) }))
    }
}
