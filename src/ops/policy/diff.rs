//! Diff: requests whose outcome is not the same under two policies of a key.

use std::sync::Arc;

use serde::Deserialize;

use super::hypothesis;
use crate::base::clock::Deadline;
use crate::base::limits;
use crate::ops::access::Access;
use crate::ops::blocking::{PolicyKind, compile, search};
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::KEY_ID_SHAPE;
use crate::policy::actions::Action;
use crate::policy::compare::Difference;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, POLICY_TEXT, Shape, matching};

pub(super) struct Diff;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    key_id: String,
    /// The one in force, if it is left out.
    old: Option<String>,
    new: String,
}

const POLICY: Shape = matching(1, limits::POLICY_BYTES, POLICY_TEXT);
const NUMBER: Shape = Shape::Integer { min: 0, max: i64::MAX };

impl Operation for Diff {
    const DESCRIPTION: Description = Description {
        name: "Diff",
        service: Service::Policy,
        read_only: true,
        input: &[
            Member::required("keyId", KEY_ID_SHAPE),
            Member::optional("old", POLICY),
            Member::required("new", POLICY),
        ],
        output: &[
            Member::required(
                "examples",
                Shape::List { of: &Shape::Document, min: 0, max: limits::COMPARED_EXAMPLES },
            ),
            Member::required("requests", NUMBER),
            Member::required("complete", Shape::Boolean),
            Member::optional("notVaried", crate::ops::shapes::out_names("").shape),
        ],
        errors: &[
            Code::InvalidArnException,
            Code::LimitExceededException,
            Code::MalformedPolicyDocumentException,
            Code::NotFoundException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Difference;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Difference>, ApiError> {
        access.account(Action::DIFF)?;
        let key = hypothesis::find_key(ctx, access, &input.key_id)?.key;
        let account = key.arn.account.clone();
        let new = compile(ctx, &account, PolicyKind::Key, &input.new).await?;
        let old = match &input.old {
            Some(text) => compile(ctx, &account, PolicyKind::Key, text).await?,
            None => Arc::clone(&key.policy),
        };
        let (engine, keys) = (Arc::clone(&ctx.engine), Arc::clone(&ctx.keys));
        let now_ms = ctx.clock.now_ms();
        let compare = move |deadline: Deadline<'_>| {
            engine.compare(&old, &new, key.as_resource(keys.as_ref()), now_ms, deadline)
        };
        Ok(Done::read(search(ctx, &account, compare).await??))
    }
}
