//! GetKeyLastUsage: the last cryptographic operation with a key, read from
//! the book, which has all of them since the key was made.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyLastUsage.html>

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::{self, Accepts};
use super::shapes::{KEY_ID, out_text};
use crate::audit::{self, LastUse};
use crate::base::timestamp;
use crate::keys::key::Key;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct GetKeyLastUsage;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_id: String,
    key_last_usage: Usage,
    tracking_start_date: f64,
    key_creation_date: f64,
}

/// Without members while the key was never used.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Usage {
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_trail_event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_request_id: Option<String>,
}

impl Operation for GetKeyLastUsage {
    const DESCRIPTION: Description = Description {
        name: "GetKeyLastUsage",
        service: Service::Kms,
        read_only: true,
        input: &[KEY_ID],
        output: &[
            out_text("KeyId"),
            Member::optional(
                "KeyLastUsage",
                Shape::Structure(&[
                    Member::optional("Operation", Shape::Enum(TRACKED)),
                    Member::optional("Timestamp", Shape::Timestamp),
                    out_text("CloudTrailEventId"),
                    out_text("KmsRequestId"),
                ]),
            ),
            Member::optional("TrackingStartDate", Shape::Timestamp),
            Member::optional("KeyCreationDate", Shape::Timestamp),
        ],
        errors: &[Code::InvalidArnException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let key = access.key(Action::GET_KEY_LAST_USAGE, &input.key_id, Accepts::Key, None)?.key;
        let last = last_use(ctx, &key).await?;
        let created = timestamp::epoch_seconds(key.created_ms);
        Ok(Done::read(Output {
            key_id: key.arn.to_string(),
            key_last_usage: last.map(usage).unwrap_or_default(),
            tracking_start_date: created,
            key_creation_date: created,
        }))
    }
}

/// The last use of a key, from the book.
async fn last_use(ctx: &Ctx, key: &Key) -> Result<Option<LastUse>, ApiError> {
    let (store, arn, from_ms) = (Arc::clone(&ctx.store), key.arn.to_string(), key.created_ms);
    // Reading blocks, and may take a while on a cold file.
    let account = key.arn.account.clone();
    let find = move || audit::last_use(&store, account.as_str(), &arn, TRACKED, from_ms);
    let found = tokio::task::spawn_blocking(find).await;
    Ok(found.map_err(ApiError::internal)??)
}

/// Says for how many days the key of this name was not used, if a policy wants
/// to know it. A name that is not there is refused later, in its turn, and so is the
/// key of another account, of which nothing is looked up.
pub(super) async fn says_days_without_usage(
    ctx: &Ctx,
    access: &mut Access<'_>,
    name: &str,
) -> Result<(), ApiError> {
    let fact = Fact::TrailingDaysWithoutKeyUsage;
    let realm = access.call().realm();
    let Ok(found) = resolve::key(&ctx.keys, &realm, name, Accepts::Key) else { return Ok(()) };
    if resolve::is_foreign(&realm, name) || !access.is_read(fact, &found.key) {
        return Ok(());
    }
    let last = last_use(ctx, &found.key).await?;
    let since_ms = last.map_or(found.key.created_ms, |last| last.time_ms);
    let days = ctx.clock.now_ms().saturating_sub(since_ms).div_euclid(timestamp::DAY_MS);
    access.says(fact, days);
    Ok(())
}

fn usage(last: LastUse) -> Usage {
    Usage {
        operation: Some(last.event_name),
        timestamp: Some(timestamp::epoch_seconds(last.time_ms)),
        cloud_trail_event_id: Some(last.event_id),
        kms_request_id: last.request_id,
    }
}

/// The operations that count as a use, if they succeed.
const TRACKED: &[&str] = &[
    "Decrypt",
    "DeriveSharedSecret",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "ReEncrypt",
    "Sign",
    "Verify",
    "VerifyMac",
    "Encapsulate",
    "Decapsulate",
];
