//! TagPrincipal: tags of a user or role, which policies read as
//! `aws:PrincipalTag`. A tag of the same key is replaced. IAM has two operations
//! for it, TagUser and TagRole.

use std::sync::Arc;

use serde::Deserialize;

use super::subject::{self, Named, ONE_OF_ROLE, ONE_OF_USER};
use super::tags::{TAGS, Tag};
use crate::identity::changes::SetTags;
use crate::identity::tags;
use crate::ops::access::Access;
use crate::ops::ctx::Ctx;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::Nothing;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct TagPrincipal;

#[derive(Deserialize)]
pub(super) struct Input {
    #[serde(flatten)]
    owner: Named,
    tags: Vec<Tag>,
}

impl Operation for TagPrincipal {
    const DESCRIPTION: Description = Description {
        name: "TagPrincipal",
        service: Service::Iam,
        read_only: false,
        input: &[ONE_OF_USER, ONE_OF_ROLE, TAGS],
        output: &[],
        errors: &[Code::LimitExceededException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Nothing;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Nothing>, ApiError> {
        let pairs = input.tags.iter().map(|Tag { key, value }| (key.clone(), value.clone()));
        access.says_tags(pairs.collect());
        let owner = subject::find_named(ctx, access, Action::TAG_PRINCIPAL, &input.owner)?;
        let new = input.tags.into_iter().map(|Tag { key, value }| (key, value)).collect();
        let change = SetTags {
            directory: Arc::clone(&ctx.directory),
            owner_id: owner.unique_id.clone(),
            tags: tags::put(&owner.tags, new)?,
        };
        Ok(Done::changed(Nothing {}, vec![Box::new(change)], None))
    }
}
