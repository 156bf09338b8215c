//! The actions that a policy can name: one for every KMS permission (AWS
//! Service Authorization Reference, "Actions, resources, and condition keys for
//! AWS Key Management Service") and one for each of wardbook's own calls.
//! `policies/wardbook.cedarschema` says the same to Cedar; a test holds them
//! together.

use std::fmt;

use crate::base::grant::GrantOperation;

/// The kind of thing that an action is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceKind {
    /// The account as a whole: what AWS policies call resource `*`.
    Account,
    Key,
    Alias,
    ItemSchema,
    /// One attribute of the items of a schema.
    Attribute,
    AuditLog,
    User,
    Role,
    Group,
}

impl ResourceKind {
    /// The name of the entity type in the Cedar schema.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "Account",
            Self::Key => "Key",
            Self::Alias => "Alias",
            Self::ItemSchema => "ItemSchema",
            Self::Attribute => "Attribute",
            Self::AuditLog => "AuditLog",
            Self::User => "User",
            Self::Role => "Role",
            Self::Group => "Group",
        }
    }
}

/// One action. There are no others than the constants below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Action {
    name: &'static str,
    kinds: &'static [ResourceKind],
}

/// One constant an action, in the order of [`Action::ALL`]. Actions that only
/// the server itself performs, on its timers, belong to the service `system`.
impl Action {
    pub const COUNT_EVENTS: Self = Self::new("audit:CountEvents", LOG);
    pub const ERASE_EVENT_FIELDS: Self = Self::new("audit:EraseEventFields", LOG);
    pub const EXPORT_EVENTS: Self = Self::new("audit:ExportEvents", LOG);
    pub const FOLLOW_EVENTS: Self = Self::new("audit:FollowEvents", LOG);
    pub const GET_CHECKPOINT: Self = Self::new("audit:GetCheckpoint", LOG);
    pub const GET_CONSISTENCY_PROOF: Self = Self::new("audit:GetConsistencyProof", LOG);
    pub const GET_INCLUSION_PROOF: Self = Self::new("audit:GetInclusionProof", LOG);
    pub const QUERY_EVENTS: Self = Self::new("audit:QueryEvents", LOG);
    pub const QUERY_FIELD_READS: Self = Self::new("audit:QueryFieldReads", LOG);
    pub const CREATE_BACKUP: Self = Self::new("backup:CreateBackup", ACCOUNT);
    pub const DESCRIBE_TRAILS: Self = Self::new("cloudtrail:DescribeTrails", LOG);
    pub const GET_TRAIL: Self = Self::new("cloudtrail:GetTrail", LOG);
    pub const GET_TRAIL_STATUS: Self = Self::new("cloudtrail:GetTrailStatus", LOG);
    pub const LIST_PUBLIC_KEYS: Self = Self::new("cloudtrail:ListPublicKeys", LOG);
    pub const LIST_TRAILS: Self = Self::new("cloudtrail:ListTrails", LOG);
    pub const LOOKUP_EVENTS: Self = Self::new("cloudtrail:LookupEvents", LOG);
    pub const ADD_USER_TO_GROUP: Self = Self::new("iam:AddUserToGroup", GROUP);
    pub const ATTACH_POLICY: Self = Self::new("iam:AttachPolicy", IDENTITY);
    pub const CREATE_ACCESS_KEY: Self = Self::new("iam:CreateAccessKey", USER);
    pub const CREATE_ACCOUNT: Self = Self::new("iam:CreateAccount", ACCOUNT);
    pub const CREATE_GROUP: Self = Self::new("iam:CreateGroup", ACCOUNT);
    pub const CREATE_ROLE: Self = Self::new("iam:CreateRole", ACCOUNT);
    pub const CREATE_USER: Self = Self::new("iam:CreateUser", ACCOUNT);
    pub const DELETE_ACCESS_KEY: Self = Self::new("iam:DeleteAccessKey", USER);
    pub const DELETE_GROUP: Self = Self::new("iam:DeleteGroup", GROUP);
    pub const DELETE_PERMISSIONS_BOUNDARY: Self =
        Self::new("iam:DeletePermissionsBoundary", USER_ROLE);
    pub const DELETE_ROLE: Self = Self::new("iam:DeleteRole", ROLE);
    pub const DELETE_USER: Self = Self::new("iam:DeleteUser", USER);
    pub const DETACH_POLICY: Self = Self::new("iam:DetachPolicy", IDENTITY);
    pub const GET_PRINCIPAL: Self = Self::new("iam:GetPrincipal", IDENTITY);
    pub const LIST_ACCOUNTS: Self = Self::new("iam:ListAccounts", ACCOUNT);
    pub const LIST_PRINCIPALS: Self = Self::new("iam:ListPrincipals", ACCOUNT);
    pub const PUT_PERMISSIONS_BOUNDARY: Self = Self::new("iam:PutPermissionsBoundary", USER_ROLE);
    pub const REMOVE_USER_FROM_GROUP: Self = Self::new("iam:RemoveUserFromGroup", GROUP);
    pub const TAG_PRINCIPAL: Self = Self::new("iam:TagPrincipal", USER_ROLE);
    pub const UNTAG_PRINCIPAL: Self = Self::new("iam:UntagPrincipal", USER_ROLE);
    pub const UPDATE_ACCESS_KEY: Self = Self::new("iam:UpdateAccessKey", USER);
    pub const UPDATE_ASSUME_ROLE_POLICY: Self = Self::new("iam:UpdateAssumeRolePolicy", ROLE);
    pub const UPDATE_ROLE: Self = Self::new("iam:UpdateRole", ROLE);
    pub const DECRYPT_ATTRIBUTE: Self = Self::new("items:DecryptAttribute", ATTRIBUTE);
    pub const DECRYPT_ATTRIBUTE_MASKED: Self = Self::new("items:DecryptAttributeMasked", ATTRIBUTE);
    pub const DECRYPT_ITEM: Self = Self::new("items:DecryptItem", SCHEMA);
    pub const ENCRYPT_ITEM: Self = Self::new("items:EncryptItem", SCHEMA);
    pub const GET_ITEM_SCHEMA: Self = Self::new("items:GetItemSchema", SCHEMA);
    pub const LIST_ITEM_SCHEMA_VERSIONS: Self = Self::new("items:ListItemSchemaVersions", SCHEMA);
    pub const LIST_ITEM_SCHEMAS: Self = Self::new("items:ListItemSchemas", ACCOUNT);
    pub const PUT_ITEM_SCHEMA: Self = Self::new("items:PutItemSchema", SCHEMA);
    pub const RE_ENCRYPT_ITEM: Self = Self::new("items:ReEncryptItem", SCHEMA);
    pub const REWRAP_ITEM: Self = Self::new("items:RewrapItem", SCHEMA);
    pub const CANCEL_KEY_DELETION: Self = Self::new("kms:CancelKeyDeletion", KEY);
    pub const CONNECT_CUSTOM_KEY_STORE: Self = Self::new("kms:ConnectCustomKeyStore", ACCOUNT);
    pub const CREATE_ALIAS: Self = Self::new("kms:CreateAlias", ALIAS_KEY);
    pub const CREATE_CUSTOM_KEY_STORE: Self = Self::new("kms:CreateCustomKeyStore", ACCOUNT);
    pub const CREATE_GRANT: Self = Self::new("kms:CreateGrant", KEY);
    pub const CREATE_KEY: Self = Self::new("kms:CreateKey", ACCOUNT);
    pub const DECAPSULATE: Self = Self::new("kms:Decapsulate", KEY);
    pub const DECRYPT: Self = Self::new("kms:Decrypt", KEY);
    pub const DELETE_ALIAS: Self = Self::new("kms:DeleteAlias", ALIAS_KEY);
    pub const DELETE_CUSTOM_KEY_STORE: Self = Self::new("kms:DeleteCustomKeyStore", ACCOUNT);
    pub const DELETE_IMPORTED_KEY_MATERIAL: Self = Self::new("kms:DeleteImportedKeyMaterial", KEY);
    pub const DERIVE_SHARED_SECRET: Self = Self::new("kms:DeriveSharedSecret", KEY);
    pub const DESCRIBE_CUSTOM_KEY_STORES: Self = Self::new("kms:DescribeCustomKeyStores", ACCOUNT);
    pub const DESCRIBE_KEY: Self = Self::new("kms:DescribeKey", KEY);
    pub const DISABLE_KEY: Self = Self::new("kms:DisableKey", KEY);
    pub const DISABLE_KEY_ROTATION: Self = Self::new("kms:DisableKeyRotation", KEY);
    pub const DISCONNECT_CUSTOM_KEY_STORE: Self =
        Self::new("kms:DisconnectCustomKeyStore", ACCOUNT);
    pub const ENABLE_KEY: Self = Self::new("kms:EnableKey", KEY);
    pub const ENABLE_KEY_ROTATION: Self = Self::new("kms:EnableKeyRotation", KEY);
    pub const ENCAPSULATE: Self = Self::new("kms:Encapsulate", KEY);
    pub const ENCRYPT: Self = Self::new("kms:Encrypt", KEY);
    pub const GENERATE_DATA_KEY: Self = Self::new("kms:GenerateDataKey", KEY);
    pub const GENERATE_DATA_KEY_PAIR: Self = Self::new("kms:GenerateDataKeyPair", KEY);
    pub const GENERATE_DATA_KEY_PAIR_WITHOUT_PLAINTEXT: Self =
        Self::new("kms:GenerateDataKeyPairWithoutPlaintext", KEY);
    pub const GENERATE_DATA_KEY_WITHOUT_PLAINTEXT: Self =
        Self::new("kms:GenerateDataKeyWithoutPlaintext", KEY);
    pub const GENERATE_MAC: Self = Self::new("kms:GenerateMac", KEY);
    pub const GENERATE_RANDOM: Self = Self::new("kms:GenerateRandom", ACCOUNT);
    pub const GET_KEY_LAST_USAGE: Self = Self::new("kms:GetKeyLastUsage", KEY);
    pub const GET_KEY_POLICY: Self = Self::new("kms:GetKeyPolicy", KEY);
    pub const GET_KEY_ROTATION_STATUS: Self = Self::new("kms:GetKeyRotationStatus", KEY);
    pub const GET_PARAMETERS_FOR_IMPORT: Self = Self::new("kms:GetParametersForImport", KEY);
    pub const GET_PUBLIC_KEY: Self = Self::new("kms:GetPublicKey", KEY);
    pub const IMPORT_KEY_MATERIAL: Self = Self::new("kms:ImportKeyMaterial", KEY);
    pub const LIST_ALIASES: Self = Self::new("kms:ListAliases", ACCOUNT);
    pub const LIST_GRANTS: Self = Self::new("kms:ListGrants", KEY);
    pub const LIST_KEY_POLICIES: Self = Self::new("kms:ListKeyPolicies", KEY);
    pub const LIST_KEY_ROTATIONS: Self = Self::new("kms:ListKeyRotations", KEY);
    pub const LIST_KEYS: Self = Self::new("kms:ListKeys", ACCOUNT);
    pub const LIST_RESOURCE_TAGS: Self = Self::new("kms:ListResourceTags", KEY);
    pub const LIST_RETIRABLE_GRANTS: Self = Self::new("kms:ListRetirableGrants", ACCOUNT);
    pub const PUT_KEY_POLICY: Self = Self::new("kms:PutKeyPolicy", KEY);
    pub const RE_ENCRYPT_FROM: Self = Self::new("kms:ReEncryptFrom", KEY);
    pub const RE_ENCRYPT_TO: Self = Self::new("kms:ReEncryptTo", KEY);
    pub const REPLICATE_KEY: Self = Self::new("kms:ReplicateKey", KEY);
    pub const RETIRE_GRANT: Self = Self::new("kms:RetireGrant", KEY);
    pub const REVOKE_GRANT: Self = Self::new("kms:RevokeGrant", KEY);
    pub const ROTATE_KEY_ON_DEMAND: Self = Self::new("kms:RotateKeyOnDemand", KEY);
    pub const SCHEDULE_KEY_DELETION: Self = Self::new("kms:ScheduleKeyDeletion", KEY);
    pub const SIGN: Self = Self::new("kms:Sign", KEY);
    pub const TAG_RESOURCE: Self = Self::new("kms:TagResource", ACCOUNT_KEY);
    pub const UNTAG_RESOURCE: Self = Self::new("kms:UntagResource", KEY);
    pub const UPDATE_ALIAS: Self = Self::new("kms:UpdateAlias", ALIAS_KEY);
    pub const UPDATE_CUSTOM_KEY_STORE: Self = Self::new("kms:UpdateCustomKeyStore", ACCOUNT);
    pub const UPDATE_KEY_DESCRIPTION: Self = Self::new("kms:UpdateKeyDescription", KEY);
    pub const UPDATE_PRIMARY_REGION: Self = Self::new("kms:UpdatePrimaryRegion", KEY);
    pub const VERIFY: Self = Self::new("kms:Verify", KEY);
    pub const VERIFY_MAC: Self = Self::new("kms:VerifyMac", KEY);
    pub const DIFF: Self = Self::new("policy:Diff", ACCOUNT);
    pub const EXPLAIN: Self = Self::new("policy:Explain", ACCOUNT);
    pub const SIMULATE: Self = Self::new("policy:Simulate", ACCOUNT);
    pub const WHAT_CAN: Self = Self::new("policy:WhatCan", ACCOUNT);
    pub const WHO_CAN: Self = Self::new("policy:WhoCan", ACCOUNT);
    pub const ASSUME_ROLE: Self = Self::new("sts:AssumeRole", ROLE);
    pub const ASSUME_ROLE_WITH_WEB_IDENTITY: Self =
        Self::new("sts:AssumeRoleWithWebIdentity", ROLE);
    pub const TAG_SESSION: Self = Self::new("sts:TagSession", ROLE);
    pub const SYSTEM_CREATE_CUSTOM_KEY_STORE: Self =
        Self::new("system:CreateCustomKeyStore", ACCOUNT);
    pub const SYSTEM_CREATE_KEY: Self = Self::new("system:CreateKey", ACCOUNT);
    pub const SYSTEM_DELETE_EXPIRED_KEY_MATERIAL: Self =
        Self::new("system:DeleteExpiredKeyMaterial", KEY);
    pub const SYSTEM_DELETE_KEY: Self = Self::new("system:DeleteKey", KEY);
    pub const SYSTEM_ROTATE_KEY: Self = Self::new("system:RotateKey", KEY);

