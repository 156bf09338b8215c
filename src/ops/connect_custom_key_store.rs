//! ConnectCustomKeyStore: answered at once. Whether the remote can be reached is
//! found out afterwards, by the task that is woken, and seen by describing the store.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ConnectCustomKeyStore.html>

use std::sync::Arc;

use super::access::Access;
use super::ctx::Ctx;
use super::custom_key_stores::{self, Input, STORE_ID};
use super::operation::{Description, Done, Operation, Service};
use super::rotation::Wake;
use super::shapes::Nothing;
use crate::keys::custom_stores::Connection;
use crate::policy::actions::Action;
use crate::store::Change;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct ConnectCustomKeyStore;

impl Operation for ConnectCustomKeyStore {
    const DESCRIPTION: Description = Description {
        name: "ConnectCustomKeyStore",
        service: Service::Kms,
        read_only: false,
        input: &[STORE_ID],
        output: &[],
        errors: &[Code::CustomKeyStoreInvalidStateException, Code::CustomKeyStoreNotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        access.account(Action::CONNECT_CUSTOM_KEY_STORE)?;
        let store = custom_key_stores::find(ctx, access, &input.custom_key_store_id)?;
        // One that has failed is tried again by itself; who insists disconnects first.
        let is_valid = |connection| !matches!(connection, Connection::Failed(_));
        custom_key_stores::check_connection(ctx, &store, is_valid)?;
        let mut changes: Vec<Box<dyn Change>> = Vec::new();
        if !store.wanted {
            changes.push(custom_key_stores::put(ctx, &store, |store| store.wanted = true));
            changes.push(Box::new(Wake(Arc::clone(&ctx.connection_due))));
        }
        Ok(Done::changed(Nothing {}, changes, None))
    }
}
