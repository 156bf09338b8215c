//! DisconnectCustomKeyStore: at once, and for as long as nobody connects it:
//! a restart does not.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_DisconnectCustomKeyStore.html>

use super::access::Access;
use super::ctx::Ctx;
use super::custom_key_stores::{self, Input, STORE_ID};
use super::operation::{Description, Done, Operation, Service};
use super::shapes::Nothing;
use crate::keys::custom_stores::Connection;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DisconnectCustomKeyStore;

impl Operation for DisconnectCustomKeyStore {
    const DESCRIPTION: Description = Description {
        name: "DisconnectCustomKeyStore",
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
        access.account(Action::DISCONNECT_CUSTOM_KEY_STORE)?;
        let store = custom_key_stores::find(ctx, access, &input.custom_key_store_id)?;
        let is_valid = |connection| connection != Connection::Disconnected;
        custom_key_stores::check_connection(ctx, &store, is_valid)?;
        let put = custom_key_stores::put(ctx, &store, |store| store.wanted = false);
        Ok(Done::changed(Nothing {}, vec![put], None))
    }
}
