//! UntagResource: a tag that the key does not have is no error.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_UntagResource.html>

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::{KEY_ID, Nothing, is_reserved_tag, recorded_key};
use crate::keys::changes::UpdateKey;
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

pub(super) struct UntagResource;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    tag_keys: Vec<String>,
}

impl Operation for UntagResource {
    const DESCRIPTION: Description = Description {
        name: "UntagResource",
        service: Service::Kms,
        read_only: false,
        input: &[
            KEY_ID,
            Member::required("TagKeys", Shape::List { of: &text(1, 128), min: 0, max: 200 }),
        ],
        output: &[],
        errors: &[
            Code::InvalidArnException,
            Code::KMSInvalidStateException,
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
        access.says(Fact::TagKeys, input.tag_keys.clone());
        let key = access.key(Action::UNTAG_RESOURCE, &input.key_id, Accepts::Key, None)?.key;
        StateRule::Edit.check(key.state, &key.arn)?;
        if input.tag_keys.iter().any(|tag| is_reserved_tag(tag)) {
            let text = "Tags beginning with aws: are reserved";
            return Err(ApiError::new(Code::TagException, text));
        }
        let change = UpdateKey::new(&ctx.keys, &key, |key| {
            key.tags.retain(|tag, _| !input.tag_keys.contains(tag))
        });
        Ok(Done::changed(Nothing {}, vec![change], recorded_key(&key.arn)))
    }
}
