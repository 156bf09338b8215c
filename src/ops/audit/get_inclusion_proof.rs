//! GetInclusionProof: that a record is in the log, for whoever has its public
//! key. The record must stand in the book of the caller's account.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::hashes::{self, HASH, HASHES, NUMBER, SIZE};
use crate::audit;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, text};

pub(super) struct GetInclusionProof;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    event_id: String,
    size: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    event_id: String,
    /// The leaf, counted from 0.
    index: u64,
    /// Leaves of the tree.
    size: u64,
    root_hash: String,
    /// The lowest first.
    hashes: Vec<String>,
    leaf_hash: String,
    /// What the leaf hash is computed from (src/audit/README.md).
    evidence: String,
    public_key: String,
    /// The signed head of this size; and the proof as a file that leads to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tlog_proof: Option<String>,
}

impl Operation for GetInclusionProof {
    const DESCRIPTION: Description = Description {
        name: "GetInclusionProof",
        service: Service::Audit,
        read_only: true,
        input: &[Member::required("eventId", text(36, 36)), Member::optional("size", NUMBER)],
        output: &[
            out_text("eventId"),
            Member::required("index", SIZE),
            Member::required("size", SIZE),
            Member::required("rootHash", HASH),
            Member::required("hashes", HASHES),
            Member::required("leafHash", HASH),
            out_text("evidence"),
            out_text("publicKey"),
            out_text("checkpoint"),
            out_text("tlogProof"),
        ],
        errors: &[Code::NotFoundException],
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
        access.resource(Action::GET_INCLUSION_PROOF, Resource::AuditLog { account })?;
        let event_id = Uuid::try_parse(&input.event_id)
            .map_err(|_odd| ApiError::validation("eventId must be a UUID."))?;
        let size = input.size.map(|text| hashes::size("size", &text)).transpose()?;
        let (store, account) = (Arc::clone(&ctx.store), account.to_string());
        let proving = tokio::task::spawn_blocking(move || {
            audit::prove_inclusion(&store, &account, event_id.into_bytes(), size)
        });
        let proof = proving.await.map_err(ApiError::internal)??;
        Ok(Done::read(Output {
            event_id: event_id.to_string(),
            index: proof.index,
            size: proof.size,
            root_hash: hashes::text_of(&proof.root),
            hashes: hashes::texts_of(&proof.hashes),
            leaf_hash: hashes::text_of(&proof.leaf),
            evidence: hashes::text_of(&proof.evidence),
            public_key: ctx.log_key.to_string(),
            tlog_proof: proof.to_file().map(|file| file.to_string()),
            checkpoint: proof.checkpoint,
        }))
    }
}
