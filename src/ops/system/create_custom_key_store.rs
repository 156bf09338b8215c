//! The custom key store of a remote in the home Region of an account that may use it,
//! made at the start, so that a remote is there to be used once the settings have it.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use crate::base::ids::Realm;
use crate::keys::backend::remote::RemoteName;
use crate::keys::custom_stores::changes::PutCustomKeyStore;
use crate::keys::custom_stores::{CustomKeyStore, CustomKeyStores, generate_id};
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, text};

pub(super) struct CreateCustomKeyStore;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    remote: String,
}

impl Operation for CreateCustomKeyStore {
    const DESCRIPTION: Description = Description {
        name: "CreateCustomKeyStore",
        service: Service::System,
        read_only: false,
        input: &[Member::required("Remote", text(1, 64)).unrecorded()],
        output: &[],
        errors: &[Code::XksProxyUriInUseException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        access.account(Action::SYSTEM_CREATE_CUSTOM_KEY_STORE)?;
        let (stores, realm) = (&ctx.custom_key_stores, access.call().realm());
        let remote = RemoteName::parse(&input.remote)
            .ok_or_else(|| ApiError::internal("a remote has a name that none can have"))?;
        if let Some(store) = stores.find_by_remote(&realm, &remote) {
            let text = format!("Custom key store {} is for this remote already.", store.id);
            return Err(ApiError::new(Code::XksProxyUriInUseException, text));
        }
        let store = CustomKeyStore {
            id: generate_id(&ctx.hsm)?,
            name: free_name(stores, &realm, &remote),
            realm,
            remote,
            wanted: true,
            created_ms: ctx.clock.now_ms(),
            version: 1,
        };
        access.record_service_event(json!({
            "customKeyStoreId": store.id.to_string(),
            "customKeyStoreName": store.name,
            "remote": store.remote.as_str(),
        }));
        let (stores, store) = (Arc::clone(stores), Arc::new(store));
        let put = PutCustomKeyStore { stores, store };
        Ok(Done::changed(Nothing {}, vec![Box::new(put)], None))
    }
}

/// The name of the remote, or else the first with a number that no store has.
fn free_name(stores: &CustomKeyStores, realm: &Realm, remote: &RemoteName) -> String {
    let numbered = (2_usize..).map(|number| format!("{remote}-{number}"));
    let mut names = std::iter::once(remote.to_string()).chain(numbered);
    names
        .find(|name| stores.find_by_name(realm, name).is_none())
        .unwrap_or_else(|| remote.to_string())
}