    /// Every action, sorted by name.
    pub const ALL: [Self; 119] = [
        Self::COUNT_EVENTS,
        Self::ERASE_EVENT_FIELDS,
        Self::EXPORT_EVENTS,
        Self::FOLLOW_EVENTS,
        Self::GET_CHECKPOINT,
        Self::GET_CONSISTENCY_PROOF,
        Self::GET_INCLUSION_PROOF,
        Self::QUERY_EVENTS,
        Self::QUERY_FIELD_READS,
        Self::CREATE_BACKUP,
        Self::DESCRIBE_TRAILS,
        Self::GET_TRAIL,
        Self::GET_TRAIL_STATUS,
        Self::LIST_PUBLIC_KEYS,
        Self::LIST_TRAILS,
        Self::LOOKUP_EVENTS,
        Self::ADD_USER_TO_GROUP,
        Self::ATTACH_POLICY,
        Self::CREATE_ACCESS_KEY,
        Self::CREATE_ACCOUNT,
        Self::CREATE_GROUP,
        Self::CREATE_ROLE,
        Self::CREATE_USER,
        Self::DELETE_ACCESS_KEY,
        Self::DELETE_GROUP,
        Self::DELETE_PERMISSIONS_BOUNDARY,
        Self::DELETE_ROLE,
        Self::DELETE_USER,
        Self::DETACH_POLICY,
        Self::GET_PRINCIPAL,
        Self::LIST_ACCOUNTS,
        Self::LIST_PRINCIPALS,
        Self::PUT_PERMISSIONS_BOUNDARY,
        Self::REMOVE_USER_FROM_GROUP,
        Self::TAG_PRINCIPAL,
        Self::UNTAG_PRINCIPAL,
        Self::UPDATE_ACCESS_KEY,
        Self::UPDATE_ASSUME_ROLE_POLICY,
        Self::UPDATE_ROLE,
        Self::DECRYPT_ATTRIBUTE,
        Self::DECRYPT_ATTRIBUTE_MASKED,
        Self::DECRYPT_ITEM,
        Self::ENCRYPT_ITEM,
        Self::GET_ITEM_SCHEMA,
        Self::LIST_ITEM_SCHEMA_VERSIONS,
        Self::LIST_ITEM_SCHEMAS,
        Self::PUT_ITEM_SCHEMA,
        Self::RE_ENCRYPT_ITEM,
        Self::REWRAP_ITEM,
        Self::CANCEL_KEY_DELETION,
        Self::CONNECT_CUSTOM_KEY_STORE,
        Self::CREATE_ALIAS,
        Self::CREATE_CUSTOM_KEY_STORE,
        Self::CREATE_GRANT,
        Self::CREATE_KEY,
        Self::DECAPSULATE,
        Self::DECRYPT,
        Self::DELETE_ALIAS,
        Self::DELETE_CUSTOM_KEY_STORE,
        Self::DELETE_IMPORTED_KEY_MATERIAL,
        Self::DERIVE_SHARED_SECRET,
        Self::DESCRIBE_CUSTOM_KEY_STORES,
        Self::DESCRIBE_KEY,
        Self::DISABLE_KEY,
        Self::DISABLE_KEY_ROTATION,
        Self::DISCONNECT_CUSTOM_KEY_STORE,
        Self::ENABLE_KEY,
        Self::ENABLE_KEY_ROTATION,
        Self::ENCAPSULATE,
        Self::ENCRYPT,
        Self::GENERATE_DATA_KEY,
        Self::GENERATE_DATA_KEY_PAIR,
        Self::GENERATE_DATA_KEY_PAIR_WITHOUT_PLAINTEXT,
        Self::GENERATE_DATA_KEY_WITHOUT_PLAINTEXT,
        Self::GENERATE_MAC,
        Self::GENERATE_RANDOM,
        Self::GET_KEY_LAST_USAGE,
        Self::GET_KEY_POLICY,
        Self::GET_KEY_ROTATION_STATUS,
        Self::GET_PARAMETERS_FOR_IMPORT,
        Self::GET_PUBLIC_KEY,
        Self::IMPORT_KEY_MATERIAL,
        Self::LIST_ALIASES,
        Self::LIST_GRANTS,
        Self::LIST_KEY_POLICIES,
        Self::LIST_KEY_ROTATIONS,
        Self::LIST_KEYS,
        Self::LIST_RESOURCE_TAGS,
        Self::LIST_RETIRABLE_GRANTS,
        Self::PUT_KEY_POLICY,
        Self::RE_ENCRYPT_FROM,
        Self::RE_ENCRYPT_TO,
        Self::REPLICATE_KEY,
        Self::RETIRE_GRANT,
        Self::REVOKE_GRANT,
        Self::ROTATE_KEY_ON_DEMAND,
        Self::SCHEDULE_KEY_DELETION,
        Self::SIGN,
        Self::TAG_RESOURCE,
        Self::UNTAG_RESOURCE,
        Self::UPDATE_ALIAS,
        Self::UPDATE_CUSTOM_KEY_STORE,
        Self::UPDATE_KEY_DESCRIPTION,
        Self::UPDATE_PRIMARY_REGION,
        Self::VERIFY,
        Self::VERIFY_MAC,
        Self::DIFF,
        Self::EXPLAIN,
        Self::SIMULATE,
        Self::WHAT_CAN,
        Self::WHO_CAN,
        Self::ASSUME_ROLE,
        Self::ASSUME_ROLE_WITH_WEB_IDENTITY,
        Self::TAG_SESSION,
        Self::SYSTEM_CREATE_CUSTOM_KEY_STORE,
        Self::SYSTEM_CREATE_KEY,
        Self::SYSTEM_DELETE_EXPIRED_KEY_MATERIAL,
        Self::SYSTEM_DELETE_KEY,
        Self::SYSTEM_ROTATE_KEY,
    ];

