//! UpdateCustomKeyStore: another name, or another remote of the settings. A path and a
//! credential are taken and not needed.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateCustomKeyStore.html>

use serde_json::{Map, Value};

use super::access::Access;
use super::ctx::Ctx;
use super::custom_key_stores::{
    self, CLUSTER_ID, EXTERNAL_KEY_STORE, OF_A_VPC, OF_CLOUDHSM, PASSWORD, PROXY_CONNECTIVITY,
    PROXY_CREDENTIAL, PROXY_ENDPOINT, PROXY_PATH, PROXY_SERVICE_NAME, PROXY_SERVICE_OWNER,
    STORE_ID, STORE_NAME, VPC_ENDPOINT_SERVICE, refuse,
};
use super::operation::{Description, Done, Operation, Service};
use super::shapes::Nothing;
use crate::keys::custom_stores::{Connection, CustomKeyStore};
use crate::policy::actions::Action;
use crate::store::Change;
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
        errors: &[
            Code::CustomKeyStoreInvalidStateException,
            Code::CustomKeyStoreNameInUseException,
            Code::CustomKeyStoreNotFoundException,
            Code::UnsupportedOperationException,
            Code::XksProxyUriInUseException,
            Code::XksProxyUriUnreachableException,
        ],
    };

    type Context = Ctx;
    type Input = Map<String, Value>;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Map<String, Value>,
    ) -> Result<Done<Nothing>, ApiError> {
        let text = |name: &str| input.get(name).and_then(Value::as_str);
        access.account(Action::UPDATE_CUSTOM_KEY_STORE)?;
        let id = text("CustomKeyStoreId").unwrap_or_default();
        let store = custom_key_stores::find(ctx, access, id)?;
        refuse(&input, EXTERNAL_KEY_STORE, OF_CLOUDHSM)?;
        let in_a_vpc = OF_A_VPC.iter().any(|name| input.contains_key(*name));
        if in_a_vpc || text("XksProxyConnectivity") == Some(VPC_ENDPOINT_SERVICE) {
            return Err(custom_key_stores::no_vpc());
        }
        // The place of a store changes only while nobody uses its keys.
        let moves = PLACE.iter().any(|name| input.contains_key(*name));
        custom_key_stores::check_connection(ctx, &store, |connection| match connection {
            Connection::Disconnected => true,
            Connection::Connected => !moves,
            Connection::Connecting | Connection::Failed(_) => false,
        })?;
        let name = text("NewCustomKeyStoreName").unwrap_or(&store.name);
        custom_key_stores::check_name(ctx, &store.realm, name, Some(&store))?;
        let remote = match text("XksProxyUriEndpoint") {
            Some(endpoint) => {
                custom_key_stores::find_remote(ctx, &store.realm, endpoint, Some(&store))?
            }
            None => store.remote.clone(),
        };
        if remote != store.remote && ctx.keys.find_of_store(&store.id).is_some() {
            return Err(has_keys(&store));
        }
        let mut changes: Vec<Box<dyn Change>> = Vec::new();
        if name != store.name || remote != store.remote {
            changes.push(custom_key_stores::put(ctx, &store, |store| {
                (store.name, store.remote) = (name.to_owned(), remote);
            }));
        }
        Ok(Done::changed(Nothing {}, changes, None))
    }
}

/// A store with keys stays with its remote. AWS lets the address of a proxy change
/// while the keys behind it are the same, and here an address is a setting of the
/// remote. Another remote could be somebody else's, or be meant for ciphertexts of our
/// HSM only, and plaintexts would go there that nobody who owns the keys has allowed.
fn has_keys(store: &CustomKeyStore) -> ApiError {
    let text = format!(
        "Custom key store {} contains KMS keys, so its XksProxyUriEndpoint cannot change.",
        store.id
    );
    ApiError::new(Code::CustomKeyStoreInvalidStateException, text)
}

/// The members that say where a store is.
const PLACE: &[&str] = &["XksProxyUriEndpoint", "XksProxyConnectivity"];
