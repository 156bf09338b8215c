//! The operations: one file each, one row in a table, one pipeline for all.
//!
//! Deliberately absent: HTTP, and anything that writes. Operations hand up
//! their changes; only the pipeline commits, always together with the record.

pub mod access;
pub mod admin;
pub mod call;
pub mod ctx;
pub mod key_metadata;
pub mod operation;
pub mod pipeline;
pub mod resolve;
pub mod shapes;
pub mod system;
pub mod unsupported;

mod aliases;
mod blocking;
mod data_key;
mod errors;
mod imported;
mod rotation;
mod source;
mod toggle;

mod cancel_key_deletion;
mod create_alias;
mod create_key;
mod decrypt;
mod delete_alias;
mod delete_imported_key_material;
mod describe_key;
mod disable_key;
mod disable_key_rotation;
mod enable_key;
mod enable_key_rotation;
mod encrypt;
mod generate_data_key;
mod generate_data_key_without_plaintext;
mod generate_random;
mod get_key_policy;
mod get_key_rotation_status;
mod get_parameters_for_import;
mod import_key_material;
mod list_aliases;
mod list_key_policies;
mod list_key_rotations;
mod list_keys;
mod list_resource_tags;
mod put_key_policy;
mod re_encrypt;
mod replicate_key;
mod rotate_key_on_demand;
mod schedule_key_deletion;
mod tag_resource;
mod untag_resource;
mod update_alias;
mod update_key_description;
mod update_primary_region;

use ctx::Ctx;
use operation::Entry;

/// GenerateDataKey and Decrypt by themselves: what `items` needs of KMS.
pub static GENERATE_DATA_KEY: Entry<Ctx> = Entry::of::<generate_data_key::GenerateDataKey>();
/// See [`GENERATE_DATA_KEY`].
pub static DECRYPT: Entry<Ctx> = Entry::of::<decrypt::Decrypt>();

/// The KMS operations, sorted by name.
pub static TABLE: &[Entry<Ctx>] = &[
    Entry::of::<cancel_key_deletion::CancelKeyDeletion>(),
    Entry::of::<create_alias::CreateAlias>(),
    Entry::of::<create_key::CreateKey>(),
    Entry::of::<decrypt::Decrypt>(),
    Entry::of::<delete_alias::DeleteAlias>(),
    Entry::of::<delete_imported_key_material::DeleteImportedKeyMaterial>(),
    Entry::of::<describe_key::DescribeKey>(),
    Entry::of::<disable_key::DisableKey>(),
    Entry::of::<disable_key_rotation::DisableKeyRotation>(),
    Entry::of::<enable_key::EnableKey>(),
    Entry::of::<enable_key_rotation::EnableKeyRotation>(),
    Entry::of::<encrypt::Encrypt>(),
    Entry::of::<generate_data_key::GenerateDataKey>(),
    Entry::of::<generate_data_key_without_plaintext::GenerateDataKeyWithoutPlaintext>(),
    Entry::of::<generate_random::GenerateRandom>(),
    Entry::of::<get_key_policy::GetKeyPolicy>(),
    Entry::of::<get_key_rotation_status::GetKeyRotationStatus>(),
    Entry::of::<get_parameters_for_import::GetParametersForImport>(),
    Entry::of::<import_key_material::ImportKeyMaterial>(),
    Entry::of::<list_aliases::ListAliases>(),
    Entry::of::<list_key_policies::ListKeyPolicies>(),
    Entry::of::<list_key_rotations::ListKeyRotations>(),
    Entry::of::<list_keys::ListKeys>(),
    Entry::of::<list_resource_tags::ListResourceTags>(),
    Entry::of::<put_key_policy::PutKeyPolicy>(),
    Entry::of::<re_encrypt::ReEncrypt>(),
    Entry::of::<replicate_key::ReplicateKey>(),
    Entry::of::<rotate_key_on_demand::RotateKeyOnDemand>(),
    Entry::of::<schedule_key_deletion::ScheduleKeyDeletion>(),
    Entry::of::<tag_resource::TagResource>(),
    Entry::of::<untag_resource::UntagResource>(),
    Entry::of::<update_alias::UpdateAlias>(),
    Entry::of::<update_key_description::UpdateKeyDescription>(),
    Entry::of::<update_primary_region::UpdatePrimaryRegion>(),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_disjoint() {
        let kms: Vec<&str> = TABLE.iter().map(|entry| entry.description.name).collect();
        assert!(kms.is_sorted());
        let admin = admin::TABLE.iter().map(|entry| entry.description.name);
        assert!(admin.is_sorted());
        let later: Vec<&str> = unsupported::TABLE.iter().map(|later| later.name).collect();
        assert!(later.is_sorted());
        assert!(!kms.iter().any(|name| later.contains(name)));
        // The current AWS KMS model (botocore 1.44.5) has 56 operations.
        assert_eq!(kms.len() + later.len(), 56);
    }
}