    const fn new(name: &'static str, kinds: &'static [ResourceKind]) -> Self {
        Self { name, kinds }
    }

    /// The action with this name, `service:Name`, exactly as written here.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        let at = Self::ALL.binary_search_by(|action| action.name.cmp(name)).ok()?;
        Self::ALL.get(at).copied()
    }

    /// The name, such as `kms:Encrypt`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.name
    }

    /// The part before the colon.
    #[must_use]
    pub fn service(self) -> &'static str {
        self.name.split_once(':').map_or("", |(service, _)| service)
    }

    /// The kinds of resource that the action may be asked about.
    #[must_use]
    pub const fn resource_kinds(self) -> &'static [ResourceKind] {
        self.kinds
    }

    /// Whether AWS performs the action on a resource of another account at all,
    /// whatever the policies say: the use of a key, its grants, and a look at it
    /// (API reference, "Cross-account use" of each operation); and sessions of a
    /// role.
    #[must_use]
    pub fn crosses_accounts(self) -> bool {
        [
            Self::CREATE_GRANT,
            Self::DECAPSULATE,
            Self::DECRYPT,
            Self::DERIVE_SHARED_SECRET,
            Self::DESCRIBE_KEY,
            Self::ENCAPSULATE,
            Self::ENCRYPT,
            Self::GENERATE_DATA_KEY,
            Self::GENERATE_DATA_KEY_PAIR,
            Self::GENERATE_DATA_KEY_PAIR_WITHOUT_PLAINTEXT,
            Self::GENERATE_DATA_KEY_WITHOUT_PLAINTEXT,
            Self::GENERATE_MAC,
            Self::GET_KEY_ROTATION_STATUS,
            Self::GET_PUBLIC_KEY,
            Self::LIST_GRANTS,
            Self::RE_ENCRYPT_FROM,
            Self::RE_ENCRYPT_TO,
            Self::RETIRE_GRANT,
            Self::REVOKE_GRANT,
            Self::SIGN,
            Self::VERIFY,
            Self::VERIFY_MAC,
            Self::ASSUME_ROLE,
            Self::TAG_SESSION,
        ]
        .contains(&self)
    }

    /// The operation of a grant that would allow the action.
    #[must_use]
    pub fn grant_operation(self) -> Option<GrantOperation> {
        GrantOperation::parse(self.name.strip_prefix("kms:")?)
    }

    /// Whether the action may be asked about a resource of this kind.
    #[must_use]
    pub fn applies_to(self, kind: ResourceKind) -> bool {
        self.kinds.contains(&kind)
    }
}

