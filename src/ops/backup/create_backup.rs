//! CreateBackup: the database as it is at one moment, sealed under the root key,
//! in pieces. One call, one record, which is durable before the first piece goes
//! out and follows the head that the backup has.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use crate::audit::ledger::{Checkpoint, VerifierKey};
use crate::backup::{Header, Protector, Sealing};
use crate::ops::access::Access;
use crate::ops::admin::ask_first_account;
use crate::ops::ctx::Ctx;
use crate::ops::feed::{Feed, Next, Pieces};
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::policy::actions::Action;
use crate::store::sealed::{self, ProtectorRow};
use crate::store::{self, Head, Snapshot, Store, meta, tree};
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct CreateBackup;

#[derive(Deserialize)]
pub(super) struct Input {}

/// The answer is the file.
#[derive(Serialize)]
pub(super) struct Output {}

impl Operation for CreateBackup {
    const DESCRIPTION: Description = Description {
        name: "CreateBackup",
        service: Service::Backup,
        read_only: true,
        input: &[],
        output: &[],
        errors: &[Code::LimitExceededException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        _input: Input,
    ) -> Result<Done<Output>, ApiError> {
        // It holds what all accounts have.
        ask_first_account(ctx, access, Action::CREATE_BACKUP)?;
        let place =
            Arc::clone(&ctx.backups).try_acquire_owned().map_err(|_full| one_at_a_time())?;
        let store = Arc::clone(&ctx.store);
        let copying = tokio::task::spawn_blocking(move || copy(&store));
        let copied = copying.await.map_err(ApiError::internal)?.map_err(failed)?;
        let head = opened(&copied.head, &ctx.log_key)?;
        let header = header(ctx, &copied)?;
        let recorded = json!({
            "backupId": header.backup_id,
            "logSize": head.size,
        });
        let guardrails = ctx.engine.guardrail_texts();
        let sealing = Sealing::begin(&ctx.hsm, header, copied.snapshot, &guardrails);
        let backup = Backup { going: Some(sealing.map_err(ApiError::internal)?), _place: place };
        let feed = Feed::new("application/vnd.wardbook.backup", false, backup);
        Ok(Done { response_elements: Some(recorded), ..Done::feed(Output {}, feed) })
    }
}

/// What belongs to one moment.
struct Copied {
    snapshot: Snapshot,
    head: Head,
    protectors: Vec<ProtectorRow>,
    log_id: String,
}

fn copy(store: &Store) -> Result<Copied, store::Error> {
    let (snapshot, (head, protectors, log_id)) = store.snapshot(|tx| {
        let head = tree::head(tx)?;
        let head = head.ok_or_else(|| store::Error::Corrupt("the log has no head".to_owned()))?;
        Ok((head, sealed::list_protectors(tx)?, meta::log_id(tx)?))
    })?;
    Ok(Copied { snapshot, head, protectors, log_id })
}

fn opened(head: &Head, key: &VerifierKey) -> Result<Checkpoint, ApiError> {
    Checkpoint::open(&head.note, key).map_err(ApiError::internal)
}

fn header(ctx: &Ctx, copied: &Copied) -> Result<Header, ApiError> {
    let mut id = [0; 16];
    ctx.hsm.fill_random(&mut id)?;
    let protector = |row: &ProtectorRow| {
        let sealed = String::from_utf8(row.sealed.clone()).map_err(ApiError::internal)?;
        Ok(Protector { name: row.name.clone(), sealed })
    };
    let region = ctx.regions.first().map(ToString::to_string).unwrap_or_default();
    Ok(Header {
        backup_id: uuid::Builder::from_random_bytes(id).into_uuid().to_string(),
        created_ms: ctx.clock.now_ms(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        account: ctx.account.to_string(),
        region,
        log_id: copied.log_id.clone(),
        checkpoint: copied.head.note.clone(),
        public_key: ctx.log_key.to_string(),
        database_bytes: copied.snapshot.bytes(),
        guardrails_bytes: 0,
        protectors: copied.protectors.iter().map(protector).collect::<Result<_, ApiError>>()?,
    })
}

fn one_at_a_time() -> ApiError {
    let text = "A backup is being taken already. Wait until it ends, and try again.";
    ApiError::new(Code::LimitExceededException, text)
}

/// What an administrator can do something about is said.
fn failed(error: store::Error) -> ApiError {
    match error {
        store::Error::NoRoom { needed, free } => {
            let text = format!(
                "A backup needs {needed} free bytes on the disk of the data folder while it is \
                 taken, and there are {free}."
            );
            ApiError::new(Code::LimitExceededException, text)
        }
        store::Error::Outwritten(_) => {
            let text = "The server is called so much that the backup was given up. Try again when \
                        there is less to do.";
            ApiError::new(Code::LimitExceededException, text)
        }
        other => ApiError::internal(other),
    }
}

struct Backup {
    /// `None` while a piece is made, and if that crashed.
    going: Option<Sealing<Snapshot>>,
    _place: OwnedSemaphorePermit,
}

impl Pieces for Backup {
    fn next<'a>(&'a mut self, _ctx: &'a Ctx) -> Next<'a> {
        Box::pin(async move {
            let Some(mut sealing) = self.going.take() else {
                return Err(ApiError::internal("a piece of the backup was not made"));
            };
            let work = move || (sealing.piece(), sealing);
            let (piece, sealing) =
                tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?;
            self.going = Some(sealing);
            piece.map_err(ApiError::internal)
        })
    }
}
