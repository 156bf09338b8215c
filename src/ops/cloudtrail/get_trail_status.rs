//! GetTrailStatus: how the delivery of log files goes.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html>

use serde::Serialize;

use super::shapes::{self, Named};
use crate::base::timestamp::{epoch_seconds, event_time};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::store::trail as rows;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct GetTrailStatus;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    is_logging: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_delivery_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_delivery_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_logging_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_digest_delivery_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_digest_delivery_error: Option<String>,
    /// This and the following are texts, empty for nothing, as with AWS.
    latest_delivery_attempt_time: String,
    latest_delivery_attempt_succeeded: String,
    time_logging_started: String,
    time_logging_stopped: &'static str,
}

impl Operation for GetTrailStatus {
    const DESCRIPTION: Description = Description {
        name: "GetTrailStatus",
        service: Service::Cloudtrail,
        read_only: true,
        input: &[shapes::NAME],
        output: &[
            Member::optional("IsLogging", Shape::Boolean),
            out_text("LatestDeliveryError"),
            Member::optional("LatestDeliveryTime", Shape::Timestamp),
            Member::optional("StartLoggingTime", Shape::Timestamp),
            Member::optional("LatestDigestDeliveryTime", Shape::Timestamp),
            out_text("LatestDigestDeliveryError"),
            out_text("LatestDeliveryAttemptTime"),
            out_text("LatestDeliveryAttemptSucceeded"),
            out_text("TimeLoggingStarted"),
            out_text("TimeLoggingStopped"),
        ],
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
        shapes::permit(access, Action::GET_TRAIL_STATUS)?;
        let status = shapes::find(ctx, access, &input.name)?.status();
        let progress = ctx.store.read(|tx| rows::find_progress(tx)).map_err(ApiError::internal)?;
        let since = |ms: Option<i64>| ms.filter(|ms| *ms > 0);
        let delivered_ms = since(progress.map(|progress| progress.delivered_ms));
        // The first round ends where the trail began: nothing was delivered by then.
        let digest_ms = since(progress.map(|progress| progress.digest_ms));
        let started_ms = progress.map(|progress| progress.started_ms);
        let attempt = status.attempt_ms.map(event_time).unwrap_or_default();
        let succeeded = status.delivery_error.is_none().then(|| attempt.clone());
        Ok(Done::read(Output {
            is_logging: true,
            latest_delivery_error: status.delivery_error,
            latest_delivery_time: delivered_ms.map(epoch_seconds),
            start_logging_time: started_ms.map(epoch_seconds),
            latest_digest_delivery_time: digest_ms
                .filter(|ms| Some(*ms) > started_ms)
                .map(epoch_seconds),
            latest_digest_delivery_error: status.digest_error,
            latest_delivery_attempt_time: attempt,
            latest_delivery_attempt_succeeded: succeeded.unwrap_or_default(),
            time_logging_started: started_ms.map(event_time).unwrap_or_default(),
            time_logging_stopped: "",
        }))
    }
}
