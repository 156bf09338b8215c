//! The operations: one file each, one row in a table, one pipeline for all.
//!
//! Deliberately absent: HTTP, and anything that writes. Operations hand up
//! their changes; only the pipeline commits, always together with the record.

pub mod access;
pub mod admin;
pub mod audit;
pub mod backup;
pub mod blocking;
pub mod call;
pub mod cloudtrail;
pub mod ctx;
pub mod facts;
pub mod feed;
pub mod key_metadata;
pub mod noise;
pub mod operation;
pub mod pipeline;
pub mod policy;
pub mod rates;
pub mod record_time;
pub mod resolve;
pub mod seats;
pub mod shapes;
pub mod sts;
pub mod system;

mod aliases;
mod custom_key_stores;
mod data_key;
mod data_key_pair;
mod errors;
mod grants;
mod imported;
mod item_context;
mod managed_key;
mod many;
mod recording;
mod rotation;
mod signature;
mod source;
mod toggle;

mod cancel_key_deletion;
mod connect_custom_key_store;
mod create_alias;
mod create_custom_key_store;
mod create_grant;
mod create_key;
mod decapsulate;
mod decrypt;
mod delete_alias;
mod delete_custom_key_store;
mod delete_imported_key_material;
mod derive_shared_secret;
mod describe_custom_key_stores;
mod describe_key;
mod disable_key;
mod disable_key_rotation;
mod disconnect_custom_key_store;
mod enable_key;
mod enable_key_rotation;
mod encapsulate;
mod encrypt;
mod generate_data_key;
mod generate_data_key_pair;
mod generate_data_key_pair_without_plaintext;
mod generate_data_key_without_plaintext;
mod generate_mac;
mod generate_random;
mod get_key_last_usage;
mod get_key_policy;
mod get_key_rotation_status;
mod get_parameters_for_import;
mod get_public_key;
mod import_key_material;
mod list_aliases;
mod list_grants;
mod list_key_policies;
mod list_key_rotations;
mod list_keys;
mod list_resource_tags;
mod list_retirable_grants;
mod put_key_policy;
mod re_encrypt;
mod remote_key;
mod replicate_key;
mod retire_grant;
mod revoke_grant;
mod rotate_key_on_demand;
mod schedule_key_deletion;
mod sign;
mod tag_resource;
mod untag_resource;
mod update_alias;
mod update_custom_key_store;
mod update_key_description;
mod update_primary_region;
mod verify;
mod verify_mac;

pub use create_grant::given_grant;

use ctx::Ctx;
use operation::Entry;

/// GenerateDataKey and Decrypt by themselves: what `items` needs of KMS.
pub static GENERATE_DATA_KEY: Entry<Ctx> = Entry::of::<generate_data_key::GenerateDataKey>();
/// See [`GENERATE_DATA_KEY`].
pub static DECRYPT: Entry<Ctx> = Entry::of::<decrypt::Decrypt>();
/// GenerateDataKey and Decrypt of a whole batch, with one record.
pub static GENERATE_DATA_KEYS: Entry<Ctx> = Entry::of::<many::GenerateDataKeys>();
/// See [`GENERATE_DATA_KEYS`].
pub static DECRYPT_ALL: Entry<Ctx> = Entry::of::<many::DecryptAll>();

