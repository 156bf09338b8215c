//! TagResource: adds tags to a key, or changes those it has.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_TagResource.html>

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID, Nothing, TAGS, Tag, merge_tags, recorded_key, tags_by_key};
use crate::keys::changes::UpdateKey;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::Member;

pub(super) struct TagResource;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    tags: Vec<Tag>,
}

impl Operation for TagResource {
    const DESCRIPTION: Description = Description {
        name: "TagResource",
        service: Service::Kms,
        read_only: false,
        input: &[KEY_ID, Member::required("Tags", TAGS)],
        output: &[],
        errors: &[
            Code::InvalidArnException,
            Code::KMSInvalidStateException,
            Code::LimitExceededException,
            Code::NotFoundException,
            Code::TagException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        access.says_tags(tags_by_key(&input.tags));
        let key = access.key(Action::TAG_RESOURCE, &input.key_id, Accepts::Key, None)?.key;
        StateRule::Edit.check(key.state, &key.arn)?;
        let tags = merge_tags(&ctx.quotas, &key.tags, input.tags)?;
        let change = UpdateKey::new(&ctx.keys, &key, |key| key.tags = tags);
        Ok(Done::changed(Nothing {}, vec![change], recorded_key(&key.arn)))
    }
}
