//! UntagPrincipal: takes tags from a user or role. Keys that are not there are
//! passed over. IAM has two operations for it, UntagUser and UntagRole.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;

use super::subject::{self, Named, ONE_OF_ROLE, ONE_OF_USER};
use super::tags::TAG_KEYS;
use crate::identity::changes::SetTags;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::policy::fact::Fact;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct UntagPrincipal;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    #[serde(flatten)]
    owner: Named,
    tag_keys: Vec<String>,
}

impl Operation for UntagPrincipal {
    const DESCRIPTION: Description = Description {
        name: "UntagPrincipal",
        service: Service::Iam,
        read_only: false,
        input: &[ONE_OF_USER, ONE_OF_ROLE, TAG_KEYS],
        output: &[],
        errors: &[Code::NotFoundException],
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
        let owner = subject::find_named(ctx, access, Action::UNTAG_PRINCIPAL, &input.owner)?;
        let gone: BTreeSet<String> = input.tag_keys.iter().map(|key| key.to_lowercase()).collect();
        let mut tags = owner.tags.clone();
        tags.retain(|key, _| !gone.contains(&key.to_lowercase()));
        let change = SetTags {
            directory: Arc::clone(&ctx.directory),
            owner_id: owner.unique_id.clone(),
            tags,
        };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], None))
    }
}
