//! DeleteImportedKeyMaterial.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteImportedKeyMaterial.html>

use serde::Deserialize;

use super::access::Access;
use super::ctx::Ctx;
use super::imported::{KEY_MATERIAL_ID, OUTPUT, Output, check_origin};
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::shapes::KEY_ID;
use crate::base::ids::MaterialId;
use crate::keys::import;
use crate::keys::key::{Key, Material};
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;

pub(super) struct DeleteImportedKeyMaterial;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    key_material_id: Option<String>,
}

impl Operation for DeleteImportedKeyMaterial {
    const DESCRIPTION: Description = Description {
        name: "DeleteImportedKeyMaterial",
        service: Service::Kms,
        read_only: false,
        input: &[KEY_ID, KEY_MATERIAL_ID],
        output: OUTPUT,
        errors: &[
            Code::InvalidArnException,
            Code::KMSInvalidStateException,
            Code::NotFoundException,
            Code::UnsupportedOperationException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let key = access
            .key(Action::DELETE_IMPORTED_KEY_MATERIAL, &input.key_id, Accepts::Key, None)?
            .key;
        check_origin(&key)?;
        StateRule::DeleteMaterial.check(key.state, &key.arn)?;
        let material = find(&key, input.key_material_id.as_deref())?;
        let id = material.map(|material| material.id);
        let changes = import::delete(&ctx.keys, &key, |held| Some(held.id) == id);
        let output = Output::of(&key, id);
        let response = output.recorded();
        Ok(Done::changed(output, changes, response))
    }
}

/// The material that is meant: the current one if none is named; `None` if
/// nothing was imported yet.
fn find<'a>(key: &'a Key, named: Option<&str>) -> Result<Option<&'a Material>, ApiError> {
    let Some(named) = named else { return Ok(key.current_material()) };
    match MaterialId::parse(named).and_then(|id| key.find_material(id)) {
        Some(material) => Ok(Some(material)),
        None => Err(ApiError::new(
            Code::NotFoundException,
            format!("Key material '{named}' does not exist in KMS key {}", key.arn),
        )),
    }
}
