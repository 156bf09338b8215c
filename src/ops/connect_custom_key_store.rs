//! ConnectCustomKeyStore.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ConnectCustomKeyStore.html>

use super::access::Access;
use super::ctx::Ctx;
use super::custom_key_stores::{self, Input, STORE_ID};
use super::operation::{Description, Done, Operation, Service};
use super::shapes::Nothing;
use crate::policy::actions::Action;
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
        errors: &[Code::CustomKeyStoreNotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        _ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        custom_key_stores::find(access, Action::CONNECT_CUSTOM_KEY_STORE, &input)
    }
}
