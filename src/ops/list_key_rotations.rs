//! ListKeyRotations: the materials of a key in the order of their arrival,
//! which is that of their rotations.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyRotations.html>

use serde::{Deserialize, Serialize};

use super::access::Access;
use super::ctx::Ctx;
use super::key_metadata::expiration_model;
use super::operation::{Description, Done, Operation, Service};
use super::resolve::Accepts;
use super::rotation;
use super::shapes::{KEY_ID, MARKER, out_text};
use crate::base::spec::{MaterialState, Origin, RotationType};
use crate::base::timestamp;
use crate::keys::key::{Key, Material};
use crate::keys::state::StateRule;
use crate::policy::actions::Action;
use crate::wire::codes::Code;
use crate::wire::error::ApiError;
use crate::wire::paging;
use crate::wire::shape::{Member, Shape};

pub(super) struct ListKeyRotations;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    key_id: String,
    #[serde(default)]
    include_key_material: Include,
    limit: Option<usize>,
    marker: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Include {
    AllKeyMaterial,
    #[default]
    RotationsOnly,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    rotations: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key_id: String,
    key_material_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    import_state: Option<&'static str>,
    key_material_state: MaterialState,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_model: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_to: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_date: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_type: Option<RotationType>,
}

impl Operation for ListKeyRotations {
    const DESCRIPTION: Description = Description {
        name: "ListKeyRotations",
        service: Service::Kms,
        read_only: true,
        input: &[
            KEY_ID,
            Member::optional(
                "IncludeKeyMaterial",
                Shape::Enum(&["ALL_KEY_MATERIAL", "ROTATIONS_ONLY"]),
            ),
            Member::optional("Limit", Shape::Integer { min: 1, max: 1000 }),
            MARKER,
        ],
        output: &[
            Member::optional(
                "Rotations",
                Shape::List { of: &Shape::Structure(ENTRY), min: 0, max: 1000 },
            ),
            out_text("NextMarker"),
            Member::optional("Truncated", Shape::Boolean),
        ],
        errors: &[
            Code::InvalidArnException,
            Code::InvalidMarkerException,
            Code::KMSInvalidStateException,
            Code::NotFoundException,
            Code::UnsupportedOperationException,
        ],
    };

    type Context = Ctx;
    type Input = Input;
    type Output = Output;

    async fn run(
        _ctx: &Ctx,
        access: &mut Access<'_>,
        input: Input,
    ) -> Result<Done<Output>, ApiError> {
        let key = access.key(Action::LIST_KEY_ROTATIONS, &input.key_id, Accepts::Key, None)?.key;
        StateRule::Always.check(key.state, &key.arn)?;
        let all = input.include_key_material == Include::AllKeyMaterial;
        // Keys that never rotate have no rotations to list, and show no material.
        if all && !rotation::rotates(&key) {
            return Err(ApiError::bare(Code::UnsupportedOperationException));
        }
        let list = format!("ListKeyRotations {} {all}", key.arn);
        let after = match input.marker.as_deref() {
            Some(marker) => Some(paging::last_entry(&list, marker)?),
            None => None,
        };
        let listed = |material: &&Material| all || material.rotated.is_some();
        // Materials are only ever added, but for one that waits, at the end.
        let from = after.and_then(|id| key.materials.iter().position(|m| m.id.to_string() == id));
        let materials = key.materials.iter().skip(from.map_or(0, |at| at.saturating_add(1)));
        let limit = input.limit.unwrap_or(100);
        let page = paging::page(&list, limit, materials.filter(listed), |m| m.id.to_string());
        Ok(Done::read(Output {
            rotations: page.entries.into_iter().map(|material| entry(&key, material)).collect(),
            truncated: page.next_marker.is_some(),
            next_marker: page.next_marker,
        }))
    }
}

fn entry(key: &Key, material: &Material) -> Entry {
    let imported = Some(material).filter(|_| key.origin == Origin::External);
    let present = imported.filter(|material| material.token.is_some());
    Entry {
        key_id: key.arn.to_string(),
        key_material_id: material.id.to_string(),
        key_material_description: imported.and_then(|material| material.description.clone()),
        import_state: imported.map(|_| match present {
            Some(_) => "IMPORTED",
            None => "PENDING_IMPORT",
        }),
        key_material_state: material.state,
        expiration_model: present.map(|material| expiration_model(material.expires_ms)),
        valid_to: present.and_then(|material| material.expires_ms).map(timestamp::epoch_seconds),
        rotation_date: material.rotated.map(|rotated| timestamp::epoch_seconds(rotated.at_ms)),
        rotation_type: material.rotated.map(|rotated| rotated.kind),
    }
}

const ENTRY: &[Member] = &[
    out_text("KeyId"),
    out_text("KeyMaterialId"),
    out_text("KeyMaterialDescription"),
    out_text("ImportState"),
    out_text("KeyMaterialState"),
    out_text("ExpirationModel"),
    Member::optional("ValidTo", Shape::Timestamp),
    Member::optional("RotationDate", Shape::Timestamp),
    out_text("RotationType"),
];
