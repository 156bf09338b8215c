//! DescribeCustomKeyStores: an empty list, for there are none.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeCustomKeyStores.html>

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::ctx::Ctx;
use super::custom_key_stores::{
    self, CLUSTER_ID, PROXY_ACCESS_KEY_ID, PROXY_CONNECTIVITY, PROXY_ENDPOINT, PROXY_PATH,
    PROXY_SERVICE_NAME, PROXY_SERVICE_OWNER, STORE_FILTER, STORE_NAME, STORE_TYPE, TRUST_ANCHOR,
};
use super::operation::{Description, Done, Operation, Service};
use super::shapes::{MARKER, Nothing, out_text};
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::paging;
use crate::wire::shape::{Member, Shape};

pub(super) struct DescribeCustomKeyStores;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    custom_key_store_id: Option<String>,
    custom_key_store_name: Option<String>,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    custom_key_stores: [Nothing; 0],
    truncated: bool,
}

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
        _ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let named = match (&input.custom_key_store_id, &input.custom_key_store_name) {
            (Some(_), Some(_)) => {
                let text = "You can specify CustomKeyStoreId or CustomKeyStoreName, but not both.";
                return Err(ApiError::validation(text));
            }
            (id, name) => id.as_ref().or(name.as_ref()),
        };
        access.account(Action::DESCRIBE_CUSTOM_KEY_STORES)?;
        if let Some(named) = named {
            return Err(custom_key_stores::not_found(named));
        }
        // No marker was ever given out.
        if let Some(marker) = &input.marker {
            paging::last_entry("DescribeCustomKeyStores", marker)?;
        }
        Ok(Done::read(Output { custom_key_stores: [], truncated: false }))
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
