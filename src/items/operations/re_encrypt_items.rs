//! ReEncryptItems: a batch of items, each decrypted and encrypted anew by the schema
//! in force, with a data key of its own.

use super::batch::{self, Batch, Output};
use super::pin::SCHEMA_HASH;
use super::resealing::{self, Depth};
use super::{Ctx, NAME};
use crate::ops::access::Access;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct ReEncryptItems;

impl Operation for ReEncryptItems {
    const DESCRIPTION: Description = Description {
        name: "ReEncryptItems",
        service: Service::Items,
        read_only: true,
        input: &[NAME, batch::ITEMS, batch::FORMAT, SCHEMA_HASH],
        output: batch::OUTPUT,
        errors: &[Code::ConflictException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Batch;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Batch,
    ) -> Result<Done<Output>, ApiError> {
        resealing::run(ctx, access, input, (Action::RE_ENCRYPT_ITEM, Depth::Whole)).await
    }
}
