//! CreateCustomKeyStore: refused, for there is nothing behind a store here:
//! neither AWS CloudHSM clusters, nor a client for external key managers.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateCustomKeyStore.html>

use serde_json::{Map, Value};

use super::access::Access;
use super::ctx::Ctx;
use super::custom_key_stores::{
    AWS_CLOUDHSM, CLUSTER_ID, EXTERNAL_KEY_STORE, PASSWORD, PROXY_CONNECTIVITY, PROXY_CREDENTIAL,
    PROXY_ENDPOINT, PROXY_PATH, PROXY_SERVICE_NAME, PROXY_SERVICE_OWNER, STORE_NAME, STORE_TYPE,
    TRUST_ANCHOR, VPC_ENDPOINT_SERVICE, require,
};
use super::operation::{Description, Done, Operation, Service};
use super::shapes::{Nothing, out_text};
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct CreateCustomKeyStore;

impl Operation for CreateCustomKeyStore {
    const DESCRIPTION: Description = Description {
        name: "CreateCustomKeyStore",
        service: Service::Kms,
        read_only: false,
        input: &[
            Member::required("CustomKeyStoreName", STORE_NAME),
            CLUSTER_ID,
            TRUST_ANCHOR,
            PASSWORD,
            Member::optional("CustomKeyStoreType", STORE_TYPE),
            Member::optional("XksProxyUriEndpoint", PROXY_ENDPOINT),
            Member::optional("XksProxyUriPath", PROXY_PATH),
            Member::optional("XksProxyVpcEndpointServiceName", PROXY_SERVICE_NAME),
            Member::optional("XksProxyVpcEndpointServiceOwner", PROXY_SERVICE_OWNER),
            PROXY_CREDENTIAL,
            Member::optional("XksProxyConnectivity", PROXY_CONNECTIVITY),
        ],
        output: &[out_text("CustomKeyStoreId")],
        errors: &[Code::CloudHsmClusterNotFoundException, Code::UnsupportedOperationException],
    };

    type Context = Ctx;
    type Input = Map<String, Value>;
    type Output = Nothing;

    async fn run(
        _ctx: &Ctx,
        access: &mut Access<'_>,
        input: Map<String, Value>,
    ) -> Result<Done<Nothing>, ApiError> {
        let text = |name: &str| input.get(name).and_then(Value::as_str);
        let store_type = text("CustomKeyStoreType").unwrap_or(AWS_CLOUDHSM);
        if store_type == EXTERNAL_KEY_STORE {
            require(&input, store_type, EXTERNAL)?;
            if text("XksProxyConnectivity") == Some(VPC_ENDPOINT_SERVICE) {
                require(&input, store_type, IN_A_VPC)?;
            }
        } else {
            require(&input, store_type, CLOUDHSM)?;
        }
        access.account(Action::CREATE_CUSTOM_KEY_STORE)?;
        if store_type == EXTERNAL_KEY_STORE {
            let text = "External key stores are not supported by this server.";
            return Err(ApiError::new(Code::UnsupportedOperationException, text));
        }
        let cluster = text("CloudHsmClusterId").unwrap_or_default();
        let text = format!("AWS CloudHSM cluster {cluster} does not exist.");
        Err(ApiError::new(Code::CloudHsmClusterNotFoundException, text))
    }
}

/// What a store of each type must have.
const CLOUDHSM: &[&str] = &["CloudHsmClusterId", "TrustAnchorCertificate", "KeyStorePassword"];
const EXTERNAL: &[&str] = &[
    "XksProxyUriEndpoint",
    "XksProxyUriPath",
    "XksProxyAuthenticationCredential",
    "XksProxyConnectivity",
];
const IN_A_VPC: &[&str] = &["XksProxyVpcEndpointServiceName"];
