//! GetKeyLastUsage: the last cryptographic operation with a key, read from
//! the book, which has all of them since the key was made.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyLastUsage.html>

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID, out_text};
use crate::audit::{self, LastUse};
use crate::base::timestamp;
use crate::policy::actions::Action;
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
        let (store, arn, from_ms) = (Arc::clone(&ctx.store), key.arn.to_string(), key.created_ms);
        // Reading blocks, and may take a while on a cold file.
        let find = move || audit::last_use(&store, &arn, TRACKED, from_ms);
        let found = tokio::task::spawn_blocking(find).await;
        let last = found.map_err(ApiError::internal)??;
        let created = timestamp::epoch_seconds(key.created_ms);
        Ok(Done::read(Output {
            key_id: key.arn.to_string(),
            key_last_usage: last.map(usage).unwrap_or_default(),
            tracking_start_date: created,
            key_creation_date: created,
        }))
    }
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
