//! UpdateCustomKeyStore.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateCustomKeyStore.html>

use super::access::Access;
use super::ctx::Ctx;
use super::custom_key_stores::{
    self, CLUSTER_ID, Input, PASSWORD, PROXY_CONNECTIVITY, PROXY_CREDENTIAL, PROXY_ENDPOINT,
    PROXY_PATH, PROXY_SERVICE_NAME, PROXY_SERVICE_OWNER, STORE_ID, STORE_NAME,
};
use super::operation::{Description, Done, Operation, Service};
use super::shapes::Nothing;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct UpdateCustomKeyStore;

impl Operation for UpdateCustomKeyStore {
    const DESCRIPTION: Description = Description {
        name: "UpdateCustomKeyStore",
        service: Service::Kms,
        read_only: false,
        input: &[
            STORE_ID,
            Member::optional("NewCustomKeyStoreName", STORE_NAME),
            PASSWORD,
            CLUSTER_ID,
            Member::optional("XksProxyUriEndpoint", PROXY_ENDPOINT),
            Member::optional("XksProxyUriPath", PROXY_PATH),
            Member::optional("XksProxyVpcEndpointServiceName", PROXY_SERVICE_NAME),
            Member::optional("XksProxyVpcEndpointServiceOwner", PROXY_SERVICE_OWNER),
            PROXY_CREDENTIAL,
            Member::optional("XksProxyConnectivity", PROXY_CONNECTIVITY),
        ],
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
        custom_key_stores::find(access, Action::UPDATE_CUSTOM_KEY_STORE, &input)
    }
}
