//! CreateCustomKeyStore: for a remote of the settings that no store of the realm is
//! for yet. There are no AWS CloudHSM clusters behind this server.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateCustomKeyStore.html>

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::access::Access;
use super::ctx::Ctx;
use super::custom_key_stores::{
    self, AWS_CLOUDHSM, CLUSTER_ID, EXTERNAL_KEY_STORE, OF_A_VPC, OF_CLOUDHSM, PASSWORD,
    PROXY_CONNECTIVITY, PROXY_CREDENTIAL, PROXY_ENDPOINT, PROXY_PATH, PROXY_SERVICE_NAME,
    PROXY_SERVICE_OWNER, STORE_NAME, STORE_TYPE, TRUST_ANCHOR, VPC_ENDPOINT_SERVICE, refuse,
    require,
};
use super::operation::{Description, Done, Operation, Service};
use super::shapes::out_text;
use crate::keys::custom_stores::changes::PutCustomKeyStore;
use crate::keys::custom_stores::{CustomKeyStore, generate_id};
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct CreateCustomKeyStore;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    custom_key_store_id: String,
}

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
        errors: &[
            Code::CloudHsmClusterNotFoundException,
            Code::CustomKeyStoreNameInUseException,
            Code::UnsupportedOperationException,
            Code::XksProxyUriInUseException,
            Code::XksProxyUriUnreachableException,
        ],
    };

    type Context = Ctx;
    type Input = Map<String, Value>;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Map<String, Value>,
    ) -> Result<Done<Output>, ApiError> {
        let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default();
        let is_external = text("CustomKeyStoreType") == EXTERNAL_KEY_STORE;
        match is_external {
            true => {
                require(&input, EXTERNAL_KEY_STORE, EXTERNAL)?;
                refuse(&input, EXTERNAL_KEY_STORE, OF_CLOUDHSM)?;
            }
            false => require(&input, AWS_CLOUDHSM, OF_CLOUDHSM)?,
        }
        access.account(Action::CREATE_CUSTOM_KEY_STORE)?;
        if !is_external {
            let cluster = text("CloudHsmClusterId");
            let text = format!("AWS CloudHSM cluster {cluster} does not exist.");
            return Err(ApiError::new(Code::CloudHsmClusterNotFoundException, text));
        }
        let in_a_vpc = OF_A_VPC.iter().any(|name| input.contains_key(*name));
        if in_a_vpc || text("XksProxyConnectivity") == VPC_ENDPOINT_SERVICE {
            return Err(custom_key_stores::no_vpc());
        }
        let (realm, name) = (access.call().realm(), text("CustomKeyStoreName"));
        custom_key_stores::check_name(ctx, &realm, name, None)?;
        let endpoint = text("XksProxyUriEndpoint");
        let remote = custom_key_stores::find_remote(ctx, &realm, endpoint, None)?;
        let store = CustomKeyStore {
            id: generate_id(&ctx.hsm)?,
            realm,
            name: name.to_owned(),
            remote,
            wanted: false,
            created_ms: ctx.clock.now_ms(),
            version: 1,
        };
        let id = store.id.to_string();
        access.record_additional("customKeyStoreName", name.into());
        let recorded = json!({ "customKeyStoreId": id });
        let (stores, store) = (Arc::clone(&ctx.custom_key_stores), Arc::new(store));
        let put = PutCustomKeyStore { stores, store };
        let output = Output { custom_key_store_id: id };
        Ok(Done::changed(output, vec![Box::new(put)], Some(recorded)))
    }
}

/// What an external store must have. AWS wants a credential as well; here those of a
/// remote are none of its callers' business.
const EXTERNAL: &[&str] = &["XksProxyUriEndpoint", "XksProxyUriPath", "XksProxyConnectivity"];
