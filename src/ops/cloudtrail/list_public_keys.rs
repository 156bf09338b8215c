//! ListPublicKeys: what verifies the digests of the trail.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html>

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::shapes;
use crate::base::limits;
use crate::base::timestamp::{epoch_seconds, from_epoch_seconds};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::{out_blob, out_text};
use crate::policy::actions::Action;
use crate::store::trail::{self as rows, KeyRow};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

pub(super) struct ListPublicKeys;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    start_time: Option<f64>,
    end_time: Option<f64>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    public_key_list: Vec<PublicKey>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PublicKey {
    value: String,
    validity_start_time: f64,
    validity_end_time: f64,
    fingerprint: String,
}

impl Operation for ListPublicKeys {
    const DESCRIPTION: Description = Description {
        name: "ListPublicKeys",
        service: Service::Cloudtrail,
        read_only: true,
        input: &[
            Member::optional("StartTime", Shape::Timestamp),
            Member::optional("EndTime", Shape::Timestamp),
            Member::optional("NextToken", text(0, limits::LOOKUP_VALUE_CHARS)).unrecorded(),
        ],
        output: &[Member::optional(
            "PublicKeyList",
            Shape::List {
                of: &Shape::Structure(&[
                    out_blob("Value", false),
                    Member::optional("ValidityStartTime", Shape::Timestamp),
                    Member::optional("ValidityEndTime", Shape::Timestamp),
                    out_text("Fingerprint"),
                ]),
                min: 0,
                max: usize::MAX,
            },
        )],
        errors: &[Code::InvalidTimeRangeException, Code::InvalidTokenException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        shapes::permit(access, Action::LIST_PUBLIC_KEYS)?;
        if input.next_token.is_some() {
            // One page holds all keys, so no token was given out.
            let text = "The token is not valid.";
            return Err(ApiError::new(Code::InvalidTokenException, text));
        }
        // What is left out is now.
        let now_ms = ctx.clock.now_ms();
        let time = |given: Option<f64>| given.and_then(from_epoch_seconds).unwrap_or(now_ms);
        let (from_ms, to_ms) = (time(input.start_time), time(input.end_time));
        if from_ms > to_ms {
            let text = "The start time must not be after the end time.";
            return Err(ApiError::new(Code::InvalidTimeRangeException, text));
        }
        let keys = ctx.store.read(|tx| rows::list_keys(tx)).map_err(ApiError::internal)?;
        let in_range =
            keys.into_iter().filter(|key| key.valid_from_ms <= to_ms && key.valid_to_ms > from_ms);
        Ok(Done::read(Output { public_key_list: in_range.map(PublicKey::of).collect() }))
    }
}

impl PublicKey {
    fn of(key: KeyRow) -> Self {
        Self {
            value: BASE64_STANDARD.encode(&key.public),
            validity_start_time: epoch_seconds(key.valid_from_ms),
            validity_end_time: epoch_seconds(key.valid_to_ms),
            fingerprint: key.fingerprint,
        }
    }
}