/// The KMS operations, sorted by name.
pub static TABLE: &[Entry<Ctx>] = &[
    Entry::of::<cancel_key_deletion::CancelKeyDeletion>(),
    Entry::of::<connect_custom_key_store::ConnectCustomKeyStore>(),
    Entry::of::<create_alias::CreateAlias>(),
    Entry::of::<create_custom_key_store::CreateCustomKeyStore>(),
    Entry::of::<create_grant::CreateGrant>(),
    Entry::of::<create_key::CreateKey>(),
    Entry::of::<decapsulate::Decapsulate>(),
    Entry::of::<decrypt::Decrypt>(),
    Entry::of::<delete_alias::DeleteAlias>(),
    Entry::of::<delete_custom_key_store::DeleteCustomKeyStore>(),
    Entry::of::<delete_imported_key_material::DeleteImportedKeyMaterial>(),
    Entry::of::<derive_shared_secret::DeriveSharedSecret>(),
    Entry::of::<describe_custom_key_stores::DescribeCustomKeyStores>(),
    Entry::of::<describe_key::DescribeKey>(),
    Entry::of::<disable_key::DisableKey>(),
    Entry::of::<disable_key_rotation::DisableKeyRotation>(),
    Entry::of::<disconnect_custom_key_store::DisconnectCustomKeyStore>(),
    Entry::of::<enable_key::EnableKey>(),
    Entry::of::<enable_key_rotation::EnableKeyRotation>(),
    Entry::of::<encapsulate::Encapsulate>(),
    Entry::of::<encrypt::Encrypt>(),
    Entry::of::<generate_data_key::GenerateDataKey>(),
    Entry::of::<generate_data_key_pair::GenerateDataKeyPair>(),
    Entry::of::<generate_data_key_pair_without_plaintext::GenerateDataKeyPairWithoutPlaintext>(),
    Entry::of::<generate_data_key_without_plaintext::GenerateDataKeyWithoutPlaintext>(),
    Entry::of::<generate_mac::GenerateMac>(),
    Entry::of::<generate_random::GenerateRandom>(),
    Entry::of::<get_key_last_usage::GetKeyLastUsage>(),
    Entry::of::<get_key_policy::GetKeyPolicy>(),
    Entry::of::<get_key_rotation_status::GetKeyRotationStatus>(),
    Entry::of::<get_parameters_for_import::GetParametersForImport>(),
    Entry::of::<get_public_key::GetPublicKey>(),
    Entry::of::<import_key_material::ImportKeyMaterial>(),
    Entry::of::<list_aliases::ListAliases>(),
    Entry::of::<list_grants::ListGrants>(),
    Entry::of::<list_key_policies::ListKeyPolicies>(),
    Entry::of::<list_key_rotations::ListKeyRotations>(),
    Entry::of::<list_keys::ListKeys>(),
    Entry::of::<list_resource_tags::ListResourceTags>(),
    Entry::of::<list_retirable_grants::ListRetirableGrants>(),
    Entry::of::<put_key_policy::PutKeyPolicy>(),
    Entry::of::<re_encrypt::ReEncrypt>(),
    Entry::of::<replicate_key::ReplicateKey>(),
    Entry::of::<retire_grant::RetireGrant>(),
    Entry::of::<revoke_grant::RevokeGrant>(),
    Entry::of::<rotate_key_on_demand::RotateKeyOnDemand>(),
    Entry::of::<schedule_key_deletion::ScheduleKeyDeletion>(),
    Entry::of::<sign::Sign>(),
    Entry::of::<tag_resource::TagResource>(),
    Entry::of::<untag_resource::UntagResource>(),
    Entry::of::<update_alias::UpdateAlias>(),
    Entry::of::<update_custom_key_store::UpdateCustomKeyStore>(),
    Entry::of::<update_key_description::UpdateKeyDescription>(),
    Entry::of::<update_primary_region::UpdatePrimaryRegion>(),
    Entry::of::<verify::Verify>(),
    Entry::of::<verify_mac::VerifyMac>(),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::shape::Recorded;

    #[test]
    fn tables_are_sorted_and_complete() {
        let kms: Vec<&str> = TABLE.iter().map(|entry| entry.description.name).collect();
        assert!(kms.is_sorted());
        let admin = admin::TABLE.iter().map(|entry| entry.description.name);
        let sts = sts::TABLE.iter().map(|entry| entry.description.name);
        assert!(admin.is_sorted() && sts.is_sorted());
        assert!(cloudtrail::TABLE.iter().map(|entry| entry.description.name).is_sorted());
        assert!(cloudtrail::UNSUPPORTED.is_sorted());
        assert!(audit::TABLE.iter().map(|entry| entry.description.name).is_sorted());
        assert!(policy::TABLE.iter().map(|entry| entry.description.name).is_sorted());
        // The current AWS KMS model (botocore 1.44.5) has 56 operations.
        assert_eq!(kms.len(), 56);
    }

    #[test]
    fn nothing_sensitive_is_recorded() {
        let others = [
            admin::TABLE,
            audit::TABLE,
            backup::TABLE,
            cloudtrail::TABLE,
            policy::TABLE,
            sts::TABLE,
        ];
        let described = TABLE.iter().chain(others.into_iter().flatten());
        for description in described.map(|entry| entry.description) {
            for member in description.input.iter().filter(|member| member.shape.is_sensitive()) {
                let at = (description.name, member.name);
                assert_eq!(member.recorded, Recorded::No, "{at:?}");
            }
        }
    }
}