impl serde::Serialize for Action {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const ACCOUNT: &[ResourceKind] = &[ResourceKind::Account];
/// Tags can be given to a key that does not exist yet, by CreateKey.
const ACCOUNT_KEY: &[ResourceKind] = &[ResourceKind::Account, ResourceKind::Key];
const ATTRIBUTE: &[ResourceKind] = &[ResourceKind::Attribute];
/// An alias changes only with permission on both ends.
const ALIAS_KEY: &[ResourceKind] = &[ResourceKind::Alias, ResourceKind::Key];
const GROUP: &[ResourceKind] = &[ResourceKind::Group];
/// What policies attach to.
const IDENTITY: &[ResourceKind] = &[ResourceKind::User, ResourceKind::Role, ResourceKind::Group];
const KEY: &[ResourceKind] = &[ResourceKind::Key];
const LOG: &[ResourceKind] = &[ResourceKind::AuditLog];
const ROLE: &[ResourceKind] = &[ResourceKind::Role];
const SCHEMA: &[ResourceKind] = &[ResourceKind::ItemSchema];
const USER: &[ResourceKind] = &[ResourceKind::User];
const USER_ROLE: &[ResourceKind] = &[ResourceKind::User, ResourceKind::Role];

#[cfg(test)]
mod tests {
    use super::Action;

    #[test]
    fn sorted_and_found() {
        assert!(Action::ALL.is_sorted_by(|a, b| a.as_str() < b.as_str()));
        for action in Action::ALL {
            assert_eq!(Action::find(action.as_str()), Some(action));
            assert!(!action.resource_kinds().is_empty());
        }
        assert_eq!(Action::find("kms:encrypt"), None);
        assert_eq!(Action::find("kms:ReEncrypt"), None);
        assert_eq!(Action::RE_ENCRYPT_FROM.service(), "kms");
    }

    #[test]
    fn kms_has_all_permissions_of_the_56_operations() {
        // ReEncrypt is two permissions; every other operation is one.
        assert_eq!(Action::ALL.iter().filter(|action| action.service() == "kms").count(), 57);
    }
}
