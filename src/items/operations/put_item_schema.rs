//! PutItemSchema: a new version of a schema, in force at once. The old ones
//! are kept. The key that `keyId` names (or that of DynamoDB, if it names none)
//! is looked up now: to change it, put a new version; items of the old one still
//! open.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::{Ctx, NAME};
use crate::base::limits;
use crate::base::timestamp;
use crate::items::schema::{Schema, SchemaDocument};
use crate::items::schemas::{PutSchema, StoredSchema};
use crate::ops::access::Access;
use crate::ops::call::Call;
use crate::ops::facts::Facts;
use crate::ops::operation::{Description, Done, Operation, ReadInput, Service};
use crate::ops::pipeline;
use crate::ops::resolve::Accepts;
use crate::ops::shapes::out_text;
use crate::policy::actions::Action;
use crate::policy::question::Resource;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::json;
use crate::wire::shape::{Member, Shape};

pub(super) struct PutItemSchema;

pub(super) struct Input {
    name: String,
    document: SchemaDocument,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    name: String,
    version: i64,
    /// RFC 3339.
    created_at: String,
}

impl Operation for PutItemSchema {
    const DESCRIPTION: Description = Description {
        name: "PutItemSchema",
        service: Service::Items,
        read_only: false,
        input: &[
            NAME,
            Member::required("tableName", Shape::Document),
            Member::required("partitionKeyName", Shape::Document),
            Member::optional("sortKeyName", Shape::Document),
            Member::optional("keyId", Shape::Document),
            Member::required("attributeActionsOnEncrypt", Shape::Document),
            Member::optional("allowedUnsignedAttributes", Shape::Document),
            Member::optional("allowedUnsignedAttributePrefix", Shape::Document),
            Member::optional("algorithmSuite", Shape::Document),
            Member::optional("attributes", Shape::Document),
            Member::optional("purposes", Shape::Document),
        ],
        output: &[
            out_text("name"),
            Member::required("version", Shape::Integer { min: 1, max: i64::MAX }),
            out_text("createdAt"),
        ],
        errors: &[Code::LimitExceededException, Code::NotFoundException],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let Input { name, document } = input;
        let realm = access.call().realm();
        let resource = Resource::ItemSchema { account: &realm.account, name: &name };
        access.resource(Action::PUT_ITEM_SCHEMA, resource)?;
        let schema = Schema::new(document)
            .map_err(|error| ApiError::validation(format!("{}: {error}.", error.code)))?;
        let present = ctx.schemas.find(&realm, &name);
        if present.is_none() && ctx.schemas.count(&realm) >= limits::ITEM_SCHEMAS {
            let text = format!("The account already has {} item schemas.", limits::ITEM_SCHEMAS);
            return Err(ApiError::new(Code::LimitExceededException, text));
        }
        let version = present.as_ref().map_or(0, |present| present.version).saturating_add(1);
        if version > limits::ITEM_SCHEMA_VERSIONS {
            let text = format!("A schema has at most {} versions.", limits::ITEM_SCHEMA_VERSIONS);
            return Err(ApiError::new(Code::LimitExceededException, text));
        }
        let key = access.find(schema.key_id(), Accepts::KeyOrAlias)?.key;
        let key_arn = key.arn.to_string();
        let mut key_arns = present.map_or_else(BTreeSet::new, |present| present.key_arns.clone());
        key_arns.insert(key_arn.clone());
        let created_ms = ctx.common.clock.now_ms();
        let output =
            Output { name: name.clone(), version, created_at: timestamp::event_time(created_ms) };
        let recorded = json!({ "name": name, "version": version });
        let stored =
            Arc::new(StoredSchema { realm, name, version, schema, key_arn, key_arns, created_ms });
        let change = PutSchema { schemas: Arc::clone(&ctx.schemas), stored };
        Ok(Done::changed(output, vec![Box::new(change)], Some(recorded)))
    }
}

impl ReadInput for Input {
    /// The document is read from the text itself: only there does an attribute
    /// with two actions show.
    fn read(_description: &Description, call: &Call, facts: &mut Facts) -> Result<Self, ApiError> {
        if call.body.len() > limits::ITEM_SCHEMA_BYTES {
            let text = format!("A schema has at most {} bytes.", limits::ITEM_SCHEMA_BYTES);
            return Err(ApiError::validation(text));
        }
        let name = pipeline::path_member(call, &NAME)?;
        json::check_depth(&call.body)?;
        let document: SchemaDocument = serde_json::from_slice(&call.body).map_err(|error| {
            ApiError::validation(format!("The item schema is not valid: {error}"))
        })?;
        facts.request_parameters = Some(json!({ "name": name, "schema": document }));
        Ok(Self { name, document })
    }
}
