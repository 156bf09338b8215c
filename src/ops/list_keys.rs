//! ListKeys: the keys of the caller's account and Region, in the order of
//! their ids.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html>

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::shapes::{MARKER, out_text};
use crate::base::ids::KeyId;
use crate::keys::key::Key;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::paging;
use crate::wire::shape::{Member, Shape};

pub(super) struct ListKeys;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    limit: Option<usize>,
    marker: Option<String>,
    resource_owners: Option<Vec<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    keys: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key_id: String,
    key_arn: String,
}

impl Operation for ListKeys {
    const DESCRIPTION: Description = Description {
        name: "ListKeys",
        service: Service::Kms,
        read_only: true,
        input: &[
            Member::optional("Limit", Shape::Integer { min: 1, max: 1000 }),
            MARKER,
            Member::optional(
                "ResourceOwners",
                Shape::List { of: &Shape::Enum(&[OWN, SHARED]), min: 1, max: 2 },
            ),
        ],
        output: &[
            Member::optional(
                "Keys",
                Shape::List {
                    of: &Shape::Structure(&[out_text("KeyId"), out_text("KeyArn")]),
                    min: 0,
                    max: 1000,
                },
            ),
            out_text("NextMarker"),
            Member::optional("Truncated", Shape::Boolean),
        ],
        errors: &[Code::InvalidMarkerException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        access.account(Action::LIST_KEYS)?;
        // No other account shares keys with this one, so only the own count.
        let owners = input.resource_owners.unwrap_or_else(|| vec![OWN.to_owned()]);
        let limit = input.limit.unwrap_or(100);
        let after = match input.marker.as_deref() {
            Some(marker) => KeyId::parse(&paging::last_entry(&list(&owners), marker)?),
            None => None,
        };
        let keys = match owners.iter().any(|owner| owner == OWN) {
            true => ctx.keys.list(&access.call().realm(), after, limit.saturating_add(1)),
            false => Vec::new(),
        };
        let page =
            paging::page(&list(&owners), limit, keys.into_iter(), |key| key.id().to_string());
        let entry =
            |key: &Arc<Key>| Entry { key_id: key.id().to_string(), key_arn: key.arn.to_string() };
        Ok(Done::read(Output {
            keys: page.entries.iter().map(entry).collect(),
            truncated: page.next_marker.is_some(),
            next_marker: page.next_marker,
        }))
    }
}

const OWN: &str = "SELF";
const SHARED: &str = "OTHER_ACCOUNTS_VIA_RAM";

/// A marker is valid only with the owners it was given for.
fn list(owners: &[String]) -> String {
    format!("ListKeys {}", owners.join(" "))
}
