//! DescribeCustomKeyStores: the stores of the caller's account and Region in the order
//! of their ids, and whether they are connected.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeCustomKeyStores.html>

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::ctx::Ctx;
use super::custom_key_stores::{
    self, CLUSTER_ID, ENDPOINT_SCHEME, EXTERNAL_KEY_STORE, PROXY_ACCESS_KEY_ID, PROXY_CONNECTIVITY,
    PROXY_ENDPOINT, PROXY_PATH, PROXY_SERVICE_NAME, PROXY_SERVICE_OWNER, PUBLIC_ENDPOINT,
    STORE_FILTER, STORE_NAME, STORE_TYPE, TRUST_ANCHOR,
};
use super::operation::{Description, Done, Operation, Service};
use super::shapes::{MARKER, out_text};
use crate::base::ids::{CustomKeyStoreId, Realm};
use crate::base::timestamp;
use crate::keys::custom_stores::{Connection, CustomKeyStore};
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::paging::{self, Page};
use crate::wire::shape::{Member, Shape};

pub(super) struct DescribeCustomKeyStores;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    custom_key_store_id: Option<String>,
    custom_key_store_name: Option<String>,
    limit: Option<usize>,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    custom_key_stores: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    custom_key_store_id: String,
    custom_key_store_name: String,
    connection_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_error_code: Option<&'static str>,
    creation_date: f64,
    custom_key_store_type: &'static str,
    xks_proxy_configuration: Proxy,
}

/// How a remote looks like the proxy that AWS has in its place.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Proxy {
    connectivity: &'static str,
    uri_endpoint: String,
    uri_path: &'static str,
}

/// The path of every proxy, as far as anybody can see.
const URI_PATH: &str = "/kms/xks/v1";
/// Stores on a page unless `Limit` says otherwise.
const PAGE: usize = 100;

impl Operation for DescribeCustomKeyStores {
    const DESCRIPTION: Description = Description {
        name: "DescribeCustomKeyStores",
        service: Service::Kms,
        read_only: true,
        input: &[
            STORE_FILTER,
            Member::optional("CustomKeyStoreName", STORE_NAME),
            Member::optional("Limit", Shape::Integer { min: 1, max: 1000 }),
            MARKER,
        ],
        output: &[
            Member::optional("CustomKeyStores", Shape::List { of: &STORE, min: 0, max: 1000 }),
            out_text("NextMarker"),
            Member::optional("Truncated", Shape::Boolean),
        ],
        errors: &[Code::CustomKeyStoreNotFoundException, Code::InvalidMarkerException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let (id, name) = (input.custom_key_store_id, input.custom_key_store_name);
        if id.is_some() && name.is_some() {
            let text = "You can specify CustomKeyStoreId or CustomKeyStoreName, but not both.";
            return Err(ApiError::validation(text));
        }
        access.account(Action::DESCRIBE_CUSTOM_KEY_STORES)?;
        let realm = access.call().realm();
        let page = match (id, name) {
            (Some(id), _) => one(custom_key_stores::find(ctx, access, &id)?),
            (None, Some(name)) => {
                let found = ctx.custom_key_stores.find_by_name(&realm, &name);
                one(found.ok_or_else(|| custom_key_stores::not_found(&name))?)
            }
            (None, None) => list(ctx, &realm, input.limit, input.marker.as_deref())?,
        };
        let entry = |store: &Arc<CustomKeyStore>| Entry::of(ctx, store);
        Ok(Done::read(Output {
            custom_key_stores: page.entries.iter().map(entry).collect(),
            truncated: page.next_marker.is_some(),
            next_marker: page.next_marker,
        }))
    }
}

fn one(store: Arc<CustomKeyStore>) -> Page<Arc<CustomKeyStore>> {
    Page { entries: vec![store], next_marker: None }
}

fn list(
    ctx: &Ctx,
    realm: &Realm,
    limit: Option<usize>,
    marker: Option<&str>,
) -> Result<Page<Arc<CustomKeyStore>>, ApiError> {
    let (list, limit) = ("DescribeCustomKeyStores", limit.unwrap_or(PAGE));
    let after = match marker {
        Some(marker) => CustomKeyStoreId::parse(&paging::last_entry(list, marker)?),
        None => None,
    };
    let stores = ctx.custom_key_stores.list(realm, after.as_ref(), limit.saturating_add(1));
    Ok(paging::page(list, limit, stores.into_iter(), |store| store.id.to_string()))
}

impl Entry {
    fn of(ctx: &Ctx, store: &CustomKeyStore) -> Self {
        let connection = ctx.custom_key_stores.connection(&store.id);
        Self {
            custom_key_store_id: store.id.to_string(),
            custom_key_store_name: store.name.clone(),
            connection_state: connection.as_str(),
            connection_error_code: match connection {
                Connection::Failed(code) => Some(code.as_str()),
                _ => None,
            },
            creation_date: timestamp::epoch_seconds(store.created_ms),
            custom_key_store_type: EXTERNAL_KEY_STORE,
            xks_proxy_configuration: Proxy {
                connectivity: PUBLIC_ENDPOINT,
                uri_endpoint: format!("{ENDPOINT_SCHEME}{}", store.remote),
                uri_path: URI_PATH,
            },
        }
    }
}

const STORE: Shape = Shape::Structure(&[
    out_text("CustomKeyStoreId"),
    out_text("CustomKeyStoreName"),
    CLUSTER_ID,
    TRUST_ANCHOR,
    out_text("ConnectionState"),
    out_text("ConnectionErrorCode"),
    Member::optional("CreationDate", Shape::Timestamp),
    Member::optional("CustomKeyStoreType", STORE_TYPE),
    Member::optional(
        "XksProxyConfiguration",
        Shape::Structure(&[
            Member::optional("Connectivity", PROXY_CONNECTIVITY),
            Member::optional("AccessKeyId", PROXY_ACCESS_KEY_ID),
            Member::optional("UriEndpoint", PROXY_ENDPOINT),
            Member::optional("UriPath", PROXY_PATH),
            Member::optional("VpcEndpointServiceName", PROXY_SERVICE_NAME),
            Member::optional("VpcEndpointServiceOwner", PROXY_SERVICE_OWNER),
        ]),
    ),
]);
