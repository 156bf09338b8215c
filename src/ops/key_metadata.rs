//! `KeyMetadata`: what CreateKey, DescribeKey and ReplicateKey tell of a key.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html>

use serde::Serialize;
use serde_json::Value;

use super::shapes::{out_names, out_text};
use crate::base::algorithm::{
    EncapsulationAlgorithm, EncryptionAlgorithm, KeyAgreementAlgorithm, MacAlgorithm,
    SigningAlgorithm,
};
use crate::base::arn::KeyArn;
use crate::base::spec::{
    ExpirationModel, KeyManager, KeySpec, KeyState, KeyUsage, MultiRegionRole, Origin,
};
use crate::base::timestamp;
use crate::keys::key::Key;
use crate::keys::multi_region;
use crate::keys::registry::Registry;
use crate::wire::record::request_parameters;
use crate::wire::shape::{Member, Shape};

/// What is told of a key. Members that a kind of key does not have are left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyMetadata {
    #[serde(rename = "AWSAccountId")]
    aws_account_id: String,
    key_id: String,
    arn: String,
    creation_date: f64,
    enabled: bool,
    description: String,
    key_usage: KeyUsage,
    key_state: KeyState,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_date: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_to: Option<f64>,
    origin: Origin,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_key_store_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_model: Option<&'static str>,
    key_manager: KeyManager,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_master_key_spec: Option<KeySpec>,
    key_spec: KeySpec,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    encryption_algorithms: &'static [EncryptionAlgorithm],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    signing_algorithms: &'static [SigningAlgorithm],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    key_agreement_algorithms: &'static [KeyAgreementAlgorithm],
    multi_region: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_region_configuration: Option<MultiRegionConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_deletion_window_in_days: Option<i64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    mac_algorithms: &'static [MacAlgorithm],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    encapsulation_algorithms: &'static [EncapsulationAlgorithm],
    #[serde(skip_serializing_if = "Option::is_none")]
    xks_key_configuration: Option<XksKeyConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_key_material_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct XksKeyConfiguration {
    id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct MultiRegionConfiguration {
    multi_region_key_type: MultiRegionRole,
    primary_key: MultiRegionKey,
    replica_keys: Vec<MultiRegionKey>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct MultiRegionKey {
    arn: String,
    region: String,
}

impl KeyMetadata {
    /// What DescribeKey tells of `key`, whose related keys are in `registry`.
    #[must_use]
    pub fn of(registry: &Registry, key: &Key) -> Self {
        let (spec, usage) = (key.spec, key.usage);
        let material = key.current_material();
        // Imported material that is gone tells nothing of its end any more.
        let imported =
            material.filter(|held| key.origin == Origin::External && held.token.is_some());
        // The whole key waits for its import when the first of them is gone.
        let expires_ms = imported.and_then(|_| key.needed_material_expires_ms());
        Self {
            aws_account_id: key.arn.account.to_string(),
            key_id: key.id().to_string(),
            arn: key.arn.to_string(),
            creation_date: timestamp::epoch_seconds(key.created_ms),
            enabled: key.state == KeyState::Enabled,
            description: key.description.clone(),
            key_usage: usage,
            key_state: key.state,
            deletion_date: key.deletion_ms.map(timestamp::epoch_seconds),
            valid_to: expires_ms.map(timestamp::epoch_seconds),
            origin: key.origin,
            custom_key_store_id: key.remote.as_ref().map(|remote| remote.store.to_string()),
            expiration_model: imported.map(|_| expiration_model(expires_ms)),
            key_manager: key.manager,
            customer_master_key_spec: customer_master_key_spec(spec),
            key_spec: spec,
            encryption_algorithms: only(
                usage == KeyUsage::EncryptDecrypt,
                spec.encryption_algorithms(),
            ),
            signing_algorithms: only(usage == KeyUsage::SignVerify, spec.signing_algorithms()),
            key_agreement_algorithms: only(
                usage == KeyUsage::KeyAgreement,
                spec.key_agreement_algorithms(),
            ),
            multi_region: key.multi_region.is_some(),
            multi_region_configuration: multi_region_configuration(registry, key),
            pending_deletion_window_in_days: key.pending_window_days,
            mac_algorithms: spec.mac_algorithms(),
            encapsulation_algorithms: spec.encapsulation_algorithms(),
            xks_key_configuration: key
                .remote
                .as_ref()
                .map(|remote| XksKeyConfiguration { id: remote.id.clone() }),
            current_key_material_id: material
                .filter(|_| spec == KeySpec::SymmetricDefault && key.remote.is_none())
                .map(|material| material.id.to_string()),
        }
    }

    /// The same for a replica that was asked for just now: on AWS it takes a
    /// moment to be there.
    #[must_use]
    pub fn creating(self) -> Self {
        Self {
            enabled: false,
            key_state: KeyState::Creating,
            current_key_material_id: None,
            ..self
        }
    }

    /// The same as a record shows it: names in lower camel case, dates as text.
    #[must_use]
    pub fn recorded(&self) -> Value {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => {
                request_parameters(&members, MEMBERS, None).unwrap_or_default()
            }
            _ => Value::Null,
        }
    }
}

/// `ExpirationModel` of material that expires then, or never.
#[must_use]
pub fn expiration_model(expires_ms: Option<i64>) -> &'static str {
    match expires_ms {
        Some(_) => ExpirationModel::Expires.as_str(),
        None => ExpirationModel::DoesNotExpire.as_str(),
    }
}

