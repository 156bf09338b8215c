//! ListAliases: in name order, of the whole Region or of one key. The aliases
//! of AWS managed keys are there before their keys.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ListAliases.html>

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve;
use super::shapes::{KEY_ID_SHAPE, MARKER, out_text};
use crate::base::arn::AliasArn;
use crate::base::ids::{AliasName, Realm};
use crate::base::managed::ManagedService;
use crate::base::timestamp;
use crate::keys::key::Alias;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::paging;
use crate::wire::shape::{Member, Shape};

pub(super) struct ListAliases;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: Option<String>,
    limit: Option<usize>,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    aliases: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    alias_name: String,
    alias_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_date: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_updated_date: Option<f64>,
}

impl Operation for ListAliases {
    const DESCRIPTION: Description = Description {
        name: "ListAliases",
        service: Service::Kms,
        read_only: true,
        input: &[
            Member::optional("KeyId", KEY_ID_SHAPE),
            Member::optional("Limit", Shape::Integer { min: 1, max: 100 }),
            MARKER,
        ],
        output: &[
            Member::optional(
                "Aliases",
                Shape::List {
                    of: &Shape::Structure(&[
                        out_text("AliasName"),
                        out_text("AliasArn"),
                        out_text("TargetKeyId"),
                        Member::optional("CreationDate", Shape::Timestamp),
                        Member::optional("LastUpdatedDate", Shape::Timestamp),
                    ]),
                    min: 0,
                    max: 100,
                },
            ),
            out_text("NextMarker"),
            Member::optional("Truncated", Shape::Boolean),
        ],
        errors: &[Code::InvalidArnException, Code::InvalidMarkerException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        access.account(Action::LIST_ALIASES)?;
        let realm = access.call().realm();
        // The permission is on the account: the key is only a filter.
        let target = match input.key_id.as_deref() {
            Some(name) => Some(resolve::own_key(&ctx.keys, &realm, name)?.id()),
            None => None,
        };
        let list = format!("ListAliases {}", target.map(|id| id.to_string()).unwrap_or_default());
        let after = match input.marker.as_deref() {
            Some(marker) => AliasName::parse(&paging::last_entry(&list, marker)?),
            None => None,
        };
        let limit = input.limit.unwrap_or(50);
        let found = ctx.keys.list_aliases(&realm, target, after.as_ref(), limit.saturating_add(1));
        let mut entries: Vec<Entry> =
            found.into_iter().map(|alias| Entry::of(&realm, alias)).collect();
        if target.is_none() {
            entries.extend(predefined(ctx, &realm, after.as_ref()));
            entries.sort_by(|a, b| a.alias_name.cmp(&b.alias_name));
        }
        let page =
            paging::page(&list, limit, entries.into_iter(), |entry| entry.alias_name.clone());
        Ok(Done::read(Output {
            aliases: page.entries,
            truncated: page.next_marker.is_some(),
            next_marker: page.next_marker,
        }))
    }
}

impl Entry {
    fn named(realm: &Realm, name: AliasName) -> Self {
        let alias_name = name.to_string();
        let Realm { account, region } = realm.clone();
        Self {
            alias_arn: AliasArn { region, account, name }.to_string(),
            alias_name,
            target_key_id: None,
            creation_date: None,
            last_updated_date: None,
        }
    }

    fn of(realm: &Realm, alias: Alias) -> Self {
        Self {
            target_key_id: Some(alias.target.to_string()),
            creation_date: Some(timestamp::epoch_seconds(alias.created_ms)),
            last_updated_date: Some(timestamp::epoch_seconds(alias.updated_ms)),
            ..Self::named(realm, alias.name)
        }
    }
}

/// The aliases of the services whose keys have not been made yet.
fn predefined(ctx: &Ctx, realm: &Realm, after: Option<&AliasName>) -> Vec<Entry> {
    let names = ManagedService::ALL.iter().filter_map(|service| service.alias());
    names
        .filter(|name| after.is_none_or(|after| name > after))
        .filter(|name| ctx.keys.find_alias(realm, name).is_none())
        .map(|name| Entry::named(realm, name))
        .collect()
}
