//! DeleteCustomKeyStore: the keys at its remote are not touched.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteCustomKeyStore.html>

use std::sync::Arc;

use super::access::Access;
use super::ctx::Ctx;
use super::custom_key_stores::{self, Input, STORE_ID};
use super::operation::{Description, Done, Operation, Service};
use super::shapes::Nothing;
use crate::keys::custom_stores::Connection;
use crate::keys::custom_stores::changes::DeleteCustomKeyStore as Delete;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DeleteCustomKeyStore;

impl Operation for DeleteCustomKeyStore {
    const DESCRIPTION: Description = Description {
        name: "DeleteCustomKeyStore",
        service: Service::Kms,
        read_only: false,
        input: &[STORE_ID],
        output: &[],
        errors: &[
            Code::CustomKeyStoreHasCMKsException,
            Code::CustomKeyStoreInvalidStateException,
            Code::CustomKeyStoreNotFoundException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        access.account(Action::DELETE_CUSTOM_KEY_STORE)?;
        let store = custom_key_stores::find(ctx, access, &input.custom_key_store_id)?;
        let is_valid = |connection| connection == Connection::Disconnected;
        custom_key_stores::check_connection(ctx, &store, is_valid)?;
        if ctx.keys.find_of_store(&store.id).is_some() {
            let text = format!("Custom key store {} contains KMS keys.", store.id);
            return Err(ApiError::new(Code::CustomKeyStoreHasCMKsException, text));
        }
        let stores = Arc::clone(&ctx.custom_key_stores);
        Ok(Done::changed(Nothing {}, vec![Box::new(Delete { stores, store })], None))
    }
}