/// `CustomerMasterKeySpec` is deprecated, and has no name for newer specs.
pub(super) const fn customer_master_key_spec(spec: KeySpec) -> Option<KeySpec> {
    match spec {
        KeySpec::EccNistEdwards25519
        | KeySpec::MlDsa44
        | KeySpec::MlDsa65
        | KeySpec::MlDsa87
        | KeySpec::MlKem512
        | KeySpec::MlKem768
        | KeySpec::MlKem1024 => None,
        _ => Some(spec),
    }
}

/// The algorithms, if the key's usage is the one that they are for.
pub(super) const fn only<T>(usage_fits: bool, algorithms: &'static [T]) -> &'static [T] {
    if usage_fits { algorithms } else { &[] }
}

fn multi_region_configuration(registry: &Registry, key: &Key) -> Option<MultiRegionConfiguration> {
    let role = key.multi_region?;
    let shown =
        |arn: &KeyArn| MultiRegionKey { arn: arn.to_string(), region: arn.region.to_string() };
    // A key that is only now being made is not among them yet.
    let others = multi_region::others(registry, key);
    let mut all: Vec<_> =
        others.iter().map(|other| (other.arn.clone(), other.multi_region)).collect();
    all.push((key.arn.clone(), Some(role)));
    all.sort();
    let is_primary = |role: &Option<MultiRegionRole>| *role == Some(MultiRegionRole::Primary);
    let primary = all.iter().find(|(_, role)| is_primary(role)).map(|(arn, _)| shown(arn))?;
    let replicas = all.iter().filter(|(_, role)| !is_primary(role));
    Some(MultiRegionConfiguration {
        multi_region_key_type: role,
        primary_key: primary,
        replica_keys: replicas.map(|(arn, _)| shown(arn)).collect(),
    })
}

/// The output member `KeyMetadata`.
pub const KEY_METADATA: Member = Member::required("KeyMetadata", Shape::Structure(MEMBERS));
/// The members of `KeyMetadata`.
pub const MEMBERS: &[Member] = &[
    out_text("AWSAccountId"),
    out_text("KeyId"),
    out_text("Arn"),
    Member::optional("CreationDate", Shape::Timestamp),
    Member::optional("Enabled", Shape::Boolean),
    out_text("Description"),
    out_text("KeyUsage"),
    out_text("KeyState"),
    Member::optional("DeletionDate", Shape::Timestamp),
    Member::optional("ValidTo", Shape::Timestamp),
    out_text("Origin"),
    out_text("CustomKeyStoreId"),
    out_text("ExpirationModel"),
    out_text("KeyManager"),
    out_text("CustomerMasterKeySpec"),
    out_text("KeySpec"),
    out_names("EncryptionAlgorithms"),
    out_names("SigningAlgorithms"),
    out_names("KeyAgreementAlgorithms"),
    Member::optional("MultiRegion", Shape::Boolean),
    Member::optional(
        "MultiRegionConfiguration",
        Shape::Structure(&[
            out_text("MultiRegionKeyType"),
            Member::optional("PrimaryKey", MULTI_REGION_KEY),
            Member::optional(
                "ReplicaKeys",
                Shape::List { of: &MULTI_REGION_KEY, min: 0, max: usize::MAX },
            ),
        ]),
    ),
    Member::optional("PendingDeletionWindowInDays", Shape::Integer { min: 1, max: 365 }),
    out_names("MacAlgorithms"),
    out_names("EncapsulationAlgorithms"),
    Member::optional("XksKeyConfiguration", Shape::Structure(&[out_text("Id")])),
    out_text("CurrentKeyMaterialId"),
];

const MULTI_REGION_KEY: Shape = Shape::Structure(&[out_text("Arn"), out_text("Region")]);
