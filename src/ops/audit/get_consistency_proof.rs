//! GetConsistencyProof: that the log of then is the beginning of the log of now.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::hashes::{self, HASH, HASHES, NUMBER, SIZE};
use crate::audit;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct GetConsistencyProof;

#[derive(Deserialize)]
pub(super) struct Input {
    from: String,
    to: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    from: u64,
    from_root_hash: String,
    to: u64,
    to_root_hash: String,
    hashes: Vec<String>,
    public_key: String,
    /// The signed head of the larger size, if it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
}

impl Operation for GetConsistencyProof {
    const DESCRIPTION: Description = Description {
        name: "GetConsistencyProof",
        service: Service::Audit,
        read_only: true,
        input: &[Member::required("from", NUMBER), Member::optional("to", NUMBER)],
        output: &[
            Member::required("from", SIZE),
            Member::required("fromRootHash", HASH),
            Member::required("to", SIZE),
            Member::required("toRootHash", HASH),
            Member::required("hashes", HASHES),
            out_text("publicKey"),
            out_text("checkpoint"),
        ],
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
        let account = access.call().caller.principal.account();
        access.resource(Action::GET_CONSISTENCY_PROOF, Resource::AuditLog { account })?;
        let from = hashes::size("from", &input.from)?;
        let to = input.to.map(|text| hashes::size("to", &text)).transpose()?;
        let store = Arc::clone(&ctx.store);
        let proving =
            tokio::task::spawn_blocking(move || audit::prove_consistency(&store, from, to));
        let proof = proving.await.map_err(ApiError::internal)??;
        Ok(Done::read(Output {
            from: proof.from,
            from_root_hash: hashes::text_of(&proof.from_root),
            to: proof.to,
            to_root_hash: hashes::text_of(&proof.to_root),
            hashes: hashes::texts_of(&proof.hashes),
            public_key: ctx.log_key.to_string(),
            checkpoint: proof.checkpoint,
        }))
    }
}
