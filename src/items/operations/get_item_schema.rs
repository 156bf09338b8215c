//! GetItemSchema: the version in force, or an earlier one.

use serde::{Deserialize, Serialize};

use super::{Ctx, NAME, find_schema};
use crate::base::timestamp;
use crate::items::schema::SchemaDocument;
use crate::items::schemas::{SchemaVersion, StoredSchema};
use crate::ops::access::Access;
use crate::ops::operation::{Description, Done, Operation, Service};
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::shape::{Member, Shape, text};

pub(super) struct GetItemSchema;

#[derive(Deserialize)]
pub(super) struct Input {
    name: String,
    /// A number; in a query string everything is text.
    version: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    name: String,
    version: i64,
    schema_hash: String,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
    schema: SchemaDocument,
}

impl Operation for GetItemSchema {
    const DESCRIPTION: Description = Description {
        name: "GetItemSchema",
        service: Service::Items,
        read_only: true,
        input: &[NAME, Member::optional("version", text(1, 19))],
        output: &[
            out_text("name"),
            Member::required("version", Shape::Integer { min: 1, max: i64::MAX }),
            out_text("schemaHash"),
            out_text("createdAt"),
            Member::optional("createdBy", text(1, 2048)),
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
        let in_force = find_schema(ctx, access, Action::GET_ITEM_SCHEMA, &input.name)?;
        let stored = match input.version.as_deref() {
            None => &in_force,
            Some(version) => find_version(&in_force, version)?,
        };
        Ok(Done::read(Output {
            name: stored.name.clone(),
            version: stored.version,
            schema_hash: stored.hash.clone(),
            created_at: timestamp::event_time(stored.created_ms),
            created_by: stored.created_by.clone(),
            schema: stored.schema.document().clone(),
        }))
    }
}

/// The version with this number.
fn find_version<'a>(
    in_force: &'a StoredSchema,
    version: &str,
) -> Result<&'a SchemaVersion, ApiError> {
    let number: i64 =
        version.parse().map_err(|_bad| ApiError::validation("version must be a whole number."))?;
    let found = in_force.versions().iter().find(|version| version.version == number);
    found.map(AsRef::as_ref).ok_or_else(|| {
        let text = format!("Item schema {} has no version {number}.", in_force.name);
        ApiError::new(Code::NotFoundException, text)
    })
}
