//! ListKeyPolicies: always the one policy `default`.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyPolicies.html>

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID, MARKER, out_text};
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::paging;
use crate::wire::shape::{Member, Shape, text};

pub(super) struct ListKeyPolicies;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    policy_names: [&'static str; 1],
    truncated: bool,
}

impl Operation for ListKeyPolicies {
    const DESCRIPTION: Description = Description {
        name: "ListKeyPolicies",
        service: Service::Kms,
        read_only: true,
        input: &[KEY_ID, Member::optional("Limit", Shape::Integer { min: 1, max: 1000 }), MARKER],
        output: &[
            Member::optional("PolicyNames", Shape::List { of: &text(1, 128), min: 0, max: 2 }),
            out_text("NextMarker"),
            Member::optional("Truncated", Shape::Boolean),
        ],
        errors: &[
            Code::InvalidArnException,
            Code::KMSInvalidStateException,
            Code::NotFoundException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        _ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        access.key(Action::LIST_KEY_POLICIES, &input.key_id, Accepts::Key, None)?;
        // One page holds them all, so no marker was ever given out.
        if let Some(marker) = &input.marker {
            paging::last_entry("ListKeyPolicies", marker)?;
        }
        Ok(Done::read(Output { policy_names: ["default"], truncated: false }))
    }
}
