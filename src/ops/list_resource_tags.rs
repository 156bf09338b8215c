//! ListResourceTags: in the order of the tags' keys.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ListResourceTags.html>

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID, MARKER, TAGS, Tag, out_text};
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::paging;
use crate::wire::shape::{Member, Shape};

pub(super) struct ListResourceTags;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    limit: Option<usize>,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

impl Operation for ListResourceTags {
    const DESCRIPTION: Description = Description {
        name: "ListResourceTags",
        service: Service::Kms,
        read_only: true,
        input: &[KEY_ID, Member::optional("Limit", Shape::Integer { min: 1, max: 50 }), MARKER],
        output: &[
            Member::optional("Tags", TAGS),
            out_text("NextMarker"),
            Member::optional("Truncated", Shape::Boolean),
        ],
        errors: &[Code::InvalidArnException, Code::InvalidMarkerException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        _ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let key = access.key(Action::LIST_RESOURCE_TAGS, &input.key_id, Accepts::Key, None)?.key;
        let list = format!("ListResourceTags {}", key.arn);
        let after = match input.marker.as_deref() {
            Some(marker) => Bound::Excluded(paging::last_entry(&list, marker)?),
            None => Bound::Unbounded,
        };
        let tags = key.tags.range((after, Bound::Unbounded)).map(|(tag_key, tag_value)| Tag {
            tag_key: tag_key.clone(),
            tag_value: tag_value.clone(),
        });
        let page = paging::page(&list, input.limit.unwrap_or(50), tags, |tag| tag.tag_key.clone());
        Ok(Done::read(Output {
            tags: page.entries,
            truncated: page.next_marker.is_some(),
            next_marker: page.next_marker,
        }))
    }
}
