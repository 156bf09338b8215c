//! GetCheckpoint: the signed head of the log, which covers every record that
//! was answered before.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::hashes;
use crate::audit::{self, ledger::Checkpoint};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct GetCheckpoint;

#[derive(Deserialize)]
pub(super) struct Input {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// C2SP signed note.
    checkpoint: String,
    origin: String,
    size: u64,
    /// Base64.
    root_hash: String,
    /// `NAME+ID+KEY`.
    public_key: String,
}

impl Operation for GetCheckpoint {
    const DESCRIPTION: Description = Description {
        name: "GetCheckpoint",
        service: Service::Audit,
        read_only: true,
        input: &[],
        output: &[
            out_text("checkpoint"),
            out_text("origin"),
            Member::required("size", hashes::SIZE),
            out_text("rootHash"),
            out_text("publicKey"),
        ],
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
        let account = access.call().caller.principal.account();
        access.resource(Action::GET_CHECKPOINT, Resource::AuditLog { account })?;
        let store = Arc::clone(&ctx.store);
        let found = tokio::task::spawn_blocking(move || audit::checkpoint(&store));
        let checkpoint = found.await.map_err(ApiError::internal)??;
        let head = Checkpoint::open(&checkpoint, &ctx.log_key).map_err(ApiError::internal)?;
        Ok(Done::read(Output {
            checkpoint,
            origin: head.origin,
            size: head.size,
            root_hash: hashes::text_of(&head.root),
            public_key: ctx.log_key.to_string(),
        }))
    }
}
