//! Imported key material: what its three operations share.

use serde::Serialize;
use serde_json::{Value, json};

use super::shapes::{out_text, wrong_origin};
use crate::base::ids::MaterialId;
use crate::base::spec::{KeySpec, Origin};
use crate::keys::key::Key;
use crate::wire::error::ApiError;
use crate::wire::shape::{HEX, Member, matching};

/// `KeyMaterialId` of an input.
pub(super) const KEY_MATERIAL_ID: Member = Member::optional("KeyMaterialId", matching(64, 64, HEX));
/// The members of [`Output`].
pub(super) const OUTPUT: &[Member] = &[out_text("KeyId"), out_text("KeyMaterialId")];

/// The output of ImportKeyMaterial and DeleteImportedKeyMaterial. Ids of
/// materials are told of symmetric keys only.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_id: Option<String>,
}

impl Output {
    pub(super) fn of(key: &Key, id: Option<MaterialId>) -> Self {
        let shown = id.filter(|_| key.spec == KeySpec::SymmetricDefault);
        Self { key_id: key.arn.to_string(), key_material_id: shown.map(|id| id.to_string()) }
    }

    /// The same as a record shows it.
    pub(super) fn recorded(&self) -> Option<Value> {
        Some(match &self.key_material_id {
            Some(id) => json!({ "keyId": self.key_id, "keyMaterialId": id }),
            None => json!({ "keyId": self.key_id }),
        })
    }
}

/// Refuses keys whose material is not imported, whatever their state.
///
/// # Errors
/// `UnsupportedOperationException` with AWS's text.
pub(super) fn check_origin(key: &Key) -> Result<(), ApiError> {
    match key.origin {
        Origin::External => Ok(()),
        _ => Err(wrong_origin(key)),
    }
}
