//! GetItemSchema: the version in force.

use serde::{Deserialize, Serialize};

use super::{Ctx, NAME, find_schema};
use crate::base::timestamp;
use crate::items::schema::SchemaDocument;
use crate::ops::access::Access;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape};

pub(super) struct GetItemSchema;

#[derive(Deserialize)]
pub(super) struct Input {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    name: String,
    version: i64,
    created_at: String,
    schema: SchemaDocument,
}

impl Operation for GetItemSchema {
    const DESCRIPTION: Description = Description {
        name: "GetItemSchema",
        service: Service::Items,
        read_only: true,
        input: &[NAME],
        output: &[
            out_text("name"),
            Member::required("version", Shape::Integer { min: 1, max: i64::MAX }),
            out_text("createdAt"),
            Member::required("schema", Shape::Document),
        ],
        errors: &[Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let stored = find_schema(ctx, access, Action::GET_ITEM_SCHEMA, &input.name)?;
        Ok(Done::read(Output {
            name: stored.name.clone(),
            version: stored.version,
            created_at: timestamp::event_time(stored.created_ms),
            schema: stored.schema.document().clone(),
        }))
    }
}
