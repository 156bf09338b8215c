//! Reseal: what older domain keys sealed, sealed again under the current one,
//! a batch a call, so that the old keys can go.

use std::sync::Arc;

use serde::Deserialize;

use crate::audit::ledger;
use crate::audit::trail::ResealKey;
use crate::hsm::Purpose;
use crate::identity::changes::ResealAccessKey;
use crate::identity::directory::AccessKey;
use crate::keys::changes::ResealMaterial;
use crate::keys::key::{Key, Material};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::store::Change;
use crate::store::trail::{self, KeyRow};
use crate::wire::error::ApiError;

/// Changes in one call: enough to be quick, few enough not to hold up others.
const BATCH: usize = 256;

pub(super) struct Reseal;

#[derive(Deserialize)]
pub(super) struct Input {}

impl Operation for Reseal {
    const DESCRIPTION: Description = Description {
        name: "Reseal",
        service: Service::System,
        read_only: false,
        input: &[],
        output: &[],
        errors: &[],
    };
    // As for RotateDomainKey; no key is used, only its sealing changes.
    const NEEDS_PERMIT: bool = false;

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        _input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let changes = changes(ctx, BATCH);
        access.record_additional("resealed", changes.len().into());
        Ok(Done::changed(Nothing {}, changes, None))
    }
}

/// Whether anything is still sealed under an older domain key.
pub(super) fn is_due(ctx: &Ctx) -> bool {
    !changes(ctx, 1).is_empty()
}

/// At most `limit` changes that are due. What cannot be opened is skipped and
/// told: one damaged token must not keep all others from their turn.
fn changes(ctx: &Ctx, limit: usize) -> Vec<Box<dyn Change>> {
    let keys = ctx.keys.every_key();
    let materials = keys.iter().flat_map(|key| {
        let reseal = |material| reseal_material(ctx, key, material);
        key.materials.iter().filter_map(reseal).collect::<Vec<_>>()
    });
    let access_keys = ctx.directory.every_access_key();
    let secrets = access_keys.iter().filter_map(|key| reseal_secret(ctx, key));
    let trail_keys = ctx.store.read(|tx| trail::list_keys(tx)).unwrap_or_else(|error| {
        tracing::error!(%error, "the keys of the trail cannot be resealed");
        Vec::new()
    });
    let trail_keys = trail_keys.iter().filter_map(|key| reseal_trail_key(ctx, key));
    materials.chain(secrets).chain(trail_keys).chain(audit_keys(ctx)).take(limit).collect()
}

/// The keys that sign the log. Few, and looked at last.
fn audit_keys(ctx: &Ctx) -> impl Iterator<Item = Box<dyn Change>> {
    let changes = std::iter::once_with(|| ledger::reseal(&ctx.hsm, &ctx.store));
    changes.flat_map(|changes| {
        changes.unwrap_or_else(|error| {
            tracing::error!(%error, "the key that signs the log cannot be resealed");
            Vec::new()
        })
    })
}

fn reseal_material(ctx: &Ctx, key: &Arc<Key>, material: &Material) -> Option<Box<dyn Change>> {
    let token = material.token.as_ref()?;
    match ctx.hsm.reseal_key(token, &key.binding(material.id)) {
        Ok(None) => None,
        Ok(token) => Some(Box::new(ResealMaterial {
            registry: Arc::clone(&ctx.keys),
            key: Arc::clone(key),
            material: Material { token, ..material.clone() },
        })),
        Err(error) => {
            tracing::error!(key = %key.arn, %error, "a key cannot be resealed");
            None
        }
    }
}

fn reseal_secret(ctx: &Ctx, key: &AccessKey) -> Option<Box<dyn Change>> {
    match ctx.hsm.reseal(Purpose::AccessKey, key.id.as_bytes(), &key.sealed_secret) {
        Ok(sealed_secret) => Some(Box::new(ResealAccessKey {
            directory: Arc::clone(&ctx.directory),
            id: key.id.clone(),
            sealed_secret: sealed_secret?,
        })),
        Err(error) => {
            tracing::error!(access_key = key.id, %error, "an access key cannot be resealed");
            None
        }
    }
}

fn reseal_trail_key(ctx: &Ctx, key: &KeyRow) -> Option<Box<dyn Change>> {
    match ctx.hsm.reseal(Purpose::TrailKey, &key.public, &key.sealed) {
        Ok(sealed) => {
            let fingerprint = key.fingerprint.clone();
            Some(Box::new(ResealKey { fingerprint, sealed: sealed? }))
        }
        Err(error) => {
            let key = &key.fingerprint;
            tracing::error!(key, %error, "a key of the trail cannot be resealed");
            None
        }
    }
}
